"""The messages of STUN and TURN, on aioice's codec, and what it lacks (RFC 8489, 8656).

The only importer of that codec, which is undocumented and changes between releases: the emulator
pins aioice. The codec skips attributes that it does not know, keeps one of several peer addresses,
and raises `struct.error` for some attributes of a wrong length.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

from aioice import stun
from aioice.stun import Class, Method
from aioice.turn import make_integrity_key

from kvsops.local.turn.allocations import Address
from kvsops.local.turn.framing import COOKIE

__all__ = [
    "Attributes",
    "Class",
    "Method",
    "Refused",
    "Request",
    "Response",
    "data_indication",
    "make_integrity_key",
]

Attributes = dict[str, Address | bytes | int | str]
"""What a response says, by the attributes' names."""

SOFTWARE = "kvsops"
REASONS = {
    400: "Bad Request",
    401: "Unauthenticated",
    403: "Forbidden",
    420: "Unknown Attribute",
    437: "Allocation Mismatch",
    438: "Stale Nonce",
    440: "Address Family not Supported",
    441: "Wrong Credentials",
    442: "Unsupported Transport Protocol",
    443: "Peer Address Family Mismatch",
    486: "Allocation Quota Reached",
    508: "Insufficient Capacity",
}
EVEN_PORT, RESERVATION_TOKEN = 0x0018, 0x0022
REQUESTED_ADDRESS_FAMILY = 0x0017

_PEER_ADDRESS, _INTEGRITY, _UNKNOWN_ATTRIBUTES = 0x0012, 0x0008, 0x000A
_UNDERSTOOD = {*stun.ATTRIBUTES_BY_TYPE, EVEN_PORT, RESERVATION_TOKEN, REQUESTED_ADDRESS_FAMILY}
_OPTIONAL = 0x8000  # from here on an attribute need not be understood: RFC 8489 section 14
_IPV4 = b"\x01"


class Refused(Exception):  # noqa: N818 - an answer, not a fault of the program
    """A request that an error response answers, with this code and these attributes."""

    def __init__(self, code: int, **attributes: bytes | str) -> None:
        super().__init__(code)
        self.code = code
        self.attributes = attributes


class Response(stun.Message):
    """The response to a request: success, until it is `refuse`d."""

    def __init__(self, request: "Request") -> None:
        message = request.message
        super().__init__(message.message_method, Class.RESPONSE, message.transaction_id)
        self._unknown: Sequence[int] = ()

    def refuse(self, refused: Refused, unknown: Sequence[int] = ()) -> None:
        """Make it an error; `unknown` are the types for UNKNOWN-ATTRIBUTES, if that is why."""
        code = refused.code
        self.message_class = Class.ERROR
        self.attributes = {"ERROR-CODE": (code, REASONS[code]), **refused.attributes}
        self._unknown = unknown if code == 420 else ()  # noqa: PLR2004

    def sealed(self, key: bytes | None) -> bytes:
        """Return the octets, signed where there is a key, and with a fingerprint."""
        self.attributes["SOFTWARE"] = SOFTWARE
        if key:
            self.add_message_integrity(key)
        else:
            self.add_fingerprint()
        return bytes(self)

    def __bytes__(self) -> bytes:
        data = super().__bytes__()
        if not self._unknown:
            return data
        value = struct.pack(f"!{len(self._unknown)}H", *self._unknown)
        first = struct.pack("!HH", _UNKNOWN_ATTRIBUTES, len(value)) + value
        first += bytes(stun.padding_length(len(value)))
        head, body = data[: stun.HEADER_LENGTH], data[stun.HEADER_LENGTH :]
        return stun.set_body_length(head, len(first) + len(body)) + first + body


def data_indication(data: bytes, peer: Address) -> bytes:
    """Make the Data indication for what a peer sent (RFC 8656 section 11.3)."""
    message = stun.Message(Method.DATA, Class.INDICATION)
    message.attributes = {"XOR-PEER-ADDRESS": peer, "DATA": data}
    return bytes(message)


class Request(NamedTuple):
    """A message as the codec reads it, with what the codec leaves out."""

    message: stun.Message
    raw: list[tuple[int, bytes]]
    """Type and value of each attribute, as they came."""
    peers: list[Address]
    """All peer addresses: the codec keeps the last one."""

    @classmethod
    def read(cls, data: bytes) -> Self | None:
        """Read a STUN message; None where the octets are none, or were altered on the way."""
        if len(data) < stun.HEADER_LENGTH or data[0] & 0xC0 or data[4:8] != COOKIE:
            return None
        try:
            message, raw = stun.parse_message(data), [*_attributes(data)]
            return cls(message, raw, [*_peers(message, raw)])
        except (ValueError, struct.error):
            return None

    def get(self, name: str) -> Any:
        """Return an attribute's value, or None."""
        return self.message.attributes.get(name)

    def has(self, kind: int) -> bool:
        """Whether there is an attribute of this type."""
        return any(kind == each for each, _ in self.raw)

    @property
    def unknown(self) -> tuple[int, ...]:
        """The types of attributes that must be understood and are not."""
        kinds = dict.fromkeys(kind for kind, _ in self.raw)
        return tuple(kind for kind in kinds if kind < _OPTIONAL and kind not in _UNDERSTOOD)

    @property
    def other_family(self) -> bool:
        """Whether IPv6 is asked for."""
        return any(
            value[:1] != _IPV4 for kind, value in self.raw if kind == REQUESTED_ADDRESS_FAMILY
        )


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of each attribute up to MESSAGE-INTEGRITY: the rest is not signed."""
    position, kind = stun.HEADER_LENGTH, 0
    while position + 4 <= len(data) and kind != _INTEGRITY:
        kind, length = struct.unpack_from("!HH", data, position)
        value = data[position + 4 : position + 4 + length]
        if len(value) < length:
            raise ValueError("an attribute longer than its message")
        yield kind, value
        position += 4 + length + stun.padding_length(length)


def _peers(message: stun.Message, raw: list[tuple[int, bytes]]) -> Iterator[Address]:
    for kind, value in raw:
        if kind == _PEER_ADDRESS:
            yield stun.unpack_xor_address(value, message.transaction_id)
