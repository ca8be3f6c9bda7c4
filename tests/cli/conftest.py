"""The command line in this process, against the emulator."""

import io
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from click.testing import CliRunner

from kvsops.cli.main import cli
from kvsops.local.server import LocalServer
from tests.cli.costs import last_month, sow_last_month, sow_today
from tests.cli.meets import Meet, meetings
from tests.terminal import terminal

Kvsops = Callable[..., "Ended"]


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def kvsops(
    emulator: LocalServer,
    environment: dict[str, str],  # noqa: ARG001 - sets it
) -> Iterator[Kvsops]:
    """Yield what runs `kvsops` with these arguments, on a machine whose clock is the emulator's.

    Channels change their states at once.
    """
    emulator.settings.state_delay = timedelta()

    def run(*argv: str) -> Ended:
        result = CliRunner().invoke(
            cli,
            argv,
            prog_name="kvsops",
            catch_exceptions=False,
            obj=emulator.settings.clock,
        )
        return Ended(result.return_value or 0, result.stdout, result.stderr)

    taken = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # by the command, and the tests go on
    before = [(number, signal.getsignal(number)) for number in taken]
    yield run
    for number, handler in before:
        signal.signal(number, handler)


Screens = Callable[..., str]


@pytest.fixture
def on_screen(
    emulator: LocalServer,
    environment: dict[str, str],  # noqa: ARG001 - sets it
    monkeypatch: pytest.MonkeyPatch,
) -> Screens:
    """Return what runs `kvsops` on a terminal of a width, and answers what it then shows.

    Standard error, which has the progress, is no terminal; what it says stands at the end.
    """
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("COLUMNS", raising=False)

    def run(width: int, *argv: str) -> str:
        err = io.StringIO()
        with terminal(width) as (kept, stream), monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", stream)
            patched.setattr(sys, "stderr", err)
            cli.main(argv, prog_name="kvsops", obj=emulator.settings.clock)
            sys.stdout.flush()
        return kept.text + err.getvalue()

    return run


@pytest.fixture
def todays_fleet(emulator: LocalServer) -> LocalServer:
    """Return the emulator with three channels, two of them used today."""
    sow_today(emulator)
    return emulator


@pytest.fixture
def last_months_fleet(emulator: LocalServer) -> LocalServer:
    """Return the emulator with a fleet used last month."""
    sow_last_month(emulator)
    return emulator


@pytest.fixture
def last(kvsops: Kvsops) -> Kvsops:
    """Return what runs `kvsops cost` for last month, which is over."""
    return lambda *argv: kvsops("cost", "--month", str(last_month()), *argv)


@pytest.fixture
def meet(environment: dict[str, str]) -> Iterator[Meet]:
    """Yield what starts a meeting; one that goes on at the end of the test is killed."""
    with meetings(environment) as begin:
        yield begin
