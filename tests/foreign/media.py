"""Encoded pictures and sound for stacks that encode nothing, and the mark of a decoded picture."""

import atexit
import shutil
import struct
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from math import pi, sin
from pathlib import Path
from typing import Final, cast

import av
from av import AudioFrame, VideoFrame

from kvsops.peers.picture import COLUMNS, ROWS, Mark, draw, read

FRAMES: Final = 60
"""How many pictures the loop has: the first is a key frame, so that it may begin again."""
_SIZE: Final = (640, 480)
_FPS: Final = 30
_ENCODERS: Final = {
    "VP8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "H264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}),
}
_BLOCK: Final = 4
_RATE: Final = 48_000


@cache
def encoded() -> Path:
    """Encode once, and return the folder: `VP8`, `H264` (Annex B) and `opus`.

    Each is a row of frames, each behind its length in four bytes, most significant first.
    """
    folder = Path(tempfile.mkdtemp(prefix="kvsops-foreign-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for codec in _ENCODERS:
        _write(folder / codec, _pictures(codec))
    _write(folder / "opus", _sound())
    return folder


def level_mark(levels: object) -> Mark | None:
    """Read the mark of a picture of which the brightness of each block is told; None without."""
    if not isinstance(levels, Sequence) or len(levels) != COLUMNS * ROWS:
        return None
    frame = VideoFrame(COLUMNS * _BLOCK, ROWS * _BLOCK, "yuv420p")
    plane = frame.planes[0]
    rows = [levels[row * COLUMNS :][:COLUMNS] for row in range(ROWS)]
    lines = [b"".join(bytes([round(level)]) * _BLOCK for level in row) for row in rows]
    plane.update(b"".join(line.ljust(plane.line_size, b"\0") * _BLOCK for line in lines))
    return read(frame)


def _write(path: Path, frames: Iterator[bytes]) -> None:
    path.write_bytes(b"".join(struct.pack(">I", len(frame)) + frame for frame in frames))


def _pictures(codec: str) -> Iterator[bytes]:
    encoder, options = _ENCODERS[codec]
    context = cast("av.VideoCodecContext", av.CodecContext.create(encoder, "w"))
    context.width, context.height = _SIZE
    context.pix_fmt, context.time_base = "yuv420p", Fraction(1, _FPS)
    context.framerate, context.gop_size, context.bit_rate = Fraction(_FPS), FRAMES, 800_000
    context.options = options
    for number in range(FRAMES):
        frame = draw(Mark(0, number), *_SIZE)
        frame.pts, frame.time_base = number, Fraction(1, _FPS)
        yield from (bytes(packet) for packet in context.encode(frame))
    yield from (bytes(packet) for packet in context.encode(None))


def _sound() -> Iterator[bytes]:
    """Encode a second of a tone, in frames of 20 ms."""
    context = av.AudioCodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = _RATE, "stereo", "s16"
    context.time_base = Fraction(1, _RATE)
    wave = array("h", (round(8_000 * sin(2 * pi * 500 * (n // 2) / _RATE)) for n in range(1920)))
    for number in range(50):
        frame = AudioFrame("s16", "stereo", 960)
        frame.planes[0].update(wave.tobytes())
        frame.sample_rate, frame.time_base, frame.pts = _RATE, Fraction(1, _RATE), 960 * number
        yield from (bytes(packet) for packet in context.encode(frame))
