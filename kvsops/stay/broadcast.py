"""What is encoded for all viewers: each codec in use once, and handed to all who take it.

Frames come in one thread, which encodes them; who takes what is the event loop's.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from av import AudioFrame, AudioResampler, VideoFrame

from kvsops.stay.encoders import PIECE_RATE, Audio, Encoded, Video
from kvsops.stay.outlet import Feed

KEY_SECONDS: Final = 1.0
"""How far apart key frames are that viewers ask for (PLI, FIR)."""
JOIN_SECONDS: Final = 0.4
"""How far apart those are with which viewers begin: one serves all who come meanwhile."""
_APART_SECONDS: Final = 0.2
_PIECE_SECONDS: Final = 1 / 50


class Broadcast:
    """The encoders, and the feeds of those who take what they make."""

    def __init__(self) -> None:
        self.encoded: Counter[str] = Counter()
        """How many frames were encoded with each codec."""
        self.keys: Counter[str] = Counter()
        """How many of them as key frames."""
        self._loop = asyncio.get_running_loop()
        self._zero = time.monotonic()  # libvpx reckons with what is counted from then
        self._feeds: tuple[Feed, ...] = ()
        self._wishes: dict[str, float] = {}
        self._key_at: dict[str, float] = {}
        self._videos: dict[str, Video] = {}
        self._audios: dict[str, Audio] = {}
        self.begin(0.0)

    # On the event loop

    def add(self, feed: Feed) -> None:
        """Let this feed have what is encoded from now on."""
        self._feeds = (*self._feeds, feed)
        self.wish(feed.codec, JOIN_SECONDS)

    def remove(self, feed: Feed) -> None:
        """Hand this feed nothing more."""
        self._feeds = tuple(each for each in self._feeds if each is not feed)

    def wish(self, codec: str, apart_seconds: float = KEY_SECONDS) -> None:
        """Ask for a key frame, so long after the last one."""
        self._wishes[codec] = min(apart_seconds, self._wishes.get(codec, math.inf))

    def _hand_out(self, kind: str, codec: str, packets: list[Encoded]) -> None:
        for feed in self._feeds:
            if (feed.kind, feed.codec) == (kind, codec):
                for packet in packets:
                    feed.put(packet)

    # In the thread that has the frames

    def begin(self, fps: float) -> None:
        """Take frames of another source, or of the same one from its beginning."""
        self._fps, self._sound_at = fps, -math.inf
        self._pieces = AudioResampler("s16", "stereo", PIECE_RATE, PIECE_RATE // 50)

    def show(self, frame: VideoFrame, due: float) -> None:
        """Encode a picture, which is due at this time, with each codec in use."""
        for codec in self._in_use("video", self._videos):
            if codec not in self._videos:
                self._videos[codec] = Video(codec, self._fps)
            packets = self._videos[codec].encode(
                frame, due - self._zero, key=self._key_is_due(codec)
            )
            if any(packet.is_keyframe for packet in packets):
                self.keys[codec] += 1
                self._key_at[codec] = time.monotonic()
            self._hand_over("video", codec, packets)

    def sound(self, frame: AudioFrame, due: float) -> None:
        """Encode a sound, which begins at this time, with each codec in use."""
        if abs(self._sound_at - due) > _APART_SECONDS:
            self._sound_at = due
        codecs = self._in_use("audio", self._audios)
        for piece in self._pieces.resample(frame):
            for codec in codecs:
                if codec not in self._audios:
                    self._audios[codec] = Audio(codec)
                packets = self._audios[codec].encode(piece, self._sound_at - self._zero)
                self._hand_over("audio", codec, packets)
            self._sound_at += _PIECE_SECONDS

    def to_loop(self, call: Callable[..., object], *arguments: object) -> None:
        """Have this called on the event loop, as long as that runs."""
        with suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(call, *arguments)

    def _in_use(self, kind: str, encoders: dict[str, Video] | dict[str, Audio]) -> set[str]:
        """Return the codecs that somebody takes, and let go the encoders of others."""
        codecs = {feed.codec for feed in self._feeds if feed.kind == kind}
        for unused in encoders.keys() - codecs:
            del encoders[unused]
        return codecs

    def _key_is_due(self, codec: str) -> bool:
        apart, last_at = self._wishes.get(codec), self._key_at.get(codec, -math.inf)
        if apart is None or time.monotonic() - last_at < apart:
            return False
        self._wishes.pop(codec, None)
        return True

    def _hand_over(self, kind: str, codec: str, packets: list[Encoded]) -> None:
        self.encoded[codec] += len(packets)
        self.to_loop(self._hand_out, kind, codec, packets)
