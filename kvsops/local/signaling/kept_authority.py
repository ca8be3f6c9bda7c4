"""A certificate authority kept in a directory, so that clients need trust it but once."""

import fcntl
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import trustme

from kvsops.errors import UsageError
from kvsops.local.settings import utc_now

ORGANIZATION = "kvsops local"
CERTIFICATE, KEY = "ca.pem", "ca.key"
_OTHERS = 0o077


def new_authority(key_type: trustme.KeyType) -> trustme.CA:
    """Make an authority, which a browser's list of authorities shows as `kvsops local`."""
    return trustme.CA(organization_name=ORGANIZATION, path_length=0, key_type=key_type)


def kept_authority(directory: Path, clock: Callable[[], datetime] = utc_now) -> trustme.CA:
    """Return the authority in a directory; make both where there are none.

    Its key is RSA's, which any client knows, in a file that is its owner's alone. Raises
    `UsageError` for files that cannot be used.
    """
    certificate, key = directory / CERTIFICATE, directory / KEY
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(directory):
            if not certificate.exists() and not key.exists():
                _write(certificate, key, new_authority(trustme.KeyType.RSA))
            return _read(certificate, key, clock())
    except OSError as error:
        named = error.filename or directory
        raise UsageError(f"--ca-dir: {named}: {error.strerror or error}") from None


def expiry(pem: str) -> datetime:
    """Return when an authority's certificate expires, aware, in UTC."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    seconds = ssl.cert_time_to_seconds(str(context.get_ca_certs()[0]["notAfter"]))
    return datetime.fromtimestamp(seconds, UTC)


def _write(certificate: Path, key: Path, made: trustme.CA) -> None:
    handle = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(made.private_key_pem.bytes())
    certificate.write_bytes(made.cert_pem.bytes())


def _read(certificate: Path, key: Path, now: datetime) -> trustme.CA:
    certificate.stat()  # whose error names it
    if key.stat().st_mode & _OTHERS:
        raise UsageError(f"--ca-dir: others may read {key}: chmod 600 it")
    renew = f"remove {certificate} and {key.name} to have new ones"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
        ends = expiry(certificate.read_text(encoding="ascii"))
    except (ssl.SSLError, ValueError, IndexError):
        why = "does not hold a certificate authority with its key"
        raise UsageError(f"--ca-dir: {certificate.parent} {why}; {renew}") from None
    if ends <= now:
        raise UsageError(f"--ca-dir: {certificate} expired on {ends:%Y-%m-%d}; {renew}")
    return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Keep other emulators off while one makes or reads the files."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
