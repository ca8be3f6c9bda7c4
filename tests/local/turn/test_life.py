"""The TURN server in time: lifetimes, credentials, quotas, faults; its start and its end."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest
from aioice.stun import Class, Method

from kvsops.local.turn.server import TurnServer, own_address
from tests.local.turn.client import (
    AUTHORITY,
    HOST,
    Client,
    Clock,
    Peer,
    Ports,
    encode,
    serving,
)

New = Callable[..., Client]


class Setting:
    """A server at a clock of the test's, whose users, quota and faults it may change."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.passwords = {"alice": "secret", "bob": "hidden"}
        self.refusing = False
        self.minutes: list[str] = []
        self.ports: Ports
        self.server: TurnServer


@pytest.fixture
def setting() -> Iterator[Setting]:
    """Run it; each channel's users may have two allocations."""
    setting = Setting()
    with serving(
        clock=setting.clock,
        password_of=setting.passwords.get,
        channel_of=lambda user: user.split("@")[-1],
        max_allocations=2,
        nonce_seconds=60_000,
        on_relayed=setting.minutes.append,
        refuse=lambda: setting.refusing,
    ) as (setting.ports, setting.server):
        yield setting


@pytest.fixture
def new(setting: Setting) -> Iterator[New]:
    """Make clients, and close them."""
    with ExitStack() as stack:
        yield lambda transport="udp", **how: stack.enter_context(
            setting.ports.client(transport, **how)
        )


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Make a peer on 127.0.0.1."""
    with Peer() as peer:
        yield peer


@pytest.mark.parametrize(("after", "code"), [(599.9, 0), (600, 437)])
def test_an_allocation_expires(setting: Setting, new: New, after: float, code: int) -> None:
    """It lasts 10 minutes, and is no more after them."""
    client = new()
    client.relayed()
    setting.clock.forward(after)
    assert client.refresh().code == code
    assert setting.server.allocations == (0 if code else 1)


def test_refreshed(setting: Setting, new: New) -> None:
    """A refresh counts from when it came."""
    client = new()
    client.relayed()
    setting.clock.forward(500)
    client.refresh(("LIFETIME", 900))
    setting.clock.forward(899)
    assert client.refresh().code == 0
    setting.clock.forward(600)
    assert client.refresh().code == 437


def test_expired_5_tuple(setting: Setting, new: New, peer: Peer) -> None:
    """An expired allocation's socket is closed, and its 5-tuple free; nothing is inherited."""
    client = new()
    before = client.relayed()
    client.bind(0x4000, peer.address)
    setting.clock.forward(600)
    client.channel_data(0x4000, b"lost")
    client.indicate(b"lost", peer.address)
    after = client.relayed()
    client.channel_data(0x4000, b"lost")
    client.permit(peer.address)
    client.indicate(b"found", peer.address)
    assert peer.received() == (b"found", after)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        if before != after:
            other.bind(before)
            assert other.getsockname() == before


def test_expired_by_itself(setting: Setting, new: New) -> None:
    """The socket is closed without anybody's asking."""
    relayed = new().relayed()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(relayed)
        setting.clock.forward(600)
        _eventually(lambda: other.bind(relayed))
        assert other.getsockname() == relayed


def test_after_the_end(new: New, peer: Peer) -> None:
    """An allocation that was ended relays nothing, and its 5-tuple is free."""
    client = new()
    client.relayed()
    client.bind(0x4000, peer.address)
    client.refresh(("LIFETIME", 0))
    assert client.refresh(("LIFETIME", 0)).code == 437
    client.channel_data(0x4000, b"lost")
    client.indicate(b"lost", peer.address)
    relayed = client.relayed()
    client.channel_data(0x4000, b"lost too")
    client.permit(peer.address)
    client.indicate(b"found", peer.address)
    assert peer.received() == (b"found", relayed)


def test_permissions_expire(setting: Setting, new: New, peer: Peer) -> None:
    """They last 5 minutes, both ways, and can be renewed."""
    with Peer("127.0.0.2") as other:
        client = new()
        relayed = client.relayed()
        client.permit(peer.address, other.address)
        setting.clock.forward(299)
        client.indicate(b"in time", peer.address)
        assert peer.received() == (b"in time", relayed)
        client.permit(other.address)
        setting.clock.forward(1)
        client.indicate(b"late", peer.address)
        peer.send(b"late", relayed)
        other.send(b"in time", relayed)
        assert client.received() == (other.address, b"in time")
        client.permit(peer.address)
        client.indicate(b"renewed", peer.address)
        assert peer.received() == (b"renewed", relayed)


def test_channels_expire(setting: Setting, new: New, peer: Peer) -> None:
    """They last 10 minutes; then data comes in indications, if it is permitted."""
    client = new()
    relayed = client.relayed(("LIFETIME", 3600))
    client.bind(0x4000, peer.address)
    setting.clock.forward(599)
    client.permit(peer.address)
    peer.send(b"on the channel", relayed)
    assert client.received() == (0x4000, b"on the channel")
    setting.clock.forward(1)
    peer.send(b"on none", relayed)
    assert client.received() == (peer.address, b"on none")
    client.channel_data(0x4000, b"late")
    client.indicate(b"on none", peer.address)
    assert peer.received() == (b"on none", relayed)


def test_an_expired_channel_is_free(setting: Setting, new: New, peer: Peer) -> None:
    """Then the number may have another peer, and the peer another number."""
    client = new()
    relayed = client.relayed(("LIFETIME", 3600))
    client.bind(0x4000, peer.address)
    client.bind(0x4001, ("127.0.0.1", 1))
    setting.clock.forward(600)
    assert client.bind(0x4001, peer.address).code == 0
    assert client.bind(0x4000, ("127.0.0.1", 1)).code == 0
    peer.send(b"hello", relayed)
    assert client.received() == (0x4001, b"hello")


def test_a_channel_outlives_its_permission(setting: Setting, new: New, peer: Peer) -> None:
    """A client of aioice renews channels after 500 s and permissions never: its data flows."""
    with Peer() as other:
        client = new()
        relayed = client.relayed()
        client.bind(0x4000, peer.address)
        setting.clock.forward(300)
        other.send(b"from another port", relayed)
        peer.send(b"from the peer", relayed)
        assert client.received() == (0x4000, b"from the peer")
        client.channel_data(0x4000, b"to the peer")
        assert peer.received() == (b"to the peer", relayed)


@pytest.mark.parametrize(("after", "code"), [(59_999, 0), (60_000, 438)])
def test_a_nonce_expires(setting: Setting, new: New, after: float, code: int) -> None:
    """A stale one is answered with a new one."""
    client = new()
    client.challenge()
    setting.clock.forward(after)
    answer = client.allocate()
    assert answer.code == code
    client.nonce = answer.attributes.get("NONCE", client.nonce)
    assert client.allocate(transaction_id=b"twelve bytes").code == (0 if code else 437)


def test_wrong_password_and_stale_nonce(setting: Setting, new: New) -> None:
    """Whoever does not know the password is not told of the nonce (RFC 8489 section 9.2.4)."""
    client = new(password="guessed")
    client.challenge()
    setting.clock.forward(60_000)
    assert client.allocate().code == 401


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_expired_credentials(setting: Setting, new: New, transport: str) -> None:
    """Who has no password any more gets no allocation, and keeps the one there is."""
    client, late = new(transport), new(transport)
    client.relayed()
    del setting.passwords["alice"]
    assert late.allocate().code == 401
    assert client.refresh().code == 0
    assert client.permit(("127.0.0.1", 9)).code == 0
    client.refresh(("LIFETIME", 0))
    assert client.allocate().code == 401


def test_quota_of_a_channel(setting: Setting, new: New) -> None:
    """Users of one channel share what it may have, until an allocation ends or expires."""
    setting.passwords |= dict.fromkeys(["1@door", "2@door", "3@door", "1@yard"], "secret")
    first, second, third = (new(username=f"{number}@door") for number in (1, 2, 3))
    assert [client.allocate().code for client in (first, second, third)] == [0, 0, 486]
    assert new(username="1@yard").allocate().code == 0
    first.refresh(("LIFETIME", 0))
    assert third.allocate().code == 0
    assert first.allocate().code == 486
    setting.clock.forward(600)
    assert first.allocate().code == 0


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_a_connection_ends(setting: Setting, new: New, transport: str) -> None:
    """Its allocation ends with it."""
    client = new(transport)
    client.relayed()
    assert setting.server.allocations == 1
    client.socket.close()
    _eventually(lambda: _assert(setting.server.allocations == 0))


def test_refused(setting: Setting, new: New) -> None:
    """The fault: whoever asks for an allocation is forbidden it; the others stay."""
    client = new()
    client.relayed()
    setting.refusing = True
    answer = new().allocate()
    assert (answer.code, answer.signed) == (403, True)
    assert client.refresh().code == 0


def test_minutes(setting: Setting, new: New, peer: Peer) -> None:
    """Each minute of an allocation in which data passed is told once, whichever way it went."""
    client, idle = new(), new(username="bob", password="hidden")
    relayed = client.relayed()
    idle.relayed()
    client.bind(0x4000, peer.address)
    assert setting.minutes == []
    setting.clock.forward(59)
    for _ in range(2):
        client.channel_data(0x4000, b"out")
        peer.received()
    assert setting.minutes == ["alice"]
    setting.clock.forward(1)
    peer.send(b"in", relayed)
    client.received()
    client.indicate(b"out", peer.address)
    peer.received()
    assert setting.minutes == ["alice"] * 2
    setting.clock.forward(240)
    client.indicate(b"out", peer.address)
    peer.received()
    assert setting.minutes == ["alice"] * 3


def test_minutes_of_what_is_dropped(setting: Setting, new: New, peer: Peer) -> None:
    """What is not relayed does not count."""
    client = new()
    relayed = client.relayed()
    client.indicate(b"dropped", peer.address)
    client.channel_data(0x4000, b"dropped")
    peer.send(b"dropped", relayed)
    client.refresh()
    assert setting.minutes == []


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
        _read_to_the_end(plain)


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


@pytest.mark.parametrize("transport", ["tcp", "tls"])
def test_close_ends_connections(transport: str) -> None:
    """Clients, and those in the middle of a handshake, are told of the end."""
    with ExitStack() as stack:
        with serving() as (ports, server):
            client = stack.enter_context(ports.client(transport))
            relayed = client.relayed()
            silent = stack.enter_context(socket.create_connection((HOST, ports.tls)))
            assert server.allocations == 1
        with pytest.raises((EOFError, ConnectionResetError, ssl.SSLError)):
            client.read()
        _read_to_the_end(silent)
        assert server.allocations == 0
        for port in (ports.tcp, ports.tls):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((HOST, port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(relayed)


def test_close_again() -> None:
    """Closing is for a server in any state."""

    async def run() -> None:
        server = TurnServer(lambda _: None)
        await server.close()
        server = TurnServer(lambda _: None)
        await server.start()
        assert server.tls_port is None
        for _ in range(2):
            await server.close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((HOST, server.tcp_port))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((HOST, server.udp_port))
            assert other.getsockname() == (HOST, server.udp_port)

    asyncio.run(run())
    gc.collect()


@pytest.mark.parametrize("which", [0, 1, 2])
def test_port_in_use(which: int) -> None:
    """A server that cannot have all its ports takes none."""
    kind = socket.SOCK_STREAM if which else socket.SOCK_DGRAM

    async def run(ports: tuple[int, int, int]) -> None:
        server = TurnServer(lambda _: None, ports=ports, ssl_context=AUTHORITY.serving)
        with pytest.raises(OSError, match="in use"):
            await server.start()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((HOST, 0))
        ports = [0, 0, 0]
        ports[which] = taken.getsockname()[1]
        asyncio.run(run((ports[0], ports[1], ports[2])))
    gc.collect()


def test_ports() -> None:
    """Ports that are asked for are those that are served."""
    with socket.socket() as one, socket.socket() as two:
        one.bind((HOST, 0))
        two.bind((HOST, 0))
        wanted = one.getsockname()[1], one.getsockname()[1], two.getsockname()[1]
    with serving(ports=wanted) as (ports, _):
        assert (ports.udp, ports.tcp, ports.tls) == wanted


def test_relay_host() -> None:
    """Relayed addresses may be on another of the machine's addresses."""
    with (
        serving(relay_host="127.0.0.3") as (ports, _),
        ports.client() as client,
        Peer("127.0.0.2") as peer,
    ):
        relayed = client.relayed()
        assert relayed[0] == "127.0.0.3"
        client.permit(peer.address)
        client.indicate(b"hello", peer.address)
        assert peer.received() == (b"hello", relayed)


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("198.51.100.1", False),
        ("0.0.0.0", False),  # noqa: S104 - not listened at
        ("255.255.255.255", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
    ],
)
def test_own_address(host: str, *, own: bool) -> None:
    """An address is this machine's, or no peer."""
    assert own_address(host) == own


def test_own_address_of_an_interface(own_host: str) -> None:
    """The machine's other addresses are its own too, their neighbours are not."""
    assert own_address(own_host)
    first, last = own_host.rsplit(".", 1)
    assert not own_address(f"{first}.{int(last) ^ 1}")


def test_peer_at_an_interface(own_host: str) -> None:
    """A browser without a relay has its candidates there."""
    with serving() as (ports, _), ports.client() as client, Peer(own_host) as peer:
        relayed = client.relayed()
        client.bind(0x4000, peer.address)
        client.channel_data(0x4000, b"hello")
        assert peer.received() == (b"hello", relayed)
        peer.send(b"hello yourself", relayed)
        assert client.received() == (0x4000, b"hello yourself")


@pytest.fixture
def own_host() -> str:
    """Find the address that this machine would send from; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback ones")
        host: str = probe.getsockname()[0]
    return host


def test_no_relay_address() -> None:
    """Where no address can be had, the server is at its capacity."""
    with serving(relay_host="198.51.100.1") as (ports, server), ports.client() as client:
        assert client.allocate().code == 508
        assert server.allocations == 0


def _read_to_the_end(connection: socket.socket) -> None:
    """Read until the server ends the connection, in whichever way."""
    connection.settimeout(5)
    with suppress(ConnectionResetError):
        while connection.recv(100):
            pass


def _eventually(check: Callable[[], object]) -> None:
    """Try until it holds: what the server does by itself."""
    until = time.monotonic() + 10
    while True:
        try:
            check()
        except (AssertionError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _assert(holds: bool) -> None:  # noqa: FBT001 - a statement in a lambda
    assert holds
