"""What is shown of a smoke test while it runs."""

import io

import pytest

from kvsops.cli.smoke_live import UnderWay, shown
from kvsops.output.console import Console
from kvsops.smoke.steps import Step


@pytest.mark.parametrize(
    ("step", "spent", "said"),
    [
        (Step("offer", limit=10), 1.0, "offer"),
        (Step("offer", limit=60), 12.4, "offer · at most 48 s left"),
        (Step("offer", limit=10), 99.0, "offer · at most 0 s left"),
        (Step("steady", limit=13, lasts=5), 0.0, "measurement · 5 s left"),
        (Step("steady", limit=13, lasts=5), 3.6, "measurement · 1 s left"),
        (Step("steady", limit=10, lasts=1), 0.5, "measurement"),
        (Step("probe"), 9.0, "probe"),
    ],
)
def test_time_left(step: Step, spent: float, said: str) -> None:
    """It is shown of what takes more than 2 seconds: what is left, or at most."""
    assert str(UnderWay(step, 100.0, lambda: 100.0 + spent)) == said


def test_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing shows which step is under way; lines are printed where they are wanted."""
    stream = io.StringIO()
    with shown(Console(stream, terminal=False), lambda step: f"{step.key}\n") as tell:
        tell(Step("offer"))
        tell(Step("offer", "ok"))
    assert (capsys.readouterr().out, stream.getvalue()) == ("offer\n", "")
    with shown(Console(stream, terminal=False), None) as tell:
        tell(Step("offer", "ok"))
    assert capsys.readouterr().out == ""


def test_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Which one is under way is shown on standard error, and is gone in the end."""
    stream = io.StringIO()
    with shown(Console(stream, terminal=True, environ={}), lambda step: f"{step.key}\n") as tell:
        tell(Step("describe", limit=5))
        tell(Step("describe", "ok"))
    assert capsys.readouterr().out == "describe\n"
    assert stream.getvalue().endswith("\x1b[1A\x1b[2K") or stream.getvalue().endswith("\x1b[2K")
