"""Every step of smoke made to fail once: the reason is the right one."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.cli.smoke_channel import smoke_channel
from kvsops.core.wire.ice import Endpoints, IceServer
from kvsops.errors import CredentialsError
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.output.console import Console
from kvsops.smoke.plan import Limits, Subject, Wanted
from kvsops.smoke.report import SmokeReport
from tests.aws.first_calls import FirstCalls
from tests.fleet import put
from tests.smoke.conftest import ADDRESSES, ALL, BRIEF, QUICK, RELAYED, Smoke, failed, with_calls

NO_WAY_OUT = [
    (
        "offer",
        "viewer-1: no candidates: this machine has no address but loopback, "
        "and no relay was allocated",
    )
][ADDRESSES:]
"""What fails besides, where without a relay there is no candidate."""


def not_reached(report: SmokeReport) -> list[str]:
    """Return the steps that were not reached."""
    return [step.key for step in report.steps if step.status == "not-reached"]


@pytest.fixture
def silent() -> Iterator[int]:
    """Yield a UDP port that takes everything and answers nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield deaf.getsockname()[1]


def with_servers(subject: Subject, *uris: str) -> Subject:
    """Let the channel name these servers instead of its own, with its credentials."""

    def ice_servers(endpoints: Endpoints, arn: str) -> list[IceServer]:
        given = subject.access.ice_servers(endpoints, arn)[-1]
        return [IceServer(uris, given.username, given.password)]

    return with_calls(subject, ice_servers=ice_servers)


REFUSALS = [
    (
        Fault("DescribeSignalingChannel", "AccessDeniedException"),
        "describe",
        "DescribeSignalingChannel denied: the credentials need"
        " kinesisvideo:DescribeSignalingChannel on channel/cam-door/*",
    ),
    (
        Fault("GetSignalingChannelEndpoint", "AccessDeniedException"),
        "endpoint",
        "GetSignalingChannelEndpoint denied: the credentials need"
        " kinesisvideo:GetSignalingChannelEndpoint on {arn}",
    ),
    (
        Fault("GetIceServerConfig", "AccessDeniedException"),
        "ice_servers",
        "GetIceServerConfig denied: the credentials need kinesisvideo:GetIceServerConfig on {arn}",
    ),
    (
        Fault("ConnectAsMaster", "AccessDeniedException"),
        "master_connects",
        "connecting as master was denied: the credentials need"
        " kinesisvideo:ConnectAsMaster on {arn}: A fault of kvsops local, asked for.",
    ),
    (
        Fault("ConnectAsMaster", "InternalFailure"),
        "master_connects",
        "the service failed: HTTP 500",
    ),
    (
        Fault("ConnectAsViewer", "AccessDeniedException"),
        "viewer_connects",
        "connecting as viewer was denied: the credentials need"
        " kinesisvideo:ConnectAsViewer on {arn}: A fault of kvsops local, asked for.",
    ),
    (
        Fault("ConnectAsViewer", "ClientLimitExceededException"),
        "viewer_connects",
        "connecting as viewer hit a limit of the channel (3 connects a second, 1 master and"
        " 10 viewers): A fault of kvsops local, asked for.",
    ),
    (
        Fault("SendSdpOffer", "drop"),
        "offer",
        "the master did not receive the offer: the service did not deliver it",
    ),
    (
        Fault("SendSdpOffer", "InvalidArgumentException"),
        "offer",
        "SDP_OFFER was refused: 400 InvalidArgumentException A fault of kvsops local, asked for.",
    ),
    (
        Fault("SendSdpAnswer", "AccessDeniedException"),
        "answer",
        "SDP_ANSWER was refused: 403 AccessDeniedException A fault of kvsops local, asked for.",
    ),
    (Fault("SendSdpAnswer", "drop"), "answer", "the viewer did not receive the answer"),
]


def test_refused(run: Smoke, subject: Subject, emulator: LocalServer) -> None:
    """Where the service refuses, the step says what was refused; the rest is not reached."""
    arn = subject.target().channel_arn
    order = [step for step in ALL if step != "probe"]
    for fault, step, reason in REFUSALS:
        emulator.settings.faults = (fault,)
        report = run(QUICK, limits=replace(BRIEF, negotiate=1.0))
        assert failed(report) == [(step, reason.format(arn=arn))]
        reached = order[: order.index(step) + 1]
        assert [key for key in not_reached(report) if key != "probe"] == order[len(reached) :]
        assert (report.reason or "").endswith(reason.format(arn=arn))


@pytest.mark.parametrize(
    ("limits", "step", "reason"),
    [
        (Limits(dtls=0), "dtls", "the DTLS handshake did not finish"),
        (Limits(channel=0), "data_channel", "no SCTP association: the data channel did not open"),
        (Limits(video=0), "first_video", "no video could be decoded in 0 s"),
        (Limits(audio=0), "first_audio", "no audio could be decoded in 0 s"),
    ],
)
def test_late(run: Smoke, limits: Limits, step: str, reason: str) -> None:
    """What does not come in its time is told as late, and not waited for any longer."""
    [(key, told)] = failed(run(QUICK, limits=limits))
    assert key == step
    assert (told or "").startswith(reason)


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (0, "the service did not accept the connection in time"),
        (1, "the service failed: HTTP 500"),
    ],
)
def test_late_connection(run: Smoke, emulator: LocalServer, refused: int, reason: str) -> None:
    """Where there is no more time to try, the last refusal is the reason."""
    emulator.settings.faults = (
        FirstCalls("ConnectAsMaster", "InternalFailure", refused),
        Fault("ConnectAsMaster", "late"),
    )
    report = run(QUICK, limits=replace(BRIEF, connect=1.0))
    assert failed(report) == [("master_connects", reason)]


def test_wrong_region(scope: Scope, environment: dict[str, str], run: Smoke, channel: str) -> None:
    """A channel of another region is not there."""
    elsewhere = Scope(region="us-west-2", environ=environment)
    with smoke_channel(elsewhere, channel, Console(), ephemeral=False) as subject:
        assert failed(run(QUICK, subject)) == [
            ("describe", "no such channel: cam-door (us-west-2, account 123456789012)")
        ]
    assert scope.region == "us-east-1"


@pytest.mark.parametrize("off", [timedelta(minutes=4), timedelta(minutes=-4)])
def test_clock_off(run: Smoke, environment: dict[str, str], channel: str, off: timedelta) -> None:
    """A clock by which AWS still answers does not matter: URLs are signed by the service's time."""
    urls: list[str] = []

    def now() -> datetime:
        return datetime.now(UTC) + off

    skewed = Scope(environ=environment, now=now)
    with smoke_channel(skewed, channel, Console(), ephemeral=False) as subject:

        def url(endpoints: Endpoints, arn: str, client_id: str | None) -> str:
            urls.append(subject.access.url(endpoints, arn, client_id))
            return urls[-1]

        assert failed(run(QUICK, with_calls(subject, url=url), now=now)) == []
    dates = [parse_qs(urlsplit(url).query)["X-Amz-Date"][0] for url in urls]
    signed_at = [datetime.strptime(f"{date[:-1]}+0000", "%Y%m%dT%H%M%S%z") for date in dates]
    assert len(urls) >= 2
    assert all(abs(datetime.now(UTC) - each) < timedelta(minutes=2) for each in signed_at)


@pytest.mark.parametrize(
    ("off", "side"), [(timedelta(minutes=10), "behind"), (timedelta(minutes=-10), "ahead of")]
)
def test_clock_too_far_off(
    run: Smoke, subject: Subject, emulator: LocalServer, off: timedelta, side: str
) -> None:
    """Where AWS takes no signature of this machine's, its clock is named as the reason."""

    def service() -> datetime:
        return datetime.now(UTC) + off

    emulator.settings.clock = emulator.settings.signing_clock = service
    why = rf"^this machine's clock is (9|10)m {side} AWS's, so no signature holds: set it"
    with pytest.raises(CredentialsError, match=why):
        run(QUICK, subject)


def test_no_credentials(run: Smoke, subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that are gone are no answer about the channel."""

    def url(*_: object) -> str:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name, raising=False)
        return str(Scope(region="us-east-1").credentials())

    with pytest.raises(CredentialsError, match="no AWS credentials"):
        run(QUICK, with_calls(subject, url=url))


def test_deleted_in_between(run: Smoke, subject: Subject, scope: Scope) -> None:
    """A channel that goes between signing and connecting is said to be gone."""
    signed = []

    def url(endpoints: Endpoints, arn: str, client_id: str | None) -> str:
        signed.append(subject.access.url(endpoints, arn, client_id))
        if len(signed) == 3:  # after one each to try
            channels.delete(scope, channels.described(scope, arn))
        return signed[-1]

    arn = subject.target().channel_arn
    [(step, reason)] = failed(run(QUICK, with_calls(subject, url=url)))
    assert (step, reason) == (
        "master_connects",
        f"no such channel: {arn}: it has been deleted",
    )


def test_turn_refused(run: Smoke, emulator: LocalServer) -> None:
    """A TURN server that refuses is told, and what works without it is tried all the same."""
    emulator.settings.faults = (Fault("Allocate", "turn-refused"),)
    report = run(QUICK)
    why = "refused (403): this server does not serve this machine"
    assert failed(report) == [("probe", why), ("probe", why), *NO_WAY_OUT]
    assert not_reached(report) == ([] if ADDRESSES else ALL[11:])
    assert not report.passed


def test_turn_refused_when_it_is_needed(run: Smoke, emulator: LocalServer) -> None:
    """With --relay there is no way without it."""
    emulator.settings.faults = (Fault("Allocate", "turn-refused"),)
    report = run(RELAYED)
    assert {key for key, _ in failed(report)} == {"probe"}
    assert not_reached(report) == ALL[8:]


def test_stun_silent(run: Smoke, subject: Subject, silent: int) -> None:
    """A silent STUN server is told, and left out of what the peers are given."""
    report = run(QUICK, with_servers(subject, f"stun:127.0.0.1:{silent}"))
    why = f"no answer from 127.0.0.1:{silent} in 1 s: UDP to it may be blocked"
    assert failed(report) == [("probe", why), *NO_WAY_OUT]
    assert report.steps[-1].status == ("ok" if ADDRESSES else "not-reached")


def test_udp_blocked(run: Smoke, subject: Subject) -> None:
    """A closed port, with --relay, ends the test with that reason."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    report = run(RELAYED, with_servers(subject, f"turn:127.0.0.1:{port}?transport=udp"))
    why = f"127.0.0.1:{port} is closed: nothing listens there, or a firewall refuses"
    assert failed(report) == [("probe", why)]
    assert report.reason == f"probe turn:127.0.0.1:{port}?transport=udp: {why}"


@pytest.mark.parametrize(
    ("uris", "wanted", "step", "reason"),
    [
        (
            ("turn:127.0.0.1:1?transport=udp", "turns:127.0.0.1:1?transport=udp"),
            Wanted(relay=True, transport="tcp"),
            "ice_servers",
            "the channel offers no TURN over tcp, only over udp, DTLS",
        ),
        (
            ("turn:127.0.0.1:99999",),
            QUICK,
            "ice_servers",
            "not a STUN or TURN URI: 'turn:127.0.0.1:99999'",
        ),
        (("stun:127.0.0.1:1",), RELAYED, "ice_servers", "the channel offers no TURN server"),
        (
            ("turns:127.0.0.1:1?transport=udp",),
            RELAYED,
            "probe",
            "no relay can be used: not supported by kvsops: TURN over DTLS",
        ),
    ],
)
def test_no_such_relay(
    run: Smoke, subject: Subject, *, uris: tuple[str, ...], wanted: Wanted, step: str, reason: str
) -> None:
    """A relay that the channel does not offer is not waited for."""
    assert failed(run(wanted, with_servers(subject, *uris))) == [(step, reason)]


def test_storage(run: Smoke, scope: Scope, emulator: LocalServer) -> None:
    """A channel whose media is stored relays nothing: it is refused before anything connects."""
    put(emulator, "cam-stored", stored=True, tags={"kvsops:smoke": "yes"})
    with smoke_channel(scope, "cam-stored", Console(), ephemeral=False) as subject:
        [(step, reason)] = failed(run(QUICK, subject))
    assert step == "describe"
    assert reason is not None
    assert reason.startswith(
        "linked to storage (arn:aws:kinesisvideo:us-east-1:123456789012:stream/"
    )
    assert reason.endswith("): its media goes there, not from master to viewer")


def test_not_active(run: Smoke, scope: Scope, emulator: LocalServer) -> None:
    """A channel that is still being made is not tested."""
    emulator.settings.state_delay = timedelta(hours=1)
    made = put(emulator, "cam-new")
    made.active_from = emulator.settings.clock() + timedelta(hours=1)
    with smoke_channel(scope, "cam-new", Console(), ephemeral=False) as subject:
        assert failed(run(QUICK, subject)) == [("describe", "cam-new is CREATING, not ACTIVE")]
