"""What is said to try where a test failed."""

import asyncio
import re
from datetime import UTC, datetime

import pytest

from kvsops.cli.main import COMMANDS
from kvsops.errors import DeniedError, KvsopsError, NotFoundError
from kvsops.signaling.refusals import Kind, SignalingError
from kvsops.smoke.advice import advice
from kvsops.smoke.plan import Mode
from kvsops.smoke.report import SmokeReport, Threshold
from kvsops.smoke.steps import TITLES, Step, StepFailedError, Steps

MODES: tuple[Mode, ...] = ("loop", "viewer-only", "master-only", "checks")
KINDS: tuple[Kind | None, ...] = (
    *(None, "malformed", "limit", "denied", "clock", "not-found", "tls", "timeout"),
    *("unreachable", "service", "closed"),
)


@pytest.mark.parametrize(
    ("key", "cause", "mode", "said"),
    [
        ("describe", "not-found", "loop", "kvsops list shows the channels"),
        ("describe", "timeout", "loop", "check the network"),
        ("master_connects", "denied", "loop", "kvsops iam smoke prints the policy"),
        ("viewer_connects", "limit", "loop", "fewer --viewers"),
        ("viewer_connects", "unreachable", "viewer-only", "check the network"),
        ("probe", None, "loop", "kvsops ice lists the servers"),
        ("ice_connected", "timeout", "viewer-only", "kvsops smoke --relay"),
        ("answer", "timeout", "viewer-only", "check that the camera is on"),
        ("offer", "timeout", "master-only", "open the viewer"),
        ("steady", None, "viewer-only", "the camera's power"),
        ("steady", None, "loop", "--duration 1m"),
    ],
)
def test_advice(key: str, cause: Kind | None, mode: Mode, said: str) -> None:
    """It goes by the cause where that is known, else by the step and by whose peer it is."""
    found = advice(Step(key, "failed", cause=cause), mode)
    assert found is not None
    assert said in found


@pytest.mark.parametrize(
    ("key", "cause"),
    [("viewer_connects", "clock"), ("viewer_connects", "tls"), ("describe", None)],
)
def test_no_advice(key: str, cause: Kind | None) -> None:
    """Where the reason says what to do itself, or nothing is known, nothing is added."""
    assert advice(Step(key, "failed", cause=cause), "loop") is None


def test_commands_named_in_it_exist() -> None:
    """Whatever failed, what is to be typed can be."""
    said = [
        advice(Step(key, "failed", cause=cause), mode)
        for key in TITLES
        for cause in KINDS
        for mode in MODES
    ]
    named = {name for each in said if each for name in re.findall(r"kvsops (\w+)", each)}
    assert {"list", "iam", "ice", "smoke"} <= named
    assert named <= set(COMMANDS)


def test_a_limit_that_was_not_kept() -> None:
    """Every step went well: what was slow is shown by -v."""
    report = SmokeReport("cam-door", datetime(2026, 5, 1, tzinfo=UTC), [Step("offer", "ok")])
    assert report.advice is None
    report.thresholds = [Threshold("fps", 20, 10)]
    assert report.advice == "kvsops smoke -v shows each step and each figure over time"
    report.thresholds = [Threshold("fps", 20, None)]
    assert report.advice is None


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (NotFoundError("no such channel", "ResourceNotFoundException"), "not-found"),
        (DeniedError("denied", "AccessDeniedException"), "denied"),
        (SignalingError("no", "limit"), "limit"),
        (TimeoutError(), "timeout"),
        (KvsopsError("another"), None),
    ],
)
def test_causes(error: Exception, cause: Kind | None) -> None:
    """A step keeps what kind of failure its error was."""
    steps = Steps(["describe"])

    async def fail() -> None:
        async with steps.step("describe", 5, "late"):
            raise error

    with pytest.raises(StepFailedError):
        asyncio.run(fail())
    assert steps.all[0].cause == cause
