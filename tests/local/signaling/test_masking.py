"""Masks of WebSocket frames: of any frames in any pieces, and over a connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsops.local.settings import Settings
from kvsops.local.signaling.masking import MaskedFrames
from tests.local.signaling.peers import OFFER, Peers, failures, run

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer

KEY = b"\x01\x02\x03\x04"


class Seen:
    """A parser that keeps what it is fed."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Keep it."""
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        """Keep the end."""
        self.data += b"eof"


def frame(length: int, *, masked: bool = True) -> bytes:
    """Return a text frame of zeros."""
    bit = 0x80 if masked else 0
    if length < 126:
        head = bytes([0x81, bit | length])
    elif length < 1 << 16:
        head = bytes([0x81, bit | 126]) + length.to_bytes(2)
    else:
        head = bytes([0x81, bit | 127]) + length.to_bytes(8)
    return head + (KEY if masked else b"") + bytes(length)


def fed(data: bytes, sizes: list[int]) -> bytes:
    """Feed the bytes in pieces of these sizes, then the end; answer what the parser got."""
    seen = Seen()
    frames = MaskedFrames(seen)
    for size in sizes:
        frames.feed_data(data[:size])
        data = data[size:]
    frames.feed_data(data)
    frames.feed_eof()
    return seen.data


LENGTHS = st.lists(st.sampled_from([0, 1, 125, 126, 300, 65_535, 65_536]), max_size=4)
SIZES = st.lists(st.integers(1, 400), max_size=12)


@given(LENGTHS, SIZES)
def test_masked_frames_pass(lengths: list[int], sizes: list[int]) -> None:
    """Whatever the pieces, all is passed on unchanged."""
    data = b"".join(map(frame, lengths))
    assert fed(data, sizes) == data + b"eof"


@given(LENGTHS, SIZES, st.sampled_from([0, 5, 126, 65_536]))
def test_an_unmasked_frame_does_not(lengths: list[int], sizes: list[int], length: int) -> None:
    """All before it is passed on, and nothing of it."""
    data = b"".join(map(frame, lengths))
    got = fed(data + frame(length, masked=False), sizes)
    assert got.startswith(data + b"\xf0\x80")
    assert bytes([0x81]) not in got[len(data) :]


@pytest.fixture
def settings() -> Settings:
    """Go by this machine's time."""
    return Settings(quotas=False)


@pytest.fixture
def arn(local: LocalServer) -> str:
    """Make a channel."""
    now = local.settings.clock()
    return local.backend().put_channel("cam", now, now).arn


async def upgraded(peers: Peers, arn: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect a viewer by hand, and take the empty frame that comes first."""
    url = urlsplit(peers.url("VIEWER", arn, "v"))
    reader, writer = await asyncio.open_connection(
        url.hostname, url.port, ssl=peers.local.client_context()
    )
    writer.write(
        f"GET /?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    assert await reader.readexactly(2) == b"\x81\x00"
    return reader, writer


def test_the_connection_is_closed(local: LocalServer, arn: str) -> None:
    """An unmasked frame ends the connection with 1002; the others go on."""

    async def body(peers: Peers) -> None:
        master = await peers.master(arn)
        reader, writer = await upgraded(peers, arn)
        writer.write(frame(0, masked=False))
        assert await reader.readexactly(4) == b"\x88" + bytes([len(b"..")]) + (1002).to_bytes(2)
        writer.close()
        viewer = await peers.viewer(arn)
        await viewer.send(OFFER, "hello")
        assert await master.payloads(1) == ["hello"]

    run(local, body)


def test_gone_in_a_flood_of_pings(
    local: LocalServer, arn: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that goes while it is being answered is no failure of the emulator."""

    async def body(peers: Peers) -> None:
        for _ in range(5):
            _, writer = await upgraded(peers, arn)
            ping = b"\x89\x84" + KEY + b"ping"
            writer.write(ping * 20_000)
            await asyncio.sleep(0.05)
            writer.transport.abort()
        await asyncio.sleep(0.5)
        await peers.master(arn)

    run(local, body)
    assert failures(caplog) == []
