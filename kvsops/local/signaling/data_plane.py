"""The data plane: a thread whose event loop runs the relay, its HTTPS side and TURN."""

import asyncio
import asyncio.sslproto
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from functools import partial
from threading import Thread
from typing import Any, Final

from aiohttp import web

from kvsops.core.channel import ChannelArn
from kvsops.errors import UsageError
from kvsops.local import gate
from kvsops.local.api.call import Call
from kvsops.local.faults import ALLOCATE, TURN_REFUSED
from kvsops.local.middleware import Middleware
from kvsops.local.overload import Spare, is_exhausted
from kvsops.local.settings import Settings
from kvsops.local.signaling.admission import Refused, locate
from kvsops.local.signaling.counters import Counters
from kvsops.local.signaling.delivery import Delivery
from kvsops.local.signaling.masking import MaskedFrames
from kvsops.local.signaling.operations import SignalingApi
from kvsops.local.signaling.relay import Relay, hang_up, refusal, response
from kvsops.local.signaling.tls import Authority
from kvsops.local.turn.credentials import TurnCredentials, channel_arn_of, uris
from kvsops.local.turn.server import TurnServer

HOST: Final = "127.0.0.1"
_BACKLOG = 1_024
_SECONDS_TO_STOP = 2.0
_SECONDS_BETWEEN_LOOKS = 0.005

log = logging.getLogger("kvsops.local")
_SILENT = logging.getLogger("kvsops.local.aiohttp")
_SILENT.disabled = True  # it would quote what clients send that is no HTTP

_TO_ONE_GONE = ("SSL connection is closed", "socket.send() raised exception.")
# asyncio warns of writes to a client that has gone, once for each: such is a relay's life.
logging.getLogger("asyncio").addFilter(lambda record: record.msg not in _TO_ONE_GONE)

# Each connection over TLS holds such a buffer; of 256 KiB, 3,000 WebSockets fill a gigabyte.
asyncio.sslproto.SSLProtocol.max_size = 16 * 1024  # what one TLS record holds

Answering = Callable[[web.BaseRequest, Call], Awaitable[web.StreamResponse]]


_Started = tuple[dict[str, int], Callable[[], object]]
"""The ports by their names, and what stops it from another thread."""


class DataPlane:
    """The data plane of one emulator; it listens from its creation until `stop`."""

    def __init__(self, middleware: Middleware, authority: Authority) -> None:
        self._middleware, self._authority = middleware, authority
        started: Future[_Started] = Future()
        self._thread = Thread(target=self._run, args=(started,), name="kvsops-local", daemon=True)
        self._thread.start()
        self._ports, self._stop = started.result()

    def endpoint(self, protocol: str, role: str) -> str:
        """Return the endpoint of a protocol (WSS, HTTPS) and role (MASTER, VIEWER)."""
        if protocol == "WSS":
            return f"wss://{HOST}:{self._ports[role]}"
        return f"https://{HOST}:{self._ports['HTTPS']}"

    def stop(self) -> None:
        """Close all connections and wait for the thread to end."""
        self._stop()
        self._thread.join()

    def _run(self, started: Future[_Started]) -> None:
        try:
            asyncio.run(self._live(started))
        except BaseException as error:
            if started.done():
                log.exception("the data plane failed")
            else:
                started.set_exception(error)

    async def _live(self, started: Future[_Started]) -> None:
        """Listen, report the ports and how to stop, and run until stopped."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            spare = Spare()
            stack.callback(spare.close)
            loop.set_exception_handler(partial(_shed, spare))
            counters, credentials = Counters(self._middleware), TurnCredentials()
            delivery = Delivery(self._middleware.settings, counters)
            relay = Relay(self._middleware, counters, delivery)
            api = SignalingApi(self._middleware, counters, delivery, credentials)
            context = self._authority.server_context()
            api.turn_uris = await self._serve_turn(stack, counters, credentials, context)
            ports = await self._serve(stack, relay, api, context)
            started.set_result((ports, partial(loop.call_soon_threadsafe, stop.set)))
            await relay.run(stop)

    async def _serve(
        self, stack: AsyncExitStack, relay: Relay, api: SignalingApi, context: ssl.SSLContext
    ) -> dict[str, int]:
        """Listen for masters, viewers and HTTPS callers, each on its own port."""
        sides: dict[str, Answering] = {
            "MASTER": lambda request, call: relay.connect(request, call, "master"),
            "VIEWER": lambda request, call: relay.connect(request, call, "viewer"),
            "HTTPS": partial(_call_api, api, self._middleware.settings),
        }
        ports = {}
        for name, answering in sides.items():
            server = _Server(partial(_answer, self._middleware.settings, answering))
            runner = web.ServerRunner(server, shutdown_timeout=_SECONDS_TO_STOP)
            await runner.setup()
            stack.push_async_callback(server.end, runner)
            listener = socket.create_server((HOST, 0), backlog=_BACKLOG)
            await web.SockSite(runner, listener, ssl_context=context, backlog=_BACKLOG).start()
            ports[name] = listener.getsockname()[1]
        return ports

    async def _serve_turn(
        self,
        stack: AsyncExitStack,
        counters: Counters,
        credentials: TurnCredentials,
        context: ssl.SSLContext,
    ) -> list[str]:
        """Serve STUN and TURN; return the URIs."""
        clock = self._middleware.settings.clock
        turn = TurnServer(
            lambda username: credentials.password_of(username, clock()),
            host=HOST,
            ssl_context=context,
            clock=lambda: clock().timestamp(),
            channel_of=lambda username: channel_arn_of(username) or "",
            on_relayed=partial(_count_turn_minute, counters),
            refuse=lambda: self._middleware.fault(ALLOCATE) == TURN_REFUSED,
        )
        await stack.enter_async_context(turn)
        return uris(HOST, turn.udp_port, turn.tls_port or 0)


class _Connection(web.RequestHandler):
    """Has WebSocket frames checked for their masks."""

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        """Put the check before the parser."""
        super().set_parser(MaskedFrames(parser), data_received_cb)  # type: ignore[arg-type]


class _Server(web.Server):
    """Tracks its sockets until they close: TLS has them wait for the clients' close_notify."""

    def __init__(
        self, answering: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
    ) -> None:
        super().__init__(answering)
        self._sockets: dict[web.RequestHandler, socket.socket] = {}

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Remember the socket."""
        super().connection_made(handler, transport)
        self._sockets[handler] = transport.get_extra_info("socket")

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Forget it."""
        super().connection_lost(handler, exc)
        self._sockets.pop(handler, None)

    def __call__(self) -> web.RequestHandler:
        """Make a connection's handler."""
        loop = asyncio.get_running_loop()
        return _Connection(self, loop=loop, access_log=None, logger=_SILENT)  # type: ignore[arg-type]

    async def end(self, runner: web.ServerRunner) -> None:
        """Give open requests a moment, then end all sockets.

        A transport over TLS that was closed twice cannot be aborted any more, before Python 3.12.
        """
        await runner.cleanup()
        for connected in self._sockets.values():
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
        with suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS_TO_STOP):
                while self._sockets:
                    await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


async def _answer(
    settings: Settings, answering: Answering, request: web.BaseRequest
) -> web.StreamResponse:
    """Read a request and answer it after the settings' latency."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.method, request.raw_path, headers, await request.read())
    await asyncio.sleep(settings.latency.total_seconds())
    refused = gate.refusal(call, settings)
    answered: web.StreamResponse = (
        response(refused, settings.clock())
        if refused
        else await _answer_call(settings, answering, request, call)
    )
    if not answered.prepared:
        answered.headers.update(gate.cors_headers(headers, settings))
    return answered


async def _answer_call(
    settings: Settings, answering: Answering, request: web.BaseRequest, call: Call
) -> web.StreamResponse:
    try:
        return await answering(request, call)
    except Exception:
        # Our own bug must not end the server; the log omits the URL, which is a secret.
        log.exception("a call of the data plane failed")
        refused = Refused("InternalFailure", "kvsops local failed: see its log.")
        return refusal(refused, settings.clock())


async def _call_api(
    api: SignalingApi, settings: Settings, request: web.BaseRequest, call: Call
) -> web.StreamResponse:
    answer = await api(call)
    return hang_up(request) if answer is None else response(answer, settings.clock())


def _shed(spare: Spare, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Hang up on those who cannot be accepted; asyncio would try again every second, with a log."""
    if is_exhausted(context.get("exception")) and "socket" in context:
        spare.refuse(context["socket"].fileno())
    else:
        loop.default_exception_handler(context)


def _count_turn_minute(counters: Counters, username: str) -> None:
    """Count a minute for the channel of a username; it may have been deleted."""
    with suppress(Refused, UsageError):
        counters.turn_minute(locate(ChannelArn.parse(channel_arn_of(username) or "")))
