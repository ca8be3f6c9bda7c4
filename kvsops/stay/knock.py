"""Whether a master is there: a viewer of ours offers, and sees whether anybody answers.

The service tells nobody who is connected. A master that answers nobody cannot be seen.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kvsops.core.wire.ice import Role
from kvsops.core.wire.payload import Description
from kvsops.errors import KvsopsError, UsageError
from kvsops.peers.call import Call
from kvsops.peers.ice import Ice
from kvsops.peers.meeting import Meeting
from kvsops.peers.peer import Peer
from kvsops.signaling.access import Access
from kvsops.signaling.session import Session
from kvsops.signaling.threads import in_thread
from kvsops.stay.servers import Servers

CLIENT_ID: Final = "kvsops-play"
SECOND_CLIENT_ID: Final = "kvsops-play-again"
"""For a master that ignores the first: stable both, as each new one may hold a viewer's slot."""
PATIENCE_SECONDS: Final = 4.0
"""How long an answer to each of the two may take."""
_CONNECT_SECONDS: Final = 20.0
_GOODBYE_SECONDS: Final = 3.0
"""How long the call with a master that did answer may take to stand: one that stood ends in order,
where AWS's C client would hold on to one that did not."""


@dataclass(frozen=True, slots=True)
class Knock:
    """What came of it; `offers` are ours, which the service hands to the next master."""

    answered: bool
    offers: frozenset[str]
    """As `mark_of` tells one from another."""


def mark_of(description: Description) -> str:
    """Tell a description from all others: by its ICE passwords."""
    return " ".join(re.findall(r"^a=ice-pwd:(\S+)", description.sdp, re.MULTILINE))


async def knock(
    access: Access,
    channel_arn: str,
    *,
    now: Callable[[], datetime],
    patience_seconds: float = PATIENCE_SECONDS,
) -> Knock:
    """Offer as a viewer, and see whether a master answers; raises `KvsopsError`."""
    endpoints = await in_thread(access.endpoints, channel_arn, "viewer")
    peers: list[Peer] = []

    def session(_role: Role, client_id: str | None) -> Session:
        return access.session(channel_arn, endpoints, client_id, now)

    def peer(_role: Role, _call: Call, ice: Ice) -> Peer:
        peers.append(Peer("knock", ice))
        return peers[-1]

    loop = asyncio.get_running_loop()
    servers = Servers(lambda: in_thread(access.ice_servers, endpoints, channel_arn), loop.time)
    meeting = Meeting(
        [CLIENT_ID],
        peer,
        await servers.get(),
        session,
        second_ids={CLIENT_ID: SECOND_CLIENT_ID},
        patience_seconds=patience_seconds,
    )
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await meeting.connect_viewers()
            await meeting.offer()
        answered = await _answered(meeting, 2 * patience_seconds + 1)
    finally:
        await meeting.close()
    ours = (each.connection.localDescription.sdp for each in peers)
    return Knock(answered, frozenset(mark_of(Description("offer", sdp)) for sdp in ours))


async def _answered(meeting: Meeting, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await meeting.answer()
    except TimeoutError:
        return False
    with suppress(TimeoutError, KvsopsError):
        async with asyncio.timeout(_GOODBYE_SECONDS):
            await meeting.each(end.reach_dtls() for end in meeting.ends)
    return True


async def require_no_master(
    access: Access,
    channel_arn: str,
    *,
    now: Callable[[], datetime],
    patience_seconds: float = PATIENCE_SECONDS,
) -> frozenset[str]:
    """Return the offers that were made to find no master there.

    Raises `UsageError` where one answers, or where that cannot be found out.
    """
    try:
        found = await knock(access, channel_arn, now=now, patience_seconds=patience_seconds)
    except (KvsopsError, TimeoutError) as error:
        why = str(error) or "the service did not take the offer in time"
        raise UsageError(
            f"whether a master is connected cannot be found out: {why}; --take-over does not ask"
        ) from None
    if found.answered:
        raise UsageError(
            "a master is connected, and answers: connecting as master would disconnect it; "
            "--take-over does it anyway"
        )
    return found.offers
