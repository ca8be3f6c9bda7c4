"""Steps as they are taken: which of them tells why a test did not pass."""

import asyncio
from datetime import UTC, datetime

from kvsops.errors import PeerError
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.steps import SkippedError, Status, StepFailedError, Steps

KEYS = ["probe", "dtls", "first_video", "first_audio"]


async def take(steps: Steps, key: str, error: Exception | None = None) -> None:
    """Take a step, which ends with the error."""
    async with steps.step(key, 5, "late"):
        await asyncio.sleep(0)
        if error is not None:
            raise error


def statuses(steps: Steps) -> list[tuple[Status, str | None]]:
    """Return how each step stands, and why."""
    return [(step.status, step.reason) for step in steps.all]


def test_skipped() -> None:
    """A step that comes to nothing is no failure."""
    steps = Steps(["dtls"])
    asyncio.run(take(steps, "dtls", SkippedError("nobody sends any")))
    assert statuses(steps) == [("skipped", "nobody sends any")]


def test_side_by_side() -> None:
    """Where steps fail together, the first tells why; its like says nothing again."""
    steps = Steps(KEYS)
    lost = PeerError("the other end closed the connection")

    async def both() -> None:
        taken = [take(steps, key, lost) for key in ("first_video", "first_audio")]
        for error in await asyncio.gather(*taken, return_exceptions=True):
            assert isinstance(error, StepFailedError)

    asyncio.run(both())
    assert statuses(steps)[2:] == [("failed", str(lost)), ("not-reached", None)]


def test_blame() -> None:
    """What ends the test outside of any step is told by the step to come, unless one tells it."""
    steps = Steps(KEYS)
    steps.note(steps.named("probe"), "failed", 0, 0, "silent")  # which ends nothing
    asyncio.run(take(steps, "dtls"))
    for reason in ("lost", "and again"):
        steps.blame(reason)
        assert statuses(steps) == [
            ("failed", "silent"),
            ("ok", None),
            ("failed", "lost"),
            ("not-reached", None),
        ]


def test_what_was_not_reached() -> None:
    """A test of which a step was never reached did not pass."""
    steps = Steps(["dtls", "first_video"])
    asyncio.run(take(steps, "dtls"))
    report = SmokeReport("cam-door", datetime(2026, 5, 1, tzinfo=UTC), steps.all)
    assert (report.passed, report.reason) == (False, "first video frame: not reached")
