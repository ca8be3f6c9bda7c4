"""What is played: a file, a camera's RTSP stream, or the test picture with its tone.

All of this blocks, and is called from one thread.
"""

import errno
import heapq
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import av
from av import AudioFrame, AudioStream, VideoFrame, VideoStream
from av.container import InputContainer

from kvsops.errors import KvsopsError
from kvsops.peers.picture import Mark, draw
from kvsops.peers.tracks import tone
from kvsops.stay.upright import Upright

FPS: Final = 30
SILENT_SECONDS: Final = 10.0
"""After so long without a packet, or without an answer, a stream has broken off."""
_APART_SECONDS: Final = 0.3
"""How far sound and picture may be apart in a file and are still played together."""
_REFUSED: Final = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)
_ALMOST: Final = 0.9  # of a time limit: FFmpeg looks now and then
_BAD_PACKETS: Final = 100
"""So many in a row that cannot be decoded are no accident."""
_SENDER: Final = 0
"""Who sends the test picture, as it says itself: a master."""

Frame = VideoFrame | AudioFrame


class SourceError(KvsopsError):
    """A source cannot be opened, or breaks off; the text says why, and not where.

    `refused` is of a camera that does not take the user or password: many lock out who tries on.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that plays: its kinds of media, its rate, and its frames, which have their time."""

    kinds: frozenset[str]
    fps: float
    frames: Iterator[Frame]
    close: Callable[[], None] = lambda: None


class Source(Protocol):
    """What can be opened, and if it ends, again."""

    @property
    def name(self) -> str:
        """What it is called before people, without secrets."""

    @property
    def live(self) -> bool:
        """Whether it runs by itself: else it is played at its own pace, from its beginning."""

    def open(self) -> Opened:
        """Open it; raises `SourceError`."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """Pictures that carry their number, and a tone. It never ends."""

    size: tuple[int, int]
    fps: int
    name: str = "test picture"
    live: bool = False

    def open(self) -> Opened:
        """Begin with the first picture."""
        return Opened(frozenset({"video", "audio"}), self.fps, self._frames())

    def _frames(self) -> Iterator[Frame]:
        sounds = 0
        for number in count():
            frame = draw(Mark(_SENDER, number), *self.size)
            frame.pts, frame.time_base = number, Fraction(1, self.fps)
            yield frame
            while sounds * self.fps < (number + 1) * 50:
                yield tone(sounds)
                sounds += 1


@dataclass(frozen=True, slots=True)
class File:
    """A file of media."""

    path: Path
    name: str
    live: bool = False

    def open(self) -> Opened:
        """Open it; what is no media, or has neither picture nor sound, is a `SourceError`."""
        container = _opened(f"file:{self.path}")
        opened = _playing(container)
        if opened.kinds == {"video", "audio"}:
            return Opened(opened.kinds, opened.fps, _in_order(opened.frames), opened.close)
        return opened


@dataclass(frozen=True, slots=True)
class Rtsp:
    """A camera's stream. Its URL may hold a password, and is shown nowhere."""

    url: str = field(repr=False)
    name: str
    live: bool = True
    silent_seconds: float = SILENT_SECONDS

    def open(self) -> Opened:
        """Ask the camera for it, over TCP: packets that a network loses break pictures."""
        _require_host(self.url)
        options = {"rtsp_transport": "tcp", "flags": "low_delay"}
        return _playing(_opened(self.url, options, self.silent_seconds), self.silent_seconds)


def _opened(
    where: str, options: dict[str, str] | None = None, seconds: float | None = None
) -> InputContainer:
    began = time.monotonic()
    try:
        return av.open(where, options=options or {}, timeout=seconds)
    except (OSError, av.FFmpegError) as error:  # its own text names the URL, password and all
        raise SourceError(
            _why(error, seconds, began), refused=isinstance(error, _REFUSED)
        ) from None


def _require_host(url: str) -> None:
    """Raise `SourceError` where a URL's host has no address: FFmpeg says no more than "I/O"."""
    try:
        socket.getaddrinfo(urlsplit(url).hostname, None)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"its host is not found: {why}") from None


def _why(error: Exception, seconds: float | None, since: float) -> str:
    """Say what is wrong; of what took too long FFmpeg says this or that."""
    if seconds is not None and time.monotonic() - since > seconds * _ALMOST:
        return f"it was silent for {seconds:g} s"
    if isinstance(error, _REFUSED):
        return "it lets in no such user or password; a URL has them before the host and an @"
    if isinstance(error, av.error.InvalidDataError):
        return "it is no media that can be read"
    if seconds is not None and (isinstance(error, EOFError) or _is_broken(error)):
        return "it broke off: perhaps it speaks no RTSP, or no TLS (rtsps://)"
    return getattr(error, "strerror", None) or type(error).__name__


def _is_broken(error: Exception) -> bool:
    """Whether it is what FFmpeg calls a connection that makes no sense, such as TLS with no TLS."""
    return isinstance(error, OSError) and error.errno == errno.EIO


def _playing(container: InputContainer, seconds: float | None = None) -> Opened:
    """Play its first picture and its first sound; raises `SourceError` if it has neither."""
    video = next((each for each in container.streams.video if _decodes(each)), None)
    audio = next((each for each in container.streams.audio if _decodes(each)), None)
    streams = [each for each in (video, audio) if each is not None]
    if not streams:
        container.close()
        raise SourceError("it has neither a picture nor a sound that can be decoded")
    if video is not None:
        video.thread_type = "AUTO"
    rate = None if video is None else video.average_rate or video.guessed_rate
    fps = float(min(rate or FPS, FPS))
    kinds = frozenset(each.type for each in streams)
    return Opened(kinds, fps, _decoded(container, streams, seconds), container.close)


def _decodes(stream: VideoStream | AudioStream) -> bool:
    """Whether a decoder of it is there; cover pictures of songs are no video."""
    cover = bool(stream.disposition & av.stream.Disposition.attached_pic)
    return stream.codec_context is not None and not cover


def _decoded(
    container: InputContainer, streams: list[VideoStream | AudioStream], seconds: float | None
) -> Iterator[Frame]:
    bad, asked_at, upright = 0, time.monotonic(), Upright()
    with closing(container):
        try:
            for packet in container.demux(*streams):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    bad += 1
                    if bad > _BAD_PACKETS:
                        raise SourceError("it cannot be decoded") from None
                    continue
                for frame in frames:
                    if isinstance(frame, Frame) and frame.time is not None:
                        bad = 0
                        yield upright.turned(frame) if isinstance(frame, VideoFrame) else frame
                asked_at = time.monotonic()
        except (OSError, av.FFmpegError) as error:
            raise SourceError(_why(error, seconds, asked_at)) from None


def _in_order(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Bring picture and sound into the order of their times, where a file has them apart."""
    waiting: list[tuple[float, int, Frame]] = []
    for number, frame in enumerate(frames):
        heapq.heappush(waiting, (frame.time or 0.0, number, frame))
        while waiting and waiting[0][0] < (frame.time or 0.0) - _APART_SECONDS:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]
