"""The thread that writes: frames in their order, too many dropped and counted, errors told."""

import asyncio
from pathlib import Path

import pytest

from kvsops.stay.destination import Destination
from kvsops.stay.recording import Recording
from kvsops.stay.writer import WAITING, WAITING_BYTES, Writer
from tests.stay.conftest import run
from tests.stay.decoding import FPS, decoded, picture, sound


def test_too_many(tmp_path: Path) -> None:
    """What comes at once beyond 5 seconds is dropped and counted; the rest is in the file."""
    path, most = tmp_path / "door.mkv", WAITING["video"]

    async def write() -> Writer:
        writer = Writer(Recording(Destination(str(path)), ["video"]))
        for number in range(most + 50):
            writer.put(picture(number), number / FPS)
        await writer.close()
        return writer

    writer = run(write(), 60)
    kept = decoded(path).numbers
    assert most <= len(kept) == most + 50 - writer.dropped["video"]
    assert kept[:most] == [*range(most)]
    assert writer.dropped["audio"] == 0


def test_large_pictures(tmp_path: Path) -> None:
    """Of large ones fewer may wait, lest memory fills."""

    async def write() -> int:
        writer = Writer(Recording(Destination(str(tmp_path / "door.mkv")), ["video"]))
        large = picture(0, (3840, 2160))
        for number in range(16):
            writer.put(large, number / FPS)
        waiting = writer.dropped["video"]
        await writer.close()
        return waiting

    assert run(write(), 60) >= 16 - WAITING_BYTES // (3840 * 2160 * 3 // 2) - 4


def test_an_error(tmp_path: Path) -> None:
    """A file that came since is not overwritten: that is raised, and nothing hangs."""
    path = tmp_path / "door.wav"
    path.write_bytes(b"there")

    async def write() -> None:
        writer = Writer(Recording(Destination(str(path)), ["audio"]))
        for number in range(10):
            writer.put(sound(), number * 0.02)
        await asyncio.wait({writer.ended})
        writer.put(sound(), 1.0)
        await writer.close()

    with pytest.raises(FileExistsError):
        run(write(), 60)
    assert path.read_bytes() == b"there"
