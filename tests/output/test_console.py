"""Standard error: messages, and progress on a terminal."""

import io
import subprocess
import sys
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
    """It shows what, how many of how many and how fast; messages go above; then it is gone."""
    stream = Terminal()
    console = Console(stream, environ={})
    with progress("deleting\x1b[2J", 5, console=console) as done:
        done.advance()
        done.advance(2)
        console.warn("one is left")
    text = stream.getvalue()
    assert r"deleting\x1b[2J" in text
    assert "3/5" in text
    assert "/s" in text
    assert "warning: \x1b[0mone is left\n" in text
    assert text.endswith("\x1b[1A\x1b[2K")


def test_progress_without_a_total() -> None:
    """Where nobody knows how many there will be, it counts."""
    stream = Terminal()
    with progress("listing", None, console=Console(stream, environ={})) as done:
        done.advance(7)
    assert "7/?" in stream.getvalue()


@pytest.mark.parametrize(
    ("stream", "enabled"),
    [(io.StringIO, None), (io.StringIO, True), (io.StringIO, False), (Terminal, False)],
)
def test_no_progress(stream: type[io.StringIO], *, enabled: bool | None) -> None:
    """Off a terminal, or when it is not wanted, there is nothing at all."""
    written = stream()
    console = Console(written, environ={})
    with progress("deleting", 5, enabled=enabled, console=console) as done:
        done.advance()
    assert written.getvalue() == ""


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
    assert "4000/4000" in stream.getvalue()


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
