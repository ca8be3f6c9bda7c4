"""The web server of one page: its files, its way into the channel, and its WebSocket."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import WSCloseCode, hdrs, web

from kvsops.core.wire.ice import Role
from kvsops.errors import DeniedError, KvsopsError, MessageError, NotFoundError, UsageError
from kvsops.web import guard
from kvsops.web.door import Door
from kvsops.web.files import Files
from kvsops.web.links import Link, Links, Refused, Seat
from kvsops.web.pages import Pages, Room, text_of
from kvsops.web.relay import relay
from kvsops.web.site import Site

_SIGNALING_MAXIMUM: Final = 128 * 1024
_STOP_SECONDS: Final = 1.0
_SILENT: Final = logging.getLogger("kvsops.web.aiohttp")
_SILENT.disabled = True  # it would quote what strangers send

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Serves a page at the site, from entering to leaving: `async with Server(...) as server`.

    `page` is the HTML file at `/`; `roles` are those that links are issued for. `warn` is told of
    a defect. Entering raises `KvsopsError` where the channel's endpoints cannot be had.
    """

    def __init__(
        self,
        site: Site,
        links: Links,
        door: Door,
        room: Room,
        *,
        page: str,
        roles: Iterable[Role],
        warn: Callable[[str], None],
        limits: guard.Limits = guard.Limits(),  # noqa: B008 - it is frozen
    ) -> None:
        self.site, self.links, self.door = site, links, door
        self.pages, self._limits = Pages(links, room, limits, self._at_hand), limits
        self._files = Files.of(page)
        self._roles, self._warn = (*roles,), warn
        self._rates: dict[Seat, guard.Rate] = {}
        self._signaling: set[web.WebSocketResponse] = set()

    async def __aenter__(self) -> Self:
        try:
            origins = await self.door.open(self._roles)
            self._headers = guard.headers(self.site, origins, self._files.sources)
        except BaseException:
            self.site.close()
            raise
        self._runner = web.AppRunner(
            self._app(), access_log=None, logger=_SILENT, shutdown_timeout=_STOP_SECONDS
        )
        await self._runner.setup()
        await web.SockSite(self._runner, self.site.listener, ssl_context=self.site.tls).start()
        return self

    def _app(self) -> web.Application:
        @web.middleware
        async def guarded(request: web.Request, handler: Answering) -> web.StreamResponse:
            return await self._guarded(request, handler)

        app = web.Application(middlewares=(guarded,), client_max_size=guard.BODY_MAXIMUM)
        app.on_response_prepare.append(self._dress)
        app.router.add_get("/events", self.pages.serve)
        app.router.add_get("/signaling", self._pass_on)
        app.router.add_post("/connect", self._connect)
        app.router.add_get("/{name:.*}", self._file)
        return app

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.pages.end("kvsops has ended")
        for socket in [*self._signaling]:
            await socket.close()
        await self._runner.cleanup()
        self.site.close()

    def url_of(self, link: Link, *, local: bool = False) -> str:
        """Return a link's URL, the public one unless `local`: a secret, whose fragment lets in."""
        return f"{self.site.local_url if local else self.site.url}/#{link.token}"

    def revoke(self, link: Link, text: str = "this link has ended") -> None:
        """End a link, and tell the pages that have come by it."""
        for seat in self.links.revoke(link):
            self._rates.pop(seat, None)
            self.pages.dismiss(seat, "ended", text)

    # What it answers

    async def _file(self, request: web.Request) -> web.Response:
        """Answer one of our files."""
        found = self._files.served.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(text="Not here.\n")
        body, kind = found
        return web.Response(body=body, content_type=kind, charset="utf-8")

    async def _connect(self, request: web.Request) -> web.Response:
        """Hand a page what it connects with: a URL for its own client id, and ICE servers."""
        seat = self._seat(request.headers.get(hdrs.AUTHORIZATION, "").removeprefix("Bearer "))
        return web.json_response(await self._way(seat, fresh=request.query.get("fresh") == "1"))

    async def _way(self, seat: Seat, *, fresh: bool = False) -> dict[str, Any]:
        """Return what the page of a seat connects with."""
        servers = await self.door.ice_servers(seat, fresh=fresh)
        url = None if self.door.relayed else await self.door.url(seat)
        return {"role": seat.role, "clientId": seat.client_id, "iceServers": servers, "url": url}

    async def _at_hand(self, seat: Seat) -> dict[str, Any] | None:
        """Return the same where the service need not be asked first, which would take a while."""
        try:
            return await self._way(seat) if self.door.knows(seat.role) else None
        except KvsopsError:  # the page asks, and is told why
            return None

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        """Be the page's signaling connection to an emulator."""
        if not self.door.relayed:
            raise web.HTTPNotFound(text="Not here.\n")
        socket = web.WebSocketResponse(max_msg_size=_SIGNALING_MAXIMUM, compress=False)
        await socket.prepare(request)
        try:
            seat = self._seat(text_of(await self.pages.first_message(socket), "seat"))
            url = await self.door.url(seat)
        except (Refused, KvsopsError) as error:
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=str(error).encode()[:120])
            return socket
        self._signaling.add(socket)
        try:
            await relay(socket, url)
        finally:
            self._signaling.discard(socket)
        return socket

    def _seat(self, token: str) -> Seat:
        seat = self.links.seat(token)
        self._rates.setdefault(seat, guard.Rate(self._limits)).take()
        return seat

    # Around each answer

    async def _guarded(self, request: web.Request, handler: Answering) -> web.StreamResponse:
        guard.check(request, self.site)
        try:
            return await handler(request)
        except Refused as refused:
            return _refusal(429 if refused.why == "busy" else 401, refused.why, str(refused))
        except KvsopsError as error:
            return _refusal(502, _why(error), str(error))
        except (web.HTTPException, ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - the server goes on
            self._warn(f"a defect in kvsops: {type(error).__name__}: {error}")
            return _refusal(500, "defect", "a defect in kvsops: see its terminal")

    async def _dress(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self._headers)


def _why(error: KvsopsError) -> str:
    """Say what the page goes by: whether it helps to try again."""
    kinds: dict[type[KvsopsError], str] = {
        NotFoundError: "gone",
        DeniedError: "denied",
        UsageError: "denied",  # CredentialsError is one
        MessageError: "malformed",
    }
    return next((why for kind, why in kinds.items() if isinstance(error, kind)), "service")


def _refusal(status: int, why: str, text: str) -> web.Response:
    told: dict[str, Any] = {"why": why, "text": text}
    return web.json_response(told, status=status)
