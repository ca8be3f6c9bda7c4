"""Whether a recording keeps picture and sound in step, and every picture that was decoded.

A master of ours shows numbered pictures of 640x480, 30 a second, and beeps as each second begins;
`kvsops record`'s recorder writes them to a file, which is decoded again. `apart_ms` is how much
later a beep is in the file than the picture that it belongs to: the median, and within what 95 of
100 are, and all; `arrived_apart_ms` is the same of the frames as aiortc hands them over, which is
the floor. `lost_pictures` were decoded, but are not in the file, `dropped` of them because the
machine was too slow; `not_decoded` are those that did not even get so far. Prints one JSON line.
Target: `apart_ms` within 100, `lost_pictures` 0.
Run: python -m tests.benchmarks.record [SECONDS, 600 by default] [FILE's ending, mp4 by default]
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from array import array
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import pi, sin
from pathlib import Path
from typing import Final

from aiortc import MediaStreamTrack
from av import AudioFrame, VideoFrame

from kvsops.aws.scope import Scope
from kvsops.cli.access import access_of
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from kvsops.peers.picture import Mark, draw, read
from kvsops.stay.destination import Destination
from kvsops.stay.presence import Presence
from kvsops.stay.record import Recorder, Report, Wanted
from kvsops.stay.recording import Frame
from tests.fleet import put
from tests.stay.decoding import LOUD, decoded, loudness
from tests.stay.master import Master

TARGET_MS: Final = 100
FPS, RATE = 30, 48_000
SAMPLES: Final = RATE // 50
_BEEP: Final = 5  # frames of 20 ms


class Second(MediaStreamTrack):
    """A track by a clock that both share: a picture is drawn, and a beep begins, as it says."""

    def __init__(self, kind: str, began: float) -> None:
        super().__init__()
        self.kind, self._began, self._number = kind, began, 0

    async def recv(self) -> Frame:
        """Return the next picture or sound when its time has come."""
        rate = FPS if self.kind == "video" else 50
        await asyncio.sleep(max(0.0, self._began + self._number / rate - time.monotonic()))
        number, self._number = self._number, self._number + 1
        return _picture(number) if self.kind == "video" else _sound(number)


def _picture(number: int) -> VideoFrame:
    frame = draw(Mark(1, number), 640, 480)
    frame.pts, frame.time_base = number * 3_000, Fraction(1, 90_000)
    return frame


def _sound(number: int) -> AudioFrame:
    frame = AudioFrame("s16", "mono", SAMPLES)
    frame.planes[0].update(_wave(loud=number % 50 < _BEEP))
    frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), number * SAMPLES
    return frame


@cache
def _wave(*, loud: bool) -> bytes:
    high = 8_000 if loud else 0
    return array(
        "h", (round(high * sin(2 * pi * 500 * at / RATE)) for at in range(SAMPLES))
    ).tobytes()


class Watched(Recorder):
    """Notes what comes, and when."""

    report: Report

    def watch(self) -> None:
        """Begin to."""
        self.pictures: dict[int, float] = {}
        self.sounds: list[tuple[float, int]] = []

    def _deliver(self, frame: Frame, at: float) -> None:
        now = time.monotonic()
        if isinstance(frame, VideoFrame):
            if (mark := read(frame)) is not None:
                self.pictures[mark.number] = now
        else:
            self.sounds.append((now, loudness(frame)))
        super()._deliver(frame, at)


def apart(pictures: dict[int, float], sounds: Sequence[tuple[float, int]]) -> list[float]:
    """Return how many milliseconds later each beep begins than its picture is there."""
    beeps = [later for (_, before), (later, loud) in pairwise(sounds) if before < LOUD <= loud]
    found = []
    for number, at in pictures.items():
        if number % FPS == 0 and beeps:
            beep = min(beeps, key=lambda moment: abs(moment - at))
            if abs(beep - at) < 0.5:
                found.append((beep - at) * 1000)
    return found


async def _recorded(local: LocalServer, path: Path, seconds: float) -> Watched:
    os.environ.update(local.environment())
    access, arn = access_of(Scope(environ=local.environment())), put(local, "cam-door").arn

    def tracks() -> Sequence[MediaStreamTrack]:
        began = time.monotonic() + 0.5
        return Second("video", began), Second("audio", began)

    async with Master(access, arn, tracks):
        viewer = Presence(access, arn, "viewer", "recorder")
        recorder = Watched(viewer, Wanted(Destination(str(path)), duration=seconds))
        recorder.watch()
        recorder.report = report = await recorder.run(asyncio.Event())
    if report.reason != "duration" or report.gaps:
        raise SystemExit(f"{report.reason} {report.text} {report.gaps}")
    return recorder


def _summed(found: list[float]) -> list[float]:
    """Return the median, and what 95 of 100 and all are within."""
    ordered = sorted(map(abs, found))
    most = ordered[len(ordered) * 95 // 100 - 1]
    return [round(each, 1) for each in (statistics.median(found), most, ordered[-1])]


def main() -> None:
    """Record for so long, and compare the file with what came."""
    seconds = float(sys.argv[1]) if sys.argv[1:] else 600.0
    with (
        LocalServer(Settings(state_delay=timedelta())) as local,
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder) / f"door.{sys.argv[2] if sys.argv[2:] else 'mp4'}"
        recorder = asyncio.run(_recorded(local, path, seconds))
        clip = decoded(path)
    there = {
        number: at
        for number, at in zip(clip.numbers, clip.times, strict=True)
        if number is not None
    }
    first, last = min(there), max(there)
    came = {number for number in recorder.pictures if first <= number <= last}
    kept = apart(there, clip.loudness)
    arrived = apart(recorder.pictures, recorder.sounds)
    result = {
        "benchmark": "record",
        "seconds": round(clip.times[-1]),
        "pictures": len(clip.numbers),
        "beeps": len(kept),
        "apart_ms": _summed(kept),
        "arrived_apart_ms": _summed(arrived),
        "lost_pictures": len(came - there.keys()),
        "dropped": recorder.report.pictures_dropped,
        "not_decoded": last - first + 1 - len(came),
        "target_ms": TARGET_MS,
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
