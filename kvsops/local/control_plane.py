"""The control plane over HTTP, on one address: one thread for each connection, kept alive."""

import logging
import re
import socket
import sys
import time
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition
from typing import Any

from kvsops.local import gate
from kvsops.local.api.call import Answer, Call, date_header, error_answer, json_answer
from kvsops.local.binding import binding
from kvsops.local.middleware import Middleware
from kvsops.local.overload import Spare, is_exhausted

log = logging.getLogger("kvsops.local")

CALLS_PATH = f"{gate.OWN_API}calls"
"""GET it for JSON: `calls` and `throttled` by operation, `log` as in `LocalServer.log`."""

_SECONDS_TO_STOP = 5.0
_LONGEST_BODY = 4 * 1024 * 1024
_SHED_AT_ONCE = 8
_SECONDS_TO_MAKE_ROOM = 0.05


class ControlPlane(ThreadingHTTPServer):
    """Accepts connections, and can close those that clients keep open."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, middleware: Middleware) -> None:
        self.middleware = middleware
        self._open: set[socket.socket] = set()
        self._closed = Condition()
        self._idle: dict[socket.socket, None] = {}  # those idle for longest come first
        self._spare = Spare()
        super().__init__((middleware.settings.host, port), _HttpConnection)

    def server_bind(self) -> None:
        """Bind without the name lookup of the base class, which can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        host, port = self.middleware.settings.host, int(self.server_address[1])
        with binding(host, port):
            self.socket.bind((host, port))
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = host, self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; where no descriptor is left, make room instead."""
        try:
            return super().get_request()
        except OSError as error:
            if is_exhausted(error):
                self._shed()
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection before its thread starts."""
        with self._closed:
            self._open.add(request)
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread could be had
            self._shed()
            self.shutdown_request(request)

    def is_idle(self, connection: socket.socket, *, idle: bool) -> None:
        """Take note of whether a connection waits for a request."""
        self._idle.pop(connection, None)
        if idle:
            self._idle[connection] = None

    def _shed(self) -> None:
        """Close connections that wait for a request, or hang up on those who want another."""
        self._spare.tell()
        idle = list(self._idle)[:_SHED_AT_ONCE]
        for connection in idle:
            self._idle.pop(connection, None)
            _shut(connection)
        if not idle:
            self._spare.refuse(self.fileno())
        time.sleep(_SECONDS_TO_MAKE_ROOM)  # their threads end; and this one must not spin

    def server_close(self) -> None:
        """Give back the descriptors."""
        super().server_close()
        self._spare.close()

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection when its thread ends."""
        self._idle.pop(request, None)
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

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - inherited
        """Do not report clients that went away: some do so on purpose."""
        if isinstance(sys.exception(), OSError):
            log.debug("a connection broke", exc_info=True)
        else:
            log.exception("a connection failed")


class _HttpConnection(BaseHTTPRequestHandler):
    """One client's connection. Each answer leaves in one piece: Nagle's algorithm never waits."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ControlPlane

    def handle_one_request(self) -> None:
        """Wait for a request and answer it."""
        self.server.is_idle(self.connection, idle=True)
        super().handle_one_request()

    def answer_request(self) -> None:
        """Answer one request, or close the connection if a fault says so."""
        self.server.is_idle(self.connection, idle=False)
        headers = {name.lower(): value for name, value in self.headers.items()}
        length, refused = self._length()
        if refused is not None:
            self.close_connection = True
            self._send(refused, headers)
            return
        body = self.rfile.read(length)
        gone = len(body) < length  # the client left in the middle of its request
        answered = None if gone else self._answer(Call(self.command, self.path, headers, body))
        if answered is None:
            self.close_connection = True
            _shut(self.connection)
        else:
            self._send(answered, headers)

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = answer_request  # noqa: N815 - names that http.server looks for

    def _length(self) -> tuple[int, Answer | None]:
        """Return the length of the body, or why it is not read."""
        text = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not re.fullmatch("[0-9]+", text):
            said = "kvsops local wants a Content-Length."
            return 0, error_answer(411, "LengthRequired", said)
        if len(text) > len(str(_LONGEST_BODY)) or int(text) > _LONGEST_BODY:
            said = f"kvsops local reads at most {_LONGEST_BODY} bytes."
            return 0, error_answer(413, "RequestEntityTooLarge", said)
        return int(text), None

    def _answer(self, call: Call) -> Answer | None:
        middleware = self.server.middleware
        return gate.refusal(call, middleware.settings) or answer(call, middleware)

    def _send(self, answer: Answer, asked: dict[str, str]) -> None:
        """Send an answer to a request with these headers."""
        settings = self.server.middleware.settings
        headers = answer.headers | gate.cors_headers(asked, settings)
        headers["content-length"] = str(len(answer.body))
        headers |= date_header(settings.clock())
        if self.close_connection:
            headers["connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        self.wfile.write(head if self.command == "HEAD" else head + answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
        """Log no requests to the terminal; they are counted instead."""


def answer(call: Call, middleware: Middleware) -> Answer | None:
    """Answer a call that passed the gate; None to close the connection without an answer."""
    if call.method == "OPTIONS":
        return Answer(204)
    if call.target == CALLS_PATH:
        return json_answer(middleware.counts._asdict())
    return middleware(call)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("a connection was gone already")
