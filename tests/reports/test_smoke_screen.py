"""A smoke test on a terminal: what is said of each step as it ends, and of all in the end."""

from typing import TYPE_CHECKING, Final

import pytest

from kvsops.core.wire.ice import Endpoints, IceServer
from kvsops.output.fit import cells_of
from kvsops.output.screen import Screen
from kvsops.reports.connecting import endpoints_text, ice_text
from kvsops.reports.smoke import markdown_text, text
from kvsops.reports.smoke_screen import ending, step_lines
from kvsops.smoke.report import SmokeReport
from tests.goldens import Golden
from tests.reports.smokes import URIS, WSS, reports, works
from tests.terminal import SIZES, uncoloured

if TYPE_CHECKING:
    from collections.abc import Callable

REPORTS: Final = dict(reports())
TEST: Final = ("kvsops", "smoke", "cam-door", "--region", "us-west-2")
SERVERS: Final = (
    IceServer(URIS[:1]),
    IceServer(URIS[1:], "1795850136:djE6YXJuOmF3czpraW5l" + "c2lz" * 20, "h0i+r4j/Iq6wC+m9", 300),
)
HOSTS: Final = [f"{host}.kinesisvideo.us-west-2.amazonaws.com" for host in WSS]
ENDPOINTS: Final = (
    Endpoints("master", f"wss://{HOSTS[0]}", f"https://{HOSTS[0].replace('m-', 'r-')}"),
    Endpoints("viewer", f"wss://{HOSTS[1]}", f"https://{HOSTS[0].replace('m-', 'r-')}"),
)


def whole(report: SmokeReport, screen: Screen, *, verbose: bool = False) -> str:
    """Answer all that a terminal shows in the end."""
    begun = [step for step in report.steps if step.status != "not-reached"]
    return "".join(step_lines(step, screen) for step in begun) + ending(
        report, screen, verbose=verbose
    )


def in_sizes(golden: "Callable[[str, str], None]", show: "Callable[[Screen], str]") -> None:
    """Hold each size against its golden file; colour adds nothing but itself; no line is wide."""
    for width, height in SIZES:
        coloured = show(Screen(width, height, colour=True))
        plain = show(Screen(width, height))
        assert uncoloured(coloured) == plain
        assert all(cells_of(line) <= width for line in plain.splitlines())
        golden(coloured, f"{width}.colour")
        golden(plain, f"{width}")


@pytest.mark.parametrize("name", REPORTS)
def test_screen(golden: Golden, name: str) -> None:
    """Each step is said once, and the verdict last."""
    in_sizes(
        lambda shown, part: golden(shown, f"{name}.{part}"),
        lambda screen: whole(REPORTS[name], screen),
    )


def test_verbose(golden: Golden) -> None:
    """With -v comes when each step ran, and the figures over time."""
    in_sizes(golden, lambda screen: whole(works(), screen, verbose=True))


def test_endpoints(golden: Golden) -> None:
    """AWS's endpoints are whole on 80 columns."""
    in_sizes(golden, lambda screen: endpoints_text(ENDPOINTS, screen, TEST))
    assert all(each.wss in endpoints_text(ENDPOINTS, Screen(80), TEST) for each in ENDPOINTS)


def test_ice(golden: Golden) -> None:
    """AWS's URIs are shortened in their middle on 80 columns; no credential is shown."""
    in_sizes(golden, lambda screen: ice_text(SERVERS, screen, TEST, reveal=False))
    assert "djE6" not in ice_text(SERVERS, Screen(80), TEST, reveal=False)


def test_ice_revealed() -> None:
    """What is to be copied is whole, whatever the width."""
    shown = ice_text(SERVERS, Screen(80), TEST, reveal=True)
    assert f"  username {SERVERS[1].username}\n  password {SERVERS[1].password}\n" in shown


@pytest.mark.parametrize("name", REPORTS)
def test_the_last_line(name: str) -> None:
    """In a log the last line is the verdict, whole; what to try is in it."""
    report = REPORTS[name]
    last = text(report, "Testing cam-door").splitlines()[-1]
    assert last.startswith(f"{report.channel_name} ")
    assert ("FAILED" in last) == (not report.passed)
    assert (report.advice or "") in last


@pytest.mark.parametrize("form", [text, markdown_text])
def test_a_channel_that_is_not_there(form: "Callable[[SmokeReport], str]") -> None:
    """It is one line, not a table of steps that were not reached."""
    shown = form(REPORTS["not_there"])
    assert shown.rstrip("\n").count("\n") == 0
    assert "cam-door FAILED: describe: no such channel: cam" in shown
    assert "kvsops list" in shown


@pytest.mark.parametrize("form", [text, markdown_text])
def test_steps_not_reached(form: "Callable[[SmokeReport], str]") -> None:
    """Only steps that were reached have a row."""
    shown = form(REPORTS["denied"])
    assert "master connects" in shown
    assert "not reached" not in shown
    assert "viewer connects" not in shown
