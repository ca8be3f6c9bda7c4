"""A peer connection of somebody else: aiortc as it is, with a certificate of another make."""

import asyncio
import datetime
from collections.abc import Callable, Sequence
from typing import Literal

from aioice.ice import StunProtocol
from aiortc import (
    RTCBundlePolicy,
    RTCCertificate,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.rtcdtlstransport import SRTPProtectionProfile, generate_certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from OpenSSL import SSL

from kvsops.core.wire.payload import Description
from kvsops.peers.internals import transports
from kvsops.peers.peer import Peer

RSA_CIPHERS = b"ECDHE-RSA-AES128-GCM-SHA256"
BOTH = b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"
Edit = Callable[[str], str]


class Certificate(RTCCertificate):
    """A certificate for these ciphers; `trusts` says whether it takes the other end's."""

    ciphers = BOTH
    srtp = True
    trusts = True
    dtls: int | None = None

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(
            SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: self.trusts
        )
        context.set_cipher_list(self.ciphers)
        context.use_certificate(self._cert)
        context.use_privatekey(self._key)
        if self.dtls is not None:
            context.set_max_proto_version(self.dtls)
        if self.srtp:
            context.set_tlsext_use_srtp(b":".join(each.openssl_profile for each in srtp_profiles))
        return context


def ecdsa() -> Certificate:
    """Make one as aiortc does."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Certificate(key, generate_certificate(key))


def of_rsa(bits: int = 2048) -> Certificate:
    """Make one as GStreamer and older cameras do."""
    key = rsa.generate_private_key(65_537, bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "camera")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return Certificate(key, made)  # type: ignore[arg-type]


class Stranger:
    """The other end of a call with a peer of ours; what it offers is video and a data channel."""

    def __init__(
        self,
        certificate: RTCCertificate | None = None,
        edit: Edit = str,
        servers: Sequence[RTCIceServer] = (),
    ) -> None:
        policy = RTCBundlePolicy.MAX_BUNDLE
        self.connection = RTCPeerConnection(RTCConfiguration(list(servers), bundlePolicy=policy))
        if certificate is not None:
            vars(self.connection)["_RTCPeerConnection__certificates"][:] = [certificate]
        self.edit = edit
        """What becomes of its description on the way."""
        self.direct_delay = 0.0
        """Seconds that what comes to it directly takes longer than what is relayed."""
        self.heard: Sequence[str] = ()
        """The lines of the description that it was given."""

    async def meet(self, ours: Peer, offers: Literal["ours", "theirs"], setup: str = "") -> None:
        """Exchange descriptions; `setup` is the DTLS role that its answer asks for."""
        if offers == "ours":
            await self._take(await ours.describe("offer"))
            answer = await self.connection.createAnswer()
            if setup:
                answer.sdp = answer.sdp.replace("a=setup:active", f"a=setup:{setup}")
            await ours.accept(await self._describe(answer))
        else:
            self.connection.addTransceiver("video", direction="sendrecv")
            self.connection.createDataChannel("theirs")
            await ours.accept(await self._describe(await self.connection.createOffer()))
            await self._take(await ours.describe("answer"))

    async def close(self) -> None:
        """End it."""
        await self.connection.close()

    async def _describe(self, description: RTCSessionDescription) -> Description:
        await self.connection.setLocalDescription(description)
        for transport in transports(self.connection):
            for protocol in transport.transport._connection._protocols:
                if protocol.local_candidate.type == "host":
                    self._delay(protocol)
        local = self.connection.localDescription
        return Description(local.type, self.edit(local.sdp))

    def _delay(self, protocol: StunProtocol) -> None:
        loop, take = asyncio.get_running_loop(), protocol.datagram_received

        def later(data: bytes | str, addr: tuple[str, int]) -> None:
            loop.call_later(self.direct_delay, take, data, addr)

        protocol.datagram_received = later  # type: ignore[method-assign]

    async def _take(self, description: Description) -> None:
        self.heard = description.sdp.splitlines()
        await self.connection.setRemoteDescription(
            RTCSessionDescription(description.sdp, description.type)
        )
