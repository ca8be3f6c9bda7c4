"""Standard output and error that are closed, full, or of few letters."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kvsops.output.streams import Guarded, OutputError

NO_SUCH = """
import os, pwd, signal

def getpwuid(uid):
    raise KeyError(uid)

pwd.getpwuid = getpwuid
for name in ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
    delattr(signal, name)
for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
    os.environ.pop(name, None)
from kvsops.__main__ import main
main()
"""
"""A system without a home directory, an entry for its user, and most signals."""


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "▁█·… é € 名 \\ud83d"),
        ("cp1252", "18·… é € \\u540d \\ud83d"),
        ("iso-8859-1", "18·... é \\u20ac \\u540d \\ud83d"),
        ("ascii", "18.... \\xe9 \\u20ac \\u540d \\ud83d"),
    ],
)
def test_what_cannot_be_encoded_becomes_ascii(encoding: str, shown: str) -> None:
    """Our own letters have one each that stands for them, all others an escape."""
    data = io.BytesIO()
    stream = Guarded(io.TextIOWrapper(data, encoding), "standard output", told=True)
    stream.write("▁█·… é € 名 \ud83d")
    stream.flush()
    assert data.getvalue().decode(encoding) == shown


def test_a_closed_stream() -> None:
    """That it is closed is told once, where there is something to write."""
    stream = Guarded(None, "standard output", told=True)
    stream.write("")
    stream.flush()
    with pytest.raises(OutputError, match="standard output cannot be written to: it is closed"):
        stream.write("a")
    stream.write("b")
    assert not stream.isatty()


@pytest.mark.parametrize("argv", ["--help", "--version", "list --help", "policy schema", "prices"])
@pytest.mark.parametrize(
    ("target", "why"), [(">/dev/full", "No space left on device"), (">&-", "it is closed")]
)
def test_output_that_takes_nothing(argv: str, target: str, why: str) -> None:
    """One line says so, and the exit code is 1."""
    command = f'exec "$0" -m kvsops {argv} {target}'
    ended = _shell(command)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"error: standard output cannot be written to: {why}\n"


@pytest.mark.parametrize("target", ["2>/dev/full", "2>&-"])
def test_errors_that_nobody_reads(target: str) -> None:
    """The exit code stays what it is, and data is written."""
    assert _shell(f'exec "$0" -m kvsops policy check missing {target}').returncode == 2
    ended = _shell(f'exec "$0" -m kvsops policy schema {target}')
    assert (ended.returncode, ended.stdout[:2], ended.stderr) == (0, "{\n", "")


@pytest.mark.parametrize("argv", [("prices",), ("--help",), ("prices", "--refresh")])
def test_no_home_no_user_few_signals(argv: tuple[str, ...], tmp_path: Path) -> None:
    """Nothing is a defect; where a home is needed it is said what to set."""
    ended = subprocess.run(
        [sys.executable, "-c", NO_SUCH, *argv],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    refused = "there is no home directory to keep prices in: set XDG_CACHE_HOME"
    assert ended.stderr == (f"error: {refused}\n" if "--refresh" in argv else "")
    assert ended.returncode == (2 if "--refresh" in argv else 0)


def _shell(command: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        ["/bin/sh", "-c", command, sys.executable],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("pieces", [["::a\n"], ["b\n", " ", "::a"], ["x\r", "::a"], ["", "::a"]])
def test_no_command_of_a_ci(pieces: list[str]) -> None:
    """Also where a line is written bit by bit, none begins as a command."""
    data = io.StringIO()
    stream = Guarded(data, "standard output", told=True)
    for piece in pieces:
        stream.write(piece)
    assert "\\x3a:a" in data.getvalue()


def test_within_a_line() -> None:
    """What follows something on its line is no command."""
    data = io.StringIO()
    stream = Guarded(data, "standard output", told=True)
    stream.write("a")
    stream.write("::b\n")
    assert data.getvalue() == "a::b\n"
