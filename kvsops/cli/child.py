"""A command run as a child: it gets our signals, we get its status."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kvsops.cli.signals import ENDING, present, signals_go_to
from kvsops.errors import UsageError

NOT_EXECUTABLE, NOT_FOUND, KILLED = 126, 127, 128
"""The statuses a shell has for a command it could not run, did not find, or saw killed (plus n)."""

PASSED_ON: Final = (*ENDING, *present("SIGQUIT", "SIGUSR1", "SIGUSR2"))
_OF_A_TERMINAL: Final = present("SIGINT", "SIGQUIT")


class CommandNotRunError(UsageError):
    """There is no such command, or it cannot be run."""

    def __init__(self, name: str, error: OSError) -> None:
        missing = isinstance(error, FileNotFoundError)
        super().__init__(f"{name}: {'command not found' if missing else error.strerror}")
        self.exit_code = NOT_FOUND if missing else NOT_EXECUTABLE


def found(name: str, environment: Mapping[str, str]) -> str:
    """Return the program's path, as the system looks for it; raises `CommandNotRunError`."""
    path = shutil.which(name, path=environment.get("PATH"))
    if path is not None:
        return path
    there = os.sep in name and Path(name).exists()
    number = errno.EACCES if there else errno.ENOENT
    raise CommandNotRunError(name, OSError(number, os.strerror(number)))


def run(command: tuple[str, ...], environment: dict[str, str], program: str | None = None) -> int:
    """Run the command, hand it our signals, and return its status as a shell would."""
    early: list[int] = []
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int) -> None:
        if not children:
            early.append(number)
        elif number not in _OF_A_TERMINAL or not _terminal_signals_all():
            children[0].send_signal(number)

    with signals_go_to(forward, PASSED_ON):
        try:
            child = subprocess.Popen(command, executable=program, env=environment)  # noqa: S603 - the user's own
        except OSError as error:
            raise CommandNotRunError(command[0], error) from None
        children.append(child)
        for number in early:
            child.send_signal(number)
        status = _waited(child)
    return KILLED - status if status < 0 else status


def _waited(child: subprocess.Popen[bytes]) -> int:
    """Wait for the child as `Popen.wait` does, which is deaf to a signal just before it blocks."""
    heard, told = socket.socketpair()
    told.settimeout(0)

    def wait() -> None:
        child.wait()
        told.send(b"\0")

    with heard, told:
        before = signal.set_wakeup_fd(told.fileno())
        try:
            waits = threading.Thread(target=wait)
            waits.start()
            while child.returncode is None:
                heard.recv(4096)
            waits.join()
        finally:
            signal.set_wakeup_fd(before)
    return child.returncode


def _terminal_signals_all() -> bool:
    """Tell whether a Ctrl-C reaches the child without us: once more would be once too often."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
