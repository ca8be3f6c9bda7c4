"""Each STUN and TURN URI asked by itself: whether it binds, allocates and relays; if not, why not.

aiortc hides these failures, and uses only the first URI of a kind.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from kvsops.core.wire.ice import IceServer, IceUri
from kvsops.peers import turn

SECONDS: Final = 3.0
"""What a URI has to answer within: three tries over UDP."""
Relay = Literal["proven", "not-proven"]


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of one URI; `address` is the mapped (STUN) or relayed (TURN) one."""

    uri: str
    result: Literal["ok", "failed", "skipped"]
    seconds: float
    reason: str | None = None
    """Why it failed or was skipped; or why its relay was not proven."""
    address: str | None = None
    relay: Relay | None = None
    """Whether a datagram was seen to be relayed; None where that was not tried."""

    @property
    def usable(self) -> bool:
        """Whether a peer can be given it."""
        return self.result == "ok"


async def probe_all(
    servers: Sequence[IceServer],
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
    *,
    prove: bool = True,
) -> list[Probe]:
    """Probe every URI of the servers, all at once, in the order they were given."""
    asked = [(server, uri) for server in servers for uri in server.uris]
    return await asyncio.gather(
        *(probe(uri, server, seconds, clock, prove=prove) for server, uri in asked)
    )


async def probe(
    text: str,
    server: IceServer,
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.monotonic,
    *,
    prove: bool = True,
) -> Probe:
    """Bind at a STUN URI, or allocate at a TURN URI and `prove` that it relays.

    The proof relays a datagram, which AWS bills as a minute of TURN for each allocation.
    """
    uri, began = IceUri.parse(text), clock()
    if uri.kind is None or uri.scheme == "stuns":
        what = "TURN over DTLS" if uri.relay else "STUN over TLS"
        return Probe(text, "skipped", 0.0, f"not supported by kvsops: {what}")
    relay: Relay | None = None
    reason: str | None = None
    try:
        if uri.relay:
            address, unproven = await turn.allocated(uri, server, seconds, prove=prove)
            if prove:
                relay = "not-proven" if unproven else "proven"
                reason = f"relay not proven: {unproven}" if unproven else None
        else:
            async with asyncio.timeout(seconds):
                address = await turn.bound(uri)
    except Exception as error:  # noqa: BLE001 - aioice raises whatever a strange answer leads to
        return Probe(text, "failed", clock() - began, turn.why(error, uri, seconds))
    return Probe(text, "ok", clock() - began, reason, f"{address[0]}:{address[1]}", relay)
