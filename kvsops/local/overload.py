"""What is done when the process has no file descriptor left for another connection."""

import errno
import logging
import os
import socket
from contextlib import suppress

log = logging.getLogger("kvsops.local")

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_MOST_AT_ONCE = 1_024


def is_exhausted(error: BaseException | None) -> bool:
    """Whether the error says that there are no descriptors, or no memory for sockets, left."""
    return isinstance(error, OSError) and error.errno in _EXHAUSTED


class Spare:
    """A descriptor kept back, so that who cannot be served is hung up on and does not wait."""

    def __init__(self) -> None:
        self._descriptor: int | None = os.open(os.devnull, os.O_RDONLY)
        self._told = False

    def refuse(self, listener: int) -> None:
        """Hang up on those who wait at a listener, given as its descriptor."""
        self.tell()
        self.close()
        listening = socket.socket(fileno=listener)
        blocking = os.get_blocking(listener)
        try:
            os.set_blocking(listener, False)
            with suppress(OSError):
                for _ in range(_MOST_AT_ONCE):
                    listening.accept()[0].close()
        finally:
            os.set_blocking(listener, blocking)
            listening.detach()
        with suppress(OSError):  # another thread was faster
            self._descriptor = os.open(os.devnull, os.O_RDONLY)

    def tell(self) -> None:
        """Say once what goes on."""
        if not self._told:
            self._told = True
            log.warning(
                "kvsops local: out of file descriptors (see ulimit -n): it closes idle connections "
                "and refuses new ones until some end"
            )

    def close(self) -> None:
        """Give the descriptor back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
