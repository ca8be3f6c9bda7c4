"""Each STUN and TURN URI asked by itself: whether it binds or allocates, and if not, why not.

aiortc hides these failures, and uses only the first URI of a kind. The only file that touches
aioice's `stun` and `turn`, which are not documented and changed from 0.10 to 0.13.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, cast

from aioice import stun, turn

from kvsops.core.wire.ice import IceServer, IceUri
from kvsops.peers.waits import unless

SECONDS: Final = 3.0
"""What a URI has to answer within: three tries over UDP."""
_LIFETIME_SECONDS: Final = 600
_RELEASE_SECONDS: Final = 1.0
_LOOPS_TO_CLOSE: Final = 3
_CODES: Final = {
    401: "the credentials were refused (401): expired, or not of this server",
    403: "refused (403): this server does not serve this machine",
    437: "allocation mismatch (437)",
    438: "stale nonce (438)",
    486: "its allocations are used up (486): the channel has 50",
    508: "it has no capacity left (508)",
}


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of one URI; `address` is the mapped (STUN) or relayed (TURN) one."""

    uri: str
    result: Literal["ok", "failed", "skipped"]
    seconds: float
    reason: str | None = None
    address: str | None = None

    @property
    def usable(self) -> bool:
        """Whether a peer can be given it."""
        return self.result == "ok"


async def probe_all(
    servers: list[IceServer],
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> list[Probe]:
    """Probe every URI of the servers, all at once, in the order they were given."""
    asked = [(server, uri) for server in servers for uri in server.uris]
    return await asyncio.gather(*(probe(uri, server, seconds, clock) for server, uri in asked))


async def probe(
    text: str,
    server: IceServer,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Probe:
    """Bind at a STUN URI, or allocate at a TURN URI with the server's credentials."""
    uri, began = IceUri.parse(text), clock()
    if uri.kind is None or uri.scheme == "stuns":
        why = "not spoken here: TURN over DTLS" if uri.relay else "not spoken here: STUN over TLS"
        return Probe(text, "skipped", 0.0, why)
    try:
        async with asyncio.timeout(seconds):
            address = await (_allocated(uri, server) if uri.relay else _bound(uri))
    except (OSError, stun.TransactionError, ssl.SSLError) as error:
        return Probe(text, "failed", clock() - began, _why(error, uri, seconds))
    return Probe(text, "ok", clock() - began, address=f"{address[0]}:{address[1]}")


class _Refusable:
    """Takes note of an ICMP refusal, or a hang-up, which tells long before a timeout does."""

    def __init__(self, *parameters: object) -> None:
        super().__init__(*parameters)
        self.refused: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()

    def error_received(self, error: Exception) -> None:
        if not self.refused.done():
            self.refused.set_exception(error)
            self.refused.exception()  # known, whether or not anybody waits


class _Binding(_Refusable, asyncio.DatagramProtocol):
    """One STUN transaction."""

    transaction: stun.Transaction | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # As its type has it: asyncio's own class of this kind is not derived from it.
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = stun.parse_message(data)
        except ValueError:
            return
        if self.transaction is not None and message.transaction_id == self.request.transaction_id:
            self.transaction.response_received(message, addr)

    def send_stun(self, message: stun.Message, addr: tuple[str, int]) -> None:  # noqa: ARG002 - aioice's
        self.transport.sendto(bytes(message))

    async def bind(self) -> tuple[str, int]:
        self.request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        self.transaction = stun.Transaction(self.request, ("", 0), self)
        response, _ = await self.transaction.run()
        address = response.attributes.get("XOR-MAPPED-ADDRESS")
        if address is None:
            raise ConnectionError("its answer has no mapped address")
        return str(address[0]), int(address[1])


class _UdpTurn(_Refusable, turn.TurnClientUdpProtocol):
    """aioice's, with the refusal noted."""


class _TcpTurn(_Refusable, turn.TurnClientTcpProtocol):
    """aioice's, with the hang-up noted."""

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.error_received(exc or ConnectionResetError("it hung up before it answered"))


Client = _UdpTurn | _TcpTurn


async def _bound(uri: IceUri) -> tuple[str, int]:
    loop = asyncio.get_running_loop()
    transport, binding = await loop.create_datagram_endpoint(
        _Binding, remote_addr=(uri.host, uri.port)
    )
    try:
        return await unless(binding.refused, binding.bind())
    finally:
        transport.close()


async def _allocated(uri: IceUri, server: IceServer) -> tuple[str, int]:
    client = await _client(uri, server)
    try:
        return await unless(client.refused, client.connect())
    finally:
        await _released(client)


async def _client(uri: IceUri, server: IceServer) -> Client:
    loop, address = asyncio.get_running_loop(), (uri.host, uri.port)
    parameters = (address, server.username, server.password, _LIFETIME_SECONDS, 500)
    if uri.kind == "udp":
        _, datagrams = await loop.create_datagram_endpoint(
            lambda: _UdpTurn(*parameters), remote_addr=address
        )
        return datagrams
    tls = ssl.create_default_context() if uri.kind == "tls" else None
    _, stream = await loop.create_connection(lambda: _TcpTurn(*parameters), *address, ssl=tls)
    return stream


async def _released(client: Client) -> None:
    """Give the allocation back, if there is one: the channel has 50. Leave nothing to the loop."""
    try:
        if client.relayed_address is not None:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await client.delete()
    except (OSError, stun.TransactionError):
        pass
    finally:
        client.transport.abort()  # TLS would say goodbye for longer than the loop may run
    for _ in range(_LOOPS_TO_CLOSE):
        await asyncio.sleep(0)


def _why(error: Exception, uri: IceUri, seconds: float) -> str:
    """Tell in one line why there was no answer, or not the one wanted."""
    where = f"{uri.host}:{uri.port}"
    if isinstance(error, TimeoutError | stun.TransactionTimeout):
        path = "UDP" if uri.kind == "udp" else "TCP"
        return f"no answer from {where} in {seconds:g} s: {path} to it may be blocked"
    if isinstance(error, stun.TransactionFailed):
        code = error.response.error_code or 0
        return _CODES.get(code, f"refused with code {code}")
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", None) or error.reason or "TLS failed"
        return f"the TLS of {where} is not trusted: {reason}"
    if isinstance(error, ConnectionRefusedError):
        return f"{where} is closed: nothing listens there, or a firewall refuses"
    why = getattr(error, "strerror", None) or " ".join(str(error).split())
    return f"{where} cannot be reached: {why}"
