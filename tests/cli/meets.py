"""`kvsops meet` in a process of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Queue
from threading import Thread
from typing import IO

PATIENCE = 60.0


@dataclass
class Running:
    """`kvsops meet` in a process of its own; what it writes is read as it comes."""

    process: "subprocess.Popen[str]"

    def __post_init__(self) -> None:
        self._lines: dict[str, Queue[str]] = {"out": Queue(), "err": Queue()}
        assert self.process.stdout
        assert self.process.stderr
        pairs = (("out", self.process.stdout), ("err", self.process.stderr))
        self._readers = [
            Thread(target=self._read, args=(name, stream), daemon=True) for name, stream in pairs
        ]
        for reader in self._readers:
            reader.start()
        self.guest_url = self.line("out", r"^(https?://[\w.:]+/#[\w-]{43})$")
        self.host_url = self.line("err", r"^Your own page, as the host[:,] (.+)$")

    def _read(self, name: str, stream: IO[str]) -> None:
        for line in stream:
            self._lines[name].put(line.rstrip("\n"))

    def line(self, name: str, pattern: str) -> str:
        """Wait for a line; return what the pattern's group finds in it."""
        while True:
            found = re.search(pattern, self._lines[name].get(timeout=PATIENCE))
            if found:
                return found[1]

    def ended(self) -> tuple[int, list[str], list[str]]:
        """Wait for its end; return its status, and the lines that it wrote since."""
        status = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        out, err = ([*queue.queue] for queue in self._lines.values())
        return status, out, err


Meet = Callable[..., Running]


@contextmanager
def meetings(environment: dict[str, str]) -> Iterator[Meet]:
    """Yield what starts a meeting; one that goes on at the end of the test is killed."""
    running: list[subprocess.Popen[str]] = []

    def begin(*argv: str, opens: bool = False) -> Running:
        page = () if opens else ("--no-browser",)
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "kvsops", "meet", *page, *argv],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return Running(process)

    yield begin
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stderr.close()
