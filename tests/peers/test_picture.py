"""The numbered picture: what is drawn is read again, also after a codec, and nothing else is."""

from fractions import Fraction

import av
import pytest
from av.video.codeccontext import VideoCodecContext

from kvsops.peers.picture import Mark, draw, read


@pytest.mark.parametrize("size", [(640, 480), (320, 240), (1280, 960)])
@pytest.mark.parametrize("mark", [Mark(0, 0), Mark(1, 1), Mark(255, 2**24 - 1), Mark(7, 12_345)])
def test_read_again(mark: Mark, size: tuple[int, int]) -> None:
    """A picture is read as it was drawn."""
    assert read(draw(mark, *size)) == mark


@pytest.mark.parametrize(("encoder", "decoder"), [("libvpx", "vp8"), ("libx264", "h264")])
def test_survives_the_codec(encoder: str, decoder: str) -> None:
    """Every number is read from what a real-time codec at a low bitrate leaves of it."""
    sending = av.CodecContext.create(encoder, "w")
    receiving = av.CodecContext.create(decoder, "r")
    assert isinstance(sending, VideoCodecContext)
    assert isinstance(receiving, VideoCodecContext)
    sending.width, sending.height, sending.pix_fmt = 320, 240, "yuv420p"
    sending.bit_rate, sending.framerate, sending.time_base = 120_000, Fraction(30), Fraction(1, 30)
    sending.options = {"tune": "zerolatency"} if decoder == "h264" else {"deadline": "realtime"}
    seen = []
    for number in range(60):
        frame = draw(Mark(3, number * 271_828 % 2**24), 320, 240)
        frame.pts, frame.time_base = number, Fraction(1, 30)
        for packet in sending.encode(frame):
            seen += [read(decoded) for decoded in receiving.decode(packet)]
    assert seen == [Mark(3, number * 271_828 % 2**24) for number in range(60)]


@pytest.mark.parametrize("level", [0, 40, 128, 216, 255])
def test_an_even_picture_has_no_number(level: int) -> None:
    """A black, white or grey picture, such as a camera at night sends, is no numbered one."""
    frame = av.VideoFrame(320, 240, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes([level]) * plane.buffer_size)
    assert read(frame) is None


def test_a_damaged_number_is_not_read() -> None:
    """A block that turned over does not pass the checksum."""
    frame = draw(Mark(1, 77), 320, 240)
    plane = frame.planes[0]
    pixels = bytearray(plane)
    for row in range(16):
        start = row * plane.line_size + 9 * 16
        pixels[start : start + 16] = bytes([216 if pixels[start] < 128 else 40]) * 16
    plane.update(bytes(pixels))
    assert read(frame) is None


def test_other_formats_are_not_read() -> None:
    """A picture whose luma is not where it is looked for is left alone."""
    assert read(av.VideoFrame(320, 240, "rgb24")) is None
    assert read(av.VideoFrame(16, 16, "yuv420p")) is None
