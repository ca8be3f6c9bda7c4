"""What the documents show of kvsops' screens, run on the demonstration fleet at a fixed time.

`python -m tests.regenerate` puts it where the documents ask for it; none of it is written by hand.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TextIO

from rich.console import Console
from rich.text import Text

from kvsops.cli.main import cli
from kvsops.local.demo.fleet import sow
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.fleet import Time
from tests.terminal import terminal

WIDTH: Final = 80
NOW: Final = datetime(2026, 5, 12, 12, tzinfo=UTC)
"""When the documents' samples are made, whenever that is."""
FLEET: Final = 200
ADDRESS: Final = "http://127.0.0.1:45790"
"""Where the emulator is said to be."""
PICTURE: Final = Path(__file__).parents[2] / "docs" / "sweep.svg"
_ELSEWHERE: Final = re.compile(r"\b(?!127\.)(?:\d+\.){3}\d+\b")
PICTURED: Final = "kvsops sweep --older-than 2h --prefix ci-"


def sample(line: str, height: int = 24) -> str:
    """Return a console block of Markdown: the command line, and what a terminal then shows."""
    return f"```console\n$ {line}\n{shown(line, height)}```\n"


def shown(line: str, height: int = 24, *, colour: bool = False) -> str:
    """Return what a command line of kvsops shows on a terminal, standard error included."""
    time = Time(NOW)
    settings = Settings(quotas=False, clock=time.now, state_delay=timedelta())
    with _nowhere(colour=colour), LocalServer(settings) as server:
        sow(server.backend(), FLEET, now=NOW)
        os.environ.update(server.environment())
        with terminal(WIDTH, height) as (kept, stream):
            _run(shlex.split(line)[1:], stream, time)
        text = kept.text.replace(server.endpoint_url, ADDRESS)
    return "".join(f"{each.rstrip()}\n" for each in text.splitlines())


def _run(argv: list[str], stream: TextIO, time: Time) -> None:
    """Run it in this process, by that time; standard error takes no progress."""
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(_Aside(stream)):
        cli.main(argv, prog_name="kvsops", obj=time.now)


class _Aside(io.TextIOBase):
    """Writes to a terminal, and is none."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write it there."""
        return self._stream.write(text)

    def isatty(self) -> bool:
        """Say that nobody looks on."""
        return False


@contextlib.contextmanager
def _nowhere(*, colour: bool) -> Iterator[None]:
    """Take the environment away but for the path: no CI, no configuration, no state."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as home:
        os.environ.clear()
        os.environ.update(PATH=before["PATH"], HOME=home, TERM="xterm-256color")
        os.environ.update({} if colour else {"NO_COLOR": "1"})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def picture() -> str:
    """Return the picture of the front page, as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "dim"), PICTURED))
    console.print(Text.from_ansi(shown(PICTURED, colour=True)))
    svg = console.export_svg(title="kvsops", unique_id="kvsops")
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # it would be fetched from afar
    return "".join(f"{line.rstrip()}\n" for line in svg.splitlines())


def pictured(svg: str) -> list[str]:
    """Return the texts of a picture, in which it is compared: the rest is rich's own."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def measured(line: str, previous: str, lines: int = 12) -> str:
    """Return a console block of a command whose figures differ from run to run: its last lines.

    It is run only where nothing is there yet, or under `tests.regenerate`, which sets MEASURE.
    """
    if previous.strip() and not os.environ.get("MEASURE"):
        return previous.lstrip("\n")
    argv = [sys.executable, "-m", *shlex.split(line)]
    with _nowhere(colour=False), terminal(WIDTH) as (kept, stream):
        subprocess.run(argv, stdout=stream, stderr=subprocess.DEVNULL, check=True)
    said = [each.rstrip() for each in kept.text.splitlines()]
    if len(said) > lines:
        said = ["…", *said[1 - lines :]]
    text = "\n".join(said)
    return f"```console\n$ {line}\n{_ELSEWHERE.sub('192.0.2.1', text)}\n```\n"
