"""Who takes whose place, as it can be read in the log, and whether the other one is closed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tests.local.signaling.peers import ANSWER, CANDIDATE, OFFER, Peers, counted, run

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer

WHO = {"MASTER": "the master", "VIEWER": "the viewer v1"}


def displaced(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log says of it."""
    said = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    return [each.partition("front-door: ")[2] for each in said if "displaced" in each]


@pytest.mark.parametrize("role", ["MASTER", "VIEWER"])
def test_closed(local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture, role: str) -> None:
    """By default the one before is closed; log and counts say that it was displaced, not lost."""

    async def body(peers: Peers) -> None:
        before = await peers.connect(peers.url(role, arn, "v1"))
        await peers.connect(peers.url(role, arn, "v1"))
        assert await before.end() == 1001

    run(local, body)
    assert displaced(caplog) == [f"{WHO[role]} was displaced by another connection, and is closed"]
    outcomes = [entry[2] for entry in local.log if entry[1] == "Disconnect"]
    assert sorted(outcomes) == ["displaced", "ok"]
    assert counted(local, "Failure", "Disconnect") == (2, 0)


@pytest.mark.parametrize("role", ["MASTER", "VIEWER"])
def test_left_open(
    local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture, role: str
) -> None:
    """Left open, it hears nothing more, what it says still goes out, and it displaces nobody."""
    local.settings.close_displaced = False

    async def body(peers: Peers) -> None:
        both = {"MASTER": await peers.master(arn), "VIEWER": await peers.viewer(arn)}
        before = both[role]
        both[role] = await peers.connect(peers.url(role, arn, "v1"))
        await both["VIEWER"].send(OFFER, "hello")
        assert await both["MASTER"].payloads(1) == ["hello"]
        await both["MASTER"].send(ANSWER, "hello", to="v1")
        assert await both["VIEWER"].payloads(1) == ["hello"]
        await before.settle()
        await before.send(CANDIDATE, "still here", to="v1")
        other = both["VIEWER" if role == "MASTER" else "MASTER"]
        assert await other.payloads(1) == ["still here"]
        await before.ws.close()
        await both["VIEWER"].send(OFFER, "and again")  # its leaving takes nobody's place away
        assert await both["MASTER"].payloads(1) == ["and again"]

    run(local, body)
    assert displaced(caplog) == [
        f"{WHO[role]} was displaced by another connection, and is left open"
    ]


def test_two_that_come_back(local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture) -> None:
    """Two masters that each reconnect displace each other for ever: the log shows the cause."""

    async def body(peers: Peers) -> None:
        masters = [await peers.master(arn)]
        for _ in range(4):
            masters.append(await peers.master(arn))
            assert await masters[-2].end() == 1001
        await masters[-1].settle()

    run(local, body)
    assert displaced(caplog)[:4] == 4 * [
        "the master was displaced by another connection, and is closed"
    ]
