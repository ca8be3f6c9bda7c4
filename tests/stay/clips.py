"""Small files of media, written with PyAV: the numbered picture, a tone, or both."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from kvsops.peers.picture import Mark, draw
from kvsops.peers.tracks import tone

FPS = 15


def clip(
    path: Path,
    seconds: float = 1.0,
    *,
    picture: bool = True,
    sound: bool = True,
    size: tuple[int, int] = (320, 240),
) -> Path:
    """Write a file of the kind that its name says; return its path."""
    container: Any
    with av.open(str(path), "w") as container:
        if picture:
            video = container.add_stream("libx264", FPS, options={"tune": "zerolatency"})
            video.width, video.height, video.pix_fmt = *size, "yuv420p"
        if sound:
            audio = container.add_stream("aac", 48_000, layout="mono")
        for number in range(round(seconds * 50)):
            if picture and number * FPS % 50 < FPS:
                frame = draw(Mark(7, number * FPS // 50), *size)
                frame.pts, frame.time_base = number * FPS // 50, Fraction(1, FPS)
                container.mux(video.encode(frame))
            if sound:
                container.mux(audio.encode(tone(number)))
        for stream in (*container.streams.video, *container.streams.audio):
            container.mux(stream.encode(None))
    return path
