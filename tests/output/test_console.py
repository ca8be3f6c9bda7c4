"""Standard error: messages, and progress on a terminal."""

import io
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kvsops.output.console import Console, progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _ordinary_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests' own terminal, or none, make no difference."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize(
    ("stream", "environ", "text"),
    [
        (io.StringIO, {}, "error: no\nwarning: hm\nso\n"),
        (io.StringIO, {"FORCE_COLOR": "1"}, "error: no\nwarning: hm\nso\n"),
        (Terminal, {}, "\x1b[31merror: \x1b[0mno\n\x1b[33mwarning: \x1b[0mhm\nso\n"),
        (Terminal, {"NO_COLOR": "1"}, "error: no\nwarning: hm\nso\n"),
        (Terminal, {"NO_COLOR": ""}, "\x1b[31merror: \x1b[0mno\n\x1b[33mwarning: \x1b[0mhm\nso\n"),
        (Terminal, {"TERM": "dumb"}, "error: no\nwarning: hm\nso\n"),
    ],
)
def test_messages(stream: type[io.StringIO], environ: dict[str, str], text: str) -> None:
    """One line each; the prefix is coloured on a terminal only, and never under NO_COLOR."""
    written = stream()
    console = Console(written, environ=environ)
    console.error("no")
    console.warn("hm")
    console.note("so")
    assert written.getvalue() == text


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("[bold]markup[/bold] :tada: 127.0.0.1", "[bold]markup[/bold] :tada: 127.0.0.1"),
        ("\x1b[2Jgone\nerror: forged", r"\x1b[2Jgone\nerror: forged"),
        ("word " * 100 + "end", "word " * 100 + "end"),
        ("n" * 300, "n" * 300),
    ],
)
@pytest.mark.parametrize("terminal", [True, False])
def test_a_message_stays_one_line(message: str, line: str, *, terminal: bool) -> None:
    """Nothing in a message acts on the terminal, is taken for markup, or is broken."""
    stream = io.StringIO()
    Console(stream, terminal=terminal, environ={}).note(message)
    assert stream.getvalue() == line + "\n"


def test_progress_on_a_terminal() -> None:
    """It shows what, and how many of how many; messages go above; then it is gone."""
    stream = Terminal()
    console = Console(stream, environ={})
    with progress("deleting\x1b[2J", 5, console=console) as done:
        done.advance()
        done.advance(2)
        console.warn("one is left")
    text = stream.getvalue()
    assert r"deleting\x1b[2J 3/5" in text
    assert "warning: \x1b[0mone is left\n" in text
    assert text.endswith("\x1b[1A\x1b[2K")


def test_progress_of_several_stages() -> None:
    """The line is the stage's that is under way; where nobody knows how many, it counts."""
    stream = Terminal()
    with progress("reading", 7, console=Console(stream, environ={})) as done:
        done.advance(7)
        done.stage("listing channels", None)
        done.advance(3000)
    assert "listing channels 3,000\n" in stream.getvalue()


@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}], ids=["colour", "plain"])
def test_progress_fits_the_terminal(
    width: int, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is wider than the terminal."""
    monkeypatch.setenv("COLUMNS", str(width))
    stream = Terminal()
    with progress("looking for deleted channels", 12_000, console=Console(stream, environ=environ)):
        pass
    lines = re.split(r"[\r\n]", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()))
    assert "looking"[: max(width - 22, 0)] in "".join(lines)
    assert max(map(len, lines)) <= width


class Log(io.StringIO):
    """A log that tells when a text is in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.there = threading.Event()
        self._text = text

    def write(self, text: str) -> int:
        """Write, and look."""
        written = super().write(text)
        if self._text in self.getvalue():
            self.there.set()
        return written


def test_progress_in_a_log() -> None:
    """Off a terminal it is a line every so often, of the stage that is under way."""
    log = Log("tags 1,239/3,000\ntags 1,239/3,000\n")
    console = Console(log, environ={}, every_seconds=0.001)
    with progress("listing channels", None, console=console) as done:
        done.stage("tags", 3000)
        done.advance(1239)
        assert log.there.wait(20)


def test_the_minutes_of_a_log_are_those_of_the_run() -> None:
    """What was quiet in one block is due in the next: the time is counted on the console."""
    log = Log("deleting 0/5\n")
    console = Console(log, environ={}, every_seconds=3600)
    with progress("listing channels", None, console=console):
        pass
    console.line_due = 0.0
    with progress("deleting", 5, console=console):
        assert log.there.wait(20)
    assert console.line_due > 0


def test_progress_counts_from_many_threads() -> None:
    """None of what 8 threads count is lost."""
    stream = Terminal()
    with (
        progress("deleting", 4000, console=Console(stream, environ={})) as done,
        ThreadPoolExecutor(8) as pool,
    ):
        for _ in range(4000):
            pool.submit(done.advance)
        pool.shutdown()
    assert "4,000/4,000" in stream.getvalue()


def test_progress_leaves_standard_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Data written meanwhile goes to standard output, and only the data."""
    with progress("listing", 1, console=Console(Terminal(), environ={})):
        sys.stdout.write("data\n")
    assert capsys.readouterr() == ("data\n", "")


def test_progress_ends_with_an_error() -> None:
    """An error inside comes out, and the bar is gone."""
    stream = Terminal()
    with (
        pytest.raises(KeyboardInterrupt),
        progress("deleting", 5, console=Console(stream, environ={})),
    ):
        raise KeyboardInterrupt
    assert stream.getvalue().endswith("\x1b[1A\x1b[2K")


def test_standard_error_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream, messages go to standard error."""
    Console(environ={}).error("no region")
    with progress("listing", 3) as done:
        done.advance()
    assert capsys.readouterr() == ("", "error: no region\n")


def test_importing_the_room_is_cheap() -> None:
    """`kvsops --help` waits for none of the libraries that show things."""
    code = (
        "import sys, kvsops.output.rows, kvsops.output.console, kvsops.output.summary;"
        "print(sorted({'rich', 'tabulate', 'jmespath', 'csv'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
