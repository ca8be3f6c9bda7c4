"""Strangers at the server: who holds no link, or comes from elsewhere, gets nothing."""

import asyncio
import base64
import hashlib
import json
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme

from kvsops.aws.scope import Scope
from kvsops.web.guard import BODY_MAXIMUM, Limits
from kvsops.web.site import Site
from tests.web.serving import Serving, run, serving

PATHS = ["/..%2f..%2fetc/passwd", "/%2e%2e/links.py", "//etc/passwd", "/static/view.html"]
PATHS += ["/view.html", "/server.py", "/.", "/server.js/", "/%00", "/\\..\\links.py"]
SECURE = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "kvsops",
}


def answered(
    served: Serving, request: str, tls: ssl.SSLContext | None = None
) -> tuple[int, dict[str, str], str]:
    """Send a request as it stands, `{host}` being the server's; return status, headers and body."""
    host = served.server.site.local_url.partition("//")[2]
    name, _, port = host.rpartition(":")
    with ExitStack() as opened:
        connection = socket.create_connection((name, int(port)), timeout=10)
        opened.enter_context(connection)
        if tls is not None:
            connection = opened.enter_context(tls.wrap_socket(connection, server_hostname=name))
        text = request.replace("\n", "\r\n").replace("{host}", host)
        connection.sendall(text.encode() + b"Connection: close\r\n\r\n")
        raw = b""
        while more := connection.recv(65536):
            raw += more
    head, _, body = raw.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


def origin(served: Serving) -> str:
    """Return the page's own origin."""
    return served.server.site.local_url


def test_the_page(served: Serving) -> None:
    """Anybody may see the page, under a strict policy, and nothing of it is kept."""
    status, headers, body = answered(served, "GET / HTTP/1.1\nHost: {host}\n")
    assert (status, body[:15]) == (200, "<!doctype html>")
    assert SECURE.items() <= headers.items()
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    port = origin(served).rpartition(":")[2]
    assert f"connect-src 'self' ws://127.0.0.1:{port};" in policy


def test_what_stands_in_the_page(served: Serving) -> None:
    """Whatever is needed before it is painted does, and the policy lets in that alone."""
    _, headers, body = answered(served, "GET / HTTP/1.1\nHost: {host}\n")
    policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
    first = re.sub(r"<template.*?</template>", "", body, flags=re.DOTALL)
    assert not re.search(r"<script [^>]*src=|rel=\"(?:stylesheet|modulepreload)", first)
    for tag in ("script", "style"):
        texts = re.findall(f"<{tag}>(.*?)</{tag}>", first, re.DOTALL)
        assert texts
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()) for text in texts]
        hashes = [f"'sha256-{digest.decode()}'" for digest in digests]
        assert policy[f"{tag}-src"].split() == ["'self'", *hashes]


def test_path_tricks(served: Serving) -> None:
    """No path leads to anything but the files that the page is made of."""
    for path in PATHS:
        status, headers, body = answered(served, f"GET {path} HTTP/1.1\nHost: {{host}}\n")
        assert (path, status, body) == (path, 404, "Not here.\n")
        assert SECURE.items() <= headers.items()


@pytest.mark.parametrize(
    "lines",
    [
        "Host: evil.example",
        "Host: localhost:{port}",
        "Host: 127.0.0.1",
        "Host: {host}.evil.example",
        "Host: {host}\nHost: evil.example",
        "X-Forwarded-Host: {host}",
    ],
)
def test_a_foreign_host(served: Serving, lines: str) -> None:
    """A name that resolves to this machine does not let somebody's page read ours."""
    port = origin(served).rpartition(":")[2]
    status, _, body = answered(served, f"GET / HTTP/1.1\n{lines.replace('{port}', port)}\n")
    assert status in (400, 421)
    assert "doctype" not in body


def test_a_foreign_origin(served: Serving) -> None:
    """One that is there is refused, whatever is asked, with a good link as well."""
    own, seat = origin(served), run(_seated(served))
    for foreign in ("http://evil.example", "null", own.replace("http", "https"), f"{own}.x"):
        extra = f"Origin: {foreign}\nAuthorization: Bearer {seat}\nContent-Length: 0\n"
        for asked in ("GET /", "GET /server.js", "GET /events", "POST /connect"):
            request = f"{asked} HTTP/1.1\nHost: {{host}}\n{extra}"
            status, _, body = answered(served, request)
            assert (status, body) == (403, "This is for this server's own pages.\n"), request


def test_no_origin(served: Serving) -> None:
    """Without one, only what anybody may see is answered: browsers send it with all else."""
    extra = "Content-Length: 0\nAuthorization: Bearer x\n"
    for asked in ("POST /connect", "PUT /", "POST /", "DELETE /events"):
        status, _, _ = answered(served, f"{asked} HTTP/1.1\nHost: {{host}}\n{extra}")
        assert status == 403, asked


def test_a_websocket_without_origin(served: Serving) -> None:
    """Nor is a WebSocket opened."""
    extra = "Upgrade: websocket\nSec-WebSocket-Version: 13\n"
    extra += "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"
    for path in ("/events", "/signaling"):
        status, _, _ = answered(served, f"GET {path} HTTP/1.1\nHost: {{host}}\n{extra}")
        assert status == 403


@pytest.fixture
def strict(scope: Scope, arn: str) -> Iterator[Serving]:
    """Yield a server with limits that a slow machine meets as well."""
    limits = Limits(a_second=0.1, burst=10, hello_seconds=1.0, strangers=5)
    with serving(scope, arn, limits=limits) as found:
        yield found


def test_behind_a_proxy(scope: Scope, arn: str) -> None:
    """The public host and its pages are served beside the local one, and no other."""
    site = partial(Site.opened, public_url="https://view.example")
    with serving(scope, arn, site=site) as served:
        assert served.url().startswith("https://view.example/#")
        for host, expected in (("view.example", 200), ("{host}", 200), ("x.view.example", 421)):
            asked = f"GET / HTTP/1.1\nHost: {host}\n"
            for origin_line in ("", "Origin: https://view.example\n"):
                status, headers, _ = answered(served, asked + origin_line)
                assert status == expected
        assert " wss://view.example;" in headers["Content-Security-Policy"]


def test_tls(scope: Scope, arn: str, tmp_path: Path) -> None:
    """With a certificate of its own the server speaks TLS."""
    authority = trustme.CA()
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(cert)
    made.private_key_pem.write_to_path(key)
    context = ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
    with serving(scope, arn, site=partial(Site.opened, tls_cert=cert, tls_key=key)) as served:
        url = served.url().partition("/#")[0]
        assert url.startswith("https://127.0.0.1:")
        status, headers, _ = answered(served, "GET / HTTP/1.1\nHost: {host}\n", context)
        assert status == 200
        assert f" {url.replace('https', 'wss')};" in headers["Content-Security-Policy"]


# Links


async def _seated(served: Serving, url: str | None = None) -> str:
    """Take a seat by a link, leave it, and return its token."""
    async with aiohttp.ClientSession() as http, _events(http, served) as events:
        await events.send_json({"link": (url or served.url()).partition("#")[2]})
        told = await events.receive_json()
        assert told["type"] == "seated"
        return str(told["seat"])


def _events(http: aiohttp.ClientSession, served: Serving, path: str = "/events") -> Any:
    return http.ws_connect(origin(served) + path, origin=origin(served))


async def _connect(served: Serving, seat: str, **more: Any) -> tuple[int, Any]:
    headers = {"Origin": origin(served), "Authorization": f"Bearer {seat}"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(origin(served) + "/connect", headers=headers, **more) as response,
    ):
        return response.status, await response.json()


def test_a_link_lets_in(served: Serving) -> None:
    """Its holder is given a client id that the server chose, and ICE servers with credentials."""

    async def asked() -> Any:
        return await _connect(served, await _seated(served))

    status, told = run(asked())
    assert (status, told["clientId"], told["role"]) == (200, "viewer-0", "viewer")
    assert {"username", "credential", "urls"} <= told["iceServers"][1].keys()
    assert not any(
        "turns" in url and "udp" in url for each in told["iceServers"] for url in each["urls"]
    )


def test_a_seat_has_its_way(served: Serving) -> None:
    """With the seat comes what /connect would tell, where the service need not be asked first."""

    async def seated() -> dict[str, Any]:
        async with aiohttp.ClientSession() as http, _events(http, served) as events:
            await events.send_json({"link": served.url().partition("#")[2]})
            told: dict[str, Any] = await events.receive_json()
            return told

    told = run(seated())
    _, asked = run(_connect(served, told["seat"]))
    assert told["way"] == asked
    assert told["way"]["clientId"] == "viewer-0"
    served.server.door._known.clear()
    told = run(seated())
    assert (told["type"], told["way"]) == ("seated", None)


@pytest.mark.parametrize(
    "hello",
    [
        "{}",
        '{"link": ""}',
        '{"link": "x"}',
        '{"link": "\\ud800"}',
        '{"link": ["x"]}',
        "[]",
        "nonsense",
        "[" * 9_000,
        b"\0\1",
    ],
)
def test_who_has_no_link(served: Serving, hello: str | bytes) -> None:
    """What is no link, or none of ours, is turned away in words."""

    async def turned_away() -> tuple[dict[str, Any], int]:
        async with aiohttp.ClientSession() as http, _events(http, served) as events:
            await (events.send_str if isinstance(hello, str) else events.send_bytes)(hello)
            told = await events.receive_json()
            await events.receive()
            return told, events.close_code

    told, code = run(turned_away())
    assert told["why"] in ("unknown", "malformed")
    assert "seat" not in told
    assert code == 1008
    assert served.room.moves == []


def test_a_link_that_expired(served: Serving) -> None:
    """It lets nobody in, and who has come in time stays."""
    link = served.link(lasts=timedelta(hours=1))
    now = served.server.links.now

    async def later() -> tuple[Any, Any]:
        async with aiohttp.ClientSession() as http, _events(http, served) as events:
            await events.send_json({"link": link.token})
            seat = (await events.receive_json())["seat"]
            served.server.links.now = lambda: now() + timedelta(hours=2)
            async with _events(http, served) as late:
                await late.send_json({"link": link.token})
                return await late.receive_json(), await _connect(served, seat)

    late, stays = run(later())
    assert (late["why"], stays[0]) == ("expired", 200)


def test_a_link_that_was_revoked(served: Serving) -> None:
    """Its pages are told, and it lets nobody in any more; another link goes on."""
    link, other = served.link(), served.link()

    async def ended() -> tuple[Any, Any, Any]:
        async with aiohttp.ClientSession() as http, _events(http, served) as events:
            await events.send_json({"link": link.token})
            seat = (await events.receive_json())["seat"]
            served.do(served.server.revoke, link)
            told = await events.receive_json()
            async with _events(http, served) as late:
                await late.send_json({"link": link.token})
                return told, await late.receive_json(), await _connect(served, seat)

    told, late, (status, refused) = run(ended())
    assert (told["why"], late["why"], status, refused["why"]) == ("ended", "ended", 401, "unknown")
    assert run(_seated(served, f"#{other.token}"))


def test_seats(served: Serving) -> None:
    """A reload keeps its seat; a page too many is told; a copy of a tab takes over."""
    link = served.link(seats=2)

    async def taken() -> list[Any]:
        async with aiohttp.ClientSession() as http:
            told: list[Any] = []
            for seat in (None, None, None, "first"):
                events = await _events(http, served)
                token = told[0]["seat"] if seat else None
                await events.send_json({"link": link.token, "seat": token})
                told.append(await events.receive_json())
                if len(told) == 1:
                    first = events
            told.append(await first.receive_json())
            return told

    one, two, three, again, displaced = run(taken())
    assert one["seat"] == again["seat"] != two["seat"]
    assert (three["why"], displaced["why"]) == ("full", "displaced")
    assert [name for move, name in served.room.moves if move == "came"] == [
        *("viewer-0", "viewer-1", "viewer-0"),
    ]


# Floods


def test_oversized(served: Serving) -> None:
    """A body or message beyond the bound is refused, and the server goes on."""
    big = "x" * (BODY_MAXIMUM + 1)

    async def sent() -> tuple[int, int | None]:
        seat = await _seated(served)
        headers = {"Origin": origin(served)}
        async with aiohttp.ClientSession() as http:
            url = origin(served) + "/connect"
            async with http.post(url, data=big, headers=headers) as response:
                status = response.status
            async with _events(http, served) as events:
                await events.send_json({"link": served.url().partition("#")[2], "seat": seat})
                await events.receive_json()
                await events.send_str(json.dumps({"text": big}))
                await events.receive()
                return status, events.close_code

    status, code = run(sent())
    assert (status, code) == (401, 1009)
    assert run(_seated(served))


def test_a_flood_of_messages(strict: Serving) -> None:
    """A page that says a thousand things at once is ended after the burst; others go on."""

    async def flooded() -> tuple[int | None, bool]:
        async with aiohttp.ClientSession() as http, _events(http, strict) as other:
            await other.send_json({"link": strict.url().partition("#")[2]})
            await other.receive_json()
            async with _events(http, strict) as events:
                await events.send_json({"link": strict.url().partition("#")[2]})
                await events.receive_json()
                with suppress(ConnectionError):
                    for number in range(1_000):
                        await events.send_json({"number": number})
                await events.receive()
                await other.send_json({"number": -1})
                while len(strict.room.heard) < 11:
                    await asyncio.sleep(0.01)
                return events.close_code, other.closed

    code, closed = run(flooded())
    assert (code, closed) == (1008, False)
    assert [message["number"] for _, message in strict.room.heard] == [*range(10), -1]


def test_a_flood_of_strangers(strict: Serving) -> None:
    """Of those who say nothing the first give way to others; a page of ours is let in meanwhile.

    They are told to try again later: a page whose machine is slow does.
    """

    async def flooded() -> tuple[list[int | None], bool]:
        async with aiohttp.ClientSession() as http:
            opened = [await _events(http, strict) for _ in range(12)]
            seated = await _seated(strict)
            for each in opened:
                assert (await each.receive()).extra == "nothing was said"
            return [each.close_code for each in opened], bool(seated)

    assert run(flooded()) == ([1013] * 12, True)


def test_a_flood_of_requests(strict: Serving) -> None:
    """Whoever asks to connect again and again is told to wait."""

    async def flooded() -> list[tuple[int, str | None]]:
        seat = await _seated(strict)
        answers = [await _connect(strict, seat) for _ in range(12)]
        return [(status, told.get("why")) for status, told in answers]

    assert run(flooded()) == [(200, None)] * 10 + [(429, "busy")] * 2
