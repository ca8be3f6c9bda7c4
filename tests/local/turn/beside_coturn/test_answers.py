"""What the TURN server answers, beside coturn where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aioice.stun import Class, Method

from tests.local.turn.beside_coturn.conftest import ELSEWHERE, NOBODY, transports
from tests.local.turn.client import UDP, encode

if TYPE_CHECKING:
    from tests.local.turn.beside_coturn.conftest import Ask, New
    from tests.local.turn.client import Address

DONT_FRAGMENT, EVEN_PORT, FAMILY, RESERVATION = 0x001A, 0x0018, 0x0017, 0x0022
IPV6 = (FAMILY, b"\x02\x00\x00\x00")


@transports
def test_binding(new: New, transport: str) -> None:
    """A client learns the address that the server sees it at, without credentials."""
    client = new(transport)
    answer = client.ask(Method.BINDING, signed=False)
    assert (answer.code, answer.attributes["XOR-MAPPED-ADDRESS"]) == (0, client.address)
    assert answer.attributes["SOFTWARE"]


@transports
def test_allocate(new: New, transport: str) -> None:
    """The first request is challenged, the second gets an address on the server's host."""
    client = new(transport)
    challenge = client.challenge()
    assert (challenge.code, challenge.signed) == (401, False)
    assert challenge.attributes["REALM"] == "kvsops"
    answer = client.allocate()
    assert (answer.code, answer.signed) == (0, True)
    assert answer.attributes["LIFETIME"] == 600
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == client.address
    assert answer.attributes["XOR-RELAYED-ADDRESS"][0] == "127.0.0.1"
    assert answer.attributes["SOFTWARE"]


@pytest.mark.parametrize(
    ("asked", "given"), [(0, 600), (1, 600), (600, 600), (601, 601), (3600, 3600), (9999, 3600)]
)
def test_allocated_lifetime(new: New, asked: int, given: int) -> None:
    """At least 10 minutes are given, at most an hour."""
    assert new().allocate(("LIFETIME", asked)).attributes["LIFETIME"] == given


@pytest.mark.parametrize(
    ("asked", "given"), [(None, 600), (1, 600), (3600, 3600), (9999, 3600), (0, 0)]
)
def test_refresh(new: New, asked: int | None, given: int) -> None:
    """A refresh gives the like, and with 0 the end."""
    client = new()
    client.relayed()
    answer = client.refresh(*([] if asked is None else [("LIFETIME", asked)]))
    assert (answer.code, answer.signed, answer.attributes["LIFETIME"]) == (0, True, given)


def test_allocate_again(new: New) -> None:
    """A retransmission gets the same answer; another request on the 5-tuple is a mismatch."""
    client = new()
    first = client.allocate(transaction_id=b"twelve bytes")
    again = client.allocate(transaction_id=b"twelve bytes")
    assert (first.code, again.code) == (0, 0)
    assert again.attributes["XOR-RELAYED-ADDRESS"] == first.attributes["XOR-RELAYED-ADDRESS"]
    assert client.allocate().code == 437


def test_quota(new: New) -> None:
    """Who has as many allocations as may be gets no further one."""
    clients = [new() for _ in range(4)]
    answers = [client.allocate() for client in clients]
    assert [answer.code for answer in answers] == [0, 0, 0, 486]
    assert answers[-1].signed


@pytest.mark.parametrize("left_out", ["USERNAME", "REALM", "NONCE"])
def test_incomplete_credentials(new: New, left_out: str) -> None:
    """A signed request must have them all."""
    client = new()
    client.challenge()
    answer = client.allocate(leave_out=left_out)
    assert (answer.code, answer.signed) == (400, False)


@transports
def test_wrong_password(new: New, transport: str) -> None:
    """The answer is the challenge once more."""
    client = new(transport)
    client.challenge()
    client.login(client.username, "guessed")
    answer = client.allocate()
    assert (answer.code, answer.signed) == (401, False)
    assert answer.attributes["REALM"] == "kvsops"
    assert answer.attributes["NONCE"]


def test_unknown_user(new: New) -> None:
    """Whom the server does not know it challenges."""
    answer = new(username="nobody").allocate()
    assert (answer.code, answer.signed) == (401, False)


def test_unknown_nonce(new: New) -> None:
    """The answer holds a nonce that is good."""
    client = new()
    client.nonce = b"invented"
    answer = client.allocate()
    assert (answer.code, answer.signed) == (438, False)
    client.nonce = answer.attributes["NONCE"]
    assert client.allocate().code == 0


def test_another_user(new: New) -> None:
    """An allocation answers to the user who made it alone."""
    client = new()
    client.relayed()
    client.login("bob", "hidden")
    assert client.allocate().code == 437
    assert client.refresh().code == 441
    assert client.permit(NOBODY).code == 441
    assert client.bind(0x4000, NOBODY).code == 441


@pytest.mark.parametrize(
    ("attributes", "code", "of_coturn"),
    [
        pytest.param([], 400, 400, id="no transport"),
        # RFC 8656 section 7.2: 442. coturn could relay TCP, for a client that came over TCP.
        pytest.param([("REQUESTED-TRANSPORT", 6 << 24)], 442, 400, id="tcp"),
        # coturn has what we have not.
        pytest.param([("REQUESTED-TRANSPORT", UDP), (DONT_FRAGMENT, b"")], 420, 0, id="whole"),
        pytest.param([("REQUESTED-TRANSPORT", UDP), (EVEN_PORT, b"\x00")], 508, 0, id="even"),
        pytest.param([("REQUESTED-TRANSPORT", UDP), (EVEN_PORT, b"\x80")], 508, 0, id="pair"),
        # RFC 8656 section 7.2: 508. coturn answers a code that the RFC has not.
        pytest.param(
            [("REQUESTED-TRANSPORT", UDP), (RESERVATION, b"12345678")], 508, 404, id="token"
        ),
        pytest.param(
            [("REQUESTED-TRANSPORT", UDP), (RESERVATION, b"12345678"), (EVEN_PORT, b"\x00")],
            400,
            400,
            id="token and even",
        ),
        pytest.param([("REQUESTED-TRANSPORT", UDP), IPV6], 440, 440, id="IPv6"),
    ],
)
def test_refused_allocate(
    new: New, *, reference: bool, attributes: list[Any], code: int, of_coturn: int
) -> None:
    """What cannot be given is refused, with the user's signature."""
    client = new()
    client.challenge()
    answer = client.ask(Method.ALLOCATE, attributes)
    assert (answer.code, answer.signed) == (of_coturn if reference else code, True)


def test_unknown_attributes(new: New) -> None:
    """Those of types below 0x8000 must be understood, and are named; others are passed over."""
    client = new()
    bound = client.ask(Method.BINDING, [(0x7777, b"1234"), (0x9777, b"")], signed=False)
    assert (bound.code, bound.unknown) == (420, (0x7777,))
    client.challenge()
    answer = client.allocate((0x7777, b"12345"), (0x0666, b""), (0x9777, b"1"))
    assert (answer.code, answer.unknown, answer.signed) == (420, (0x7777, 0x0666), True)
    assert client.allocate((0x9777, b"1")).code == 0


@pytest.mark.parametrize(
    ("ask", "code", "of_coturn"),
    [
        pytest.param(lambda client: client.refresh(), 437, 437, id="refresh"),
        # RFC 8656 section 5: 437 for all but Allocate.
        pytest.param(lambda client: client.permit(NOBODY), 437, 400, id="permit"),
        pytest.param(lambda client: client.bind(0x4000, NOBODY), 437, 400, id="bind"),
    ],
)
def test_no_allocation(new: New, *, reference: bool, ask: Ask, code: int, of_coturn: int) -> None:
    """Only an Allocate may come where there is no allocation."""
    client = new()
    client.challenge()
    assert ask(client).code == (of_coturn if reference else code)


@pytest.mark.parametrize(
    ("peers", "code"),
    [
        ([NOBODY], 0),
        ([("127.0.0.1", 0), ("127.0.0.2", 1)], 0),
        ([], 400),
        ([ELSEWHERE], 403),
        ([NOBODY, ELSEWHERE], 403),
        ([("0.0.0.0", 9)], 403),  # noqa: S104 - refused
        ([("224.0.0.1", 9)], 403),
        ([("255.255.255.255", 9)], 403),
        ([("::1", 9)], 443),
        ([("::ffff:198.51.100.1", 9)], 443),
    ],
)
def test_permitted_peers(new: New, peers: list[Address], code: int) -> None:
    """Peers are on this machine, or no permission is given."""
    client = new()
    client.relayed()
    answer = client.permit(*peers)
    assert (answer.code, answer.signed) == (code, True)


@pytest.mark.parametrize(
    ("number", "peer", "code", "of_coturn"),
    [
        (0x4000, NOBODY, 0, 0),
        (0x4FFF, ("127.0.0.1", 12), 0, 0),
        (0x4001, ("127.0.0.1", 10), 400, 400),
        (0x4002, ("127.0.0.1", 11), 400, 400),
        (0x3FFF, NOBODY, 400, 400),
        # RFC 8656 section 12 reserves these; coturn goes by RFC 5766.
        (0x5000, NOBODY, 400, 0),
        (0x7FFF, NOBODY, 400, 0),
        (0x8000, NOBODY, 400, 400),
        (0x4000, ELSEWHERE, 403, 403),
        (0x4000, ("::1", 9), 443, 443),
    ],
)
def test_bound_peers(
    new: New, *, reference: bool, number: int, peer: Address, code: int, of_coturn: int
) -> None:
    """One channel has one peer, and one peer one channel; 0x4001 is for port 11 already."""
    client = new()
    client.relayed()
    client.bind(0x4001, ("127.0.0.1", 11))
    answer = client.bind(number, peer)
    assert (answer.code, answer.signed) == (of_coturn if reference else code, True)


@pytest.mark.parametrize("name", ["CHANNEL-NUMBER", "XOR-PEER-ADDRESS"])
def test_incomplete_bind(new: New, name: str) -> None:
    """A binding needs both."""
    client = new()
    client.relayed()
    value = {"CHANNEL-NUMBER": 0x4000, "XOR-PEER-ADDRESS": NOBODY}[name]
    assert client.ask(Method.CHANNEL_BIND, [(name, value)]).code == 400


def test_bind_again(new: New) -> None:
    """A binding is renewed by the same request."""
    client = new()
    client.relayed()
    assert [client.bind(0x4000, NOBODY).code for _ in range(2)] == [0, 0]


def test_other_family_in_refresh(new: New) -> None:
    """A family that the allocation has not is a mismatch."""
    client = new()
    client.relayed()
    assert client.refresh(IPV6).code == 443


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(20),
        encode(Method.BINDING, Class.INDICATION, []),
        encode(Method.ALLOCATE, Class.RESPONSE, []),
        encode(Method.BINDING, Class.REQUEST, [], transaction_id=b"twelve bytes")[:-1] + b"?",
        b"\x40",
        b"\x40\x00\xff\xff1234",
        b"\x80" * 100,
    ],
    ids=lambda noise: f"{len(noise)} octets",
)
def test_noise(new: New, noise: bytes) -> None:
    """Over UDP, what is no message for the server is passed over."""
    client = new()
    client.write(noise)
    answer = client.ask(Method.BINDING, signed=False)
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == client.address
