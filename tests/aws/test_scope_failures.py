"""How calls fail: credentials, permissions, and what happens on the way there."""

import logging
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.errors import (
    AwsError,
    CredentialsError,
    DeniedError,
    NotFoundError,
    UsageError,
)
from kvsops.local.environment import ACCESS_KEY_ID
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.aws.conftest import FailFirst
from tests.aws.failing import THROTTLE, TRY, closed_port, fail_always, failure
from tests.aws.operations import ARN
from tests.fleet import Time, put

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
