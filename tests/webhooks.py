"""Somebody else's webhook: a real server on 127.0.0.1 that keeps what it is sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Inbox:
    """What came, and how it is answered: each status once, then 200; `location` redirects."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    location: str | None = None
    texts: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)


@contextmanager
def inbox(path: str = "/services/T0/B0/s3cr3t") -> Iterator[Inbox]:
    """Serve one at this path."""
    kept = Inbox()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.paths.append(self.path)
            kept.types.append(self.headers["Content-Type"])
            kept.texts.append(json.loads(body)["text"])
            self.send_response(kept.statuses.pop(0) if kept.statuses else 200)
            if kept.location:
                self.send_header("Location", kept.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}{path}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        serving.join()
