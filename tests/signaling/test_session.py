"""The signaling client against the emulator's relay: talking, moving, being displaced."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from kvsops.core.wire.ice import Role
from kvsops.core.wire.message import Action, MessageType, Received, StatusResponse
from kvsops.errors import CredentialsError, MessageError
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.signaling.refusals import SignalingError
from tests.aws.first_calls import FirstCalls
from tests.signaling.conftest import Make, run


async def until(there: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not there():
            await asyncio.sleep(0.01)


def test_both_ways(make: Make) -> None:
    """A viewer's offer reaches the master, with who sent it, and the answer the viewer."""

    async def talk() -> tuple[Received, Received]:
        async with make("master") as master, make() as viewer:
            await viewer.send(Action.SDP_OFFER, "an offer")
            offer = await master.receive()
            await master.send(Action.SDP_ANSWER, "an answer", offer.sender_client_id)
            return offer, await viewer.receive()

    offer, answer = run(talk())
    assert (offer.message_type, offer.sender_client_id, offer.payload) == (
        MessageType.SDP_OFFER,
        "one",
        "an offer",
    )
    assert (answer.message_type, answer.payload) == (MessageType.SDP_ANSWER, "an answer")


def test_status_response(make: Make, emulator: LocalServer) -> None:
    """What the service did not accept is told with what it was."""
    emulator.settings.faults = (Fault("SendCandidate", "AccessDeniedException"),)

    async def talk() -> str:
        async with make() as viewer:
            await viewer.send(Action.ICE_CANDIDATE, "a candidate")
            return viewer.explain(await viewer.receive())

    assert run(talk()) == (
        "ICE_CANDIDATE was refused: 403 AccessDeniedException A fault of kvsops local, asked for."
    )


@pytest.mark.parametrize("strict", [False, True])
def test_large_offers(make: Make, emulator: LocalServer, *, strict: bool) -> None:
    """What the service may take is sent; if it does not, its own words say so."""
    emulator.settings.strict_payloads = strict

    async def talk() -> str | None:
        async with make("master") as master, make() as viewer:
            await viewer.send(Action.SDP_OFFER, "a" * 9_760)
            if strict:
                return viewer.explain(await viewer.receive())
            return (await master.receive()).payload

    assert run(talk()) == (
        "SDP_OFFER was refused: 400 InvalidArgumentException messagePayload has 13,016 characters "
        "of base64: it may have 10,000"
        if strict
        else "a" * 9_760
    )


def test_displaced_and_left_open(make: Make, emulator: LocalServer) -> None:
    """Where the service closes nobody, one that was displaced hears nothing, and does not end."""
    emulator.settings.close_displaced = False

    async def talk() -> bool:
        async with make("master") as before, make("master") as master, make() as viewer:
            await viewer.send(Action.SDP_OFFER, "an offer")
            assert (await master.receive()).payload == "an offer"
            waiting = asyncio.ensure_future(before.receive())
            await asyncio.wait([waiting], timeout=0.3)
            heard = waiting.done()
            waiting.cancel()
            return heard

    assert run(talk()) is False


def test_status_response_without_a_cause(make: Make) -> None:
    """A status response about nothing known is told all the same."""
    session = make()
    assert session.explain(Received(MessageType.STATUS_RESPONSE)) == (
        "the service refused a message without saying why"
    )
    status = StatusResponse("unknown", "InternalFailure")
    assert session.explain(Received(MessageType.STATUS_RESPONSE, status=status)) == (
        "a message was refused: InternalFailure"
    )


def test_go_away(make: Make, emulator: LocalServer) -> None:
    """After GO_AWAY it is connected anew under a new URL, and messages come and go as before."""
    emulator.settings.faults = (FirstCalls("ConnectAsViewer", "go-away", 1),)
    urls: list[str] = []

    async def talk() -> tuple[Received, Received]:
        async with make("master") as master, make(urls=urls) as viewer:
            await until(lambda: viewer.connects == 2)
            await viewer.send(Action.SDP_OFFER, "after")
            offer = await master.receive()
            await master.send(Action.SDP_ANSWER, "to the new one", "one")
            return offer, await viewer.receive()

    offer, answer = run(talk())
    assert (offer.payload, answer.payload) == ("after", "to the new one")
    assert len(urls) == 2


class HeldUp:
    """Lets a session have its first URL, and the later ones only when `may` is set."""

    def __init__(self) -> None:
        self.asked, self.may, self._before = asyncio.Event(), asyncio.Event(), 0

    async def __call__(self) -> None:
        """Wait, unless it is the first."""
        self._before += 1
        if self._before > 1:
            self.asked.set()
            await self.may.wait()


def test_sent_while_it_moves(make: Make, emulator: LocalServer) -> None:
    """What is sent after GO_AWAY waits for the new connection: with the old one it may be lost."""
    emulator.settings.faults = (FirstCalls("ConnectAsViewer", "go-away", 1),)

    async def talk() -> list[object]:
        held_up = HeldUp()
        async with make("master") as master, make(first=held_up) as viewer:
            await held_up.asked.wait()
            sending = asyncio.ensure_future(viewer.send(Action.SDP_OFFER, "meanwhile"))
            await asyncio.wait([sending], timeout=0.2)
            waited = not sending.done()
            held_up.may.set()
            await sending
            return [waited, viewer.connects, (await master.receive()).payload]

    assert run(talk()) == [True, 2, "meanwhile"]


def test_closed_while_it_moves(make: Make, emulator: LocalServer) -> None:
    """Whoever waits to send is told if the session ends instead."""
    emulator.settings.faults = (FirstCalls("ConnectAsViewer", "go-away", 1),)

    async def talk() -> None:
        held_up = HeldUp()
        async with make(first=held_up) as viewer:
            await held_up.asked.wait()
            sending = asyncio.ensure_future(viewer.send(Action.SDP_OFFER, "too late"))
            await asyncio.sleep(0)
        await sending

    with pytest.raises(SignalingError, match="SDP_OFFER was not sent: the viewer is disconnected"):
        run(talk())


def test_go_away_without_a_way_back(make: Make, emulator: LocalServer) -> None:
    """Where GO_AWAY cannot be obeyed, that is the end of what can be received."""
    emulator.settings.faults = (
        FirstCalls("ConnectAsViewer", "go-away", 1),
        FirstCalls("ConnectAsViewer", "AccessDeniedException", 9),
    )

    async def talk() -> None:
        async with make() as viewer:
            await viewer.receive()

    with pytest.raises(SignalingError) as caught:
        run(talk())
    assert caught.value.kind == "denied"
    assert str(caught.value).startswith("after GO_AWAY the new connection was refused: connecting")


def test_go_away_when_nothing_can_be_signed(make: Make, emulator: LocalServer) -> None:
    """Where the credentials are gone by then, that is told too, and not waited for."""
    emulator.settings.faults = (FirstCalls("ConnectAsViewer", "go-away", 1),)
    asked: list[None] = []

    async def only_once() -> None:
        asked.append(None)
        if len(asked) > 1:
            raise CredentialsError("the session is over")

    async def talk() -> None:
        async with make(first=only_once) as viewer:
            await viewer.receive()

    with pytest.raises(SignalingError, match="no URL could be signed: the session is over"):
        run(talk())


def test_reconnect_ice_server(make: Make, emulator: LocalServer) -> None:
    """The wish for other ICE servers goes to whoever has the peers."""
    emulator.settings.faults = (Fault("ConnectAsViewer", "reconnect-ice-server"),)

    async def talk() -> Received:
        async with make() as viewer:
            return await viewer.receive()

    assert run(talk()).message_type is MessageType.RECONNECT_ICE_SERVER


@pytest.mark.parametrize("role", ["master", "viewer"])
def test_displaced(make: Make, role: Role) -> None:
    """Whoever is displaced by another of its name is told so, at each further receive."""

    async def talk() -> list[str]:
        said = []
        async with make(role) as first, make(role):
            for _ in range(2):
                with pytest.raises(SignalingError) as caught:
                    await first.receive()
                said.append(str(caught.value))
        return said

    other = "another master" if role == "master" else "another viewer with its client id"
    assert run(talk()) == 2 * [
        f"the service ended the {role}'s signaling (code 1001): {other} took its place, or the"
        " channel was deleted"
    ]


def test_broken_off(make: Make, emulator: LocalServer) -> None:
    """An end without a goodbye may be the network's."""
    emulator.settings.faults = (FirstCalls("ConnectAsViewer", "drop-after", 1),)

    async def talk() -> None:
        async with make() as viewer:
            await viewer.receive()

    with pytest.raises(SignalingError) as caught:
        run(talk())
    assert str(caught.value) == (
        "the viewer's signaling broke off without a goodbye: the network failed, another viewer"
        " with its client id took its place, or the channel was deleted"
    )


def test_sending_when_closed(make: Make) -> None:
    """What cannot be sent any more is not lost in silence."""

    async def talk() -> None:
        session = make()
        await session.connect()
        await session.close()
        await session.close()
        await session.send(Action.SDP_OFFER, "too late")

    with pytest.raises(
        SignalingError, match=r"^SDP_OFFER was not sent: the viewer is disconnected$"
    ):
        run(talk())


def test_too_large(make: Make) -> None:
    """A payload above the service's limit is not sent."""

    async def talk() -> None:
        async with make() as viewer:
            await viewer.send(Action.SDP_OFFER, "x" * 10_241)

    with pytest.raises(MessageError, match=r"has 10,241 bytes: it may have 10,240$"):
        run(talk())


def test_pace(make: Make, emulator: LocalServer) -> None:
    """A burst is sent within the rates of a connection, in order, each kind at its own."""
    emulator.settings.quotas = True
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 2))

    async def talk() -> None:
        async with make(clock=lambda: 0.0, sleep=sleep) as viewer:
            for action in (Action.SDP_OFFER, Action.ICE_CANDIDATE):
                for number in range(3):
                    await viewer.send(action, str(number))

    run(talk())
    assert slept == [0.25, 0.5, 0.06, 0.12]


def test_many_at_once(make: Make) -> None:
    """Sessions leave nothing behind when they end."""

    async def talk() -> int:
        async with AsyncExitStack() as stack:
            for number in range(5):
                await stack.enter_async_context(make(client_id=f"viewer-{number}"))
        return len(asyncio.all_tasks())

    assert run(talk()) == 1
