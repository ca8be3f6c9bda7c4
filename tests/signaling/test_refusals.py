"""Why a signaling connection was refused: one reason each, and no URL in it."""

import asyncio
import logging
import traceback
from datetime import UTC, datetime, timedelta

import pytest

from kvsops.aws import connect
from kvsops.aws.scope import Scope
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.signaling.refusals import SignalingError, clock_skew
from kvsops.signaling.session import Session
from tests.aws.first_calls import FirstCalls
from tests.signaling.conftest import Make, run

LIMITS = "3 connects a second, 1 master and 10 viewers"

REFUSALS = [
    (
        "AccessDeniedException",
        "denied",
        "connecting as viewer was denied: the credentials need"
        " kinesisvideo:ConnectAsViewer on {arn}",
    ),
    ("ResourceNotFoundException", "not-found", "no such channel: {arn}: it has been deleted"),
    (
        "InvalidArgumentException",
        "malformed",
        "connecting as viewer was refused as malformed: HTTP 400: A fault of kvsops local",
    ),
    (
        "ClientLimitExceededException",
        "limit",
        f"connecting as viewer hit a limit of the channel ({LIMITS}): A fault of kvsops",
    ),
    ("InternalFailure", "service", "the service failed: HTTP 500"),
    ("drop", "unreachable", "127.0.0.1:{port} cannot be reached: "),
]


async def refused(session: Session) -> SignalingError:
    """Return the error with which it cannot connect."""
    with pytest.raises(SignalingError) as caught:
        await session.connect()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return caught.value


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
    ends = connect.endpoints_of(Scope(environ=environment), arn, "master")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    scope = Scope(environ=environment)

    async def address() -> str:
        return connect.presigned_url(scope, ends, arn)

    error = run(refused(Session("master", arn, address)))
    assert str(error) == "the signature does not match: check the secret key"


def test_unknown_key(
    environment: dict[str, str], arn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key or a token that is no good is not told as a missing permission alone."""
    ends = connect.endpoints_of(Scope(environ=environment), arn, "master")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAKVSOPSNOBODYSKEY")
    scope = Scope(environ=environment)

    async def address() -> str:
        return connect.presigned_url(scope, ends, arn)

    error = run(refused(Session("master", arn, address)))
    assert str(error).endswith(f" on {arn}: The access key id is not known.")


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
    assert str(error).endswith(" did not answer in time: is a firewall blocking it?")


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
