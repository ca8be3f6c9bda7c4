"""STUN and TURN URIs, taken apart."""

import pytest

from kvsops.core.wire.ice import IceUri
from kvsops.errors import KvsopsError


@pytest.mark.parametrize(
    ("text", "uri", "kind"),
    [
        ("stun:h.example:443", IceUri("stun", "h.example", 443, "udp"), "udp"),
        ("stun:h", IceUri("stun", "h", 3478, "udp"), "udp"),
        ("turn:h", IceUri("turn", "h", 3478, "udp"), "udp"),
        ("turn:h:443?transport=udp", IceUri("turn", "h", 443, "udp"), "udp"),
        ("turn:h:443?transport=tcp", IceUri("turn", "h", 443, "tcp"), "tcp"),
        ("turns:h", IceUri("turns", "h", 5349, "tcp"), "tls"),
        ("turns:h:443?transport=tcp", IceUri("turns", "h", 443, "tcp"), "tls"),
        ("turns:h:443?transport=udp", IceUri("turns", "h", 443, "udp"), None),
        ("turn:[2001:db8::1]:443", IceUri("turn", "2001:db8::1", 443, "udp"), "udp"),
    ],
)
def test_parsed(text: str, uri: IceUri, kind: str | None) -> None:
    """Each part is read, the standard ports and transports included."""
    assert IceUri.parse(text) == uri
    assert (uri.kind, uri.relay) == (kind, text.startswith("turn"))


@pytest.mark.parametrize(
    "text", ["", "h:443", "turn:", "https://h", "turn:h:x", "turn:h?x=y", "turn:h:65536"]
)
def test_malformed(text: str) -> None:
    """What is none is refused."""
    with pytest.raises(KvsopsError, match=r"^not a STUN or TURN URI: "):
        IceUri.parse(text)
