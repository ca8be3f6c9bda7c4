"""DTLS with other people's certificates, and what is told where it fails."""

import asyncio
import re
from collections.abc import Callable
from typing import Literal

import pytest
from aiortc import RTCCertificate

from kvsops.errors import PeerError
from kvsops.peers.dtls import sha_256_alone
from kvsops.peers.ice import Ice
from kvsops.peers.peer import Peer
from tests.peers.stranger import RSA_CIPHERS, Certificate, Edit, Stranger, ecdsa, of_rsa
from tests.smoke.conftest import ADDRESSES

pytestmark = pytest.mark.skipif(
    not ADDRESSES, reason="no address but loopback ones: nothing to pair"
)
Offers = Literal["ours", "theirs"]


async def _met(stranger: Stranger, offers: Offers, setup: str = "") -> str:
    """Connect a peer of ours; return why that failed, or the state that was reached."""
    ours = Peer("viewer", Ice(), kinds=("video",))
    try:
        await stranger.meet(ours, offers, setup)
        async with asyncio.timeout(20):
            await ours.reach_ice()
            await ours.reach_dtls()
        return ours.connection.connectionState
    except PeerError as error:
        return str(error).removeprefix("viewer: the DTLS handshake failed: ")
    finally:
        await asyncio.gather(ours.close(), stranger.close())


def met(
    certificate: RTCCertificate | None,
    offers: Offers = "ours",
    setup: str = "",
    edit: Edit = str,
) -> tuple[str, Stranger]:
    """Meet a stranger with this certificate."""

    async def told() -> tuple[str, Stranger]:
        stranger = Stranger(certificate, edit)
        return await _met(stranger, offers, setup), stranger

    return asyncio.run(told())


@pytest.mark.parametrize("offers", ["ours", "theirs"])
def test_one_fingerprint(offers: Offers) -> None:
    """An offer and an answer of ours have the sha-256 fingerprint alone, and it holds."""
    state, stranger = met(None, offers)
    assert state == "connected"
    found = [line for line in stranger.heard if line.startswith("a=fingerprint:")]
    parts = [line for line in stranger.heard if line.startswith("m=")]
    assert len(found) == len(parts) > 0
    one = re.compile("a=fingerprint:sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}")
    assert all(one.fullmatch(line) for line in found)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_other_fingerprints(end: str) -> None:
    """Only fingerprints by other hashes are left out, in whichever order and case they come."""
    kept = ["v=0", "a=fingerprint:sha-256 AA:BB", "m=video 9 X 96", "a=fingerprint:SHA-256 CC:DD"]
    lines = [
        "v=0",
        "a=fingerprint:sha-1 00",
        "a=fingerprint:sha-256 AA:BB",
        "a=fingerprint:sha-512 11",
        "m=video 9 X 96",
        "a=fingerprint:SHA-384 22",
        "a=fingerprint:SHA-256 CC:DD",
        "a=fingerprint:sha-384 33",
    ]
    assert sha_256_alone("".join(line + end for line in lines)) == "".join(
        line + end for line in kept
    )


def weak() -> Certificate:
    """Make one of the short keys that old devices have."""
    made = of_rsa(1024)
    made.ciphers = b"ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"
    return made


@pytest.mark.parametrize(
    ("offers", "setup"),
    [("ours", "active"), ("ours", "passive"), ("theirs", "")],
    ids=["it is the client", "it is the server", "it offers, and is the server"],
)
@pytest.mark.parametrize("make", [ecdsa, of_rsa, weak])
def test_certificates(make: Callable[[], Certificate], offers: Offers, setup: str) -> None:
    """A certificate of either kind is taken, whoever is the client."""
    state, _ = met(make(), offers, setup)
    assert state == "connected"


def _only_rsa() -> Certificate:
    made = of_rsa()
    made.ciphers = RSA_CIPHERS
    return made


def _distrustful() -> Certificate:
    made = ecdsa()
    made.trusts = False
    return made


def _without_srtp() -> Certificate:
    made = ecdsa()
    made.srtp = False
    return made


def _old() -> Certificate:
    made = ecdsa()
    made.ciphers, made.dtls = b"ALL:@SECLEVEL=0", 0xFEFF
    return made


@pytest.mark.parametrize(
    ("make", "setup", "told"),
    [
        (
            _only_rsa,
            "active",
            "our end ended it with the alert handshake_failure: no cipher or signature in common",
        ),
        (
            _distrustful,
            "active",
            "the other end ended it with the alert unknown_ca",
        ),
        (
            _distrustful,
            "passive",
            "the other end ended it with the alert unknown_ca",
        ),
        (
            _old,
            "active",
            "our end ended it with the alert protocol_version: no version of DTLS in common",
        ),
        (_without_srtp, "active", "the other end does not support DTLS-SRTP"),
        (_without_srtp, "passive", "the other end does not support DTLS-SRTP"),
    ],
)
def test_refused(make: Callable[[], Certificate], setup: str, told: str) -> None:
    """An alert is told as what it is, and by whom it was sent."""
    assert met(make(), "ours", setup)[0] == told


def _other(sdp: str) -> str:
    return re.sub("(a=fingerprint:[^ ]+ )..", r"\g<1>00", sdp)


def _sha_1(sdp: str) -> str:
    return re.sub("a=fingerprint:[^ ]+ .*", "a=fingerprint:sha-1 00:11", sdp)


@pytest.mark.parametrize("offers", ["ours", "theirs"])
@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (_other, "the other end's certificate does not match its SDP"),
        (_sha_1, "the other end's SDP has no sha-256 fingerprint (sha-1)"),
    ],
)
def test_fingerprints(edit: Edit, told: str, offers: Offers) -> None:
    """Only a certificate that is another one is called that."""
    assert met(None, offers, edit=edit)[0] == told


@pytest.mark.parametrize("offers", ["ours", "theirs"])
def test_no_fingerprint(offers: Offers) -> None:
    """A description without any is refused at once."""
    told, _ = met(None, offers, edit=lambda sdp: re.sub("a=fingerprint:.*\r\n", "", sdp))
    which = "answer" if offers == "ours" else "offer"
    assert told == f"viewer cannot use the {which}: it has no a=fingerprint"
