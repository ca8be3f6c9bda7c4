"""The least that a client can do: requests signed beforehand, over connections that stay open.

It says what the emulator can serve at most, for `fleet.py`. Reads a JSON object from standard
input: `host`, `port`, `connections`, and `stages`, lists of requests as bytes in Latin-1 of which
each stage begins when the one before has ended; prints the seconds that they took.
"""

import json
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

_LENGTH = b"content-length: "


def signed(
    url: str, region: str, service: str, path: str, body: str, **headers: str
) -> str:
    """Return the bytes of a signed POST, by the credentials of the environment."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
    from botocore.credentials import Credentials

    request = AWSRequest("POST", url + path, {"Host": urlsplit(url).netloc, **headers}, body)
    SigV4Auth(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), service, region).add_auth(request)
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])


def main() -> None:
    """Send all, as fast as the answers come."""
    asked = json.load(sys.stdin)
    address = (asked["host"], asked["port"])
    links = [socket.create_connection(address) for _ in range(asked["connections"])]
    began = time.monotonic()
    for stage in asked["stages"]:
        _in_threads(links, [request.encode("latin-1") for request in stage])
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
