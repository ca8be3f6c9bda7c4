"""`smoke`, `endpoint` and `ice` on a terminal: what is shown, and that nothing is shown twice."""

from datetime import timedelta

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.output.fit import cells_of
from tests.cli.conftest import Kvsops, Screens
from tests.fleet import put
from tests.terminal import SIZES, uncoloured


@pytest.fixture(autouse=True)
def at_once(emulator: LocalServer) -> None:
    """Let channels change their states at once."""
    emulator.settings.state_delay = timedelta()


@pytest.mark.parametrize(("width", "_"), SIZES)
def test_live(on_screen: Screens, width: int, _: int) -> None:
    """The lines of the steps are the report: each is there once, the verdict last."""
    shown = uncoloured(on_screen(width, "smoke", "--duration", "1s"))
    assert all(cells_of(line) <= width for line in shown.splitlines())
    first = " ".join(shown.splitlines()[:2])
    assert first.startswith("Testing kvsops-smoke in us-east-1 (emulator at http://127.0.0.1:")
    for title in ("describe", "sign", "master connects", "DTLS", "first audio", "measurement"):
        assert shown.count(f"  {title}  ") == 1
    assert "WHEN" not in shown
    assert shown.split("\n\n")[-1].startswith("kvsops-smoke works (")


def test_verbose(on_screen: Screens) -> None:
    """-v adds when each step ran, and the figures over time."""
    shown = on_screen(80, "smoke", "--duration", "1s", "-v")
    assert "\nSTEP                 TOOK  WHEN\n" in shown
    assert "FPS OVER TIME" in shown


def test_not_there(on_screen: Screens, kvsops: Kvsops) -> None:
    """Of a name that no channel has, one line says so, on a terminal and in a log."""
    said = (
        "nope FAILED: describe: no such channel: nope (us-east-1, account 123456789012). "
        "Next: kvsops list shows the channels of this account and region\n"
    )
    assert kvsops("smoke", "nope").out == said
    assert uncoloured(on_screen(160, "smoke", "nope")) == said


def test_failed(on_screen: Screens, emulator: LocalServer) -> None:
    """The reason is said once, in the verdict, with what to try; nothing of what comes after."""
    emulator.settings.faults = (Fault("ConnectAsMaster", "AccessDeniedException"),)
    shown = uncoloured(on_screen(160, "smoke", "--no-steady"))
    assert shown.count("was denied") == 1
    assert "viewer connects" not in shown
    assert "Next: kvsops iam smoke prints the policy" in shown


def test_nothing_live_in_json(on_screen: Screens) -> None:
    """JSON on a terminal is JSON alone."""
    shown = on_screen(80, "smoke", "--no-steady", "-o", "json")
    assert (shown[:2], shown[-3:]) == ("{\n", "\n}\n")


def test_endpoint_and_ice(on_screen: Screens, emulator: LocalServer) -> None:
    """Each ends with the command that tests what it showed, in the same region."""
    put(emulator, "cam-door")
    for command in ("endpoint", "ice"):
        shown = on_screen(80, command, "cam-door")
        assert shown.endswith(": kvsops smoke cam-door --region us-east-1\n")
        assert all(len(line) <= 80 for line in shown.splitlines())
