"""A raw TURN client on blocking sockets, and servers for it: the emulator's, and coturn."""

import asyncio
import contextlib
import hashlib
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import trustme
from aioice import stun
from aioice.stun import Class, Method

from kvsops.local.turn.server import TurnServer

HOST = "127.0.0.1"
REALM = "kvsops"
USERS = {"alice": "secret", "bob": "hidden"} | {f"user-{number}": "secret" for number in range(400)}
"""A test takes a fresh one where a server counts what a user has."""
UDP = 17 << 24
"""REQUESTED-TRANSPORT's value for UDP."""

Address = tuple[str, int]
Attributes = list[tuple[str | int, Any]]

LOOPBACK_PEERS = "--allow-loopback-peers", "--denied-peer-ip=198.51.100.0-198.51.100.255"

_SECONDS = 5  # what an answer may take before the test fails


class Answer(NamedTuple):
    """A response: its error code (0: success), and what it holds."""

    code: int
    attributes: dict[str, Any]
    unknown: tuple[int, ...]
    """The types in UNKNOWN-ATTRIBUTES."""
    signed: bool
    """Whether its MESSAGE-INTEGRITY is right."""


class Client:
    """One 5-tuple of a TURN client."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext | None = None,
        *,
        stream: bool = False,
        username: str = "alice",
        password: str = "secret",  # noqa: S107 - of the tests' own servers
    ) -> None:
        kind = socket.SOCK_STREAM if stream or context else socket.SOCK_DGRAM
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.settimeout(_SECONDS)
        self.socket.connect((HOST, port))
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname=HOST)
        self.address: Address = self.socket.getsockname()
        self.stream = kind == socket.SOCK_STREAM
        self.realm, self.nonce = REALM, b""
        self.login(username, password)

    def login(self, username: str, password: str) -> None:
        """Sign what follows as this user."""
        self.username = username
        text = f"{username}:{self.realm}:{password}"
        self.key = hashlib.md5(text.encode(), usedforsecurity=False).digest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def challenge(self) -> Answer:
        """Ask for the realm and a nonce, as a first Allocate does."""
        answer = self.ask(Method.ALLOCATE, [("REQUESTED-TRANSPORT", UDP)], signed=False)
        self.nonce = answer.attributes.get("NONCE", b"")
        return answer

    def allocate(self, *more: tuple[str | int, Any], **how: Any) -> Answer:
        """Ask for an allocation over UDP, with credentials."""
        if not self.nonce:
            self.challenge()
        return self.ask(Method.ALLOCATE, [("REQUESTED-TRANSPORT", UDP), *more], **how)

    def relayed(self, *more: tuple[str | int, Any]) -> Address:
        """Make an allocation, and return its relayed address.

        coturn, on a busy machine, frees what was there before a moment late.
        """
        until = time.monotonic() + _SECONDS
        while "XOR-RELAYED-ADDRESS" not in (answer := self.allocate(*more)).attributes:
            assert time.monotonic() < until, answer
            time.sleep(0.1)
        relayed: Address = answer.attributes["XOR-RELAYED-ADDRESS"]
        return relayed

    def permit(self, *peers: Address) -> Answer:
        """Ask for permissions."""
        return self.ask(Method.CREATE_PERMISSION, [("XOR-PEER-ADDRESS", peer) for peer in peers])

    def bind(self, number: int, peer: Address) -> Answer:
        """Ask for a channel."""
        return self.ask(
            Method.CHANNEL_BIND, [("CHANNEL-NUMBER", number), ("XOR-PEER-ADDRESS", peer)]
        )

    def refresh(self, *more: tuple[str | int, Any]) -> Answer:
        """Ask for a refresh."""
        return self.ask(Method.REFRESH, [*more])

    def ask(
        self,
        method: Method,
        attributes: Attributes | None = None,
        *,
        signed: bool = True,
        transaction_id: bytes | None = None,
        leave_out: str = "",
    ) -> Answer:
        """Send a request, and read the response."""
        asked = [*(attributes or [])]
        if signed:
            credentials = {"USERNAME": self.username, "REALM": self.realm, "NONCE": self.nonce}
            asked += [item for item in credentials.items() if item[0] != leave_out]
        key = self.key if signed else None
        self.write(encode(method, Class.REQUEST, asked, key, transaction_id))
        return self.answer()

    def answer(self) -> Answer:
        """Read a response."""
        data = self.read()
        message = stun.parse_message(data)
        assert data[-8:-4] == b"\x80\x28\x00\x04", "no FINGERPRINT"
        code = message.error_code or 0
        assert message.message_class == (Class.ERROR if code else Class.RESPONSE)
        unknown = struct.iter_unpack("!H", _raw(data, 0x000A))
        return Answer(
            code,
            message.attributes,
            tuple(kind for (kind,) in unknown),
            message.check_message_integrity(self.key),
        )

    def indicate(self, data: bytes, peer: Address, *more: tuple[str | int, Any]) -> None:
        """Send data to a peer in a Send indication."""
        attributes: Attributes = [("XOR-PEER-ADDRESS", peer), ("DATA", data), *more]
        self.write(encode(Method.SEND, Class.INDICATION, attributes))

    def channel_data(self, number: int, data: bytes) -> None:
        """Send data on a channel, padded on a stream."""
        padding = bytes(-len(data) % 4) if self.stream else b""
        self.write(struct.pack("!HH", number, len(data)) + data + padding)

    def received(self) -> tuple[int | Address, bytes]:
        """Read relayed data: its channel, or else its peer."""
        frame = self.read()
        if frame[0] & 0xC0 == 0x40:
            number, length = struct.unpack_from("!HH", frame)
            return number, frame[4 : 4 + length]
        message = stun.parse_message(frame)
        assert (message.message_method, message.message_class) == (Method.DATA, Class.INDICATION)
        return message.attributes["XOR-PEER-ADDRESS"], message.attributes["DATA"]

    def write(self, data: bytes) -> None:
        """Send octets."""
        self.socket.sendall(data)

    def read(self) -> bytes:
        """Read a datagram, or one frame of the stream with its padding."""
        if not self.stream:
            return self.socket.recv(65535)
        head = self._exactly(4)
        (length,) = struct.unpack("!H", head[2:])
        return head + self._exactly(length + (-length % 4 if head[0] & 0xC0 else 16))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data


def encode(
    method: Method,
    kind: Class,
    attributes: Attributes,
    key: bytes | None = None,
    transaction_id: bytes | None = None,
) -> bytes:
    """Write a message whose attributes may repeat, or be numbers with octets; sign it by a key."""
    head = stun.Message(method, kind, transaction_id)
    body = b"".join(_attribute(name, value, head.transaction_id) for name, value in attributes)
    data = stun.set_body_length(bytes(head) + body, len(body))
    if key:
        data += _attribute("MESSAGE-INTEGRITY", stun.message_integrity(data, key))
        data = stun.set_body_length(data, len(data) - stun.HEADER_LENGTH)
    fingerprint = _attribute("FINGERPRINT", stun.message_fingerprint(data))
    return stun.set_body_length(data, len(data) + 8 - stun.HEADER_LENGTH) + fingerprint


def _attribute(name: str | int, value: Any, transaction_id: bytes = b"") -> bytes:
    number, packed = name, value
    if isinstance(name, str):
        number, _, pack, _ = stun.ATTRIBUTES_BY_NAME[name]
        xor = (transaction_id,) if pack is stun.pack_xor_address else ()
        packed = pack(value, *xor)
    return bytes(struct.pack("!HH", number, len(packed)) + packed + bytes(-len(packed) % 4))


def _raw(data: bytes, wanted: int) -> bytes:
    """Return the octets of an attribute that aioice's codec does not know."""
    position = stun.HEADER_LENGTH
    while position < len(data):
        kind, length = struct.unpack_from("!HH", data, position)
        if kind == wanted:
            return data[position + 4 : position + 4 + length]
        position += 4 + length + stun.padding_length(length)
    return b""


class Peer:
    """A UDP socket that a client speaks with through the server."""

    def __init__(self, host: str = HOST) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(5)
        self.address: Address = self._socket.getsockname()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram."""
        self._socket.sendto(data, to)

    def received(self) -> tuple[bytes, Address]:
        """Read a datagram, and where it came from."""
        return self._socket.recvfrom(65535)


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Answer the time."""
        return self.now

    def forward(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds


@dataclass
class Ports:
    """Where a server is, for as long as it runs."""

    udp: int
    tcp: int
    tls: int
    trust: ssl.SSLContext
    """With which a client trusts it."""
    _held: list[socket.socket] = field(default_factory=list)

    def client(self, transport: str = "udp", **how: Any) -> Client:
        """Make a client over udp, tcp or tls.

        A server cannot see that a UDP client is gone, and answers the next one at its address
        437 (Allocation Mismatch). So that address is held until the server's end.
        """
        port = {"udp": self.udp, "tcp": self.tcp, "tls": self.tls}[transport]
        client = Client(
            port, self.trust if transport == "tls" else None, stream=transport != "udp", **how
        )
        if transport == "udp":
            self._held.append(client.socket.dup())
        return client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for held in self._held:
            held.close()


class Authority:
    """Certificates for a TLS port of ours."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self.certificate = self._ca.issue_cert(HOST)
        self.serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certificate.configure_cert(self.serving)
        self.trust = ssl.create_default_context()
        self._ca.configure_trust(self.trust)

    def written_to(self, directory: Path) -> Path:
        """Write the authority's certificate to a file, for SSL_CERT_FILE."""
        path = directory / "ca.pem"
        self._ca.cert_pem.write_to_path(str(path))
        return path


AUTHORITY = Authority()


@contextlib.contextmanager
def serving(**how: Any) -> Iterator[tuple[Ports, TurnServer]]:
    """Run the emulator's server on a loop in a thread, and see that it leaves nothing there."""
    server = TurnServer(how.pop("password_of", USERS.get), ssl_context=AUTHORITY.serving, **how)
    started, stopping = threading.Event(), threading.Event()
    left: list[object] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: left.append(context))
        async with server:
            started.set()
            await asyncio.get_running_loop().run_in_executor(None, stopping.wait)
        left.extend(asyncio.all_tasks() - {asyncio.current_task()})

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert started.wait(_SECONDS)
    assert server.tls_port
    try:
        with Ports(server.udp_port, server.tcp_port, server.tls_port, AUTHORITY.trust) as ports:
            yield ports, server
    finally:
        stopping.set()
        thread.join(_SECONDS)
    assert not left


@contextlib.contextmanager
def coturn(
    directory: Path, quota: int = 3, peers: Sequence[str] = LOOPBACK_PEERS
) -> Iterator[Ports]:
    """Run coturn with the same users, on this machine's loopback alone.

    `peers` are its options that tell which peers it relays to.
    """
    ports = _free_port(), _free_port()
    certificate = directory / "cert.pem"
    certificate.write_bytes(AUTHORITY.certificate.private_key_and_cert_chain_pem.bytes())
    command = [
        shutil.which("turnserver") or "turnserver", "-n", "--lt-cred-mech", "--no-cli",
        "--no-dtls", "--no-multicast-peers", *peers,
        f"--listening-ip={HOST}", f"--relay-ip={HOST}", f"--realm={REALM}", f"--user-quota={quota}",
        f"--listening-port={ports[0]}", f"--tls-listening-port={ports[1]}",
        f"--cert={certificate}", f"--pkey={certificate}", f"--userdb={directory / 'users'}",
        f"--pidfile={directory / 'pid'}", "--log-file=stdout",
        *(f"--user={name}:{password}" for name, password in USERS.items()),
    ]  # fmt: skip
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_for(ports[0])
            with Ports(ports[0], *ports, AUTHORITY.trust) as running:
                yield running
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port)):
            break
        time.sleep(0.02)
    request = struct.pack("!HHI", 1, 0, 0x2112A442) + bytes(12)  # a Binding: UDP may come later
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((HOST, port))
        probe.settimeout(0.1)
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                probe.send(request)
                probe.recv(2_000)
                return
            time.sleep(0.02)
    raise TimeoutError
