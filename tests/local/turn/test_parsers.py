"""Octets from anybody: the TURN server's parsers never raise what they do not say, nor does it."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest
from aioice.stun import ATTRIBUTES_BY_TYPE, Class, Method
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvsops.local.turn.allocations import Allocation, granted
from kvsops.local.turn.authentication import Nonces
from kvsops.local.turn.framing import Frames
from kvsops.local.turn.messages import Request
from tests.local.turn.client import HOST, Client, Ports, encode, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = st.sampled_from(sorted(ATTRIBUTES_BY_TYPE)) | st.integers(0, 0xFFFF)
ATTRIBUTES = st.lists(st.tuples(KINDS, st.binary(max_size=40)), max_size=6)
METHODS = st.sampled_from([*Method])
CLASSES = st.sampled_from([*Class])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Messages whose attributes are of any types and octets, signed or not, some damaged."""
    key = draw(st.none() | st.just(b"k"))
    data = bytearray(encode(draw(METHODS), draw(CLASSES), [*draw(ATTRIBUTES)], key))
    for _ in range(draw(st.integers(0, 2))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


def channel_data(number: int, data: bytes) -> bytes:
    """Write channel data as a stream has it."""
    return struct.pack("!HH", number, len(data)) + data + bytes(-len(data) % 4)


FRAMES = st.builds(channel_data, st.integers(0x4000, 0x4FFF), st.binary(max_size=9)) | st.builds(
    encode, METHODS, CLASSES, ATTRIBUTES.map(list)
)


@given(st.binary(max_size=100) | messages())
def test_a_message_is_read_or_not(data: bytes) -> None:
    """Octets are a message, or they are none; nothing is raised."""
    request = Request.read(data)
    if request:
        assert all(kind < 0x8000 for kind in request.unknown)
        assert request.other_family in (True, False)


@given(METHODS, CLASSES, ATTRIBUTES)
def test_no_message_is_lost(
    method: Method, kind: Class, attributes: list[tuple[int, bytes]]
) -> None:
    """A message of attributes that the codec does not know is read, and has them all."""
    strange = [(0x7000 + number % 0x0FFF, value) for number, value in attributes]
    request = Request.read(encode(method, kind, [*strange]))
    assert request
    assert (request.message.message_method, request.message.message_class) == (method, kind)
    assert request.raw[:-1] == strange
    assert set(request.unknown) == {number for number, _ in strange}


@given(st.lists(FRAMES, max_size=6), st.lists(st.integers(1, 30), min_size=1))
def test_frames_in_pieces(frames: list[bytes], sizes: list[int]) -> None:
    """However a stream is cut, the same frames come out of it, without their padding."""
    stream, parser = b"".join(frames), Frames()
    found: list[bytes] = []
    for size in sizes * (len(stream) + 1):
        found += parser.feed(stream[:size])
        stream = stream[size:]
    assert found == [frame[: _length(frame)] for frame in frames]


def _length(frame: bytes) -> int:
    (length,) = struct.unpack_from("!H", frame, 2)
    return 4 + int(length) if frame[0] & 0x40 else 20 + int(length)


@given(st.lists(st.binary(max_size=60) | messages(), max_size=4))
def test_frames_of_noise(pieces: list[bytes]) -> None:
    """A stream of anything ends in `ValueError` or is waited for."""
    parser = Frames()
    try:
        for piece in pieces:
            for frame in parser.feed(piece):
                assert len(frame) <= len(b"".join(pieces))
    except ValueError:
        pass


@pytest.fixture(scope="module")
def ports() -> Iterator[Ports]:
    """Run one server for all the noise; it fails at the end if the loop had an exception."""
    with serving() as (ports, _):
        yield ports


@pytest.fixture(scope="module")
def client(ports: Ports) -> Iterator[Client]:
    """Make a client with an allocation."""
    with ports.client() as client:
        client.relayed()
        yield client


def _logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged, but for what asyncio's debug mode has to say of slow machines."""
    return [message for message in caplog.messages if not message.startswith("Executing ")]


quick = settings(max_examples=200, deadline=None, suppress_health_check=[*HealthCheck])


@quick
@given(data=st.binary(max_size=60) | messages())
def test_noise_in_datagrams(ports: Ports, caplog: pytest.LogCaptureFixture, data: bytes) -> None:
    """The server answers others as before, and logs nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noisy, ports.client() as other:
        noisy.sendto(data, (HOST, ports.udp))
        assert other.ask(Method.BINDING, signed=False).code == 0
    assert _logged(caplog) == []


@quick
@given(data=st.binary(max_size=60) | messages())
def test_noise_in_streams(ports: Ports, caplog: pytest.LogCaptureFixture, data: bytes) -> None:
    """The server answers others as before, and logs nothing."""
    with socket.create_connection((HOST, ports.tcp)) as noisy, ports.client("tcp") as other:
        noisy.sendall(data)
        assert other.ask(Method.BINDING, signed=False).code == 0
    assert _logged(caplog) == []


@quick
@given(method=METHODS, attributes=ATTRIBUTES)
def test_noise_with_credentials(
    client: Client,
    caplog: pytest.LogCaptureFixture,
    method: Method,
    attributes: list[tuple[int, bytes]],
) -> None:
    """Not even a user's signed requests, of whatever attributes, disturb the server."""
    credentials = {"USERNAME": client.username, "REALM": client.realm, "NONCE": client.nonce}
    asked: list[tuple[str | int, Any]] = [*attributes, *credentials.items()]
    client.write(encode(method, Class.REQUEST, asked, client.key, b"noise" + bytes(7)))
    client.write(encode(Method.BINDING, Class.REQUEST, [], None, b"last" + bytes(8)))
    while client.read()[8:12] != b"last":
        pass
    assert _logged(caplog) == []


@quick
@given(data=st.binary(max_size=60))
def test_noise_from_peers(client: Client, data: bytes) -> None:
    """Octets from a peer are data, whatever they look like."""
    if client.refresh().code:
        client.relayed()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        client.permit(peer.getsockname())
        client.indicate(data, peer.getsockname())
        peer.settimeout(5)
        got, relayed = peer.recvfrom(100)
        assert got == data
        peer.sendto(data, relayed)
        assert client.received() == (peer.getsockname(), data)


@given(st.binary(max_size=60), st.floats(0, 1e10))
def test_invented_nonces(nonce: bytes, now: float) -> None:
    """No invented nonce is valid, and one of another server neither."""
    nonces = Nonces(600)
    assert not nonces.valid(nonce, now)
    assert not nonces.valid(Nonces(600).new(now), now)
    assert nonces.valid(nonces.new(now), now)


@given(st.none() | st.integers(0, 0xFFFFFFFF))
def test_granted(requested: int | None) -> None:
    """Never less than 10 minutes, never more than an hour, else what was asked for."""
    assert granted(requested) == sorted([600, requested or 0, 3600])[1]


@given(
    st.lists(
        st.tuples(st.integers(0x4000, 0x4003), st.integers(1, 4), st.integers(0, 400)), max_size=30
    )
)
def test_bindings_stay_one_to_one(steps: list[tuple[int, int, int]]) -> None:
    """Whatever is bound and expires, each channel has one peer and each peer one channel."""
    allocation = Allocation("alice", b"", "door", (HOST, 1), b"", started=0, lifetime=600)
    now, model = 0, dict[int, tuple[int, int]]()
    for number, port, later in steps:
        now += later
        model = {each: (peer, end) for each, (peer, end) in model.items() if now < end}
        free = number not in model and port not in {peer for peer, _ in model.values()}
        same = number in model and model[number][0] == port
        assert allocation.bind(number, (HOST, port), now) == (free or same)
        if free or same:
            model[number] = port, now + 600
        if later % 2:
            allocation.forget(now)
        bound = {number: allocation.peer_of(number, now) for number in range(0x4000, 0x4004)}
        assert bound == {
            number: (HOST, model[number][0]) if number in model else None for number in bound
        }
        for each, peer in bound.items():
            assert peer is None or allocation.number_of(peer, now) == each
