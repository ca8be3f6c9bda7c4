"""Where the page is served: addresses, certificates, and what does not go together."""

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from kvsops.errors import UsageError
from kvsops.web.site import Site


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, Any]:
    """Write a certificate for meet.example and 127.0.0.1, and its key."""
    made = trustme.CA().issue_cert("meet.example", "127.0.0.1", "*.wild.example")
    paths = {"tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}
    made.cert_chain_pems[0].write_to_path(paths["tls_cert"])
    made.private_key_pem.write_to_path(paths["tls_key"])
    return paths


def encrypted(path: Path) -> bytes:
    """Return a key, encrypted with a password."""
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


def opened(*arguments: Any, **more: Any) -> tuple[str, str, bool]:
    """Open a site and close it; return its URLs, local and to hand out, and who may open it."""
    site = Site.opened(*arguments, **more)
    site.close()
    return site.local_url, site.url, site.only_here


def test_loopback() -> None:
    """By default only this machine reaches it, at a port that is free."""
    local, url, only_here = opened()
    assert local == url
    assert local.startswith("http://127.0.0.1:")
    assert only_here


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://Meet.Example/", "https://meet.example"),
        ("https://meet.example:443", "https://meet.example"),
        ("https://meet.example:8443", "https://meet.example:8443"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_a_public_url(given: str, url: str) -> None:
    """It is handed out, and its Host is served beside the local one."""
    site = Site.opened(public_url=given)
    site.close()
    assert (site.url, site.only_here) == (url, False)
    assert site.hosts == {url.removeprefix("https://"), site.local_url.removeprefix("http://")}


def test_tls(pair: dict[str, Any]) -> None:
    """With a certificate the URL is https."""
    assert opened(**pair)[0].startswith("https://127.0.0.1:")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": "0.0.0.0"}, "is no address that a browser can open"),  # noqa: S104 - it is refused
        ({"host": "192.0.2.7"}, "needs --tls-cert and --tls-key: browsers open no camera"),
        ({"tls_cert": Path("cert.pem")}, "--tls-cert and --tls-key belong together"),
        ({"public_url": "http://meet.example"}, "it is https://HOST"),
        ({"public_url": "https://meet.example/path"}, "it is https://HOST"),
        ({"public_url": "https://user@meet.example"}, "it is https://HOST"),
        ({"public_url": "https://meet.example:99999"}, "Port out of range"),
        ({"host": "nowhere.invalid", "public_url": "https://meet.example"}, "drop --host"),
        (
            {"tls_cert": Path("nowhere.pem"), "tls_key": Path("nowhere.pem")},
            "cannot read nowhere.pem: No such file",
        ),
        ({"tls_cert": Path(__file__), "tls_key": Path(__file__)}, "holds no certificate in PEM"),
    ],
)
def test_what_does_not_go_together(given: dict[str, Any], said: str) -> None:
    """It is said in one line, and nothing listens."""
    with pytest.raises(UsageError, match=said) as caught:
        Site.opened(**given)
    assert "\n" not in str(caught.value)


def test_a_port_that_is_taken() -> None:
    """It is named, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}: the port is taken: give another"):
            Site.opened(port=port)


def test_a_certificate_that_does_not_fit(pair: dict[str, Any], tmp_path: Path) -> None:
    """Neither to its key nor to the host, each said."""
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("meet.example").private_key_pem.write_to_path(other)
    with pytest.raises(UsageError, match=r"--tls-key .*other.pem does not fit the certificate"):
        Site.opened(tls_cert=pair["tls_cert"], tls_key=other)
    for host in ("localhost", "a.b.wild.example", "wild.example"):
        with pytest.raises(UsageError, match=f"does not name {host}: browsers would refuse it"):
            Site.opened(host, **pair)
    other.write_bytes(encrypted(pair["tls_key"]))
    with pytest.raises(UsageError, match=r"other.pem is encrypted: give one without password"):
        Site.opened(tls_cert=pair["tls_cert"], tls_key=other)
    # It fits, so that all that is wrong is that the name leads nowhere.
    for host in ("meet.example", "a.wild.example"):
        with pytest.raises(UsageError, match=f"cannot listen on {host}:0"):
            Site.opened(host, **pair)


@pytest.mark.parametrize("year", [2020, 2100])
def test_a_certificate_that_is_not_valid_now(tmp_path: Path, year: int) -> None:
    """One that has ended, or is yet to begin, is refused as browsers would, with its days."""
    begins, ends = (datetime(year, 1, day, tzinfo=UTC) for day in (1, 31))
    made = trustme.CA().issue_cert("127.0.0.1", not_before=begins, not_after=ends)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made.cert_chain_pems[0].write_to_path(cert)
    made.private_key_pem.write_to_path(key)
    days = f"valid from {year}-01-01 to {year}-01-31: browsers would refuse it"
    with pytest.raises(UsageError, match=days):
        Site.opened(tls_cert=cert, tls_key=key)
