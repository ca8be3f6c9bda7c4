"""TURN with the credentials that a channel gives: who may allocate, and what it counts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aioice.stun import TransactionFailed
from aioice.turn import create_turn_endpoint

from kvsops.core.wire.ice import IceUri
from kvsops.local.cloudwatch.index import Metric
from kvsops.local.faults import Fault
from kvsops.local.settings import Settings
from tests.local.signaling.test_operations import client

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer


class Received(asyncio.DatagramProtocol):
    """Notes that something came."""

    def __init__(self) -> None:
        self.came = asyncio.Event()

    def datagram_received(self, *_: object) -> None:
        """Note it."""
        self.came.set()


@pytest.fixture
def settings() -> Settings:
    """Keep to this machine's time, for botocore signs at it."""
    return Settings(quotas=False)


@pytest.fixture
def server(local: LocalServer) -> dict[str, Any]:
    """Ask for a channel's TURN server."""
    now = local.settings.clock()
    arn = local.backend().put_channel("front-door", now, now).arn
    with client(local) as signaling:
        answer = signaling.get_ice_server_config(ChannelARN=arn)
    found: dict[str, Any] = answer["IceServerList"][0]
    return found


async def allocate(
    local: LocalServer, server: dict[str, Any], uri: int = 0, **changed: Any
) -> tuple[Any, Received]:
    """Allocate a relayed address."""
    read = IceUri.parse(server["Uris"][uri])
    secure = read.scheme == "turns"
    parameters = {
        "server_addr": (read.host, read.port),
        "username": server["Username"],
        "password": server["Password"],
        "transport": read.transport,
        "ssl": local.client_context() if secure else None,
    }
    return await create_turn_endpoint(Received, **parameters | changed)


@pytest.mark.parametrize("uri", [0, 2])
def test_relayed(local: LocalServer, server: dict[str, Any], uri: int) -> None:
    """Two peers with the channel's credentials reach each other; their minutes are counted."""

    async def body() -> None:
        one, came = await allocate(local, server, uri)
        other, _ = await allocate(local, server, uri)
        addresses = [turn.get_extra_info("sockname") for turn in (one, other)]
        while not came.came.is_set():
            one.sendto(b"hello", addresses[1])
            other.sendto(b"hello", addresses[0])
            await asyncio.sleep(0.02)
        for turn in (one, other):
            turn.close()
        await asyncio.sleep(0.05)

    asyncio.run(body())
    metric = Metric.of("TURNConnectedMinutes", {"SignalingChannelName": "front-door"})
    now = int(local.settings.clock().timestamp())
    found = local.metrics().aggregate(metric, 0, now + 1, 60, 0)
    assert sum(sample.total for sample in found.values()) in (2, 3, 4)  # 4 where a minute ended


@pytest.mark.parametrize(
    ("changed", "code"), [({"password": "other"}, 401), ({"username": "1:djE6eA=="}, 401)]
)
def test_other_credentials(
    local: LocalServer, server: dict[str, Any], changed: dict[str, str], code: int
) -> None:
    """Another password, or credentials that have expired, allocate nothing."""
    with pytest.raises(TransactionFailed) as caught:
        asyncio.run(_allocated(local, server, **changed))
    assert caught.value.response.attributes["ERROR-CODE"][0] == code


def test_refused(local: LocalServer, server: dict[str, Any]) -> None:
    """TURN forbids allocations where the settings want that."""
    local.settings.faults = (Fault("Allocate", "turn-refused"),)
    with pytest.raises(TransactionFailed) as caught:
        asyncio.run(_allocated(local, server))
    assert caught.value.response.attributes["ERROR-CODE"][0] == 403


async def _allocated(local: LocalServer, server: dict[str, Any], **changed: Any) -> None:
    await allocate(local, server, **changed)
