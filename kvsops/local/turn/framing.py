"""STUN messages and channel data told apart, and cut out of a stream of octets: no I/O."""

import struct
from collections.abc import Iterator

COOKIE = b"\x21\x12\xa4\x42"
"""In each STUN message, at octet 4 (RFC 8489 section 5)."""
HEADER_LENGTH = 20


def is_channel_data(data: bytes | bytearray) -> bool:
    """Whether these octets begin as channel data do, not as STUN does (RFC 8656 section 12)."""
    return data[0] & 0xF0 == 0x40  # noqa: PLR2004 - the channel numbers 0x4000 to 0x4FFF


def padding(length: int) -> int:
    """Return how many octets are missing to a multiple of 4."""
    return -length % 4


class Frames:
    """Messages and channel data out of a stream of octets (RFC 8656 section 12.5)."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what is complete, without padding. Raises `ValueError` for anything else."""
        self._buffer += data
        while len(self._buffer) >= 4:  # noqa: PLR2004 - the type and the length
            length = self._length()
            padded = length + padding(length)
            if len(self._buffer) < padded:
                return
            frame = bytes(self._buffer[:length])
            del self._buffer[:padded]
            yield frame

    def _length(self) -> int:
        """Return the length of what comes first."""
        first, length = _HEAD.unpack_from(self._buffer)
        if is_channel_data(self._buffer):
            return 4 + int(length)
        if first & 0xC000 or length % 4 or not COOKIE.startswith(self._buffer[4:8]):
            raise ValueError("neither a STUN message nor channel data")
        return HEADER_LENGTH + int(length)


_HEAD = struct.Struct("!HH")
