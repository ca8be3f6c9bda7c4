"""What a page needs to connect to the channel, got for it: it holds no key of AWS's."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from kvsops.core.wire.ice import Endpoints, IceServer, Role
from kvsops.errors import NotFoundError
from kvsops.signaling.access import Access
from kvsops.signaling.threads import in_thread
from kvsops.web.links import Seat

FRESH_SECONDS: Final = 60.0
"""How long an answer about endpoints and ICE servers is used again: TURN's credentials last five
minutes."""


class Door:
    """Signs pages in to one channel. Raises what `Access` raises.

    `relayed` says that browsers do not know the certificate of the service, an emulator's: then
    the server passes signaling on, and a page never learns the URL.
    """

    def __init__(
        self,
        access: Access,
        channel_arn: str,
        *,
        relayed: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.channel_arn, self.relayed = channel_arn, relayed
        self._access, self._clock = access, clock
        self._known: dict[Role, tuple[float, Endpoints, list[IceServer]]] = {}
        self.gone = asyncio.Event()
        """Set when the channel turns out not to be there any more."""

    async def open(self, roles: Iterable[Role]) -> frozenset[str]:
        """Ask for the endpoints of these roles; return the origins that a page connects to."""
        known = await asyncio.gather(*(self._ask(role) for role in roles))
        if self.relayed:
            return frozenset()
        return frozenset(f"wss://{urlsplit(endpoints.wss).netloc}" for endpoints, _ in known)

    def knows(self, role: Role) -> bool:
        """Whether the last answer for this role is young enough to be used again."""
        known = self._known.get(role)
        return known is not None and self._clock() - known[0] < FRESH_SECONDS

    async def url(self, seat: Seat, *, fresh: bool = False) -> str:
        """Sign the URL of one connection: a secret, for 299 seconds."""
        endpoints, _ = await self._ask(seat.role, fresh=fresh)
        client_id = seat.client_id if seat.role == "viewer" else None
        return await in_thread(self._access.url, endpoints, self.channel_arn, client_id)

    async def ice_servers(self, seat: Seat, *, fresh: bool = False) -> list[dict[str, Any]]:
        """Return the ICE servers, as browsers take them."""
        _, servers = await self._ask(seat.role, fresh=fresh)
        return [_for_browsers(each) for each in servers]

    async def _ask(self, role: Role, *, fresh: bool = False) -> tuple[Endpoints, list[IceServer]]:
        """Ask, unless the last answer is young enough."""
        if not fresh and self.knows(role):
            _, endpoints, servers = self._known[role]
            return endpoints, servers
        asked_at = self._clock()
        try:
            endpoints = await in_thread(self._access.endpoints, self.channel_arn, role)
            servers = await in_thread(self._access.ice_servers, endpoints, self.channel_arn)
        except NotFoundError:
            self.gone.set()
            raise
        self._known[role] = asked_at, endpoints, servers
        return endpoints, servers


def _for_browsers(server: IceServer) -> dict[str, Any]:
    """Write it as RTCIceServer; of `turns` over UDP browsers know nothing, and refuse it."""
    urls = [uri for uri in server.uris if not (uri.startswith("turns:") and "transport=udp" in uri)]
    secret = {"username": server.username, "credential": server.password}
    return {"urls": urls} | {name: value for name, value in secret.items() if value is not None}
