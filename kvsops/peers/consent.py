"""Whether the other end is still there: a check of the pair in use, which it has to answer.

aioice asks by itself, too, but takes half a minute to give up.
Source: https://www.rfc-editor.org/rfc/rfc7675#section-5.1
"""

import asyncio

from aioice import stun
from aiortc import RTCPeerConnection

from kvsops.peers import internals


async def answers(peer: RTCPeerConnection, seconds: float) -> bool | None:
    """Whether the other end answers in time, or sends something; None where that is not known."""
    found = [await _answers(ice, seconds) for ice in internals.connections(peer)]
    silent = silent_seconds(peer)
    return None if silent is None else any(found) or silent < seconds


def silent_seconds(peer: RTCPeerConnection) -> float | None:
    """Return how long nothing came, not even STUN; None where that is not known."""
    now = asyncio.get_running_loop().time()
    heard = [each.heard for ice in internals.connections(peer) for each in ice.traffic.values()]
    return now - max(heard) if heard else None


async def _answers(ice: internals.Connection, seconds: float) -> bool:
    for pair in ice.in_use():
        request = ice.build_request(pair, nominate=False)
        key = (ice.remote_password or "").encode()
        try:
            async with asyncio.timeout(seconds):
                await pair.protocol.request(request, pair.remote_addr, key)
        except stun.TransactionFailed:  # an answer, too
            return True
        except (TimeoutError, stun.TransactionError, ConnectionError):
            return False
        return True
    return False
