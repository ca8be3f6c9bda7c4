"""Peers for the tests of the data plane: masters and viewers over real TLS WebSockets."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from botocore.credentials import ReadOnlyCredentials

from kvsops.aws.connect import signed
from kvsops.core.wire.message import (
    Action,
    MessageType,
    Received,
    Sent,
    StatusResponse,
    decode_received,
    encode_sent,
)
from kvsops.local.cloudwatch.index import Metric
from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    import pytest

    from kvsops.local.server import LocalServer

TIMEOUT = 20.0
CREDENTIALS = ReadOnlyCredentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None)
OFFER, ANSWER, CANDIDATE = Action.SDP_OFFER, Action.SDP_ANSWER, Action.ICE_CANDIDATE


class Peer:
    """One WebSocket, with everything that comes in read as a message."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        connection: Any = ws._conn  # there is no other way to the transport
        self.transport: asyncio.Transport = connection.transport

    async def send(
        self, action: Action, payload: str, to: str | None = None, correlation_id: str | None = None
    ) -> None:
        """Send a message."""
        await self.ws.send_str(encode_sent(Sent(action, payload, to, correlation_id)))

    async def frame(self) -> aiohttp.WSMessage:
        """Wait for the next frame that is not an empty text, as every client of AWS's must."""
        while True:
            frame = await self.ws.receive(timeout=TIMEOUT)
            if frame.type is not aiohttp.WSMsgType.TEXT or frame.data:
                return frame

    async def receive(self) -> Received:
        """Wait for the next message."""
        frame = await self.frame()
        assert frame.type is aiohttp.WSMsgType.TEXT, frame
        return decode_received(frame.data)

    async def payloads(self, count: int) -> list[str | None]:
        """Wait for so many messages, and answer their payloads."""
        return [(await self.receive()).payload for _ in range(count)]

    async def refusal(self) -> StatusResponse:
        """Wait for the next message, which must be a status."""
        message = await self.receive()
        assert message.message_type is MessageType.STATUS_RESPONSE
        assert message.status is not None
        return message.status

    async def settle(self) -> None:
        """Wait until all that was sent is dealt with, and see that nothing came meanwhile."""
        await self.ws.send_str(json.dumps({"correlationId": "settled"}))
        assert (await self.refusal()).correlation_id == "settled"

    async def end(self) -> int | None:
        """Wait for the close, before which nothing comes; answer its code."""
        frame = await self.frame()
        assert frame.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), frame
        return self.ws.close_code


class Peers:
    """Connects peers to the channels of one emulator."""

    def __init__(self, local: LocalServer) -> None:
        self.local = local

    async def __aenter__(self) -> Self:
        endpoints = self.local.settings.endpoint_of
        assert endpoints is not None
        self.urls = {role: str(endpoints("WSS", role)) for role in ("MASTER", "VIEWER")}
        context = self.local.client_context()
        self.peers: list[Peer] = []
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context))
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(peer.ws.close() for peer in self.peers))
        await self.session.close()
        for peer in self.peers:  # else some of them would outlive the loop
            peer.transport.abort()
        await asyncio.sleep(0.01)

    def url(self, role: str, arn: str, client_id: str | None = None, **changed: Any) -> str:
        """Presign a URL; `changed` are other arguments of `signed`."""
        plain: dict[str, Any] = {
            "endpoint": self.urls[role],
            "channel_arn": arn,
            "client_id": client_id,
            "credentials": CREDENTIALS,
            "region": "us-east-1",
            "now": self.local.settings.clock(),
        }
        return signed(**plain | changed)

    async def connect(self, url: str, **parameters: Any) -> Peer:
        """Connect to a presigned URL."""
        timeout = aiohttp.ClientWSTimeout(ws_close=TIMEOUT)
        self.peers.append(Peer(await self.session.ws_connect(url, timeout=timeout, **parameters)))
        return self.peers[-1]

    async def master(self, arn: str, client_id: str | None = None) -> Peer:
        """Connect as master."""
        return await self.connect(self.url("MASTER", arn, client_id))

    async def viewer(self, arn: str, client_id: str = "v1") -> Peer:
        """Connect as viewer."""
        return await self.connect(self.url("VIEWER", arn, client_id))

    async def both(self, arn: str) -> tuple[Peer, Peer]:
        """Connect as master, and as viewer `v1`."""
        return await self.master(arn), await self.viewer(arn)

    async def refused(self, url: str, **headers: str) -> tuple[int, str, str]:
        """Fail to connect; answer the status, AWS's error code and the message."""
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        }
        url = url.replace("wss://", "https://")
        async with self.session.get(url, headers=upgrade | headers) as response:
            content = await response.json()
            return response.status, response.headers["x-amzn-errortype"], content["message"]


def run(local: LocalServer, body: Callable[[Peers], Coroutine[Any, Any, None]]) -> None:
    """Run a test's body with peers of the emulator."""

    async def main() -> None:
        async with Peers(local) as peers:
            await body(peers)

    asyncio.run(main())


def counted(local: LocalServer, name: str, operation: str | None = None) -> tuple[float, float]:
    """Answer the samples and the sum of a metric of the channel."""
    dimensions = {"SignalingChannelName": "front-door"}
    if operation:
        dimensions["Operation"] = operation
    now = int(local.settings.clock().timestamp())
    found = local.metrics().aggregate(Metric.of(name, dimensions), 0, now + 1, 60, 0)
    samples = [*found.values()]
    return sum(s.samples for s in samples), sum(s.total for s in samples)


def failures(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Answer what was logged beyond what the relay tells of clients."""
    return [each.getMessage() for each in caplog.records if each.levelno > logging.WARNING]
