"""Somebody else's peer as a process of its own, which can die: `python -m tests.smoke.stranger`.

It takes a kind and a channel, and prints a line once it is there: `camera`, `browser`, `watcher` (a
browser that only watches), or `listener` (one with nothing but a data channel). It says goodbye
when its standard input ends.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

from kvsops.aws.scope import Scope
from kvsops.cli.smoke_channel import smoke_channel
from kvsops.output.console import Console
from kvsops.peers.peer import KINDS
from kvsops.smoke.plan import Subject
from tests.smoke.strangers import browser, camera

Process = subprocess.Popen[str]


@contextmanager
def stranger(kind: str, channel: str) -> Iterator[Process]:
    """Start one, and wait until it is there; in the end it is killed."""
    command = [sys.executable, "-m", "tests.smoke.stranger", kind, channel]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "there\n"
            yield process
        finally:
            process.kill()


def _peer(kind: str, subject: Subject) -> AbstractAsyncContextManager[object]:
    if kind == "camera":
        return camera(subject)
    if kind == "browser":
        return browser(subject)
    return browser(subject, send=None, kinds=KINDS if kind == "watcher" else ())


async def _be(kind: str, subject: Subject) -> None:
    async with _peer(kind, subject):
        sys.stdout.write("there\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Be a peer until standard input ends."""
    kind, channel = sys.argv[1:]
    with smoke_channel(Scope(), channel, Console(), ephemeral=False) as subject:
        asyncio.run(_be(kind, subject))


if __name__ == "__main__":
    main()
