"""Probes of single STUN and TURN URIs against the emulator's TURN server, and against silence."""

import asyncio
import socket
import ssl
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from kvsops.core.wire.ice import IceServer
from kvsops.local.turn.server import TurnServer
from kvsops.peers.probe import Probe, probe, probe_all

LONG_TERM = "a throw-away one"


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return a server's context that clients of this process trust."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def silent() -> Iterator[int]:
    """Yield a UDP port that takes everything and answers nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield deaf.getsockname()[1]


def closed_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """Return a port on which nothing listens."""
    with socket.socket(socket.AF_INET, kind) as gone:
        gone.bind(("127.0.0.1", 0))
        return int(gone.getsockname()[1])


def run(work: Coroutine[Any, Any, Probe]) -> Probe:
    """Run one probe; it leaves no task behind."""

    async def and_look() -> Probe:
        found = await work
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return found

    return asyncio.run(and_look(), debug=True)


def server(uri: str, password: str = LONG_TERM) -> IceServer:
    """Return a server of one URI, with the credentials that ours accepts."""
    return IceServer((uri,), "who", password)


@pytest.mark.parametrize("form", ["stun:{0}:{1}", "turn:{0}:{1}?transport=udp", "turn:{0}:{1}"])
def test_udp(form: str) -> None:
    """STUN binds and TURN allocates; nothing stays allocated."""

    async def ask() -> Probe:
        async with TurnServer({"who": LONG_TERM}.get) as turn:
            uri = form.format("127.0.0.1", turn.udp_port)
            found = await probe(uri, server(uri))
            assert turn.allocations == 0
            return found

    found = run(ask())
    assert (found.result, found.reason) == ("ok", None)
    assert (found.address or "").startswith("127.0.0.1:")


@pytest.mark.parametrize("scheme", ["turn", "turns"])
def test_tcp_and_tls(scheme: str, tls: ssl.SSLContext) -> None:
    """TURN allocates over TCP, and over TLS under a certificate that is trusted."""

    async def ask() -> Probe:
        async with TurnServer({"who": LONG_TERM}.get, ssl_context=tls) as turn:
            port = turn.tls_port if scheme == "turns" else turn.tcp_port
            uri = f"{scheme}:127.0.0.1:{port}?transport=tcp"
            found = await probe(uri, server(uri))
            assert turn.allocations == 0
            return found

    found = run(ask())
    assert (found.result, found.reason) == ("ok", None)


@pytest.mark.parametrize(
    ("password", "refuse", "reason"),
    [
        ("wrong", False, "the credentials were refused (401): expired, or not of this server"),
        (LONG_TERM, True, "refused (403): this server does not serve this machine"),
    ],
)
def test_refused(password: str, reason: str, *, refuse: bool) -> None:
    """A TURN server that refuses is told by its code."""

    async def ask() -> Probe:
        async with TurnServer({"who": LONG_TERM}.get, refuse=lambda: refuse) as turn:
            uri = f"turn:127.0.0.1:{turn.udp_port}"
            return await probe(uri, server(uri, password))

    found = run(ask())
    assert (found.result, found.reason) == ("failed", reason)


def test_full() -> None:
    """A channel whose allocations are used up says so."""

    async def ask() -> Probe:
        async with TurnServer({"who": LONG_TERM}.get, max_allocations=0) as turn:
            uri = f"turn:127.0.0.1:{turn.udp_port}"
            return await probe(uri, server(uri))

    assert run(ask()).reason == "its allocations are used up (486): the channel has 50"


@pytest.mark.parametrize("scheme", ["stun", "turn"])
def test_silent(scheme: str, silent: int) -> None:
    """A server that does not answer costs the time it was given, no more."""
    uri = f"{scheme}:127.0.0.1:{silent}"
    found = run(probe(uri, server(uri), seconds=0.2))
    why = f"no answer from 127.0.0.1:{silent} in 0.2 s: UDP to it may be blocked"
    assert (found.result, found.reason) == ("failed", why)


@pytest.mark.parametrize(
    "uri", ["stun:127.0.0.1:{}", "turn:127.0.0.1:{}", "turn:127.0.0.1:{}?transport=tcp"]
)
def test_closed(uri: str) -> None:
    """A closed port is told as such, long before the time is up."""
    port = closed_port(socket.SOCK_STREAM if "tcp" in uri else socket.SOCK_DGRAM)
    found = run(probe(uri.format(port), server(uri), seconds=30))
    why = f"127.0.0.1:{port} is closed: nothing listens there, or a firewall refuses"
    assert (found.result, found.reason) == ("failed", why)


def test_hung_up() -> None:
    """A server that takes the connection and ends it, as some firewalls do, is not waited for."""

    async def ask() -> tuple[Probe, int]:
        async def end(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(end, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            uri = f"turn:127.0.0.1:{port}?transport=tcp"
            return await probe(uri, server(uri), seconds=30), port

    found, port = asyncio.run(ask())
    assert (found.reason or "").startswith(f"127.0.0.1:{port} cannot be reached: ")


def test_untrusted(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that nobody trusts is told with its fault."""
    monkeypatch.delenv("SSL_CERT_FILE")

    async def ask() -> Probe:
        async with TurnServer({"who": LONG_TERM}.get, ssl_context=tls) as turn:
            uri = f"turns:127.0.0.1:{turn.tls_port}?transport=tcp"
            return await probe(uri, server(uri))

    found = run(ask())
    assert found.reason is not None
    assert found.reason.endswith("is not trusted: unable to get local issuer certificate")


def test_no_such_host() -> None:
    """A name that DNS does not know is told, not waited for."""
    found = run(probe("turn:nowhere.invalid:443", server("turn:nowhere.invalid:443")))
    assert found.result == "failed"
    assert "nowhere.invalid:443 cannot be reached: " in (found.reason or "")


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("turns:h:443?transport=udp", "not supported by kvsops: TURN over DTLS"),
        ("stuns:h:443", "not supported by kvsops: STUN over TLS"),
    ],
)
def test_skipped(uri: str, reason: str) -> None:
    """What cannot be asked is neither good nor bad."""
    found = run(probe(uri, server(uri)))
    assert (found.result, found.reason, found.usable) == ("skipped", reason, False)


def test_all(silent: int) -> None:
    """All URIs are asked at once and told in their order, without their credentials."""

    async def ask() -> list[Probe]:
        async with TurnServer({"who": LONG_TERM}.get) as turn:
            port = turn.udp_port
            servers = [
                IceServer((f"stun:127.0.0.1:{silent}",)),
                IceServer((f"turn:127.0.0.1:{port}", "turns:h:1?transport=udp"), "who", LONG_TERM),
            ]
            return await probe_all(servers, seconds=0.3)

    found = asyncio.run(ask())
    assert [each.result for each in found] == ["failed", "ok", "skipped"]
    assert LONG_TERM not in repr(found)
