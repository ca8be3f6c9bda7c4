"""The data plane: a thread whose event loop runs the relay, its HTTPS side and TURN."""

import asyncio
import asyncio.sslproto
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from functools import partial
from threading import Thread
from typing import Any

from aiohttp import web

from kvsops.core.channel import ChannelArn
from kvsops.errors import UsageError
from kvsops.local import aws_names, control_plane, gate
from kvsops.local.api.call import Call
from kvsops.local.binding import binding
from kvsops.local.faults import ALLOCATE, TURN_REFUSED
from kvsops.local.middleware import Middleware
from kvsops.local.overload import Spare, is_exhausted
from kvsops.local.settings import Settings
from kvsops.local.signaling.admission import Refused, locate
from kvsops.local.signaling.counters import Counters
from kvsops.local.signaling.delivery import Delivery
from kvsops.local.signaling.front import Front
from kvsops.local.signaling.operations import SignalingApi
from kvsops.local.signaling.relay import Relay, hang_up, refusal, response
from kvsops.local.signaling.tls import Authority
from kvsops.local.signaling.web_server import SECONDS_TO_STOP, WebServer
from kvsops.local.turn.credentials import TurnCredentials, channel_arn_of, uris
from kvsops.local.turn.server import TurnServer

_BACKLOG = 1_024
_THREADS = 64  # for calls of the API that come by AWS's names: moto blocks

log = logging.getLogger("kvsops.local")

_TO_ONE_GONE = ("SSL connection is closed", "socket.send() raised exception.")
# asyncio warns of writes to a client that has gone, once for each: such is a relay's life.
logging.getLogger("asyncio").addFilter(lambda record: record.msg not in _TO_ONE_GONE)

# Each connection over TLS holds such a buffer; of 256 KiB, 3,000 WebSockets fill a gigabyte.
asyncio.sslproto.SSLProtocol.max_size = 16 * 1024  # what one TLS record holds

Answering = Callable[[web.BaseRequest, Call], Awaitable[web.StreamResponse]]


_Started = tuple[dict[str, int], Callable[[], object]]
"""The ports by their names, and what stops it from another thread."""


class DataPlane:
    """The data plane of one emulator; it listens from its creation until `stop`.

    Each side has a port of its own, or all of them the one that AWS has, told apart by AWS's names.
    """

    def __init__(self, middleware: Middleware, authority: Authority) -> None:
        self._middleware, self._authority = middleware, authority
        self._settings = middleware.settings
        started: Future[_Started] = Future()
        self._thread = Thread(target=self._run, args=(started,), name="kvsops-local", daemon=True)
        self._thread.start()
        self._ports, self._stop = started.result()

    def endpoint(self, protocol: str, role: str, region: str) -> str:
        """Return the endpoint of a protocol (WSS, HTTPS) and role (MASTER, VIEWER)."""
        if self._settings.aws_names:
            return aws_names.endpoint(protocol, role, region)
        port = self._ports[role if protocol == "WSS" else "HTTPS"]
        return f"{protocol.lower()}://{self._settings.host}:{port}"

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
            delivery = Delivery(self._settings, counters)
            relay = Relay(self._middleware, counters, delivery)
            api = SignalingApi(self._middleware, counters, delivery, credentials)
            context = self._authority.server_context()
            turn = self._turn(counters, credentials, context)
            await stack.enter_async_context(turn)
            api.turn_uris = partial(self._turn_uris, turn)
            sides = self._sides(relay, api)
            ports: dict[str, int] = {}
            if self._settings.aws_names:
                await self._serve_by_name(stack, sides, context, turn, spare)
            else:
                ports = await self._serve(stack, sides, context)
            started.set_result((ports, partial(loop.call_soon_threadsafe, stop.set)))
            await relay.run(stop)

    def _sides(self, relay: Relay, api: SignalingApi) -> dict[str, Answering]:
        """Return who answers masters, viewers and HTTPS callers."""
        sides: dict[str, Answering] = {
            "MASTER": lambda request, call: relay.connect(request, call, "master"),
            "VIEWER": lambda request, call: relay.connect(request, call, "viewer"),
            "HTTPS": partial(_call_api, api, self._settings),
        }
        return {
            name: partial(_after_latency, self._settings, answering)
            for name, answering in sides.items()
        }

    async def _serve(
        self, stack: AsyncExitStack, sides: dict[str, Answering], context: ssl.SSLContext
    ) -> dict[str, int]:
        """Listen for each side on its own port."""
        ports = {}
        for name, answering in sides.items():
            runner, _ = await self._runner(stack, answering)
            address = self._settings.host, self._settings.port_of(name)
            with binding(*address):
                listener = socket.create_server(address, backlog=_BACKLOG)
            await web.SockSite(runner, listener, ssl_context=context, backlog=_BACKLOG).start()
            ports[name] = listener.getsockname()[1]
        return ports

    async def _serve_by_name(
        self,
        stack: AsyncExitStack,
        sides: dict[str, Answering],
        context: ssl.SSLContext,
        turn: TurnServer,
        spare: Spare,
    ) -> None:
        """Listen for all sides on the port that AWS has: the API, and TURN over TCP and TLS too."""
        threads = stack.enter_context(ThreadPoolExecutor(_THREADS, "kvsops-local-api"))
        sides = sides | {aws_names.CONTROL: partial(_call_aws, threads, self._middleware)}

        def by_name(request: web.BaseRequest, call: Call) -> Awaitable[web.StreamResponse]:
            return sides[aws_names.side_of(call.headers.get("host", ""))](request, call)

        _, server = await self._runner(stack, by_name)
        front = Front(context, server, turn.stream, spare)
        front.start(self._settings.host, aws_names.PORT)
        stack.push_async_callback(front.close)

    async def _runner(
        self, stack: AsyncExitStack, answering: Answering
    ) -> tuple[web.ServerRunner, WebServer]:
        server = WebServer(partial(_answer, self._settings, answering))
        runner = web.ServerRunner(server, shutdown_timeout=SECONDS_TO_STOP)
        await runner.setup()
        stack.push_async_callback(server.end, runner)
        return runner, server

    def _turn(
        self, counters: Counters, credentials: TurnCredentials, context: ssl.SSLContext
    ) -> TurnServer:
        """Make the STUN and TURN server."""
        settings, by_name = self._settings, self._settings.aws_names
        turn, turns = settings.port_of("TURN"), settings.port_of("TURNS")
        return TurnServer(
            lambda username: credentials.password_of(username, settings.clock()),
            host=settings.host,
            ports=(aws_names.PORT, None, 0) if by_name else (turn, turn, turns),
            ssl_context=None if by_name else context,
            clock=lambda: settings.clock().timestamp(),
            channel_of=lambda username: channel_arn_of(username) or "",
            on_relayed=partial(_count_turn_minute, counters),
            refuse=lambda: self._middleware.fault(ALLOCATE) == TURN_REFUSED,
        )

    def _turn_uris(self, turn: TurnServer, region: str) -> list[str]:
        if self._settings.aws_names:
            name = aws_names.turn(self._settings.host, region)
            return uris(name, aws_names.PORT, aws_names.PORT)
        return uris(self._settings.host, turn.udp_port, turn.tls_port or 0)


async def _answer(
    settings: Settings, answering: Answering, request: web.BaseRequest
) -> web.StreamResponse:
    """Read a request and answer it."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.method, request.raw_path, headers, await request.read())
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


async def _after_latency(
    settings: Settings, answering: Answering, request: web.BaseRequest, call: Call
) -> web.StreamResponse:
    await asyncio.sleep(settings.latency.total_seconds())
    return await answering(request, call)


async def _call_aws(
    threads: ThreadPoolExecutor, middleware: Middleware, request: web.BaseRequest, call: Call
) -> web.StreamResponse:
    """Have the control plane answer."""
    asked = asyncio.get_running_loop().run_in_executor
    answer = await asked(threads, control_plane.answer, call, middleware)
    return hang_up(request) if answer is None else response(answer, middleware.settings.clock())


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
