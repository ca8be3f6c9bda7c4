"""Whether a master is there: a viewer of ours offers, and sees whether anybody answers.

The service tells nobody who is connected. A master that answers nobody cannot be seen.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from kvsops.core.wire.ice import Role
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
CLIENT_IDS: Final = frozenset({CLIENT_ID, SECOND_CLIENT_ID})
PATIENCE_SECONDS: Final = 4.0
"""How long an answer to each of the two may take."""
_CONNECT_SECONDS: Final = 20.0
_GOODBYE_SECONDS: Final = 3.0
"""How long the call with a master that did answer may take to stand: one that stood ends in order,
where AWS's C client would hold on to one that did not."""


async def master_answers(
    access: Access,
    channel_arn: str,
    *,
    now: Callable[[], datetime],
    patience_seconds: float = PATIENCE_SECONDS,
) -> bool:
    """Offer as a viewer, and tell whether a master answers; raises `KvsopsError`."""
    endpoints = await in_thread(access.endpoints, channel_arn, "viewer")

    def session(_role: Role, client_id: str | None) -> Session:
        return access.session(channel_arn, endpoints, client_id, now)

    def peer(_role: Role, _call: Call, ice: Ice) -> Peer:
        return Peer("knock", ice)

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
        return await _answered(meeting, 2 * patience_seconds + 1)
    finally:
        await meeting.close()


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
) -> None:
    """Raise `UsageError` where a master answers, or where that cannot be found out."""
    try:
        there = await master_answers(
            access, channel_arn, now=now, patience_seconds=patience_seconds
        )
    except (KvsopsError, TimeoutError) as error:
        why = str(error) or "the service did not take the offer in time"
        raise UsageError(
            f"whether a master is connected cannot be found out: {why}; --take-over does not ask"
        ) from None
    if there:
        raise UsageError(
            "a master is connected, and answers: connecting as master would disconnect it; "
            "--take-over does it anyway"
        )
