"""Calls, paced, retried and counted, and how they fail: against the emulator over HTTP."""

import logging
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from kvsops.aws import channels
from kvsops.aws.quotas import OPERATIONS, writes
from kvsops.aws.scope import Scope
from kvsops.errors import (
    AwsError,
    CredentialsError,
    DeniedError,
    KvsopsError,
    NotFoundError,
    UsageError,
    WriteRefusedError,
)
from kvsops.local.environment import ACCESS_KEY_ID
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.aws.conftest import FailFirst
from tests.fleet import NOON, Time, put

TRY = "to try kvsops without AWS: kvsops local --fleet 20 -- kvsops list"
ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/a/1"
STREAM = "arn:aws:kinesisvideo:us-east-1:123456789012:stream/a/1"
THROTTLE = "ClientLimitExceededException"
PARAMETERS: dict[str, dict[str, Any]] = {
    "CreateSignalingChannel": {"ChannelName": "new"},
    "DeleteSignalingChannel": {"ChannelARN": ARN},
    "DescribeMappedResourceConfiguration": {"StreamARN": STREAM},
    "DescribeMediaStorageConfiguration": {"ChannelARN": ARN},
    "DescribeStreamStorageConfiguration": {"StreamARN": STREAM},
    "DescribeSignalingChannel": {"ChannelARN": ARN},
    "GetSignalingChannelEndpoint": {"ChannelARN": ARN},
    "ListSignalingChannels": {},
    "ListStreams": {},
    "ListTagsForResource": {"ResourceARN": ARN},
    "ListTagsForStream": {"StreamARN": STREAM},
    "TagResource": {"ResourceARN": ARN, "Tags": [{"Key": "k", "Value": "v"}]},
    "UntagResource": {"ResourceARN": ARN, "TagKeyList": ["k"]},
    "UpdateMediaStorageConfiguration": {
        "ChannelARN": ARN,
        "MediaStorageConfiguration": {"Status": "DISABLED"},
    },
    "UpdateSignalingChannel": {"ChannelARN": ARN, "CurrentVersion": "v"},
    "GetResources": {"ResourceARNList": [ARN]},
    "AssumeRole": {
        "RoleArn": "arn:aws:iam::222222222222:role/a",
        "RoleSessionName": "kvsops-list-ana",
    },
    "GetCallerIdentity": {},
}
WRITES = [
    "CreateSignalingChannel",
    "DeleteSignalingChannel",
    "TagResource",
    "UntagResource",
    "UpdateMediaStorageConfiguration",
    "UpdateSignalingChannel",
]
READS = sorted(PARAMETERS.keys() - set(WRITES))


def failure(scope: Scope, operation: str = "ListSignalingChannels", **parameters: Any) -> str:
    """Return what a call that must fail says: one line."""
    with pytest.raises(KvsopsError) as caught:
        scope.call(operation, **parameters)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def fail_always(emulator: LocalServer, error: str, operation: str = "*") -> None:
    """Let every call fail so."""
    emulator.settings.faults = (Fault(operation, error),)


def closed_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


# Counting, endpoint, account


def test_every_service_at_the_one_endpoint(scope: Scope, emulator: LocalServer) -> None:
    """Channels, their indexed tags and the account all come from the emulator."""
    tagged = put(emulator, "a", tags={"env": "ci"})
    assert [channel.channel_name for channel in channels.each_listed(scope)] == ["a"]
    assert channels.indexed_tags(scope, [tagged.arn]) == {tagged.arn: {"env": "ci"}}
    assert (scope.account_id, scope.account_id) == ("123456789012", "123456789012")
    counted = {"ListSignalingChannels": 1, "GetResources": 1, "GetCallerIdentity": 1}
    assert scope.calls == emulator.calls == counted


@pytest.mark.usefixtures("emulator")
def test_paced_to_the_share(environment: dict[str, str]) -> None:
    """Each operation keeps to its own quota's share, by the scope's clock."""
    time = Time()
    scope = Scope(environ=environment, quota_share=0.5, clock=time.clock, sleep=time.sleep)
    for _ in range(11):
        scope.call("ListSignalingChannels")
    assert time.clock() == pytest.approx(10 / 25)
    scope.call("GetCallerIdentity")
    assert time.clock() == pytest.approx(10 / 25)


def test_a_turn_taken_by_the_caller(scope: Scope, time: Time) -> None:
    """`in_turn=False` leaves the pace to the caller, who takes the turn from the same quota."""
    for _ in range(50):
        scope.call("ListSignalingChannels", in_turn=False)
    assert time.clock() == 0
    for _ in range(51):
        scope.turn("ListSignalingChannels")
    assert time.clock() == pytest.approx(1)


@pytest.mark.parametrize("share", [0, -1, 1.01, float("nan")])
def test_quota_share(share: float, environment: dict[str, str]) -> None:
    """A share is above none and at most the whole."""
    with pytest.raises(UsageError, match=r"^--quota-share .*: it is above 0 and at most 1$"):
        Scope(environ=environment, quota_share=share)


# Credentials and permissions


def test_no_credentials(
    environment: dict[str, str], emulator: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any the message says what to do, and how to try it all without AWS."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    scope = Scope(environ=environment)
    said = f"no AWS credentials: sign in, or give --profile or AWS_PROFILE; {TRY}"
    assert failure(scope) == said
    assert emulator.calls == {}


@pytest.mark.parametrize("missing", ["AWS_SECRET_ACCESS_KEY"])
def test_partial_credentials(
    missing: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key without its secret is named, with the exit code of wrong credentials."""
    monkeypatch.delenv(missing)
    with pytest.raises(UsageError, match=f"Partial credentials found in env, missing: {missing}"):
        Scope(environ=environment).call("ListSignalingChannels")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredTokenException", "the credentials have expired: sign in again"),
        ("ExpiredToken", "the credentials have expired: sign in again"),
        (
            "UnrecognizedClientException",
            "AWS does not know the access key: check the profile or environment",
        ),
        (
            "InvalidSignatureException",
            "the signature does not match: check the secret key and the clock",
        ),
    ],
)
def test_bad_credentials(code: str, said: str, scope: Scope, emulator: LocalServer) -> None:
    """Credentials that AWS does not accept end it at once, exit 2, and say what to do."""
    fail_always(emulator, code)
    with pytest.raises(CredentialsError) as caught:
        scope.call("ListSignalingChannels")
    assert str(caught.value) == f"{said} ({code})"
    assert caught.value.exit_code == 2
    assert emulator.calls["ListSignalingChannels"] == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "source_profile = default\n[default]\naws_access_key_id = a\naws_secret_access_key = b",
            r"An error occurred \(AccessDenied\) when calling the AssumeRole operation: .*",
        ),
        ("web_identity_token_file = {missing}", "{missing}"),
    ],
)
def test_a_role_that_cannot_be_taken(
    environment: dict[str, str],
    emulator: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    lines: str,
    said: str,
) -> None:
    """It is the credentials' trouble, not a permission missing for the call, nor a defect."""
    emulator.settings.keys["a"] = "b"
    missing = str(tmp_path / "missing")
    role = "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/x\n"
    (tmp_path / "config").write_text(role + lines.format(missing=missing))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    fail_always(emulator, "AccessDenied", "AssumeRole")
    with pytest.raises(CredentialsError) as caught:
        Scope(environ=environment, profile="role").call("ListSignalingChannels")
    expected = f"the AWS credentials cannot be had: .*{said.format(missing=missing)}.*"
    assert re.fullmatch(expected, str(caught.value))
    assert emulator.calls["ListSignalingChannels"] == 0


@pytest.mark.parametrize(
    ("operation", "parameters", "needs"),
    [
        ("ListSignalingChannels", {}, 'kinesisvideo:ListSignalingChannels on "*"'),
        (
            "DescribeSignalingChannel",
            {"ChannelName": "a"},
            "kinesisvideo:DescribeSignalingChannel on channel/a/*",
        ),
        (
            "ListTagsForResource",
            {"ResourceARN": ARN},
            f"kinesisvideo:ListTagsForResource on {ARN}",
        ),
        (
            "CreateSignalingChannel",
            {"ChannelName": "a"},
            "kinesisvideo:CreateSignalingChannel on channel/a/*",
        ),
        (
            "CreateSignalingChannel",
            {"ChannelName": "a", "Tags": [{"Key": "k", "Value": "v"}]},
            "kinesisvideo:CreateSignalingChannel and kinesisvideo:TagResource on channel/a/*",
        ),
        ("GetResources", {"ResourceARNList": [ARN]}, 'tag:GetResources on "*"'),
        ("GetCallerIdentity", {}, 'sts:GetCallerIdentity on "*"'),
    ],
)
def test_denied(
    operation: str,
    parameters: dict[str, Any],
    needs: str,
    scope: Scope,
    emulator: LocalServer,
) -> None:
    """A missing permission names the action and the resource it is needed on; it is not retried."""
    for calls, code in enumerate(("AccessDeniedException", "AccessDenied"), 1):
        fail_always(emulator, code)
        with pytest.raises(DeniedError) as caught:
            scope.call(operation, **parameters)
        said, _, request = str(caught.value).partition(" (request ID ")
        assert said == f"{operation} denied: the credentials need {needs}"
        assert bool(request) == (operation == "GetCallerIdentity")
        assert caught.value.code == code
        assert emulator.calls[operation] == calls


SECRET = "a-secret-key-that-nobody-sees"  # noqa: S105 - thrown away
TOKEN = "a-session-token-that-nobody-sees"  # noqa: S105 - thrown away


@pytest.mark.parametrize(
    "error",
    [
        "ExpiredTokenException",
        "AccessDeniedException",
        "InvalidSignatureException",
        "InvalidArgumentException",
        "InternalFailure",
        "drop",
    ],
)
@pytest.mark.usefixtures("environment")
def test_no_secret_in_any_error(
    error: str, emulator: LocalServer, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the secret key nor the session token stands in what an error says."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    emulator.settings.keys[ACCESS_KEY_ID] = SECRET
    scope = Scope(clock=time.clock, sleep=time.sleep)
    nowhere = Scope(endpoint_url=f"http://127.0.0.1:{closed_port()}")
    fail_always(emulator, error)
    said = [
        failure(scope),
        failure(scope, "GetCallerIdentity"),
        failure(scope, "DescribeSignalingChannel", ChannelName=7),
        failure(nowhere),
    ]
    assert not any(secret in text for secret in (SECRET, TOKEN) for text in said)


# On the way there


def test_unreachable(environment: dict[str, str]) -> None:
    """Where nothing ever listened it fails at once, naming the endpoint."""
    url = f"http://127.0.0.1:{closed_port()}"
    scope = Scope(environ=environment, endpoint_url=url)
    said = (
        "ListSignalingChannels failed: Could not connect to the endpoint URL: "
        f'"{url}/listSignalingChannels"'
    )
    assert failure(scope) == said
    assert scope.calls == {"ListSignalingChannels": 1}


def test_unreachable_behind_a_firewall(environment: dict[str, str]) -> None:
    """An endpoint that swallows what comes is not tried ten times: the first look has told."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        for _ in range(4):  # more than it takes: whoever comes next gets no answer
            waiting.enter_context(_connecting(full.getsockname()))
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        scope = Scope(environ=environment, endpoint_url=url)
        said = f'ListSignalingChannels failed: Connect timeout on endpoint URL: "{url}/'
        assert failure(scope).startswith(said)
        assert scope.calls == {"ListSignalingChannels": 1}


def _connecting(address: tuple[str, int]) -> socket.socket:
    client = socket.socket()
    client.settimeout(0)
    client.connect_ex(address)
    return client


def test_unreachable_after_it_was_reached(scope: Scope, emulator: LocalServer) -> None:
    """An endpoint that has answered before is tried again: it may come back."""
    scope.call("ListSignalingChannels")
    emulator.stop()
    try:
        with pytest.raises(AwsError) as caught:
            scope.call("ListSignalingChannels")
    finally:
        emulator.start()
    assert caught.value.transient
    assert scope.calls == {"ListSignalingChannels": 11}


@pytest.mark.parametrize("fault", ["drop", "drop-after"])
def test_dropped_connections(fault: str, scope: Scope, emulator: LocalServer) -> None:
    """Reads whose connections break now and then all succeed."""
    put(emulator, "a")
    emulator.settings.faults = (Fault("DescribeSignalingChannel", fault, 0.3),)
    for _ in range(30):
        assert channels.described(scope, "a").channel_name == "a"
    assert scope.calls == emulator.calls
    assert scope.calls["DescribeSignalingChannel"] > 30
    assert scope.throttled == {}


def test_throttles(scope: Scope, emulator: LocalServer) -> None:
    """Half of the calls are throttled, and all succeed; both sides count the same."""
    put(emulator, "a")
    emulator.settings.faults = (Fault("*", THROTTLE, 0.5),)
    for _ in range(50):
        assert channels.described(scope, "a").status == "ACTIVE"
    name = "DescribeSignalingChannel"
    assert scope.calls == emulator.calls == {name: 50 + scope.throttled[name]}
    assert scope.throttled == emulator.throttled
    assert scope.throttled[name] > 25


def test_throttles_of_many_threads(scope: Scope, emulator: LocalServer) -> None:
    """The counts of many threads add up too."""
    put(emulator, "a")
    emulator.settings.faults = (Fault("*", THROTTLE, 0.2),)
    with ThreadPoolExecutor(8) as executor:
        found = list(executor.map(lambda _: channels.described(scope, "a").status, range(100)))
    assert found == ["ACTIVE"] * 100
    name = "DescribeSignalingChannel"
    assert scope.calls == emulator.calls == {name: 100 + scope.throttled[name]}
    assert scope.throttled == emulator.throttled


@pytest.mark.parametrize("service", ["ThrottlingException", "Throttling", "SlowDown"])
def test_other_services_throttles(service: str, scope: Scope, fail_first: FailFirst) -> None:
    """The names that other services have for a throttle are known too."""
    fail_first("GetResources", service, 3)
    scope.call("GetResources", ResourceARNList=[ARN])
    assert scope.calls == {"GetResources": 4}
    assert scope.throttled == {"GetResources": 3}


def test_retries_are_paced(environment: dict[str, str], time: Time, fail_first: FailFirst) -> None:
    """A retry takes a turn in the quota as a first call does."""
    scope = time.scope(environment, quota_share=1)
    fail_first("ListSignalingChannels", THROTTLE, 5)
    scope.call("ListSignalingChannels")
    assert time.clock() == pytest.approx(5 / 50)


@pytest.mark.parametrize("error", [THROTTLE, "InternalFailure", "ServiceUnavailable", "drop"])
def test_giving_up(error: str, scope: Scope, emulator: LocalServer) -> None:
    """After ten attempts it is a failure, that may be over later."""
    fail_always(emulator, error)
    with pytest.raises(AwsError) as caught:
        scope.call("ListSignalingChannels")
    assert caught.value.transient
    assert caught.value.sent == (error != THROTTLE)
    assert caught.value.exit_code == 1
    assert emulator.calls == scope.calls == {"ListSignalingChannels": 10}


@pytest.mark.parametrize("error", [THROTTLE, "InternalFailure", "drop"])
def test_one_attempt(error: str, scope: Scope, emulator: LocalServer) -> None:
    """`attempts=1` leaves retrying to the caller."""
    fail_always(emulator, error)
    with pytest.raises(AwsError) as caught:
        scope.call("ListSignalingChannels", attempts=1)
    assert caught.value.transient
    assert emulator.calls == {"ListSignalingChannels": 1}


@pytest.mark.parametrize(
    ("operation", "parameters", "code_and_calls"),
    [
        ("DescribeSignalingChannel", {}, ("InvalidArgumentException", 1)),
        ("ListSignalingChannels", {"NextToken": "x"}, ("InvalidArgumentException", 1)),
        ("DescribeSignalingChannel", {"ChannelName": "b"}, ("ResourceNotFoundException", 1)),
        ("CreateSignalingChannel", {"ChannelName": "a"}, ("ResourceInUseException", 1)),
        ("CreateSignalingChannel", {"ChannelName": ""}, ("ParamValidationError", 0)),
        ("ListSignalingChannels", {"MaxResults": "ten"}, ("ParamValidationError", 0)),
    ],
)
def test_a_wrong_call_is_not_retried(
    operation: str,
    parameters: dict[str, Any],
    code_and_calls: tuple[str, int],
    scope: Scope,
    emulator: LocalServer,
) -> None:
    """What is wrong stays wrong: one call, or none where botocore sees it first."""
    put(emulator, "a")
    code, calls = code_and_calls
    with pytest.raises(AwsError) as caught:
        scope.call(operation, **parameters)
    assert (caught.value.code, caught.value.transient, caught.value.sent) == (code, False, False)
    assert "\n" not in str(caught.value)
    assert emulator.calls[operation] == calls
    assert scope.calls[operation] == 1


def test_a_channel_that_is_not_there(scope: Scope) -> None:
    """It is named, by its name or its ARN."""
    with pytest.raises(NotFoundError, match=r"^no such channel: b \(us-east-1\)$"):
        channels.described(scope, "b")
    with pytest.raises(NotFoundError, match=rf"^no such channel: {ARN} \(us-east-1\)$"):
        channels.tags_of(scope, ARN)


@pytest.mark.parametrize("fault", ["drop-after", "InternalFailure"])
def test_a_lost_answer_is_remembered(fault: str, scope: Scope, fail_first: FailFirst) -> None:
    """An error after an unanswered attempt says that the call may have been carried out."""
    fail_first("CreateSignalingChannel", fault)
    fail_first("CreateSignalingChannel", "InvalidArgumentException")
    with pytest.raises(AwsError) as caught:
        scope.call("CreateSignalingChannel", ChannelName="a")
    assert (caught.value.code, caught.value.sent) == ("InvalidArgumentException", True)


def test_retries_are_silent(
    scope: Scope,
    emulator: LocalServer,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Retries print and log nothing: they are counted, and told by whoever called."""
    caplog.set_level(logging.INFO)
    emulator.settings.faults = (Fault("*", THROTTLE, 0.5), Fault("*", "drop", 0.2))
    for _ in range(20):
        scope.call("ListSignalingChannels")
    assert scope.calls["ListSignalingChannels"] > 20
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.name.startswith("stamina")] == []


# A dry run


@pytest.fixture
def dry(environment: dict[str, str]) -> Scope:
    """Return a scope that refuses every write."""
    return Scope(environ=environment, read_only=True)


def test_every_operation_is_tested() -> None:
    """The tables here hold every operation of the control plane that is called at all."""
    others = ("cloudwatch", "kinesis-video-signaling", "organizations", "s3", "sns")
    mine = {name for name, each in OPERATIONS.items() if each.service not in others}
    assert PARAMETERS.keys() >= {name for name in mine if name != "GetProducts"}
    assert [name for name in PARAMETERS if writes(name)] == [
        name for name in PARAMETERS if name in WRITES
    ]
    assert not [name for name in mine if writes(name) and name not in WRITES]


def test_a_dry_run_refuses_writes(dry: Scope, emulator: LocalServer) -> None:
    """No write leaves, whether its parameters are right or wrong."""
    for operation in WRITES:
        for parameters in (PARAMETERS[operation], {}):
            with pytest.raises(WriteRefusedError, match=f"^a dry run does not call {operation}$"):
                dry.call(operation, **parameters)
    assert emulator.calls == {}


def test_a_dry_run_reads(dry: Scope, emulator: LocalServer) -> None:
    """Every read leaves, and is answered, be it that there is no such channel."""
    for operation in READS:
        with suppress(NotFoundError):
            dry.call(operation, **PARAMETERS[operation])
    assert emulator.calls == dict.fromkeys(READS, 1)


# Pages


def test_pages(scope: Scope, emulator: LocalServer) -> None:
    """2,500 channels in pages of 70: each once, none missing, in 36 calls."""
    names = sorted(f"ci-{number}" for number in range(2_500))
    for name in names:
        put(emulator, name)
    emulator.settings.page_limit = 70
    pages = [[each.channel_name for each in page] for page in channels.listed(scope)]
    assert [name for page in pages for name in page] == names
    assert [len(page) for page in pages] == [70] * 35 + [50]
    assert emulator.calls == {"ListSignalingChannels": 36}


def test_pages_under_faults(scope: Scope, emulator: LocalServer) -> None:
    """Throttled and broken in the midst, a listing is whole all the same."""
    for number in range(200):
        put(emulator, f"ci-{number:03}")
    emulator.settings.page_limit = 9
    emulator.settings.faults = (Fault("*", THROTTLE, 0.2), Fault("*", "drop-after", 0.2))
    listed = [each.channel_name for each in channels.each_listed(scope)]
    assert listed == [f"ci-{number:03}" for number in range(200)]


def test_a_listing_that_fails_midway(scope: Scope, emulator: LocalServer) -> None:
    """A page that cannot be had is an error, never the end of the listing."""
    for number in range(20):
        put(emulator, f"ci-{number:02}")
    emulator.settings.page_limit = 5
    pages = channels.listed(scope)
    assert len(next(pages)) == 5
    fail_always(emulator, THROTTLE)
    with pytest.raises(AwsError, match=f"ListSignalingChannels failed for the account: {THROTTLE}"):
        next(pages)


@pytest.mark.parametrize(
    ("off", "earlier", "service"),
    [
        (timedelta(), timedelta(), timedelta()),
        (timedelta(seconds=-2), timedelta(seconds=-2), timedelta(seconds=-2)),  # not worth it
        (timedelta(seconds=2), timedelta(seconds=2), timedelta(seconds=2)),
        (timedelta(minutes=-4), timedelta(minutes=-4), timedelta()),
        (timedelta(minutes=4), timedelta(), timedelta()),
    ],
)
def test_the_services_time(
    emulator: LocalServer,
    environment: dict[str, str],
    *,
    off: timedelta,
    earlier: timedelta,
    service: timedelta,
) -> None:
    """Judged is by the earlier of both clocks; the service's is learnt, and flows evenly."""
    time = Time()
    emulator.settings.clock = lambda: time.now().astimezone(timezone(timedelta(hours=2)))
    scope = time.scope(environment, now=lambda: time.now() + off)
    assert scope.now() == scope.service_now() == NOON + off
    scope.call("ListSignalingChannels")
    assert abs(scope.now() - time.now() - earlier) <= timedelta(seconds=1)
    assert abs(scope.service_now() - time.now() - service) <= timedelta(seconds=1)
    difference = scope.service_now() - time.now()
    for _ in range(5):
        time.sleep(0.7)
        scope.call("GetCallerIdentity")
        assert scope.service_now() - time.now() == difference


@pytest.mark.parametrize("off", [timedelta(minutes=-6), timedelta(minutes=6), timedelta(days=2)])
def test_an_impossible_date(
    emulator: LocalServer, environment: dict[str, str], *, off: timedelta
) -> None:
    """AWS takes no request from a clock so far off: whoever answered it was not AWS."""
    time = Time()
    emulator.settings.clock = lambda: time.now() + off
    scope = time.scope(environment)
    assert "this machine's clock, where AWS takes no request" in failure(scope)
    assert scope.now() == scope.service_now() == time.now()


def test_a_refusal_does_not_tell_the_time(
    emulator: LocalServer, environment: dict[str, str]
) -> None:
    """Anybody may refuse."""
    time = Time()
    emulator.settings.clock = lambda: time.now() + timedelta(minutes=-4)
    emulator.settings.faults = (Fault("ListSignalingChannels", "AccessDeniedException"),)
    scope = time.scope(environment)
    with suppress(DeniedError):
        scope.call("ListSignalingChannels")
    assert scope.now() == scope.service_now() == time.now()


def test_a_slow_answer_does_not_set_the_time_back(
    emulator: LocalServer, environment: dict[str, str]
) -> None:
    """An answer made when it was asked for, and seen long after, tells nothing of the clocks."""
    time = Time()
    emulator.settings.clock = time.now

    def now() -> datetime:  # whenever there is an answer to be looked at, 10 seconds have passed
        while emulator.calls["GetCallerIdentity"] * 10 > time.clock():
            time.sleep(10)
        return time.now()

    scope = time.scope(environment, now=now)
    for _ in range(3):
        scope.call("GetCallerIdentity")
        assert scope.now() == time.now()
    assert time.clock() == 30


# Many at once, and stopping


def test_in_parallel(scope: Scope) -> None:
    """Results come in the order of the items; the first failure ends it, nothing new begins."""
    assert list(scope.in_parallel(str, range(100))) == [str(number) for number in range(100)]
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        return 1 // (number - 3)

    with pytest.raises(ZeroDivisionError):
        list(scope.in_parallel(work, iter(range(3_000))))
    assert 3 in begun
    assert len(begun) < 3_000


def test_interrupted(scope: Scope, emulator: LocalServer) -> None:
    """After Ctrl-C a read that fails is not tried again, while a write is."""
    emulator.settings.faults = (Fault("*", "ClientLimitExceededException"),)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(scope.in_parallel(interrupt, [1]))
    for operation in ("ListSignalingChannels", "CreateSignalingChannel"):
        with pytest.raises(AwsError):
            scope.call(operation, attempts=3, **PARAMETERS[operation])
    assert emulator.calls == {"ListSignalingChannels": 1, "CreateSignalingChannel": 3}


def test_reading_until(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """Past the deadline no read begins, and what changes something still does."""
    with scope.patience.reading_until(scope.clock() + 10):
        scope.call("ListSignalingChannels")
        time.sleep(10)
        with pytest.raises(AwsError, match="the deadline passed before ListSignalingChannels was"):
            scope.call("ListSignalingChannels")
        scope.call("CreateSignalingChannel", ChannelName="a")
    scope.call("ListSignalingChannels")
    assert emulator.calls == {"ListSignalingChannels": 2, "CreateSignalingChannel": 1}
