"""The test picture: a frame that carries its number in blocks of pixels which survive a codec.

A picture is 20 blocks wide and 15 high. The first 40 blocks, row by row, are the bits of one
number, most significant first: 8 bits of who sends, 24 of the frame, 8 of a checksum over both.
Below them a gradient moves, so that no two pictures are alike.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from av import VideoFrame

COLUMNS: Final = 20
ROWS: Final = 15
FRAME_BITS: Final = 24
_BITS: Final = 40
_CODE_ROWS: Final = _BITS // COLUMNS
_DARK, _LIGHT, _THRESHOLD, _GREY = 40, 216, 128, 128
_CLEAR: Final = 30
"""How far from the threshold a block must be, lest a grey picture be read as a number."""
_STRIDE: Final = 3  # pixels by which the gradient moves


@dataclass(frozen=True, slots=True)
class Mark:
    """What a picture says of itself."""

    sender: int
    number: int


def draw(mark: Mark, width: int, height: int) -> "VideoFrame":
    """Draw the picture; width and height are multiples of 40 and 30."""
    from av import VideoFrame

    frame = VideoFrame(width, height, "yuv420p")
    luma, *chroma = frame.planes
    luma.update(_luma(mark, width, height, luma.line_size))
    for plane in chroma:
        plane.update(bytes([_GREY]) * plane.buffer_size)
    return frame


def read(frame: "VideoFrame") -> Mark | None:
    """Read a decoded picture's mark; None where it carries none that can be trusted."""
    if frame.format.name not in ("yuv420p", "yuvj420p") or not frame.width >= COLUMNS * 4:
        return None
    plane = frame.planes[0]
    pixels = memoryview(plane)
    bits = 0
    for index in range(_BITS):
        level = _level(pixels, index, frame.width, frame.height, plane.line_size)
        if abs(level - _THRESHOLD) < _CLEAR:
            return None
        bits = bits << 1 | (level > _THRESHOLD)
    mark = Mark(bits >> FRAME_BITS + 8, bits >> 8 & 2**FRAME_BITS - 1)
    return mark if bits == _code(mark) else None


def _code(mark: Mark) -> int:
    word = mark.sender << FRAME_BITS | mark.number & 2**FRAME_BITS - 1
    return word << 8 | _checksum(word)


def _checksum(word: int) -> int:
    """Fold a word to 8 bits; an even grey, all zeros or all ones, does not pass."""
    check = 0xA5
    for byte in word.to_bytes(4, "big"):
        check = (check * 31 + byte) & 0xFF
    return check


def _luma(mark: Mark, width: int, height: int, line_size: int) -> bytes:
    block_width, block_height = width // COLUMNS, height // ROWS
    bits = f"{_code(mark):0{_BITS}b}"
    lines = []
    for row in range(_CODE_ROWS):
        levels = (_LIGHT if bit == "1" else _DARK for bit in bits[row * COLUMNS :][:COLUMNS])
        line = b"".join(bytes([level]) * block_width for level in levels)
        lines.append(line.ljust(line_size, b"\0") * block_height)
    ramp = bytes(_DARK + (_LIGHT - _DARK) * x // width for x in range(width))
    shift = mark.number * _STRIDE % width
    moved = (ramp[shift:] + ramp[:shift]).ljust(line_size, b"\0")
    return b"".join(lines) + moved * (height - _CODE_ROWS * block_height)


def _level(pixels: memoryview, index: int, width: int, height: int, line_size: int) -> int:
    """Average the middle of a block: its edges are smeared by the codec."""
    x, y = index % COLUMNS * width // COLUMNS, index // COLUMNS * height // ROWS
    across, down = width // COLUMNS // 4, height // ROWS // 4
    points = [
        pixels[(y + down * row) * line_size + x + across * column]
        for row in (1, 2, 3)
        for column in (1, 2, 3)
    ]
    return sum(points) // len(points)
