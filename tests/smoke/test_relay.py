"""Smoke with TURN servers that do not relay, or answer nonsense: a verdict, and soon."""

import asyncio
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kvsops.core.wire.ice import Endpoints, IceServer
from kvsops.local.turn.server import TurnServer
from kvsops.reports.smoke import text, verdict
from kvsops.smoke.plan import Limits, Subject
from tests.local.turn.client import USERS, coturn
from tests.peers.strange_turn import by_chance, strange
from tests.smoke.conftest import ADDRESSES, BRIEF, QUICK, RELAYED, Smoke, failed, with_calls

NOT_ITSELF: Sequence[str] = ()
NOBODY = "--allow-loopback-peers", "--denied-peer-ip=0.0.0.0-255.255.255.255"

needs_coturn = pytest.mark.skipif(not shutil.which("turnserver"), reason="coturn is not installed")


def with_server(subject: Subject, *uris: str, password: str = USERS["user-1"]) -> Subject:
    """Let the channel name this server."""

    def ice_servers(_: Endpoints, __: str) -> list[IceServer]:
        return [IceServer(uris, "user-1", password)]

    return with_calls(subject, ice_servers=ice_servers)


@needs_coturn
@pytest.mark.parametrize(
    ("peers", "reason"),
    [
        (
            NOT_ITSELF,
            "no relay can be used: relay not proven: it forbids its own address as a peer (403)",
        ),
        (NOBODY, "it allocates, but refuses to relay (403)"),
    ],
)
def test_relay_required(
    run: Smoke, subject: Subject, tmp_path: Path, peers: Sequence[str], reason: str
) -> None:
    """With --relay, a server that does not relay is told at once, not when ICE gives up."""
    with coturn(tmp_path, quota=0, peers=peers) as ports:
        uri = f"turn:127.0.0.1:{ports.udp}?transport=udp"
        report = run(RELAYED, with_server(subject, uri))
    assert failed(report) == [("probe", reason)]
    assert report.seconds < 5
    assert report.relay == "not-proven"


@needs_coturn
@pytest.mark.skipif(not ADDRESSES, reason="no address but loopback ones: nothing goes direct")
def test_direct(run: Smoke, subject: Subject, tmp_path: Path) -> None:
    """A run that went direct passes, and its last line says that the relay was not proven."""
    with coturn(tmp_path, quota=0, peers=NOT_ITSELF) as ports:
        uri = f"turn:127.0.0.1:{ports.udp}?transport=udp"
        report = run(QUICK, with_server(subject, uri))
    assert report.passed, report.reason
    assert verdict(report).endswith(
        "; relay not proven: it forbids its own address as a peer (403)"
    )


@contextmanager
def strange_server(seed: int) -> Iterator[tuple[int, int]]:
    """Run a TURN server with strange answers in a thread of its own; yield its ports."""
    loop, ended, begun = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    ports: list[int] = []

    async def serve() -> None:
        async with (
            TurnServer({"user-1": "a word"}.get) as server,
            strange(server, by_chance(seed)) as found,
        ):
            ports.extend(found)
            begun.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert begun.wait(10)
        yield ports[0], ports[1]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize("seed", range(6))
def test_strange(run: Smoke, subject: Subject, seed: int) -> None:
    """Whatever a TURN server answers, also to the peers, smoke ends with a report."""
    limits: Limits = replace(BRIEF, ice=2.0, probe=0.5)
    with strange_server(seed) as (udp, tcp):
        uris = (f"turn:127.0.0.1:{udp}", f"turn:127.0.0.1:{tcp}?transport=tcp")
        report = run(RELAYED, with_server(subject, *uris, password="a word"), limits=limits)
    assert report.passed or report.reason
    assert text(report)
    assert report.seconds < 40
