"""DTLS as other people's peers know it: the fingerprint that all read, and why one failed."""

import re
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from aiortc import RTCCertificate, RTCPeerConnection
from aiortc.rtcdtlstransport import (
    X509_DIGEST_ALGORITHMS,
    RTCDtlsTransport,
    SRTPProtectionProfile,
)
from aiortc.sdp import SessionDescription
from OpenSSL import SSL

from kvsops.peers.internals import transports, unknown_version

CIPHERS: Final = b":".join(
    b"ECDHE-%s-%s" % (key, cipher)
    for cipher in (b"AES128-GCM-SHA256", b"CHACHA20-POLY1305", b"AES128-SHA", b"AES256-SHA")
    for key in (b"ECDSA", b"RSA")
)
"""aiortc's, for both kinds of keys: GStreamer's certificates, and older cameras', are RSA."""
_FATAL: Final = 2
_OTHER_FINGERPRINT: Final = re.compile(
    r"^a=fingerprint:(?!sha-256 ).*\r?\n", re.MULTILINE | re.IGNORECASE
)
_MEANINGS: Final = {
    ssl.AlertDescription.ALERT_DESCRIPTION_HANDSHAKE_FAILURE: "no cipher or signature in common",
    ssl.AlertDescription.ALERT_DESCRIPTION_INSUFFICIENT_SECURITY: "no cipher strong enough",
    ssl.AlertDescription.ALERT_DESCRIPTION_PROTOCOL_VERSION: "no version of DTLS in common",
}
"""What an alert says of the two ends. Source: https://www.rfc-editor.org/rfc/rfc8446#section-6.2"""


@dataclass(frozen=True, slots=True)
class Alert:
    """A fatal DTLS alert, by its code; sent by our end, or received."""

    sent: bool
    code: int


def sha_256_alone(sdp: str) -> str:
    """Leave out the fingerprints by other hashes: some clients read only the last, or choke on it.

    WebRTC requires sha-256 of all. Source: https://www.rfc-editor.org/rfc/rfc8122#section-5
    """
    return _OTHER_FINGERPRINT.sub("", sdp)


def prepare(peer: RTCPeerConnection) -> None:
    """Offer ciphers for RSA, too, and keep the alerts, where aiortc's version is a known one."""
    if unknown_version():
        return
    for transport in transports(peer):
        if certificate := _certificate(transport):
            certificate.__class__ = Certificate


def why_failed(peer: RTCPeerConnection) -> str:
    """Tell why a DTLS handshake that failed did so, as far as is known."""
    failed = [each for each in transports(peer) if each.state == "failed"]
    for transport in failed:
        for alert in _alerts(transport):
            return _told(alert)
    if any(transport.encrypted for transport in failed):
        return _refused(peer, failed)
    return "no reason is known; the connection may have been lost"


def _told(alert: Alert) -> str:
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
    if not all(_has_srtp(transport) for transport in failed):
        return "the other end does not support DTLS-SRTP"
    media = SessionDescription.parse(peer.remoteDescription.sdp).media
    parameters = [part.dtls for part in media if part.dtls is not None]
    named = {each.algorithm.lower() for part in parameters for each in part.fingerprints}
    if not named & set(X509_DIGEST_ALGORITHMS):
        hashes = ", ".join(sorted(named)) or "none"
        return f"the other end's SDP has no sha-256 fingerprint ({hashes})"
    return "the other end's certificate does not match its SDP"


def _alerts(transport: RTCDtlsTransport) -> list[Alert]:
    """Return the fatal alerts of its handshake, both ends'."""
    certificate = _certificate(transport)
    return certificate.alerts if isinstance(certificate, Certificate) else []


def _has_srtp(transport: RTCDtlsTransport) -> bool:
    """Whether the handshake, which ended, agreed on a way to encrypt media."""
    connection: SSL.Connection | None = getattr(transport, "_ssl", None)
    return connection is None or bool(connection.get_selected_srtp_profile())


def _certificate(transport: RTCDtlsTransport) -> RTCCertificate | None:
    found: RTCCertificate | None = vars(transport).get("_RTCDtlsTransport__local_certificate")
    return found


class Certificate(RTCCertificate):
    """A certificate whose handshakes offer more ciphers, and keep their fatal alerts."""

    @cached_property
    def alerts(self) -> list[Alert]:
        """The fatal alerts of its handshakes."""
        return []

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(CIPHERS)
        context.set_info_callback(self._take)
        return context

    def _take(self, _: SSL.Connection, where: int, value: int) -> None:
        level, code = value >> 8, value & 0xFF
        if where & SSL.SSL_CB_ALERT and level == _FATAL:
            self.alerts.append(Alert(bool(where & SSL.SSL_CB_WRITE), code))
