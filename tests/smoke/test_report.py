"""What a report makes of the steps and figures."""

from datetime import UTC, datetime

import pytest

from kvsops.smoke.plan import Mode
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.steps import Step

STEPS = [
    Step("offer", "ok", at=1.0, seconds=20.0),
    Step("dtls", "ok", at=21.5, seconds=0.25),
    Step("first_video", "ok", at=21.75, seconds=0.25),
]


@pytest.mark.parametrize(
    ("mode", "connected", "pictured"),
    [("loop", 20_750, 21_000), ("viewer-only", 20_750, 21_000), ("master-only", 750, 1_000)],
)
def test_since_the_offer(mode: Mode, connected: float, pictured: float) -> None:
    """The time that somebody else's viewer let us wait for its offer does not count."""
    report = SmokeReport("cam-door", datetime(2026, 5, 1, tzinfo=UTC), STEPS, mode)
    assert (report.connect_ms, report.first_video_ms) == (connected, pictured)
