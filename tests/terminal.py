"""A terminal of a given size, which keeps what is written to it."""

import fcntl
import io
import os
import re
import struct
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

SIZES = ((80, 24), (100, 30), (160, 40))
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Terminal:
    """What was written, once its block has ended."""

    written: bytearray = field(default_factory=bytearray)

    @property
    def text(self) -> str:
        """Answer what was written, colours and all."""
        return self.written.decode().replace("\r\n", "\n")


@contextmanager
def terminal(width: int, height: int = 24) -> Iterator[tuple[Terminal, TextIO]]:
    """Yield what is kept, and the stream that leads there: a pseudo-terminal of the kernel's."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    kept = Terminal()
    reading = threading.Thread(target=_keep, args=(ours, kept.written))
    reading.start()
    # Not buffered by the line: a command that ends in a forked child would write it twice.
    stream = io.TextIOWrapper(io.FileIO(theirs, "w"), encoding="utf-8", write_through=True)
    try:
        yield kept, stream
    finally:
        stream.close()
        reading.join()
        os.close(ours)


def _keep(number: int, written: bytearray) -> None:
    while True:
        try:
            data = os.read(number, 65_536)
        except OSError:  # EIO: the other end is closed
            return
        if not data:
            return
        written += data


def uncoloured(text: str) -> str:
    """Answer the text without its colours."""
    return _COLOUR.sub("", text)
