"""What comes in on the TURN server's ports: noise, pieces, half handshakes, a slow reader."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from typing import TYPE_CHECKING

import pytest
from aioice.stun import Class, Method

from tests.local.turn.client import HOST, Peer, encode
from tests.local.turn.waiting import read_to_the_end

if TYPE_CHECKING:
    from tests.local.turn.conftest import New, Setting


@pytest.mark.parametrize(
    "request_",
    [
        encode(Method.SHARED_SECRET, Class.REQUEST, []),
        encode(Method.SEND, Class.REQUEST, []),
        encode(Method.BINDING, Class.REQUEST, [(0x000D, b"1")]),
        struct.pack("!HHI12s", 1, 0, 0, b"twelve bytes"),
        struct.pack("!HHI12s", 0, 0, 0x2112A442, b"twelve bytes"),
        b"\x00\x01\x00\x04\x21\x12\xa4\x42twelve bytes\x00\x06\x00\xff",
    ],
    ids=[
        "shared secret",
        "send",
        "short LIFETIME",
        "no cookie",
        "unknown method",
        "long attribute",
    ],
)
def test_ignored(new: New, request_: bytes) -> None:
    """Requests that cannot be read, or are for no method, get no answer."""
    client = new()
    client.write(request_)
    assert client.ask(Method.BINDING, signed=False).code == 0


@pytest.mark.parametrize(
    "noise",
    [
        b"POST / HTTP/1.1\r\n\r\n",
        b"\x00\x01\x00\x01",
        b"\x00\x01\x00\x00\x21\x12\xa4\x43",
        b"\x80\x00\x00\x00",
        b"\xc0\x00\x00\x00",
    ],
)
@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_noise_on_a_stream(new: New, transport: str, noise: bytes) -> None:
    """A stream that is no longer understood is closed."""
    client = new(transport)
    assert client.ask(Method.BINDING, signed=False).code == 0
    client.write(noise)
    with pytest.raises((EOFError, ConnectionResetError, ssl.SSLError)):
        client.read()


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_pieces(new: New, transport: str) -> None:
    """Messages may come in pieces, and several at once."""
    client = new(transport)
    asked = encode(Method.BINDING, Class.REQUEST, [])
    for octet in asked:
        client.write(bytes([octet]))
    assert client.answer().code == 0
    client.write(asked * 3)
    assert [client.answer().code for _ in range(3)] == [0, 0, 0]


def test_plain_octets_on_tls(setting: Setting, new: New) -> None:
    """A handshake that fails, or never ends, keeps nobody from the port."""
    with socket.create_connection((HOST, setting.ports.tls)) as plain:
        plain.sendall(encode(Method.BINDING, Class.REQUEST, []))
        with socket.create_connection((HOST, setting.ports.tls)):
            assert new("tls").ask(Method.BINDING, signed=False).code == 0
        read_to_the_end(plain)


def test_slow_reader(new: New, peer: Peer) -> None:
    """What a client on TCP does not read is dropped at last; when it reads, data comes again."""
    client, sent, got, data = new("tcp"), 600, 0, bytes(60_000)
    relayed = client.relayed()
    client.bind(0x4000, peer.address)
    for _ in range(sent):
        peer.send(data, relayed)
        time.sleep(0.0005)  # so that the datagrams are not lost on the way to the server
    while data != b"last":
        peer.send(b"last", relayed)
        data = client.received()[1]
        got += 1
    assert got < sent
