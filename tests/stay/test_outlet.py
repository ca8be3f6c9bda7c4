"""A viewer's feed: bounded, and whole from a key frame on."""

import asyncio
from fractions import Fraction

import pytest
from aiortc.mediastreams import MediaStreamError
from av import Packet

from kvsops.stay.encoders import Encoded
from kvsops.stay.outlet import QUEUED, Feed, Outlet


def packet(number: int, *, key: bool = False) -> Encoded:
    """Make a packet that carries its number."""
    made = Packet(number.to_bytes(2, "big"))
    made.pts, made.time_base, made.is_keyframe = number, Fraction(1, 15), key
    return made


def taken(feed: Feed, number: int) -> list[int]:
    """Take so many packets; return their numbers."""

    async def take() -> list[int]:
        return [int.from_bytes(bytes(await feed.get()), "big") for _ in range(number)]

    return asyncio.run(take())


def test_a_picture_begins_with_a_key_frame() -> None:
    """What comes before the first key frame is not sent, and does not count as dropped."""
    feed = Feed("video", "VP8")
    for number in range(5):
        feed.put(packet(number, key=number == 3))
    assert taken(feed, 2) == [3, 4]
    assert (feed.taken, feed.dropped) == (2, 0)


def test_a_slow_viewer() -> None:
    """Where the queue is full, all is dropped until the next key frame."""
    feed, size = Feed("video", "VP8"), QUEUED["video"]
    for number in range(size + 5):
        feed.put(packet(number, key=number == 0))
    feed.put(packet(100, key=True))
    feed.put(packet(101))
    assert taken(feed, 2) == [100, 101]
    assert feed.dropped == size + 1  # after these nothing had been taken, so nothing was missed


def test_full_at_a_key_frame() -> None:
    """A key frame that finds the queue full begins a new one."""
    feed, size = Feed("video", "VP8"), QUEUED["video"]
    for number in range(size):
        feed.put(packet(number, key=number == 0))
    feed.put(packet(100, key=True))
    assert taken(feed, 1) == [100]
    assert feed.dropped == size


def test_slow_sound() -> None:
    """Of sound the oldest goes."""
    feed, size = Feed("audio", "opus"), QUEUED["audio"]
    for number in range(size + 3):
        feed.put(packet(number))
    assert taken(feed, 2) == [3, 4]
    assert feed.dropped == 3


def test_an_outlet() -> None:
    """Its feed begins when it is first asked, and ends with it; then it gives no more."""
    begun: list[Feed] = []
    ended: list[Feed] = []

    async def use() -> None:
        outlet = Outlet("audio", begun.append, ended.append)
        outlet.codec = "opus"
        assert begun == []
        asking = asyncio.ensure_future(outlet.recv())
        await asyncio.sleep(0)
        begun[0].put(packet(9))
        assert bytes(await asking) == b"\x00\x09"
        outlet.stop()
        with pytest.raises(MediaStreamError):
            await outlet.recv()

    asyncio.run(use())
    assert begun == ended != []
