"""A service that talks nonsense over the WebSocket: each session ends with one clear reason."""

import asyncio
import base64
import json
import logging
import random
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from kvsops.core.wire.message import Action
from kvsops.signaling.refusals import GarbledError, SignalingError
from kvsops.signaling.session import Session
from tests.signaling.conftest import run

Talk = Callable[[web.WebSocketResponse, web.Request], Awaitable[None]]
ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/cam-door/1600000000000"


def told(
    talk: Talk, ping_seconds: float = 10, passed_over: list[SignalingError] | None = None
) -> SignalingError:
    """Return what a viewer's session says of a service that talks so.

    With `passed_over` it goes on after messages that are none, which are collected there.
    """

    async def handle(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await talk(socket, request)
        return socket

    async def asked() -> SignalingError:
        application = web.Application()
        application.router.add_get("/", handle)
        runner = web.AppRunner(application, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]

        async def address() -> str:
            return f"ws://127.0.0.1:{port}/?X-Amz-Signature=secret"

        try:
            async with Session(
                "viewer", ARN, address, attempts=1, ping_seconds=ping_seconds
            ) as session:
                while True:
                    try:
                        await session.receive()
                    except GarbledError as error:
                        if passed_over is None:
                            raise
                        passed_over.append(error)
        except SignalingError as error:
            return error
        finally:
            await runner.cleanup()

    error: SignalingError = run(asked())
    assert "secret" not in str(error)
    return error


def sends(*messages: str | bytes) -> Talk:
    """Return what sends these, and then waits."""

    async def talk(socket: web.WebSocketResponse, _: web.Request) -> None:
        for message in messages:
            if isinstance(message, str):
                await socket.send_str(message)
            else:
                await socket.send_bytes(message)
        await asyncio.sleep(0.3)

    return talk


def raw(data: bytes) -> Talk:
    """Return what writes these octets, whatever frames they are."""

    async def talk(_: web.WebSocketResponse, request: web.Request) -> None:
        assert request.transport is not None
        request.transport.write(data)
        await asyncio.sleep(0.3)

    return talk


def closes(code: int) -> Talk:
    """Return what says goodbye with this code."""

    async def talk(socket: web.WebSocketResponse, _: web.Request) -> None:
        await socket.close(code=code, message=b"::goodbye")

    return talk


@pytest.mark.parametrize(
    "message",
    [
        "<html>", "[]", "null", "17", '"text"', "{}", "[" * 100_000, b"\xff\xfe\xfd",
        '{"messageType": 7}',
        '{"messageType": "SDP_OFFER", "messagePayload": 7}',
        '{"messageType": "SDP_OFFER", "messagePayload": "~~~"}',
        '{"messageType": "SDP_OFFER", "senderClientId": "a b"}',
        '{"messageType": "STATUS_RESPONSE", "statusResponse": []}',
        '{"messageType": "STATUS_RESPONSE", "statusResponse": {"statusCode": {}}}',
    ],
)  # fmt: skip
def test_no_message(message: str | bytes) -> None:
    """What is no message of signaling is told as that."""
    assert "the service sent something that is not a signaling message: " in str(
        told(sends(message))
    )


def test_the_session_goes_on() -> None:
    """A message that is none ends nothing: the next is heard, until the connection ends."""
    passed_over: list[SignalingError] = []
    ending = told(sends("<html>", "", '{"messageType": 7}'), passed_over=passed_over)
    assert len(passed_over) == 2
    assert (ending.kind, ending.orderly) == ("closed", True)


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",  # longer than anything can be
        b"\x81\x7f\x00\x00\x00\x00\x7f\xff\xff\xff",  # 2 GiB
        b"\xf1\x01a",  # reserved bits
        b"\x83\x01a",  # an opcode that there is not
        b"\x80\x01a",  # goes on with nothing
        b"\x89\x7e\x01\x00" + b"a" * 256,  # a ping that is too long
        b"\x81\x02\xff\xfe",  # a text that is none
        b"\x88\x01\x03",  # half a close code
        b"\x88\x02\x00\x01",  # a close code that there is not
    ],
)
def test_no_frame(data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """What is no frame ends the session with a reason."""
    caplog.set_level(logging.WARNING)
    error = told(raw(data), ping_seconds=0.5)
    assert error.kind in {"closed", "malformed", "timeout"}
    assert caplog.messages == []


@pytest.mark.parametrize("code", [1000, 1001, 1003, 1008, 1011, 3000, 4999])
def test_closed(code: int) -> None:
    """A close is told with its code, whatever it is."""
    assert f"(code {code})" in str(told(closes(code)))


def test_by_chance() -> None:
    """Messages changed at random end in no other error than ours."""
    chance = random.Random(7)  # noqa: S311 - to be repeated
    values: list[object] = [None, 7, -1, 1.5, True, "", "a" * 300, [], {}, "\ud800", "\u0000"]
    payload = base64.b64encode(b'{"type": "offer", "sdp": "v=0"}').decode()
    names = ["messageType", "messagePayload", "senderClientId", "statusResponse", "unknown"]
    kinds = [*(each.value for each in Action), "GO_AWAY", "STATUS_RESPONSE", "NEW"]
    messages: list[str | bytes] = []
    for _ in range(200):
        content: dict[str, object] = {
            "messageType": chance.choice(kinds),
            "messagePayload": payload,
        }
        content |= {name: chance.choice(values) for name in chance.sample(names, 2)}
        text = json.dumps(content)
        messages.append(text if chance.random() < 0.8 else text[: chance.randrange(len(text))])
    error = told(sends(*messages))
    assert error.kind in {"malformed", "closed", "unreachable", "limit"}
