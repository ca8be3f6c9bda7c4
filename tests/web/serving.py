"""A server of ours run beside a test, in a thread with its own event loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import web

from kvsops.aws.scope import Scope
from kvsops.cli.access import access_of
from kvsops.core.wire.ice import Role
from kvsops.web.door import Door
from kvsops.web.guard import Limits
from kvsops.web.links import Link, Links, Seat
from kvsops.web.server import Server
from kvsops.web.site import Site
from tests.web.beside import beside

HOUR = timedelta(hours=1)


@dataclass
class Notes:
    """A room that takes note of everything."""

    greets: Mapping[str, Any] = field(default_factory=dict)
    heard: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)

    def greeting(self, seat: Seat) -> Mapping[str, Any]:
        """Greet with the same to all, and the seat's role."""
        return {"role": seat.role, **self.greets}

    async def came(self, seat: Seat) -> None:
        """Note it."""
        self.moves.append(("came", seat.client_id))

    async def left(self, seat: Seat) -> None:
        """Note it."""
        self.moves.append(("left", seat.client_id))

    async def said(self, seat: Seat, message: Mapping[str, Any]) -> None:
        """Note it."""
        self.heard.append((seat.number, message))


@dataclass
class Serving:
    """A server that runs, and how to have something done on its loop."""

    server: Server
    room: Notes
    warnings: list[str]
    loop: asyncio.AbstractEventLoop

    def url(self, role: Role = "viewer", *, seats: int = 3, lasts: timedelta = HOUR) -> str:
        """Issue a link, and return its URL."""
        return self.server.url_of(self.link(role, seats=seats, lasts=lasts))

    def link(self, role: Role = "viewer", *, seats: int = 3, lasts: timedelta = HOUR) -> Link:
        """Issue a link with so many seats."""
        names = [f"{role}-{number}" for number in range(seats)]
        return self.server.links.issue(role, names, lasts)

    def do(self, call: Callable[..., Any], *arguments: Any, **more: Any) -> None:
        """Have something called on the loop, and wait until it was."""

        async def called() -> None:
            call(*arguments, **more)

        asyncio.run_coroutine_threadsafe(called(), self.loop).result(10)

    def break_off(self) -> None:
        """Break off all WebSockets of pages, as a network does."""
        sockets = [
            *self.server._signaling,
            *(page.socket for page in self.server.pages._open.values()),
        ]

        def abort(socket: web.WebSocketResponse) -> None:
            request = socket._req
            assert request is not None
            assert request.transport is not None
            request.transport.abort()

        for socket in sockets:
            self.do(abort, socket)


def serving(
    scope: Scope,
    channel_arn: str,
    *,
    page: str = "view.html",
    limits: Limits | None = None,
    relayed: bool = True,
    site: Callable[[], Site] = Site.opened,
) -> AbstractContextManager[Serving]:
    """Serve the page for a channel on the emulator, until the block ends."""

    @asynccontextmanager
    async def served() -> AsyncIterator[Serving]:
        room, warnings = Notes(), list[str]()
        server = Server(
            site(),
            Links(),
            Door(access_of(scope), channel_arn, relayed=relayed),
            room,
            page=page,
            roles=("viewer", "master"),
            warn=warnings.append,
            limits=limits or Limits(),
        )
        async with server:
            yield Serving(server, room, warnings, asyncio.get_running_loop())

    return beside(served())


def run(work: Awaitable[Any]) -> Any:
    """Run it, for at most 20 seconds."""

    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(bounded())
