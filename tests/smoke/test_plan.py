"""Which servers the peers are given, of those that were probed, and which steps a mode has."""

from typing import Any

import pytest

from kvsops.core.wire.ice import IceServer, Transport
from kvsops.peers.probe import Probe
from kvsops.smoke.plan import Target, Wanted, chosen, mode_for, steps_of
from kvsops.smoke.steps import StepFailedError

STUN, UDP, DTLS, TLS = (
    "stun:h:1",
    "turn:h:1?transport=udp",
    "turns:h:2?transport=udp",
    "turns:h:2?transport=tcp",
)
SERVERS = [IceServer((STUN,)), IceServer((UDP, DTLS, TLS), "who", "word")]
TARGET = Target("cam", "arn", ours=False, detail="ACTIVE")


def probes(*failed: str) -> list[Probe]:
    """Return what came of each URI: DTLS is never spoken, these failed, the others are well."""
    results: dict[str, Any] = dict.fromkeys(failed, "failed") | {DTLS: "skipped"}
    uris = (STUN, UDP, DTLS, TLS)
    return [Probe(uri, results.get(uri, "ok"), 0.0, f"{uri} is broken") for uri in uris]


@pytest.mark.parametrize(
    ("failed", "wanted", "uris"),
    [
        ((), Wanted(), [STUN, UDP]),
        ((STUN,), Wanted(), [UDP]),
        ((UDP,), Wanted(), [STUN, TLS]),
        ((UDP, TLS), Wanted(), [STUN]),
        ((STUN, UDP, TLS), Wanted(), []),
        ((), Wanted(relay=True, transport="tls"), [STUN, TLS]),
        ((UDP,), Wanted(relay=True), [STUN, TLS]),
    ],
)
def test_chosen(failed: tuple[str, ...], wanted: Wanted, uris: list[str]) -> None:
    """The first of a kind that answered; a silent one would cost seconds of each peer."""
    ice = chosen(SERVERS, probes(*failed), wanted)
    assert [server.urls for server in ice.servers] == uris
    assert ice.relay_only == wanted.relay
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
    with pytest.raises(StepFailedError) as caught:
        chosen(SERVERS, probes(*failed), Wanted(relay=True, transport=transport))
    assert str(caught.value) == reason


def test_modes() -> None:
    """A channel that smoke did not make is only checked, unless it is told otherwise."""
    assert mode_for(Wanted(), TARGET) == "checks"
    assert mode_for(Wanted(take_over=True), TARGET) == "loop"
    assert mode_for(Wanted(mode="viewer-only"), TARGET) == "viewer-only"
    assert mode_for(Wanted(mode="master-only", take_over=True), TARGET) == "master-only"


def test_steps_of_a_mode() -> None:
    """Each mode has the steps that it can take."""
    assert steps_of("checks", lasting=True) == ["describe", "endpoint", "ice_servers", "probe"]
    assert "master_connects" not in steps_of("viewer-only", lasting=True)
    assert "viewer_connects" not in steps_of("master-only", lasting=True)
    assert steps_of("loop", lasting=True)[-1] == "steady"
    assert steps_of("loop", lasting=False)[-1] == "first_audio"


def test_many_viewers_get_a_smaller_picture() -> None:
    """All of them are coded on one machine."""
    assert (Wanted(viewers=2).size, Wanted(viewers=3).size) == ((640, 480), (320, 240))
