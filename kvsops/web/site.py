"""Where the page is served: the address, its certificate, and the URLs that lead there."""

import errno
import os
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from kvsops.errors import UsageError

if TYPE_CHECKING:
    from cryptography import x509

LOOPBACK: Final = "127.0.0.1"
_BACKLOG: Final = 64
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NO_CAMERA: Final = "browsers open no camera for a page of another machine without TLS"
_LISTENING_FAILED: Final = {
    errno.EADDRINUSE: "the port is taken: give another --port",
    errno.EACCES: "ports below 1024 need more rights: give another --port",
    errno.EADDRNOTAVAIL: "this machine does not have that address: give --host one that it has",
}


@dataclass(frozen=True)
class Site:
    """Listens at `host` and `port` (0: any that is free), with TLS where it has a certificate.

    `public_url` is where a proxy or tunnel in front of it, which has TLS, is reached. Made by
    `opened`; `close` lets the port go.
    """

    listener: socket.socket
    host: str
    port: int
    tls: ssl.SSLContext | None
    public_url: str | None

    @classmethod
    def opened(
        cls,
        host: str = LOOPBACK,
        port: int = 0,
        *,
        tls_cert: Path | None = None,
        tls_key: Path | None = None,
        public_url: str | None = None,
    ) -> Self:
        """Check what was given, and listen; raises `UsageError`."""
        _check(host, tls_cert, tls_key, public_url)
        public = None if public_url is None else _origin_of(public_url)
        tls = _context(host, tls_cert, tls_key) if tls_cert and tls_key else None
        listener = _listening(host, port)
        return cls(listener, host, listener.getsockname()[1], tls, public)

    def close(self) -> None:
        """Listen no longer."""
        self.listener.close()

    @cached_property
    def local_url(self) -> str:
        """The URL of the server itself: `http://127.0.0.1:PORT`."""
        scheme = "http" if self.tls is None else "https"
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{name}" + (
            "" if self.port == _DEFAULT_PORTS[scheme] else f":{self.port}"
        )

    @property
    def url(self) -> str:
        """The URL to hand out: the public one, if there is one."""
        return self.public_url or self.local_url

    @property
    def only_here(self) -> bool:
        """Whether no other machine can open it."""
        return self.public_url is None and is_loopback(self.host)

    @cached_property
    def origins(self) -> frozenset[str]:
        """What a browser says of the page's own requests in `Origin`."""
        return frozenset(filter(None, (self.local_url, self.public_url)))

    @cached_property
    def hosts(self) -> frozenset[str]:
        """What a browser says in `Host`."""
        return frozenset(urlsplit(each).netloc for each in self.origins)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check(host: str, cert: Path | None, key: Path | None, public_url: str | None) -> None:
    """Raise `UsageError` for what does not go together."""
    if (cert is None) is not (key is None):
        raise UsageError("--tls-cert and --tls-key belong together: give both")
    if host in ("", "0.0.0.0", "::", "*"):  # noqa: S104 - it is refused
        text = f"--host {host!r} is no address that a browser can open: give this machine's name"
        raise UsageError(text)
    if is_loopback(host):
        return
    if public_url is not None:
        raise UsageError("--public-url is for a proxy in front of this machine: drop --host")
    if cert is None:
        text = f"--host {host} needs --tls-cert and --tls-key: {_NO_CAMERA}"
        raise UsageError(f"{text}; or leave --host, and give --public-url of a proxy that has TLS")


def _origin_of(public_url: str) -> str:
    """Return the origin of a public URL; raises `UsageError`."""
    try:
        parts = urlsplit(public_url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"--public-url {public_url}: {error}") from None
    plain = not (parts.username or parts.query or parts.fragment or parts.path.strip("/"))
    if parts.scheme != "https" or not parts.hostname or not plain:
        shape = "it is https://HOST or https://HOST:PORT, without a path or anything else"
        raise UsageError(f"--public-url {public_url}: {shape}: {_NO_CAMERA}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"https://{host}" + ("" if port in (None, _DEFAULT_PORTS["https"]) else f":{port}")


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None) or 0
        why = _LISTENING_FAILED.get(number) or getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot listen on {host}:{port}: {why}") from None


def _context(host: str, cert: Path, key: Path) -> ssl.SSLContext:
    """Return the context of a server on this host; raises `UsageError` for what does not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    encrypted = list[Path]()

    def no_password() -> str:
        """Note that one is wanted: else it would be asked for on the terminal."""
        encrypted.append(key)
        return ""

    try:
        leaf = _leaf(cert.read_bytes())
        context.load_cert_chain(cert, key, password=no_password)
    except ssl.SSLError as error:
        if encrypted:
            raise UsageError(f"--tls-key {key} is encrypted: give one without password") from None
        fits = "does not fit" if error.reason == "KEY_VALUES_MISMATCH" else "cannot be used with"
        raise UsageError(f"--tls-key {key} {fits} the certificate {cert}") from None
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise UsageError(f"cannot read {error.filename or key}: {why}") from None
    except ValueError:
        raise UsageError(f"--tls-cert {cert} holds no certificate in PEM") from None
    _require_good(cert, leaf, host)
    return context


def _require_good(cert: Path, leaf: "x509.Certificate", host: str) -> None:
    """Raise `UsageError` for a certificate that browsers would not take for this host's."""
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if not begins <= datetime.now(UTC) <= ends:
        days = f"from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}"
        raise UsageError(f"--tls-cert {cert} is valid {days}: browsers would refuse it")
    if not _vouches(leaf, host):
        text = f"--tls-cert {cert} does not name {host}: browsers would refuse it"
        raise UsageError(f"{text}; give --host a name that it has")


def _leaf(pem: bytes) -> "x509.Certificate":
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem)


def _vouches(leaf: "x509.Certificate", host: str) -> bool:
    """Whether a browser takes it for this host's: by its alternative names alone (RFC 9525)."""
    from cryptography import x509

    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        wanted = host.lower()
        wild = f"*.{wanted.partition('.')[2]}"
        return bool({wanted, wild} & {n.lower() for n in names.get_values_for_type(x509.DNSName)})
