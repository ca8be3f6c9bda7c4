"""TLS of the emulator's data plane: an authority made at startup, which clients then trust."""

import fcntl
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import botocore
import trustme

from kvsops.local.environment import CA_VARIABLES

HOSTS = ("127.0.0.1", "localhost")
_PREFIX, _SUFFIX = "kvsops-local-", ".pem"


class Authority:
    """A certificate authority that lives as long as the emulator runs.

    `bundle` is a file with its certificate after all those that this process's clients trust, so
    that a client given it can still reach other servers. It is locked while the emulator lives; if
    that is killed, the next one removes it.
    """

    def __init__(self, inherited: Mapping[str, str] | None = None) -> None:
        self._authority = trustme.CA()
        self.pem = self._authority.cert_pem.bytes().decode("ascii")
        _remove_stale()
        self._lock, self.bundle = _locked_file()
        text = "\n".join([*_trusted(inherited or {}), self.pem])
        self.bundle.write_text(text, encoding="utf-8")

    def close(self) -> None:
        """Remove the bundle."""
        self.bundle.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def server_context(self) -> ssl.SSLContext:
        """Make the context of a server on 127.0.0.1."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(*HOSTS).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Make the context of a client in this process that trusts no other authority."""
        return ssl.create_default_context(cadata=self.pem)


def _locked_file() -> tuple[int | None, Path]:
    """Make a file that another emulator's `_remove_stale` leaves alone; return what locks it."""
    while True:
        handle, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_SUFFIX)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:  # it was not removed before it was locked
            return handle, Path(name)
        os.close(handle)


def _remove_stale() -> None:
    """Remove the bundles of emulators that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):  # another user's
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its emulator lives
                path.unlink()
            finally:
                os.close(handle)


def _trusted(inherited: Mapping[str, str]) -> Iterator[str]:
    """Yield the certificates that clients already trust; each file once."""
    named = [inherited.get(name) for name in CA_VARIABLES]
    system = ssl.get_default_verify_paths().cafile
    shipped = Path(botocore.__file__).with_name("cacert.pem")
    files = [Path(name) for name in (system, *named) if name and Path(name).is_file()]
    for file in dict.fromkeys(path.resolve() for path in files or [shipped]):
        yield file.read_text(encoding="utf-8", errors="replace").rstrip()
