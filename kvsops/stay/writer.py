"""A thread that writes a recording, so that nobody waits for encoders and disks."""

import asyncio
from collections import Counter
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Final

from av import VideoFrame

from kvsops.peers.waits import fail
from kvsops.stay.recording import Frame, Recording, kind_of

WAITING: Final = {"video": 150, "audio": 250}
"""How many pictures and sounds may wait: 5 seconds of each."""
WAITING_BYTES: Final = 100_000_000
"""How large the pictures that wait may be together: large ones wait for less long."""


class Writer:
    """Takes frames from the event loop, and writes them in their order.

    Where too many wait, the machine is too slow: what comes then is dropped, and counted.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.dropped: Counter[str] = Counter()
        """How many pictures and sounds were not written, by kind."""
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        """Done when it has written all, or fails when it can write no more."""
        self._queue: SimpleQueue[tuple[Frame, float] | None] = SimpleQueue()
        self._taken, self._written = Counter[str](), Counter[str]()
        Thread(target=self._work, name="kvsops-writer", daemon=True).start()

    def put(self, frame: Frame, at: float) -> None:
        """Have a frame written that was sent at this moment."""
        kind = kind_of(frame)
        waiting = self._taken[kind] - self._written[kind]
        if waiting >= WAITING[kind] or waiting * _bytes(frame) > WAITING_BYTES:
            self.dropped[kind] += 1
            return
        self._taken[kind] += 1
        self._queue.put((frame, at))

    async def close(self) -> None:
        """Write what waits, and bring the files to their end; raises what went wrong."""
        self._queue.put(None)
        await asyncio.shield(self.ended)

    def _work(self) -> None:
        error: Exception | None = None
        try:
            self._write_all()
        except Exception as raised:  # noqa: BLE001 - it is raised where it is awaited
            error = raised
            with suppress(Exception):  # what is there can be played, if its end cannot be written
                self.recording.close()
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._end, error)

    def _write_all(self) -> None:
        while (taken := self._queue.get()) is not None:
            self.recording.add(*taken)
            self._written[kind_of(taken[0])] += 1
        self.recording.close()

    def _end(self, error: Exception | None) -> None:
        if error is not None:
            fail(self.ended, error)
        elif not self.ended.done():
            self.ended.set_result(None)


def _bytes(frame: Frame) -> int:
    """Return how much memory a picture takes: a byte a pixel, and half of one for colours."""
    return frame.width * frame.height * 3 // 2 if isinstance(frame, VideoFrame) else 0
