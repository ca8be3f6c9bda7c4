"""Encoders: the packets that come of them, and the rate that they keep to."""

import itertools
import os
from fractions import Fraction
from typing import Any

import pytest
from av import AudioFrame, CodecContext, VideoFrame

from kvsops.peers.picture import Mark, draw, read
from kvsops.stay.encoders import Audio, Video, bitrate, fitted


def noise(width: int, height: int) -> VideoFrame:
    """Return a picture that nothing can compress."""
    frame = VideoFrame(width, height, "yuv420p")
    for plane in frame.planes:
        plane.update(os.urandom(plane.buffer_size))
    return frame


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_one_packet_a_picture(codec: str) -> None:
    """Each picture is a packet at once, with its time; the first, and one as wished, are whole."""
    video = Video(codec, 15.0)
    decoder: Any = CodecContext.create({"VP8": "vp8", "H264": "h264"}[codec], "r")
    marks, keys, times = [], [], []
    for number in range(20):
        frame = draw(Mark(3, number), 320, 240)
        [packet] = video.encode(frame, 100 + number / 15, key=number == 10)
        times.append((packet.pts, packet.time_base))
        if packet.is_keyframe:
            keys.append(number)
        marks += [read(each) for each in decoder.decode(packet) if isinstance(each, VideoFrame)]
    marks += [read(each) for each in decoder.decode(None) if isinstance(each, VideoFrame)]
    assert marks == [Mark(3, number) for number in range(20)]
    assert keys == [0, 10]
    assert times[3] == (9_018_000, Fraction(1, 90_000))


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_noise(codec: str) -> None:
    """Of noise no packet is larger than the network takes in one go, nor their sum than the rate.

    VP8 gets there by a smaller picture alone.
    """
    video, pictures = Video(codec, 15.0), [noise(1280, 720) for _ in range(3)]
    sizes = []
    for number in range(30):
        [packet] = video.encode(pictures[number % 3], number / 15, key=False)
        sizes.append(packet.size)
    rate = bitrate(1280, 720, 15.0)
    assert max(sizes) * 8 <= rate * 0.8
    assert sum(sizes[15:]) * 8 <= rate * 1.5
    assert (video.size == (1280, 720)) is (codec == "H264")


def test_the_size_comes_back() -> None:
    """After the noise the picture has its size again; where that was too soon, it waits longer."""
    video, bad, good = Video("VP8", 15.0), noise(1280, 720), draw(Mark(1, 1), 1280, 720)
    sizes = {}
    for second in range(40):
        video.encode(good if second >= 20 else bad, float(second), key=False)
        sizes[second] = video.size
    assert sizes[0] < (1280, 720)
    assert sizes[17] < (1280, 720)
    assert sizes[39] < (1280, 720)  # deceived once, it waits for 30 s
    for second in range(40, 60):
        video.encode(good, float(second), key=False)
    assert video.size == (1280, 720)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ((640, 480), (640, 480)),
        ((1920, 1080), (1280, 720)),
        ((1080, 1920), (720, 1280)),
        ((641, 361), (640, 360)),
        ((2592, 1944), (960, 720)),
        ((1, 1), (2, 2)),
    ],
)
def test_fitted(given: tuple[int, int], sent: tuple[int, int]) -> None:
    """What is larger than clients agree to decode is made smaller; sides are even."""
    assert fitted(*given) == sent


@pytest.mark.parametrize(
    ("codec", "ticks"), [("opus", 960), ("G722", 160), ("PCMU", 160), ("PCMA", 160)]
)
def test_sound(codec: str, ticks: int) -> None:
    """20 ms of sound are a packet, in ticks of the codec's RTP clock."""
    audio, packets = Audio(codec), []
    for number in range(10):
        frame = AudioFrame("s16", "stereo", 960)
        frame.sample_rate, frame.pts, frame.time_base = 48_000, number * 960, Fraction(1, 48_000)
        packets += audio.encode(frame, number / 50)
    assert len(packets) >= 9  # a resampler keeps some back
    times = [packet.pts or 0 for packet in packets]
    assert {after - before for before, after in itertools.pairwise(times)} == {ticks}
