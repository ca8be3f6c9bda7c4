"""What a probe asks of one STUN or TURN URI: a binding, or allocations that relay to each other.

The only file that touches aioice's `stun` and `turn`, which are not documented and changed from
0.10 to 0.13.
"""

import asyncio
import secrets
import ssl
from collections.abc import Container
from contextlib import AsyncExitStack, suppress
from typing import Final, Literal, cast

from aioice import stun, turn

from kvsops.core.wire.ice import IceServer, IceUri
from kvsops.peers.waits import fail, unless

Address = tuple[str, int]
RELAY_SECONDS: Final = 5.0
"""What the proof of a relay may take, once there is an allocation.

It takes a second connection, an allocation and two permissions, and datagrams get lost: on a busy
machine 1.5 s was too short about once in 100 times.
"""
_LIFETIME_SECONDS: Final = 600
_SHORTEST_SECONDS: Final = 30
"""Of an allocation: aioice would do little but renew one that is shorter."""
_RELEASE_SECONDS: Final = 1.0
_BETWEEN_DATAGRAMS_SECONDS: Final = 0.2
_LOOPS_TO_CLOSE: Final = 3
_TRANSACTION_ID: Final = slice(8, 20)  # of a message's octets: RFC 8489 section 5
_FORBIDDEN: Final = 403
_NOWHERE: Final = ("203.0.113.1", 9)
"""An address of nobody's (RFC 5737): it is permitted, and nothing is sent to it."""
_CODES: Final = {
    401: "the credentials were refused (401): expired, or not of this server",
    403: "refused (403): this server does not serve this machine",
    437: "allocation mismatch (437)",
    438: "stale nonce (438)",
    486: "its allocations are used up (486): the channel has 50",
    508: "it has no capacity left (508)",
}


class ProbeError(Exception):
    """What a URI answered will not do; its text is the whole reason."""


class _Refusable:
    """Takes note of an ICMP refusal, or a hang-up, which tells long before a timeout does."""

    def __init__(self, *parameters: object) -> None:
        super().__init__(*parameters)
        self.refused: asyncio.Future[Address] = asyncio.get_running_loop().create_future()

    def error_received(self, error: Exception) -> None:
        fail(self.refused, error)

    def _read(self, data: bytes, asked: Container[bytes]) -> stun.Message | None:
        """Read a message; one that answers what was `asked` and cannot be read is a refusal."""
        try:
            return stun.parse_message(data)
        except Exception as error:  # noqa: BLE001 - not ValueError alone: an attribute too short
            if data[_TRANSACTION_ID] in asked:
                why = " ".join(str(error).split())
                self.error_received(ProbeError(f"its answer is malformed: {why}"))
            return None


class _Binding(_Refusable, asyncio.DatagramProtocol):
    """One STUN transaction."""

    transaction: stun.Transaction | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # As its type has it: asyncio's own class of this kind is not derived from it.
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self.transaction is None:
            return
        message = self._read(data, {self.request.transaction_id})
        if message is not None and message.transaction_id == self.request.transaction_id:
            self.transaction.response_received(message, addr)

    def send_stun(self, message: stun.Message, addr: Address) -> None:  # noqa: ARG002 - aioice's
        self.transport.sendto(bytes(message))

    async def bind(self) -> Address:
        self.request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        self.transaction = stun.Transaction(self.request, ("", 0), self)
        response, _ = await self.transaction.run()
        address = response.attributes.get("XOR-MAPPED-ADDRESS")
        if address is None:
            raise ProbeError("its answer has no mapped address")
        return str(address[0]), int(address[1])


class _Turn(_Refusable, turn.TurnClientMixin):
    """aioice's client, with refusals noted, and what is relayed to it by Data indications."""

    lifetime_given: int | None = None

    def __init__(self, *parameters: object) -> None:
        super().__init__(*parameters)
        self.heard: asyncio.Queue[object] = asyncio.Queue()

    def datagram_received(self, data: bytes | str, addr: Address) -> None:
        message = self._read(cast("bytes", data), self.transactions)
        if message is None:
            return
        if message.message_method == stun.Method.DATA:
            self.heard.put_nowait(message.attributes.get("DATA"))
            return
        if message.message_method == stun.Method.ALLOCATE:
            self.lifetime_given = message.attributes.get("LIFETIME")
        super().datagram_received(data, addr)

    async def allocate(self) -> Address:
        """Allocate; raises `ProbeError` where what is given cannot be used."""
        relayed = await unless(self.refused, self.connect())
        if (seconds := self.lifetime_given or 0) < _SHORTEST_SECONDS:
            raise ProbeError(f"its allocations last only {seconds} s: too short to use")
        return str(relayed[0]), int(relayed[1])

    async def permit(self, peer: Address) -> None:
        """Ask for a permission to relay to and from the peer."""
        request = stun.Message(stun.Method.CREATE_PERMISSION, stun.Class.REQUEST)
        request.attributes["XOR-PEER-ADDRESS"] = peer
        await unless(self.refused, self.request_with_retry(request))

    def relay(self, data: bytes, peer: Address) -> None:
        """Have the data relayed to the peer, by a Send indication."""
        message = stun.Message(stun.Method.SEND, stun.Class.INDICATION)
        message.attributes |= {"XOR-PEER-ADDRESS": peer, "DATA": data}
        self.send_stun(message, self.server)


class _UdpTurn(_Turn, turn.TurnClientUdpProtocol):
    """Over UDP."""


class _TcpTurn(_Turn, turn.TurnClientTcpProtocol):
    """Over TCP or TLS, with the hang-up noted."""

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.error_received(
            exc or ConnectionResetError("it closed the connection before it answered")
        )


Client = _UdpTurn | _TcpTurn


async def bound(uri: IceUri) -> Address:
    """Return the address that a STUN server sees us at."""
    loop = asyncio.get_running_loop()
    transport, binding = await loop.create_datagram_endpoint(
        _Binding, remote_addr=(uri.host, uri.port)
    )
    try:
        return await unless(binding.refused, binding.bind())
    finally:
        transport.close()


async def allocated(
    uri: IceUri, server: IceServer, seconds: float, *, prove: bool
) -> tuple[Address, str | None]:
    """Allocate within these seconds; return the relayed address, and why no relay was proven.

    To `prove`, a datagram goes from this allocation to a second one at the same server, each of
    which permits the other's relayed address. Both are freed in the end.
    """
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(seconds):
            near = await _client(uri, server)
            stack.push_async_callback(_released, near)
            relayed = await near.allocate()
        if not prove:
            return relayed, None
        try:
            async with asyncio.timeout(RELAY_SECONDS):
                far = await _client(uri, server)
                stack.push_async_callback(_released, far)
                return relayed, await _unproven(near, relayed, far)
        except TimeoutError:
            late = f"no datagram got from one allocation to another in {RELAY_SECONDS:g} s"
            return relayed, late
        except ProbeError:
            raise
        except Exception as error:  # noqa: BLE001 - aioice raises whatever an answer leads to
            return relayed, f"a second allocation: {why(error, uri, RELAY_SECONDS)}"


async def _unproven(near: _Turn, relayed: Address, far: _Turn) -> str | None:
    """Return why `near` cannot be seen to relay to `far`; raises `ProbeError` if to nobody.

    `relayed` is the address that was allocated to `near`.
    """
    peer = await far.allocate()
    try:
        await near.permit(peer)
        await far.permit(relayed)
    except stun.TransactionFailed as error:
        code = error.response.error_code or 0
        if code != _FORBIDDEN:
            return f"it refuses its own address as a peer ({code})"
        if await _permits_others(near, relayed):
            return f"it forbids its own address as a peer ({code})"
        raise ProbeError(f"it allocates, but refuses to relay ({code})") from None
    data = secrets.token_bytes(8)
    while True:
        near.relay(data, peer)
        with suppress(TimeoutError):
            async with asyncio.timeout(_BETWEEN_DATAGRAMS_SECONDS):
                while await far.heard.get() != data:
                    pass
                return None


async def _permits_others(client: _Turn, relayed: Address) -> bool:
    """Whether another peer than the server itself is permitted: ourselves, or nobody."""
    for peer in (client.mapped_address, _NOWHERE):
        if peer is not None and peer[0] != relayed[0]:
            with suppress(stun.TransactionFailed):
                await client.permit(peer)
                return True
    return False


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
        if client.integrity_key is not None:  # the answer that told of it may be lost, or no good
            async with asyncio.timeout(_RELEASE_SECONDS):
                await unless(client.refused, client.delete())
    except Exception:  # noqa: BLE001, S110 - it ends by itself, and aioice raises whatever
        pass
    finally:
        if client.refresh_task is not None:
            client.refresh_task.cancel()
        client.transport.abort()  # TLS would say goodbye for longer than the loop may run
    for _ in range(_LOOPS_TO_CLOSE):
        await asyncio.sleep(0)


def why(error: Exception, uri: IceUri, seconds: float) -> str:
    """Tell in one line why there was no answer, or not the one wanted."""
    where = f"{uri.host}:{uri.port}"
    if isinstance(error, ProbeError):
        return str(error)
    if isinstance(error, TimeoutError | stun.TransactionTimeout):
        path: Literal["UDP", "TCP"] = "UDP" if uri.kind == "udp" else "TCP"
        return f"no answer from {where} in {seconds:g} s: {path} to it may be blocked"
    if isinstance(error, stun.TransactionFailed):
        code = error.response.error_code
        return _CODES.get(code or 0, f"refused with code {code}" if code else "refused")
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "verify_message", None) or error.reason or "TLS failed"
        return f"the TLS certificate of {where} is not trusted: {reason}"
    if isinstance(error, ConnectionRefusedError):
        return f"{where} is closed: nothing listens there, or a firewall refuses"
    text = getattr(error, "strerror", None) or " ".join(str(error).split())
    return (
        f"{where} cannot be reached: {text}"
        if isinstance(error, OSError)
        else (f"{where} cannot be used: {text or type(error).__name__}")
    )
