"""The command line in this process, against the emulator."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from click.testing import CliRunner

from kvsops.cli.main import cli
from kvsops.local.server import LocalServer
from tests.cli.costs import last_month, sow_last_month, sow_today

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
