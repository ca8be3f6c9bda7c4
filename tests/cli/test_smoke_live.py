"""What is shown of a smoke test while it runs."""

import asyncio
import io
from collections.abc import Callable

import pytest

from kvsops.cli.smoke_live import UnderWay, shown
from kvsops.output.console import Console
from kvsops.smoke.steps import Step


@pytest.mark.parametrize(
    ("step", "spent", "said"),
    [
        (Step("offer", limit=10), 1.0, "offer"),
        (Step("offer", limit=60), 12.4, "offer · at most 48 s left"),
        (Step("offer", limit=600), 9.0, "offer · at most 10 min left"),
        (Step("offer", limit=10), 99.0, "offer · at most 0 s left"),
        (Step("steady", limit=13, lasts=5), 0.0, "measurement · 5 s left"),
        (Step("steady", limit=13, lasts=5), 3.6, "measurement · 2 s left"),
        (Step("steady", limit=10, lasts=1), 0.5, "measurement"),
        (Step("probe"), 9.0, "probe"),
    ],
)
def test_time_left(step: Step, spent: float, said: str) -> None:
    """It is shown of what takes more than 2 seconds: what is left, or at most."""
    assert str(UnderWay(step, 100.0, lambda: 100.0 + spent)) == said


def told(
    console: Console,
    lines: Callable[[Step], str] | None,
    *steps: Step,
    until: Callable[[], bool] = lambda: True,
) -> None:
    """Tell of these steps, one after the other, and wait for what is to come of it."""

    async def tell_all() -> None:
        async with shown(console, lines) as tell:
            for step in steps:
                tell(step)
            while not until():
                await asyncio.sleep(0.01)

    asyncio.run(tell_all())


def test_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines are printed where they are wanted, and which step is under way now and then."""
    stream = io.StringIO()
    console = Console(stream, terminal=False, every_seconds=0.05)
    steps = (Step("offer"), Step("offer", "ok"), Step("answer"))
    told(
        console,
        lambda step: f"{step.key}\n",
        *steps,
        until=lambda: stream.getvalue().count("answer\n") > 1,
    )
    assert capsys.readouterr().out == "offer\n"
    assert set(stream.getvalue().splitlines()) == {"answer"}
    told(console, None, Step("offer", "ok"))
    assert capsys.readouterr().out == ""


def test_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Which one is under way is shown on standard error, and is gone in the end."""
    stream = io.StringIO()
    console = Console(stream, terminal=True, environ={})
    told(console, lambda step: f"{step.key}\n", Step("describe", limit=5), Step("describe", "ok"))
    assert capsys.readouterr().out == "describe\n"
    assert stream.getvalue().endswith("\x1b[2K")
