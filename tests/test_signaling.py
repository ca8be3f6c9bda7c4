"""The signaling client against the emulator's relay, over TLS: talking, moving, being refused."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stamina

from kvsops.aws import connect
from kvsops.aws.scope import Scope
from kvsops.core.ice import Role
from kvsops.core.message import Action, MessageType, Received, StatusResponse
from kvsops.errors import MessageError
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.refusals import SignalingError, clock_skew
from kvsops.signaling import Session
from tests.aws.first_calls import FirstCalls
from tests.fleet import put

Make = Callable[..., Session]
LIMITS = "3 connects a second, 1 master and 10 viewers"


@pytest.fixture(autouse=True)
def _retry_at_once() -> Iterator[None]:
    """Leave out the waits between retries, and nothing else of them."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def arn(emulator: LocalServer) -> str:
    """Put a channel there, and return its ARN."""
    emulator.settings.state_delay = timedelta()
    return put(emulator, "cam-door").arn


@pytest.fixture
def make(scope: Scope, arn: str) -> Make:
    """Return what makes a session of the channel; `urls` collects the URLs that it is given."""
    ends = {role: connect.endpoints_of(scope, arn, role) for role in ("master", "viewer")}

    def make(
        role: Role = "viewer",
        client_id: str | None = "one",
        urls: list[str] | None = None,
        **more: Any,
    ) -> Session:
        async def address() -> str:
            name = client_id if role == "viewer" else None
            url = connect.presigned_url(scope, ends[role], arn, name)
            if urls is not None:
                urls.append(url)
            return url

        return Session(role, arn, address, **more)

    return make


async def refused(session: Session) -> SignalingError:
    """Return the error with which it cannot connect."""
    with pytest.raises(SignalingError) as caught:
        await session.connect()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return caught.value


async def until(there: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not there():
            await asyncio.sleep(0.01)


def run(work: Awaitable[Any]) -> Any:
    """Run it, for at most 20 seconds."""

    async def bounded() -> Any:
        async with asyncio.timeout(20):
            return await work

    return asyncio.run(bounded())


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
            return viewer.told(await viewer.receive())

    assert run(talk()) == (
        "ICE_CANDIDATE was refused: 403 AccessDeniedException A fault of kvsops local, asked for."
    )


def test_status_response_without_a_cause(make: Make) -> None:
    """A status response about nothing known is told all the same."""
    session = make()
    assert session.told(Received(MessageType.STATUS_RESPONSE)) == (
        "the service refused a message without saying why"
    )
    status = StatusResponse("unknown", "InternalFailure")
    assert session.told(Received(MessageType.STATUS_RESPONSE, status=status)) == (
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
            await viewer.send(Action.SDP_OFFER, "x" * 7_501)

    with pytest.raises(
        MessageError, match=r"10,004 characters of base64: it may have 1 to 10,000$"
    ):
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


REFUSALS = [
    (
        "AccessDeniedException",
        "denied",
        "connecting as viewer was denied: the credentials need"
        " kinesisvideo:ConnectAsViewer on {arn}",
    ),
    ("ResourceNotFoundException", "not-found", "no such channel: {arn}: it was deleted"),
    (
        "InvalidArgumentException",
        "malformed",
        "connecting as viewer was refused as malformed: HTTP 400: A fault of kvsops local",
    ),
    (
        "ClientLimitExceededException",
        "limit",
        f"connecting as viewer passed a limit of the channel ({LIMITS}): A fault of kvsops",
    ),
    ("InternalFailure", "service", "the service failed: HTTP 500"),
    ("drop", "unreachable", "127.0.0.1:{port} cannot be reached: "),
]


def test_refused(make: Make, arn: str, emulator: LocalServer) -> None:
    """Each refusal has one reason, of its kind; only some are worth another try."""
    for fault, kind, reason in REFUSALS:
        emulator.settings.faults = (Fault("ConnectAsViewer", fault),)
        urls: list[str] = []
        error = run(refused(make(urls=urls)))
        port = urls[0].partition("/?")[0].rpartition(":")[2]
        assert error.kind == kind
        assert str(error).startswith(reason.format(arn=arn, port=port))
        assert len(urls) == (3 if kind in ("limit", "service", "unreachable") else 1)


def test_again_after_a_throttle(make: Make, emulator: LocalServer) -> None:
    """A throttle and a fault of the service are tried again, each time under a new URL."""
    emulator.settings.faults = (
        FirstCalls("ConnectAsViewer", "ClientLimitExceededException", 1),
        FirstCalls("ConnectAsViewer", "ServiceUnavailable", 1),
    )
    urls: list[str] = []

    async def connected() -> int:
        async with make(urls=urls) as viewer:
            return viewer.connects

    assert run(connected()) == 1
    assert len(urls) == 3


@pytest.mark.parametrize(
    ("off", "said"),
    [(timedelta(minutes=-7), "behind the service's"), (timedelta(hours=3), "ahead of the service")],
)
def test_clock(environment: dict[str, str], arn: str, *, off: timedelta, said: str) -> None:
    """A 403 is the clock's fault where the service's Date says so."""

    def now() -> datetime:
        return datetime.now(UTC) + off

    scope = Scope(environ=environment)
    ends = connect.endpoints_of(scope, arn, "master")
    credentials = scope.credentials()

    async def address() -> str:  # a scope itself would sign by the service's time
        return connect.signed(ends.wss, arn, None, credentials, region=scope.region, now=now())

    error = run(refused(Session("master", arn, address, now=now)))
    assert error.kind == "clock"
    assert said in str(error)


@pytest.mark.parametrize(
    ("date", "skew"),
    [
        ("Fri, 01 May 2026 12:00:00 GMT", timedelta(minutes=1)),
        ("Fri, 01 May 2026 12:00:00 -0000", timedelta(minutes=1)),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_skew(date: str | None, skew: timedelta | None) -> None:
    """A Date that cannot be read proves nothing about the clock."""
    assert clock_skew(date, datetime(2026, 5, 1, 12, 1, tzinfo=UTC)) == skew


def test_wrong_secret(
    environment: dict[str, str], arn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signature that does not match is not told as a missing permission."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    scope = Scope(environ=environment)
    ends = connect.endpoints_of(scope, arn, "master")

    async def address() -> str:
        return connect.presigned_url(scope, ends, arn)

    error = run(refused(Session("master", arn, address)))
    assert str(error) == "the signature does not match: check the secret key"


def test_untrusted(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that nobody trusts is told with its fault, and not tried again."""
    monkeypatch.delenv("SSL_CERT_FILE")
    error = run(refused(make()))
    assert error.kind == "tls"
    assert "is not trusted: unable to get local issuer certificate; " in str(error)


@pytest.mark.parametrize(
    ("url", "kind", "reason"),
    [
        ("wss://127.0.0.1:1/?secret", "unreachable", "127.0.0.1:1 cannot be reached: Connect"),
        ("wss://nowhere.invalid/?secret", "unreachable", "no such host: nowhere.invalid"),
    ],
)
def test_unreachable(arn: str, url: str, kind: str, reason: str) -> None:
    """A service that is not there is told with its host alone."""

    async def address() -> str:
        return url

    error = run(refused(Session("master", arn, address)))
    assert error.kind == kind
    assert str(error).startswith(reason)


def test_silence(make: Make, emulator: LocalServer) -> None:
    """A service that does not answer is not waited for."""
    emulator.settings.faults = (Fault("ConnectAsViewer", "delay"),)
    emulator.settings.delay_by = timedelta(seconds=5)
    error = run(refused(make(connect_seconds=0.2, attempts=1)))
    assert error.kind == "timeout"
    assert str(error).endswith(" did not answer in time: a firewall on the way?")


def test_no_url_in_any_error(
    make: Make, emulator: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an error, nor what led to it, nor a log holds a URL's query."""
    caplog.set_level(logging.INFO)
    for fault in ("AccessDeniedException", "InternalFailure", "drop"):
        emulator.settings.faults = (Fault("ConnectAsViewer", fault),)
        urls: list[str] = []
        session = make(urls=urls)
        seen: list[BaseException] = [run(refused(session))]
        for each in seen:
            seen += [cause for cause in (each.__cause__, each.__context__) if cause is not None]
        traces = [line for each in seen for line in traceback.format_exception(each)]
        told = "".join([repr(session), caplog.text, *map(repr, seen), *map(str, seen), *traces])
        assert urls
        assert [url for url in urls if url.partition("?")[2] in told] == []
        assert "X-Amz-Signature" not in told


def test_many_at_once(make: Make) -> None:
    """Sessions leave nothing behind when they end."""

    async def talk() -> int:
        async with AsyncExitStack() as stack:
            for number in range(5):
                await stack.enter_async_context(make(client_id=f"viewer-{number}"))
        return len(asyncio.all_tasks())

    assert run(talk()) == 1
