"""Empty text frames: AWS sends them now and then, so that a client must bear them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.local.signaling.peers import ANSWER, OFFER, Peers, counted, run

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer

EMPTY = (aiohttp.WSMsgType.TEXT, "")


@pytest.mark.parametrize("role", ["MASTER", "VIEWER"])
def test_sent(local: LocalServer, arn: str, role: str) -> None:
    """One comes first of all, and one after each message that was accepted; none is counted."""

    async def body(peers: Peers) -> None:
        peer = await peers.connect(peers.url(role, arn, "v1"))
        assert (await peer.ws.receive(timeout=20))[:2] == EMPTY
        for action in (OFFER, ANSWER):
            await peer.send(action, "hello", to="v2")
            assert (await peer.ws.receive(timeout=20))[:2] == EMPTY
        await peer.settle()
        assert counted(local, "MessagesTransferred.Count") == (2, 2)

    run(local, body)


def test_turned_off(local: LocalServer, arn: str) -> None:
    """By the setting there are none."""
    local.settings.empty_frames = False

    async def body(peers: Peers) -> None:
        master, viewer = await peers.both(arn)
        await viewer.send(OFFER, "hello")
        await master.send(ANSWER, "hello", to="v1")
        for peer in (master, viewer):
            assert (await peer.ws.receive(timeout=20)).data

    run(local, body)
