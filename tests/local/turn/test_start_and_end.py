"""The TURN server's start and end, its ports, and which addresses it takes for its own."""

import asyncio
import gc
import socket
import ssl
from contextlib import ExitStack

import pytest

from kvsops.local.turn.server import TurnServer, may_relay
from tests.local.turn.client import AUTHORITY, HOST, Peer, serving
from tests.local.turn.waiting import read_to_the_end


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
        read_to_the_end(silent)
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
        ("10.254.253.252", False),
        ("192.168.254.253", False),
    ],
)
def test_relay_on_loopback(host: str, *, own: bool) -> None:
    """A relay on 127.0.0.1 has no peers but this machine's."""
    assert may_relay("127.0.0.1", host) == own


def test_peers_at_an_interface(own_host: str) -> None:
    """The machine's other addresses are its own too, their neighbours are not."""
    assert may_relay("127.0.0.1", own_host)
    first, last = own_host.rsplit(".", 1)
    assert not may_relay("127.0.0.1", f"{first}.{int(last) ^ 1}")


def test_relay_at_an_interface(own_host: str) -> None:
    """A relay there has private networks that are reached from there, and never the internet."""
    for private in ("10.254.253.252", "169.254.1.1", "172.31.1.1", "192.168.254.253"):
        assert may_relay(own_host, private)
        assert not may_relay("127.0.0.2", private)
    for public in ("198.51.100.1", "172.32.0.1", "0.0.0.0", "240.0.0.1"):  # noqa: S104 - a peer
        assert not may_relay(own_host, public)


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
