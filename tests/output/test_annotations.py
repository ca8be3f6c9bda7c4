"""Annotations: commands to GitHub's runner, in which strangers' text stays text."""

import io

import pytest

from kvsops.output.annotations import annotation
from kvsops.output.console import Console
from kvsops.output.streams import Guarded
from tests.output.test_console import Terminal

ACTIONS = {"GITHUB_ACTIONS": "true"}


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("no such channel", "::error title=kvsops sweep::no such channel\n"),
        ("100% of 5: a, b", "::error title=kvsops sweep::100%25 of 5: a, b\n"),
        ("a\r\n::warning::b", r"::error title=kvsops sweep::a\r\n::warning::b" + "\n"),
        ("%0A::warning::b", "::error title=kvsops sweep::%250A::warning::b\n"),
        ("::stop-commands::x", "::error title=kvsops sweep::::stop-commands::x\n"),
        ("##[group]x ##vso[y]", r"::error title=kvsops sweep::#\x23[group]x #\x23vso[y]" + "\n"),
        ("\x1b[31mred\u202e", r"::error title=kvsops sweep::\x1b[31mred\u202e" + "\n"),
    ],
)
def test_message(message: str, line: str) -> None:
    """It is one line, and one command."""
    assert annotation("error", "kvsops sweep", message) == line


def test_title() -> None:
    """A property ends at a comma or colons, which are escaped."""
    line = annotation("warning", "a,b::c%\n", "m")
    assert line == r"::warning title=a%2Cb%3A%3Cc%25\n::m".replace("%3C", "%3A") + "\n"


@pytest.mark.parametrize("guarded", [True, False])
def test_what_fails_is_annotated(*, guarded: bool) -> None:
    """In GitHub Actions errors and warnings are; notes are not, and stay no commands."""
    log = io.StringIO()
    stream = Guarded(log, "standard error", told=False) if guarded else log
    console = Console(stream, environ=ACTIONS)  # type: ignore[arg-type]  # it is one in all but name
    console.error("denied at http://me:secret@host")
    console.warn("::error::forged")
    console.note("note ::error::forged")
    assert log.getvalue() == (
        "::error title=kvsops::denied at http://host\n"
        "::warning title=kvsops::::error::forged\n"
        "note ::error::forged\n"
    )


def test_a_command_begins_a_line() -> None:
    """What stands on the line already is ended: else the runner would not see the command."""
    log = io.StringIO()
    stream = Guarded(log, "standard error", told=False)
    stream.write("half a line")
    Console(stream, environ=ACTIONS).error("no")  # type: ignore[arg-type]  # as above
    assert log.getvalue() == "half a line\n::error title=kvsops::no\n"


@pytest.mark.parametrize("environ", [{}, {"GITHUB_ACTIONS": "false"}, {"CI": "true"}])
def test_elsewhere_nothing_is_annotated(environ: dict[str, str]) -> None:
    """Nobody would read it."""
    log = io.StringIO()
    console = Console(log, environ=environ)
    assert not console.annotate("error", "no")
    console.error("no")
    assert log.getvalue() == "error: no\n"


def test_on_a_terminal_nothing_is_annotated() -> None:
    """A person who debugs a runner reads plain lines."""
    terminal = Terminal()
    Console(terminal, environ=ACTIONS | {"TERM": "xterm"}).error("no")
    assert "::" not in terminal.getvalue()
