"""A browser's side of mDNS: it answers for the name that it put in the place of its address."""

import asyncio
import socket
import struct
from typing import Final, cast

NAME: Final = "0badcafe-7782-4ff2-afa7-02a14eb0480d.local"
_GROUP: Final = "224.0.0.251"
_PORT: Final = 5353
_A, _NSEC, _IN_ALONE = 1, 47, 0x8001
_OF_THE_ANSWER: Final = b"\xc0\x0c"
"""Points to the name in the answer; NSEC may, too (RFC 6762 section 18.14)."""


class Browser(asyncio.DatagramProtocol):
    """Answers as Chromium does: the address, and that there is no other (NSEC)."""

    def __init__(self, address: str) -> None:
        self._address = socket.inet_aton(address)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are sent by."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, _addr: tuple[str, int]) -> None:
        """Answer a question for the name."""
        is_question = data[2:4] == b"\0\0"
        if is_question and NAME.split(".")[0].encode() in data:
            self._transport.sendto(self._answer(), (_GROUP, _PORT))

    def _answer(self) -> bytes:
        labels = (label.encode() for label in NAME.split("."))
        name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
        only_a = _OF_THE_ANSWER + b"\x00\x01\x40"
        return b"".join(
            [
                struct.pack(">6H", 0, 0x8400, 0, 1, 0, 1),
                name + struct.pack(">HHIH", _A, _IN_ALONE, 120, 4) + self._address,
                _OF_THE_ANSWER + struct.pack(">HHIH", _NSEC, _IN_ALONE, 120, len(only_a)) + only_a,
            ]
        )


async def browser(address: str) -> asyncio.DatagramTransport:
    """Let a browser with this address listen; raises OSError where there is no multicast."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("", _PORT))
    group = socket.inet_aton(_GROUP) + bytes(4)
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Browser(address), sock=listener)
    return transport
