"""The control plane over HTTP, on 127.0.0.1 only: one thread for each connection, kept alive."""

import difflib
import logging
import os
import socket
import ssl
import sys
from collections import Counter
from datetime import UTC
from email.utils import format_datetime
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from types import TracebackType
from typing import Any, Self, cast

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.kinesisvideo.models import kinesisvideo_backends

from kvsops.errors import UsageError
from kvsops.local import settings as active_settings
from kvsops.local.api.call import (
    CORS_HEADERS,
    DEFAULT_REGION,
    Answer,
    Call,
    error_answer,
    json_answer,
    preflight_headers,
)
from kvsops.local.cloudwatch.index import MetricIndex
from kvsops.local.cloudwatch.models import metrics
from kvsops.local.dispatch import ACCOUNT_ID
from kvsops.local.environment import child_environment
from kvsops.local.extension import install
from kvsops.local.kinesisvideo.models import KinesisVideoBackend
from kvsops.local.middleware import Entry, Middleware
from kvsops.local.settings import Settings
from kvsops.local.signaling.endpoints import Endpoints

log = logging.getLogger("kvsops.local")

HOST = "127.0.0.1"
CALLS_PATH = "/kvsops-api/calls"
"""GET it for JSON: `calls` and `throttled` by operation, `log` as in `LocalServer.log`."""

_SECONDS_BETWEEN_LOOKS = 0.02  # whether to stop
_SECONDS_TO_STOP = 5.0


class LocalServer:
    """The emulator while it runs: `with LocalServer(Settings()) as local: …`.

    It may be started many times in one process, and begins empty each time. Two at once in one
    process would share their channels and settings, for moto's backends are global: start one
    at a time, or one in each process. `port` 0 takes a free one; a port in use raises OSError.
    """

    def __init__(
        self, settings: Settings | None = None, port: int = 0, region: str = DEFAULT_REGION
    ) -> None:
        self.settings = settings or Settings()
        self.region = region
        self._port = port
        self._middleware = Middleware(self.settings)
        self._endpoints: Endpoints | None = None

    def start(self) -> None:
        """Begin to answer, empty and uncounted.

        Raises OSError if the port cannot be had, `UsageError` if signaling is not installed.
        """
        install()
        self._middleware = Middleware(self.settings)
        self._server = _Server(self._port, self._middleware)
        try:
            self._endpoints = Endpoints(self._middleware) if self.settings.signaling else None
        except BaseException:
            self._server.server_close()
            raise
        self.settings.endpoint_of = self._endpoints
        self._before = active_settings.activate(self.settings)
        _forget_everything()
        self._thread = Thread(
            target=self._server.serve_forever, args=(_SECONDS_BETWEEN_LOOKS,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the connections and forget the channels."""
        self._middleware.close()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()
        self.settings.endpoint_of = None
        if self._endpoints is not None:
            self._endpoints.close()
        _forget_everything()
        active_settings.activate(self._before)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.server_port

    @property
    def endpoint_url(self) -> str:
        """The endpoint for every service: `http://127.0.0.1:PORT`."""
        return f"http://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the environment for a child process whose AWS clients shall use this emulator."""
        return child_environment(self.endpoint_url, self.region, os.environ, self.ca_bundle)

    @property
    def ca_bundle(self) -> str | None:
        """The file by which clients trust the endpoints of channels; None without signaling."""
        return None if self._endpoints is None else str(self._endpoints.authority.bundle)

    def client_context(self) -> ssl.SSLContext:
        """Make the TLS context of a client in this process; only with signaling."""
        if self._endpoints is None:
            raise UsageError("this emulator runs without signaling")
        return self._endpoints.authority.client_context()

    @property
    def calls(self) -> Counter[str]:
        """How often each operation was called, whatever came of it."""
        return self._middleware.counts.calls

    @property
    def throttled(self) -> Counter[str]:
        """How often each operation was answered with ClientLimitExceededException."""
        return self._middleware.counts.throttled

    @property
    def log(self) -> list[Entry]:
        """The last 100,000 calls: seconds since the start, operation, `ok` or what went wrong."""
        return self._middleware.counts.log

    def backend(self, region: str | None = None) -> KinesisVideoBackend:
        """Return the channels themselves, to put there what the API would refuse."""
        backend = kinesisvideo_backends[ACCOUNT_ID][region or self.region]
        return cast("KinesisVideoBackend", backend)

    def metrics(self, region: str | None = None) -> MetricIndex:
        """Return the metrics of signaling channels, to record there what was used."""
        return metrics(ACCOUNT_ID, region or self.region)


def check_region(region: str) -> None:
    """Raise `UsageError` unless the service, and so the emulator, has this region."""
    regions = kinesisvideo_backends[ACCOUNT_ID].regions
    if region not in regions:
        near = difflib.get_close_matches(region, regions, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(regions))}"
        raise UsageError(f"--region {region!r}: Kinesis Video Streams is not there; {hint}")


def _forget_everything() -> None:
    BackendDict.reset()
    reset_model_data()


class _Server(ThreadingHTTPServer):
    """Accepts connections, and can end those that clients keep open."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, middleware: Middleware) -> None:
        self.middleware = middleware
        self._open: set[socket.socket] = set()
        self._closed = Condition()
        super().__init__((HOST, port), _HttpConnection)

    def server_bind(self) -> None:
        """Bind without the name lookup of the base class, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection before its thread starts."""
        with self._closed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection when its thread ends."""
        super().shutdown_request(request)
        with self._closed:
            self._open.discard(request)
            self._closed.notify_all()

    def close_connections(self) -> None:
        """End all connections, and wait a moment for their threads."""
        with self._closed:
            for connection in self._open:
                _shut(connection)
            self._closed.wait_for(lambda: not self._open, _SECONDS_TO_STOP)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - inherited
        """Say nothing of clients that went away: some do so on purpose."""
        if isinstance(sys.exception(), OSError):
            log.debug("a connection broke", exc_info=True)
        else:
            log.exception("a connection failed")


class _HttpConnection(BaseHTTPRequestHandler):
    """One client's connection. Each answer leaves in one piece, so Nagle's rule never waits."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def answer_request(self) -> None:
        """Answer one request, or close the connection where the settings want that."""
        length = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not length.isdecimal():
            self.close_connection = True
            self._send(error_answer(411, "LengthRequired", "kvsops local wants a Content-Length."))
            return
        body = self.rfile.read(int(length))
        gone = len(body) < int(length)  # the client, in the midst of its request
        answer = None if gone else self._answer(body)
        if answer is None:
            self.close_connection = True
            _shut(self.connection)
        else:
            self._send(answer)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = answer_request  # noqa: N815 - names that http.server looks for

    def _answer(self, body: bytes) -> Answer | None:
        if self.command == "OPTIONS":
            return Answer(204)
        if self.path == CALLS_PATH:
            return json_answer(self.server.middleware.counts._asdict())
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self.server.middleware(Call(self.command, self.path, headers, body))

    def _send(self, answer: Answer) -> None:
        now = self.server.middleware.settings.clock().astimezone(UTC)
        headers = answer.headers | CORS_HEADERS
        headers["content-length"] = str(len(answer.body))
        headers["date"] = format_datetime(now, usegmt=True)
        if self.command == "OPTIONS":
            headers |= preflight_headers(self.headers.get("access-control-request-headers", "*"))
        if self.close_connection:
            headers["connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        self.wfile.write(head if self.command == "HEAD" else head + answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - inherited
        """Log no requests on the terminal; they are counted instead."""


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("a connection was gone already")
