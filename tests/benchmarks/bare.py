"""The least that a client can do: requests signed beforehand, over connections that stay open.

It says what the emulator can serve at most, for `fleet.py`. Reads a JSON object from standard
input: `host`, `port`, the number of `connections`, and the `requests`, as bytes in Latin-1. Prints
the seconds that they took.
"""

import json
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY

_LENGTH = b"content-length: "


def signed(url: str, region: str, service: str, path: str, body: str, **headers: str) -> str:
    """Return a POST, signed by the credentials that the emulator gives to everybody."""
    own = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    request = AWSRequest("POST", url + path, {"Host": urlsplit(url).netloc, **headers}, body)
    SigV4Auth(own, service, region).add_auth(request)
    sent = [f"{name}: {value}" for name, value in request.headers.items()]
    lines = [f"POST {path} HTTP/1.1", *sent, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body])


def main() -> None:
    """Send all, as fast as the answers come."""
    asked = json.load(sys.stdin)
    address = (asked["host"], asked["port"])
    links = [socket.create_connection(address) for _ in range(asked["connections"])]
    requests = [request.encode("latin-1") for request in asked["requests"]]
    began = time.monotonic()
    _in_threads(links, requests)
    sys.stdout.write(f"{time.monotonic() - began}\n")


def _in_threads(links: Sequence[socket.socket], requests: Iterable[bytes]) -> None:
    left = iter([*requests])
    threads = [Thread(target=_send_all, args=(link, left)) for link in links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _send_all(link: socket.socket, left: Any) -> None:
    for request in left:
        link.sendall(request)
        _read(link)


def _read(link: socket.socket) -> None:
    """Read one answer, which must be a good one."""
    came = b""
    while b"\r\n\r\n" not in came:
        came += link.recv(65536) or sys.exit("the connection was closed")
    head, _, body = came.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        sys.exit(f"not a good answer: {came!r}")
    length = int(head.lower().partition(_LENGTH)[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += link.recv(65536)


if __name__ == "__main__":
    main()
