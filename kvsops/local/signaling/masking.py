"""Whether a client masks its WebSocket frames, which aiohttp does not check.

Source: https://www.rfc-editor.org/rfc/rfc6455#section-5.1
"""

from typing import Final, Protocol

_MASKED, _LENGTH = 0x80, 0x7F
_LENGTH_BYTES: Final = {126: 2, 127: 8}
_SHORTEST, _KEY = 2, 4  # bytes of a header and of a masking key
_AGAINST_THE_PROTOCOL = b"\xf0\x80"  # reserved bits


class FrameParser(Protocol):
    """What reads a connection's bytes."""

    def feed_data(self, data: bytes, /) -> tuple[bool, bytes]:
        """Read on; return whether it has ended, and what is left."""

    def feed_eof(self) -> None:
        """Take note of the end."""


class MaskedFrames:
    """Passes frames on to a parser; one that is not masked becomes one against the protocol.

    The parser then closes the connection with 1002, as RFC 6455 wants.
    """

    def __init__(self, parser: FrameParser) -> None:
        self._parser = parser
        self._kept = b""  # the beginning of a header
        self._left = 0  # of a frame under way

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Pass on the frames, headers as a whole."""
        data = self._kept + data
        at = self._end_of_masked(data)
        self._kept = data[at:]
        if len(self._kept) >= _SHORTEST and not self._kept[1] & _MASKED:
            return self._parser.feed_data(data[:at] + _AGAINST_THE_PROTOCOL)
        return self._parser.feed_data(data[:at]) if at else (False, b"")

    def feed_eof(self) -> None:
        """Pass on the end."""
        self._parser.feed_eof()

    def _end_of_masked(self, data: bytes) -> int:
        """Return up to where there are masked frames, the last one perhaps in part."""
        at = min(self._left, len(data))
        self._left -= at
        while len(data) - at >= _SHORTEST and data[at + 1] & _MASKED:
            length = data[at + 1] & _LENGTH
            size = _SHORTEST + _LENGTH_BYTES.get(length, 0)
            if len(data) - at < size:
                break
            if size > _SHORTEST:
                length = int.from_bytes(data[at + _SHORTEST : at + size])
            whole = size + _KEY + length
            step = min(whole, len(data) - at)
            self._left = whole - step
            at += step
        return at
