"""Which servers the peers are given, of those that were probed."""

from typing import Any

import pytest

from kvsops.core.wire.ice import IceServer, Transport
from kvsops.errors import PeerError
from kvsops.peers.ice import choose
from kvsops.peers.probe import Probe

STUN, UDP, DTLS, TLS = (
    "stun:h:1",
    "turn:h:1?transport=udp",
    "turns:h:2?transport=udp",
    "turns:h:2?transport=tcp",
)
SERVERS = [IceServer((STUN,)), IceServer((UDP, DTLS, TLS), "who", "word")]


def probes(*failed: str) -> list[Probe]:
    """Return what came of each URI: DTLS is never spoken, these failed, the others are well."""
    results: dict[str, Any] = dict.fromkeys(failed, "failed") | {DTLS: "skipped"}
    uris = (STUN, UDP, DTLS, TLS)
    return [Probe(uri, results.get(uri, "ok"), 0.0, f"{uri} is broken") for uri in uris]


@pytest.mark.parametrize(
    ("failed", "required", "uris"),
    [
        ((), {}, [STUN, UDP]),
        ((STUN,), {}, [UDP]),
        ((UDP,), {}, [STUN, TLS]),
        ((UDP, TLS), {}, [STUN]),
        ((STUN, UDP, TLS), {}, []),
        ((), {"relay_only": True, "transport": "tls"}, [STUN, TLS]),
        ((UDP,), {"relay_only": True}, [STUN, TLS]),
    ],
)
def test_chosen(failed: tuple[str, ...], required: dict[str, Any], uris: list[str]) -> None:
    """The first of a kind that answered; a silent one would cost seconds of each peer."""
    ice = choose(SERVERS, probes(*failed), **required)
    assert [server.urls for server in ice.servers] == uris
    assert ice.relay_only == bool(required)
    assert ice.configuration().iceServers == list(ice.servers)


@pytest.mark.parametrize(
    ("failed", "transport", "reason"),
    [
        ((UDP,), "udp", f"no relay over udp can be used: {UDP} is broken"),
        ((TLS,), "tls", f"no relay over tls can be used: {TLS} is broken"),
        (
            (UDP, TLS),
            None,
            f"no relay can be used: {UDP} is broken; {DTLS} is broken; {TLS} is broken",
        ),
    ],
)
def test_no_relay(failed: tuple[str, ...], transport: Transport | None, reason: str) -> None:
    """A relay that is required and cannot be had is told with why not."""
    with pytest.raises(PeerError) as caught:
        choose(SERVERS, probes(*failed), relay_only=True, transport=transport)
    assert str(caught.value) == reason
