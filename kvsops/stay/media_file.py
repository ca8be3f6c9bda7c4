"""One file of a recording, playable at any moment: Matroska and MP4 by PyAV, or wav.

Matroska is written in clusters and MP4 in fragments, a second each, and a wav's header anew with
what follows it: whatever ends the process, what was there a second before can be played.
"""

import errno
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import av
from av import AudioFrame, AudioResampler, VideoFrame
from av.audio.stream import AudioStream
from av.video.frame import PictureType
from av.video.stream import VideoStream

from kvsops.stay.destination import Sink
from kvsops.stay.fitting import Fitting
from kvsops.stay.sound import BYTES, CHANNELS, RATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from av.packet import Packet

KEY_SECONDS: Final = 2.0
"""How far apart key frames are: a player can begin at each."""
_TICKS: Final = 90_000
_TIME_BASE: Final = Fraction(1, _TICKS)
_VIDEO: Final = {"preset": "superfast", "crf": "23", "tune": "zerolatency"}
_AUDIO_BIT_RATE: Final = 96_000
_COMMON: Final = {"flush_packets": "1", "max_interleave_delta": "1000000"}
_OPTIONS: Final = {
    "mp4": {
        "movflags": "frag_keyframe+empty_moov+default_base_moof",
        "frag_duration": "1000000",
        **_COMMON,
    },
    "matroska": {"cluster_time_limit": "1000", **_COMMON},
}
_WAVE_BYTES: Final = (1 << 32) - 1
"""The sizes in its header have 32 bits."""
_AUDIO_CODECS: Final = {"mp4": "aac", "matroska": "libopus"}
"""Opus as it comes; but few players know it in an MP4."""


class MediaFile(Protocol):
    """A file that takes pictures and sound. Each call may raise OSError."""

    def add_picture(self, frame: VideoFrame, at: float) -> None:
        """Add a picture, to be shown so many seconds after the beginning until the next one."""

    def add_sound(self, samples: bytes) -> None:
        """Add what follows the sound so far: 16-bit stereo of 48 kHz."""

    def close(self) -> None:
        """Bring the file to its end."""


def media_file(sink: Sink, format_: str, size: tuple[int, int] | None, *, sound: bool) -> MediaFile:
    """Begin a file with a track for pictures of this size, and one for sound."""
    return WaveFile(sink) if format_ == "wav" else EncodedFile(sink, format_, size, sound=sound)


class EncodedFile:
    """A Matroska or MP4 file: H264, and Opus or AAC."""

    def __init__(
        self, sink: Sink, format_: str, size: tuple[int, int] | None, *, sound: bool
    ) -> None:
        self._sink = sink
        self._container = av.open(sink, "w", format=format_, options=_OPTIONS[format_])
        self._video = self._add_video(size) if size else None
        self._audio = self._add_audio(format_) if sound else None
        self._fitting = Fitting(size) if size else None
        self._last_pts, self._next_key = -1, 0.0
        self._samples = 0

    def add_picture(self, frame: VideoFrame, at: float) -> None:
        """Add a picture; see `MediaFile`."""
        if self._video is None or self._fitting is None:
            return
        picture = self._fitting.fit(frame)
        picture.pts = self._last_pts = max(round(at * _TICKS), self._last_pts + 1)
        picture.time_base = _TIME_BASE
        key = at >= self._next_key
        picture.pict_type = PictureType.I if key else PictureType.NONE  # else as it was decoded
        if key:
            self._next_key = at + KEY_SECONDS
        self._mux(self._video.encode(picture))

    def add_sound(self, samples: bytes) -> None:
        """Add sound; see `MediaFile`."""
        if self._audio is None:
            return
        frame = AudioFrame("s16", "stereo", len(samples) // BYTES)
        frame.planes[0].update(samples)
        frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
        frame.pts = self._samples
        self._samples += frame.samples
        for each in self._resampler.resample(frame):
            self._mux(self._audio.encode(each))

    def close(self) -> None:
        """Write what the encoders still hold, and the end."""
        try:
            for stream in (self._video, self._audio):
                if stream is not None:
                    self._mux(stream.encode(None))
            with self._told():
                self._container.close()
        finally:
            with suppress(OSError, av.FFmpegError):  # it has been told
                self._container.close()
            self._sink.close()

    def _mux(self, packets: "Iterable[Packet[Any]]") -> None:
        with self._told():
            for packet in packets:
                self._container.mux(packet)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Let an error be the file's own: FFmpeg says the next time only that there was one."""
        try:
            yield
        except av.FFmpegError:
            if self._sink.failed is not None:
                raise self._sink.failed from None
            raise

    def _add_video(self, size: tuple[int, int]) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=30, options=dict(_VIDEO))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = stream.time_base = _TIME_BASE
        stream.codec_context.gop_size = 1_000_000  # key frames are asked for by time
        return stream

    def _add_audio(self, format_: str) -> AudioStream:
        codec = _AUDIO_CODECS[format_]
        stream = cast("AudioStream", self._container.add_stream(codec, rate=RATE))
        context = stream.codec_context
        context.layout, context.bit_rate = "stereo", _AUDIO_BIT_RATE
        context.open()
        self._resampler = AudioResampler(
            format=context.format, layout="stereo", rate=RATE, frame_size=context.frame_size
        )
        return stream


class WaveFile:
    """A wav file: the samples as they are."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._file = wave.Wave_write(cast("wave._File", sink))
        self._file.setparams((CHANNELS, BYTES // CHANNELS, RATE, 0, "NONE", ""))

    def add_picture(self, frame: VideoFrame, at: float) -> None:
        """Leave a picture out."""

    def add_sound(self, samples: bytes) -> None:
        """Add sound, and write the header anew; see `MediaFile`."""
        if self._sink.size + len(samples) > _WAVE_BYTES:
            raise OSError(errno.EFBIG, "a .wav holds 4 GiB at most, which is 6 hours")
        self._file.writeframes(samples)

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        finally:
            self._sink.close()
