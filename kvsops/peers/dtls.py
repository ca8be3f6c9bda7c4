"""DTLS as other people's peers know it: the fingerprint that all read, and why one failed."""

import re
import ssl
from typing import Final

from aiortc import RTCPeerConnection
from aiortc.rtcdtlstransport import X509_DIGEST_ALGORITHMS, RTCDtlsTransport
from aiortc.sdp import SessionDescription

from kvsops.peers import internals

_OTHER_FINGERPRINT: Final = re.compile(
    r"^a=fingerprint:(?!sha-256 ).*\r?\n", re.MULTILINE | re.IGNORECASE
)
_MEANINGS: Final = {
    ssl.AlertDescription.ALERT_DESCRIPTION_HANDSHAKE_FAILURE: "no cipher or signature in common",
    ssl.AlertDescription.ALERT_DESCRIPTION_INSUFFICIENT_SECURITY: "no cipher strong enough",
    ssl.AlertDescription.ALERT_DESCRIPTION_PROTOCOL_VERSION: "no version of DTLS in common",
}
"""What an alert says of the two ends. Source: https://www.rfc-editor.org/rfc/rfc8446#section-6.2"""


def sha_256_alone(sdp: str) -> str:
    """Leave out the fingerprints by other hashes: some clients read only the last, or choke on it.

    WebRTC requires sha-256 of all. Source: https://www.rfc-editor.org/rfc/rfc8122#section-5
    """
    return _OTHER_FINGERPRINT.sub("", sdp)


def why_failed(peer: RTCPeerConnection) -> str:
    """Tell why a DTLS handshake that failed did so, as far as is known."""
    failed = [each for each in internals.transports(peer) if each.state == "failed"]
    for transport in failed:
        for alert in internals.alerts(transport):
            return _told(alert)
    if any(transport.encrypted for transport in failed):
        return _refused(peer, failed)
    return "no reason is known; the connection may have been lost"


def _told(alert: internals.Alert) -> str:
    who = "our end" if alert.sent else "the other end"
    try:
        known = ssl.AlertDescription(alert.code)
    except ValueError:
        return f"{who} ended it with the alert {alert.code}"
    name = known.name.removeprefix("ALERT_DESCRIPTION_").lower()
    meaning = f": {_MEANINGS[known]}" if known in _MEANINGS else ""
    return f"{who} ended it with the alert {name}{meaning}"


def _refused(peer: RTCPeerConnection, failed: list[RTCDtlsTransport]) -> str:
    """Tell what aiortc did not like of a handshake that came to its end."""
    if not all(internals.has_srtp(transport) for transport in failed):
        return "the other end speaks no DTLS-SRTP"
    media = SessionDescription.parse(peer.remoteDescription.sdp).media
    parameters = [part.dtls for part in media if part.dtls is not None]
    named = {each.algorithm.lower() for part in parameters for each in part.fingerprints}
    if not named & set(X509_DIGEST_ALGORITHMS):
        hashes = ", ".join(sorted(named)) or "none"
        return f"the SDP of the other end has no sha-256 fingerprint ({hashes})"
    return "the certificate of the other end is not the one of its SDP"
