"""Which pair is nominated and used, beside an agent that is not ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aioice
import aioice.ice
import pytest
from aioice.ice import get_host_addresses

from kvsops.peers import internals
from kvsops.peers.internals import Connection
from tests.peers.agent import MUTE, PASSWORD, USERNAME, Agent, Place

HOSTS = get_host_addresses(use_ipv4=True, use_ipv6=False)
pytestmark = pytest.mark.skipif(not HOSTS, reason="no address but loopback ones: nothing to pair")


@dataclass
class Ends:
    """Our connection, and the agent that it meets."""

    ours: Connection
    agent: Agent

    def check(self, place: Place, *, nominate: bool = True) -> None:
        """Let the agent check the first of our candidates from there."""
        [to, *_] = [each for each in self.ours.local_candidates if each.host == self.agent.host]
        ours = self.ours
        self.agent.check(place, to, ours.local_username, ours.local_password, nominate=nominate)

    async def talk(self) -> None:
        """Send a packet over the pair in use."""
        sent = sum(len(place.data) for place in self.agent.places)
        await self.ours.send(b"\x80 media")
        while sum(len(place.data) for place in self.agent.places) == sent:
            await asyncio.sleep(0.01)

    def used(self) -> list[int]:
        """Count what came to each place."""
        return [len(place.data) for place in self.agent.places]


@asynccontextmanager
async def meeting(*places: Place, controlling: bool, more: bool = False) -> AsyncIterator[Ends]:
    """Bring them together; `more` candidates may be trickled."""
    ours = Connection(ice_controlling=controlling, use_ipv6=False)
    async with Agent(HOSTS[0], *places) as agent:
        ours.remote_username, ours.remote_password = USERNAME, PASSWORD
        await ours.gather_candidates()
        for place in places:
            await ours.add_remote_candidate(place.candidate)
        if not more:
            await ours.add_remote_candidate(None)
        try:
            yield Ends(ours, agent)
        finally:
            await ours.close()


def test_versions() -> None:
    """The versions of aioice and aiortc are those whose private parts were read.

    If this fails: read what changed in the parts that `internals` names, then widen
    `KNOWN_VERSIONS`.
    """
    assert internals.unknown_version() is None


@pytest.mark.parametrize(
    ("better", "worse"),
    [(0.3, 0.0), (0.0, 0.3), (0.3, 0.3), (0.15, 0.0)],
    ids=["later", "sooner", "together", "a little later"],
)
@pytest.mark.parametrize("kinds", [("host", "relay"), ("srflx", "relay")])
def test_controlling(kinds: tuple[str, str], better: float, worse: float) -> None:
    """The better pair is nominated, once, and no other; a worse one does not take over later."""

    async def told() -> tuple[list[int], list[int]]:
        places = Place(kinds[0], better), Place(kinds[1], worse)
        async with meeting(*places, controlling=True) as ends:
            await ends.ours.connect()
            await ends.talk()
            await asyncio.sleep(0.5)  # the worse has answered by now
            ends.check(places[1], nominate=False)
            await asyncio.sleep(0.1)
            await ends.talk()
            return [len(place.nominations) for place in places], ends.used()

    assert asyncio.run(told()) == ([1, 0], [2, 0])


def test_controlling_a_pair_that_never_works() -> None:
    """What does not answer is waited for shortly; then the relay is used."""

    async def told() -> tuple[list[int], list[int]]:
        places = Place("host", MUTE), Place("relay")
        async with meeting(*places, controlling=True) as ends:
            await ends.ours.connect()
            await ends.talk()
            return [len(place.nominations) for place in places], ends.used()

    assert asyncio.run(told()) == ([0, 1], [0, 1])


def test_controlling_a_nomination_without_answer() -> None:
    """The next best is nominated where the best does not answer to being nominated."""

    async def told() -> tuple[list[int], list[int]]:
        places = Place("host", of_nomination=MUTE), Place("srflx"), Place("relay")
        async with meeting(*places, controlling=True) as ends:
            await ends.ours.connect()
            await ends.talk()
            return [len(place.nominations) for place in places], ends.used()

    assert asyncio.run(told()) == ([1, 1, 0], [0, 1, 0])


def test_controlling_and_nothing_works() -> None:
    """Where no nomination is answered, there is no connection."""

    async def tried() -> None:
        async with meeting(Place("host", of_nomination=MUTE), controlling=True) as ends:
            await ends.ours.connect()

    with pytest.raises(ConnectionError, match="ICE negotiation failed"):
        asyncio.run(tried())


def test_controlling_what_is_trickled() -> None:
    """A host candidate that comes after the relay's pair works is waited for."""

    async def told() -> list[int]:
        relay, host = Place("relay"), Place("host")
        async with meeting(relay, controlling=True, more=True) as ends, Agent(HOSTS[0], host):
            connecting = asyncio.ensure_future(ends.ours.connect())
            while not ends.ours.valid():
                await asyncio.sleep(0.01)
            await ends.ours.add_remote_candidate(host.candidate)
            await connecting
            return [len(place.nominations) for place in (relay, host)]

    assert asyncio.run(told()) == [0, 1]


@pytest.mark.parametrize(
    ("order", "used"),
    [
        ((0, 1), [2, 0]),
        ((1, 0), [1, 1]),
        ((1, 0, 1), [2, 1]),
        ((0, 1, 0, 1), [4, 0]),
        ((1, 1), [0, 2]),
    ],
)
def test_controlled(order: tuple[int, ...], used: list[int]) -> None:
    """Of the pairs that were nominated, in whichever order, the best is used."""

    async def told() -> list[int]:
        places = Place("host"), Place("relay")
        async with meeting(*places, controlling=False) as ends:
            connecting = asyncio.ensure_future(ends.ours.connect())
            while len(ends.ours.valid()) < len(places):
                await asyncio.sleep(0.01)
            for number in order:
                ends.check(places[number])
                await asyncio.sleep(0.1)
                await connecting
                await ends.talk()
            return ends.used()

    assert asyncio.run(told()) == used


def test_controlled_by_one_that_nominates_all() -> None:
    """A better pair nominated before its own check was answered is used once it is."""

    async def told() -> list[int]:
        places = Place("host", 0.4), Place("relay")
        async with meeting(*places, controlling=False) as ends:
            connecting = asyncio.ensure_future(ends.ours.connect())
            for place in places:  # aggressive nomination: each once, in whichever order
                ends.check(place)
            await connecting
            await ends.talk()
            await asyncio.sleep(1.2)
            await ends.talk()
            return ends.used()

    assert asyncio.run(told()) == [1, 1]


def test_controlled_and_the_best_falls_silent() -> None:
    """A worse pair that is nominated is used once nothing comes over the better one."""

    async def told() -> list[int]:
        places = Place("host"), Place("relay")
        async with meeting(*places, controlling=False) as ends:
            ends.ours.silent_seconds = 0.3
            connecting = asyncio.ensure_future(ends.ours.connect())
            ends.check(places[0])
            await connecting
            ends.check(places[1])
            await asyncio.sleep(0.1)
            await ends.talk()
            await asyncio.sleep(0.5)
            ends.check(places[1])
            await asyncio.sleep(0.1)
            await ends.talk()
            return ends.used()

    assert asyncio.run(told()) == [1, 1]


@pytest.mark.parametrize("controlling", [True, False])
def test_consent(monkeypatch: pytest.MonkeyPatch, *, controlling: bool) -> None:
    """Consent is asked for over the pair in use alone, and the connection ends without it."""
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.05)

    async def told() -> tuple[bool, bool]:
        places = Place("host"), Place("relay")
        async with meeting(*places, controlling=controlling) as ends:
            connecting = asyncio.ensure_future(ends.ours.connect())
            if not controlling:
                ends.check(places[0])
            await connecting
            await asyncio.sleep(0.2)
            before = [len(place.checks) for place in places]
            await asyncio.sleep(0.5)
            asked = [len(place.checks) for place in places]
            places[0].delay = MUTE
            event = await ends.ours.get_event()
            only_one = asked[0] > before[0] and asked[1] == before[1]
            return only_one, isinstance(event, aioice.ConnectionClosed)

    assert asyncio.run(told()) == (True, True)


def counted(connection: Connection) -> list[tuple[str, int, int]]:
    """Return the types of the remote candidates, and the packets sent and received."""
    ways = connection.ways()
    return sorted((way.remote.type, way.traffic.sent, way.traffic.received) for way in ways)


def test_counted() -> None:
    """What is told of the pairs is what went over them, whichever was nominated."""

    async def told() -> list[tuple[str, int, int]]:
        places = Place("host"), Place("relay")
        async with meeting(*places, controlling=True) as ends:
            connecting = asyncio.ensure_future(ends.ours.connect())
            await connecting
            ours = ends.ours
            before = [
                (way.remote.type, way.traffic.sent, way.traffic.received) for way in ours.ways()
            ]
            assert before == [("host", 0, 0)]
            await ends.talk()
            [to, *_] = ours.local_candidates
            for _ in range(3):
                places[1].transport.sendto(b"\x80 media", (to.host, to.port))
                await ours.recv()
            found = [
                (way.remote.type, way.traffic.sent, way.traffic.received) for way in ours.ways()
            ]
            return sorted(found)

    assert asyncio.run(told()) == [("host", 1, 0), ("relay", 0, 3)]


@pytest.mark.parametrize(
    "controlling", [(True, True), (False, False), (True, False), (False, True)]
)
def test_beside_aioice(controlling: tuple[bool, bool]) -> None:
    """It meets aioice as it is, also where both want the same role; both send both ways."""

    async def told() -> tuple[bytes, bytes, int]:
        ours, theirs = Connection(controlling[0]), aioice.Connection(controlling[1])
        for one, other in ((ours, theirs), (theirs, ours)):
            await one.gather_candidates()
            one.remote_username, one.remote_password = other.local_username, other.local_password
        for one, other in ((ours, theirs), (theirs, ours)):
            for candidate in other.local_candidates:
                await one.add_remote_candidate(candidate)
            await one.add_remote_candidate(None)
        await asyncio.gather(ours.connect(), theirs.connect())
        await ours.send(b"\x80 one")
        await theirs.send(b"\x80 two")
        got = await theirs.recv(), await ours.recv()
        packets = sum(way.traffic.sent + way.traffic.received for way in ours.ways())
        assert ours.ice_controlling != theirs.ice_controlling
        await asyncio.gather(ours.close(), theirs.close())
        return *got, packets

    assert asyncio.run(told()) == (b"\x80 one", b"\x80 two", 2)
