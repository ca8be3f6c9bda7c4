"""Somebody between a client and the emulator, who changes what is answered."""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit


@dataclass
class Answer:
    """An answer on its way, and what was `asked`; `drip` sends it a byte a tenth of a second.

    With `lost` the connection ends instead, though what was asked for has been done; `short` bytes
    of what its header announces are missing.
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    asked: bytes = b""
    drip: bool = False
    lost: bool = False
    short: int = 0


Change = Callable[[str, Answer], Answer]
"""Takes an operation and its answer, and returns what is answered instead."""


@contextmanager
def between(endpoint_url: str, change: Change) -> Iterator[str]:
    """Serve the endpoint's answers as changed; yield where."""
    host = urlsplit(endpoint_url).netloc

    class Stranger(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            upstream = http.client.HTTPConnection(host, timeout=30)
            upstream.request("POST", self.path, body, dict(self.headers.items()))
            came = upstream.getresponse()
            answer = Answer(came.status, came.read(), dict(came.getheaders()), body)
            upstream.close()
            self._answer(change(self._operation(body), answer))

        def _operation(self, body: bytes) -> str:
            target = self.headers.get("x-amz-target", "").rpartition(".")[2]
            name = target or parse_qs(body.decode()).get("Action", [""])[0] or self.path[1:]
            return name[:1].upper() + name[1:]

        def _answer(self, answer: Answer) -> None:
            self.close_connection = self.close_connection or answer.lost or bool(answer.short)
            if answer.lost:
                return
            self.send_response_only(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body) + answer.short))
            self.end_headers()
            step = 1 if answer.drip else max(len(answer.body), 1)
            try:
                for at in range(0, len(answer.body), step):
                    self.wfile.write(answer.body[at : at + step])
                    time.sleep(0.1 if answer.drip else 0)
            except OSError:  # nobody waits for it any more
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    server.daemon_threads = True
    server.block_on_close = False
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
