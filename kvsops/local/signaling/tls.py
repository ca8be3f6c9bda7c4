"""TLS of the emulator: its authority, which clients then trust, and what that vouches for."""

import fcntl
import os
import re
import ssl
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import botocore
import trustme

from kvsops.local import aws_names
from kvsops.local.environment import CA_DIRECTORIES, CA_VARIABLES
from kvsops.local.settings import HOST
from kvsops.local.signaling.kept_authority import (
    ORGANIZATION,
    expiry,
    kept_authority,
    new_authority,
)

_LIFE = timedelta(days=800)
"""How long a server's certificate is good: Apple's clients allow 825 days.

Source: https://support.apple.com/en-us/103769
"""
_CLOCKS_OFF = timedelta(days=1)  # a client's clock may be that late
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_MOST_NAMES = 256  # whose certificates are kept
_PREFIX, _SUFFIX = "kvsops-local-", ".pem"


class Authority:
    """The emulator's certificate authority: new, and gone with it, or kept in a directory.

    It vouches for 127.0.0.1, localhost and `host`, with keys of a type: RSA's take long to make,
    but the clients of small devices may know no other. Raises `UsageError` where the directory's
    authority cannot be used.

    `bundle` is a file with its certificate after all those that this process's clients trust, so
    that a client given it can still reach other servers. It is locked while the emulator lives; if
    that is killed, the next one removes it.
    """

    def __init__(
        self,
        inherited: Mapping[str, str] | None = None,
        host: str = HOST,
        directory: Path | None = None,
        key_type: trustme.KeyType = trustme.KeyType.ECDSA,
    ) -> None:
        self._key_type = key_type
        self._authority = kept_authority(directory) if directory else new_authority(key_type)
        self._hosts = dict.fromkeys((HOST, "localhost", host))
        self._context_for = lru_cache(_MOST_NAMES)(self._context)
        self.pem = self._authority.cert_pem.bytes().decode("ascii")
        _remove_stale()
        self._lock, self.bundle = _locked_file()
        certificates = dict.fromkeys(_trusted(inherited or {}))
        text = "\n".join([*certificates, self.pem])
        self.bundle.write_text(text, encoding="utf-8")

    def close(self) -> None:
        """Remove the bundle."""
        self.bundle.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def server_context(self) -> ssl.SSLContext:
        """Make the context of a server on the host.

        To who asks for one of AWS's names it shows a certificate made for that very name.
        """
        context = self._context(*self._hosts)
        context.sni_callback = self._called
        return context

    def _called(
        self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext
    ) -> None:
        if name is not None and aws_names.is_served(name.lower()):
            connection.context = self._context_for(name.lower())

    def _context(self, *names: str) -> ssl.SSLContext:
        """Make a server's context with a certificate for these names."""
        context, now = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), datetime.now(UTC)
        begins = now - _CLOCKS_OFF
        issued = self._authority.issue_cert(
            *names,
            organization_name=ORGANIZATION,
            not_before=begins,
            not_after=min(begins + _LIFE, self.expiry),
            key_type=self._key_type,
        )
        issued.configure_cert(context)
        return context

    @property
    def expiry(self) -> datetime:
        """When it expires, aware, in UTC."""
        return expiry(self.pem)

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
    """Yield the certificates that clients already trust, and nothing else of those files.

    In directories clients pass over what is no certificate: here it would spoil the bundle.
    """
    named = [inherited.get(name) for name in CA_VARIABLES]
    system = ssl.get_default_verify_paths().cafile
    shipped = Path(botocore.__file__).with_name("cacert.pem")
    files = [Path(name) for name in (system, *named) if name and Path(name).is_file()]
    beside = [*_in_directories(inherited)]
    in_files = dict.fromkeys(_certificates(files or ([] if beside else [shipped])))
    yield from in_files
    in_directories = dict.fromkeys(_certificates(beside))
    yield from (each for each in in_directories if each not in in_files and _is_sound(each))


def _certificates(files: Iterable[Path]) -> Iterator[str]:
    """Yield what is in files, each file once, be there ever so many links to it."""
    seen: set[tuple[int, int]] = set()
    for file in files:
        with suppress(OSError):  # clients could not read it either
            status = file.stat()
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                yield from _CERTIFICATE.findall(file.read_text(encoding="utf-8", errors="replace"))


def _is_sound(certificate: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=certificate)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _in_directories(inherited: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files in the directories of authorities that clients read."""
    for name in CA_DIRECTORIES:
        for directory in filter(None, inherited.get(name, "").split(os.pathsep)):
            with suppress(OSError):
                yield from (path for path in sorted(Path(directory).iterdir()) if path.is_file())
