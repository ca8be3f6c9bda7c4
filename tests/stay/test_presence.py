"""A peer's stay in a channel, against the emulator: what it outlasts, and what ends it."""

import asyncio
from dataclasses import replace

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.wire.ice import Endpoints, IceServer
from kvsops.core.wire.message import Action, MessageType
from kvsops.errors import AwsError, CredentialsError, KvsopsError
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.signaling.access import Access
from kvsops.signaling.refusals import SignalingError
from kvsops.stay.presence import (
    Connected,
    Event,
    LeftError,
    Lost,
    Moved,
    Presence,
    ServersFailed,
)
from tests.aws.first_calls import FirstCalls
from tests.stay.conftest import Stay, run

BROKE_OFF = (
    "the master's signaling broke off without a goodbye: the network failed, another master took "
    "its place, or the channel was deleted"
)


class Told(list[Event]):
    """What a presence told, and how long it slept."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Sleep no time at all."""
        self.slept.append(seconds)
        await asyncio.sleep(0)


async def first_offer(stay: Stay, master: Presence) -> str | None:
    """Let a viewer offer; return what comes to the master."""
    async with stay("viewer", "one") as viewer:
        await viewer.send(Action.SDP_OFFER, "an offer")
        return (await master.receive()).payload


def test_there(stay: Stay) -> None:
    """Messages go both ways, and where they come from is told."""

    async def talk() -> list[str | None]:
        async with stay("master") as master, stay("viewer", "one") as viewer:
            await viewer.send(Action.SDP_OFFER, "an offer")
            offer = await master.receive()
            await master.send(Action.SDP_ANSWER, "an answer", offer.sender_client_id)
            return [offer.sender_client_id, offer.payload, (await viewer.receive()).payload]

    assert run(talk()) == ["one", "an offer", "an answer"]


def test_a_lost_connection(stay: Stay, emulator: LocalServer) -> None:
    """One that breaks off is made again, and messages come as before."""
    emulator.settings.faults = (FirstCalls("ConnectAsMaster", "drop-after", 1),)
    told = Told()

    async def talk() -> str | None:
        async with stay("master", tell=told.append, sleep=told.sleep) as master:
            return await first_offer(stay, master)

    assert run(talk()) == "an offer"
    assert told == [Connected(again=False), Lost(BROKE_OFF, 1.0), Connected(again=True)]
    assert told.slept == [1.0]


def test_growing_waits(access: Access, arn: str, emulator: LocalServer) -> None:
    """While the service cannot be reached, it is asked again at growing intervals, for ever."""
    emulator.settings.faults = (FirstCalls("ConnectAsMaster", "drop-after", 1),)
    told, asked = Told(), []

    def endpoints(channel_arn: str, role: object) -> Endpoints:
        asked.append(role)
        if 1 < len(asked) < 9:
            raise AwsError("no network", "EndpointConnectionError", transient=True)
        return access.endpoints(channel_arn, "master")

    async def talk() -> str | None:
        cut_off = replace(access, endpoints=endpoints)
        presence = Presence(cut_off, arn, "master", tell=told.append, sleep=told.sleep)
        async with presence as master, Presence(access, arn, "viewer", "one") as viewer:
            await viewer.send(Action.SDP_OFFER, "an offer")
            return (await master.receive()).payload

    assert run(talk()) == "an offer"
    assert told.slept == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert told[2] == Lost("no network", 2.0)


def test_sent_while_it_is_lost(stay: Stay, emulator: LocalServer) -> None:
    """What is to be sent meanwhile waits until it is there again."""
    emulator.settings.faults = (FirstCalls("ConnectAsViewer", "drop-after", 1),)
    lost = asyncio.Event()

    async def sleep(_: float) -> None:
        lost.set()
        await asyncio.sleep(0.2)

    async def talk() -> str | None:
        async with stay("master") as master, stay("viewer", "one", sleep=sleep) as viewer:
            receiving = asyncio.ensure_future(viewer.receive())
            await lost.wait()
            await viewer.send(Action.SDP_OFFER, "meanwhile")
            receiving.cancel()
            return (await master.receive()).payload

    assert run(talk()) == "meanwhile"


def test_sent_when_it_has_left(stay: Stay) -> None:
    """Who waits to send is told when the place is left instead."""

    async def talk() -> None:
        async with stay("master") as master:
            pass
        await master.send(Action.SDP_ANSWER, "too late", "one")

    with pytest.raises(SignalingError, match=r"^SDP_ANSWER was not sent: the master has left$"):
        run(talk())


def ended(work: KvsopsError | None) -> tuple[str, str]:
    """Return how a stay ended."""
    assert isinstance(work, LeftError)
    return work.kind, str(work)


async def until_it_ends(presence: Presence) -> KvsopsError | None:
    """Receive until no more can come; return why."""
    try:
        while True:
            await presence.receive()
    except KvsopsError as error:
        return error


def test_displaced(stay: Stay) -> None:
    """Where another takes the place, it is left to it: nobody displaces it in turn."""
    told = Told()

    async def talk() -> KvsopsError | None:
        async with stay("master", tell=told.append, sleep=told.sleep) as first, stay("master"):
            return await until_it_ends(first)

    assert ended(run(talk())) == ("displaced", "another master took the master's place")
    assert told == [Connected(again=False)]


def test_a_rival_that_leaves_no_goodbye(stay: Stay, emulator: LocalServer) -> None:
    """Three connections in a row that break off at once are no network's doing."""
    emulator.settings.faults = (Fault("ConnectAsMaster", "drop-after"),)
    told = Told()

    async def talk() -> KvsopsError | None:
        async with stay("master", tell=told.append, sleep=told.sleep) as master:
            return await until_it_ends(master)

    assert ended(run(talk()))[0] == "displaced"
    assert [event for event in told if isinstance(event, Connected)] == [
        Connected(again=False),
        Connected(again=True),
        Connected(again=True),
    ]


@pytest.mark.parametrize(("quiet", "stays"), [(600.0, True), (3601.0, True), (300.0, False)])
def test_the_services_own_limits(stay: Stay, *, quiet: float, stays: bool) -> None:
    """One that the service ends when it was idle for 10 minutes, or is an hour old, comes back."""
    told, past = Told(), [0.0]

    async def talk() -> KvsopsError | None:
        mine = stay("master", tell=told.append, sleep=told.sleep, clock=lambda: past[0])
        async with mine as first, stay("master"):
            past[0] = quiet
            ending = asyncio.ensure_future(until_it_ends(first))
            while not ending.done() and told[-1] != Connected(again=True):
                await asyncio.sleep(0.02)
            if ending.done():
                return ending.result()
            ending.cancel()
            return None

    result = run(talk())
    assert (result is None) is stays
    assert (told[-1] == Connected(again=True)) is stays


def test_gone(stay: Stay, scope: Scope, arn: str) -> None:
    """With the channel its peers' stay ends, and that is the reason given."""

    async def talk() -> KvsopsError | None:
        async with stay("master") as master:
            await asyncio.to_thread(channels.delete_made, scope, arn)
            return await until_it_ends(master)

    assert ended(run(talk())) == ("gone", "the channel was deleted")


def test_not_let_in_again(access: Access, arn: str, emulator: LocalServer) -> None:
    """Where trying again is of no use, it ends with the reason."""
    emulator.settings.faults = (FirstCalls("ConnectAsMaster", "drop-after", 1),)
    told, asked = Told(), []

    def url(endpoints: Endpoints, channel_arn: str, client_id: str | None) -> str:
        asked.append(client_id)
        if len(asked) > 1:
            raise CredentialsError("the session is over")
        return access.url(endpoints, channel_arn, client_id)

    async def talk() -> KvsopsError | None:
        without = replace(access, url=url)
        presence = Presence(without, arn, "master", tell=told.append, sleep=told.sleep)
        async with presence as master:
            return await until_it_ends(master)

    said = "the master cannot connect again: the session is over"
    assert ended(run(talk())) == ("refused", said)


def test_go_away(stay: Stay, emulator: LocalServer) -> None:
    """GO_AWAY is obeyed and told; nothing is lost."""
    emulator.settings.faults = (FirstCalls("ConnectAsMaster", "go-away", 1),)
    told = Told()

    async def talk() -> str | None:
        async with stay("master", tell=told.append) as master:
            while Moved() not in told:
                await asyncio.sleep(0.01)
            return await first_offer(stay, master)

    assert run(talk()) == "an offer"
    assert told == [Connected(again=False), Moved()]


class Asked:
    """ICE servers, and how often they were asked for."""

    def __init__(self, access: Access) -> None:
        self.times, self.failing, self._access = 0, False, access

    def __call__(self, endpoints: Endpoints, channel_arn: str) -> list[IceServer]:
        """Answer as the emulator does, or with a failure."""
        self.times += 1
        if self.failing:
            raise AwsError("throttled", "ClientLimitExceededException", transient=True)
        return self._access.ice_servers(endpoints, channel_arn)


def test_ice_servers(access: Access, arn: str) -> None:
    """They are asked for once for all who come together, and anew when they have expired."""
    asked, past, counts = Asked(access), [0.0], []
    told = Told()

    async def talk() -> None:
        presence = Presence(
            replace(access, ice_servers=asked),
            arn,
            "master",
            tell=told.append,
            clock=lambda: past[0],
        )
        async with presence as master:
            found = await asyncio.gather(*(master.ice() for _ in range(10)))
            assert all(ice is found[0] for ice in found)
            assert len(found[0].servers) == 2  # one STUN, one TURN
            counts.append(asked.times)
            for seconds in (200.0, 300.0):
                past[0] = seconds
                await master.ice()
                counts.append(asked.times)
            past[0], asked.failing = 900.0, True
            counts.append(len((await master.ice()).servers))

    run(talk())
    assert counts == [1, 1, 2, 2]
    assert told[-1] == ServersFailed("throttled")


def test_reconnect_ice_server(access: Access, arn: str, emulator: LocalServer) -> None:
    """When the service asks for it, they are asked for anew."""
    emulator.settings.faults = (Fault("ConnectAsMaster", "reconnect-ice-server"),)
    asked = Asked(access)

    async def talk() -> MessageType:
        async with Presence(replace(access, ice_servers=asked), arn, "master") as master:
            await master.ice()
            message = await master.receive()
            await master.ice()
            return message.message_type

    assert run(talk()) is MessageType.RECONNECT_ICE_SERVER
    assert asked.times == 2


def test_no_servers_at_all(access: Access, arn: str) -> None:
    """Where none were ever had, that is an error."""
    asked = Asked(access)
    asked.failing = True

    async def talk() -> None:
        async with Presence(replace(access, ice_servers=asked), arn, "master") as master:
            await master.ice()

    with pytest.raises(AwsError, match="throttled"):
        run(talk())
