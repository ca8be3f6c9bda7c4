"""TLS of the emulator's data plane: an authority made at startup, which clients then trust."""

import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import botocore
import trustme

from kvsops.local.environment import CA_VARIABLES

HOSTS = ("127.0.0.1", "localhost")


class Authority:
    """A certificate authority that lives as long as the emulator runs.

    `bundle` is a file with its certificate after all those that this process's clients trust, so
    that a client given it can still reach other servers.
    """

    def __init__(self, inherited: Mapping[str, str] | None = None) -> None:
        self._authority = trustme.CA()
        self.pem = self._authority.cert_pem.bytes().decode("ascii")
        handle, name = tempfile.mkstemp(prefix="kvsops-local-", suffix=".pem")
        self.bundle = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as bundle:
            bundle.write("\n".join([*_trusted(inherited or {}), self.pem]))

    def close(self) -> None:
        """Remove the bundle."""
        self.bundle.unlink(missing_ok=True)

    def server_context(self) -> ssl.SSLContext:
        """Make the context of a server on 127.0.0.1."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(*HOSTS).configure_cert(context)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Make the context of a client in this process that trusts no other authority."""
        return ssl.create_default_context(cadata=self.pem)


def _trusted(inherited: Mapping[str, str]) -> Iterator[str]:
    """Yield the certificates that clients already trust; each file once."""
    named = [inherited.get(name) for name in CA_VARIABLES]
    system = ssl.get_default_verify_paths().cafile
    shipped = Path(botocore.__file__).with_name("cacert.pem")
    files = [Path(name) for name in (system, *named) if name and Path(name).is_file()]
    for file in dict.fromkeys(path.resolve() for path in files or [shipped]):
        yield file.read_text(encoding="utf-8", errors="replace").rstrip()
