"""What failures say: whose fault, in whose words, and what to do."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.errors import AwsError, CredentialsError, DeniedError, KvsopsError, NotFoundError
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.between import Answer, between
from tests.fleet import Time, put, put_many

OLD = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/a/1600000000000"
FOREIGN = "arn:aws:kinesisvideo:us-east-1:210987654321:channel/a/1600000000000"
DELETE = "kinesisvideo:DeleteSignalingChannel"


def refused(
    environment: dict[str, str], time: Time, code: str, words: str, **more: Any
) -> KvsopsError:
    """Return what a delete raises that AWS refuses with these words."""

    def change(_: str, answer: Answer) -> Answer:
        headers = {"x-amzn-errortype": code, "x-amzn-requestid": "r-1"}
        return Answer(400, json.dumps({"message": words}).encode(), answer.headers | headers)

    with between(environment["AWS_ENDPOINT_URL"], change) as url:
        scope = time.scope(environment, endpoint_url=url, **more)
        with pytest.raises(KvsopsError) as caught:
            scope.call("DeleteSignalingChannel", ChannelARN=OLD)
    return caught.value


NEEDS = f"the credentials need {DELETE} on {OLD}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            f"User: arn:x is not authorized to perform: {DELETE} on resource: * with an explicit "
            "deny in a service control policy",
            f"denied to arn:x: a service control policy explicitly denies {DELETE} on {OLD}",
        ),
        (
            f"User: arn:x is not authorized to perform: {DELETE} with an explicit deny",
            f"denied to arn:x: a policy explicitly denies {DELETE} on {OLD}",
        ),
        (
            f"User: arn:x is not authorized to perform: {DELETE} because no identity-based policy "
            f"allows the {DELETE} action",
            f"denied: arn:x needs {DELETE} on {OLD}: no identity-based policy allows the {DELETE} "
            "action",
        ),
        (
            f"User: arn:x is not authorized to perform: {DELETE}",
            f"denied: arn:x needs {DELETE} on {OLD}",
        ),
        ("x is not authorized today", f"denied: {NEEDS}; AWS says: x is not authorized today"),
        (
            "x is not authorized: an explicit deny in a session policy",
            f"denied: a session policy explicitly denies {DELETE} on {OLD}; AWS says: x is not "
            "authorized: an explicit deny in a session policy",
        ),
        ("denied", f"denied: {NEEDS}"),
        ("", f"denied: {NEEDS}"),
    ],
)
def test_why_denied(environment: dict[str, str], time: Time, words: str, said: str) -> None:
    """To whom, by what, and the request's id; what is forbidden is not called missing."""
    error = refused(environment, time, "AccessDeniedException", words)
    assert isinstance(error, DeniedError)
    assert str(error) == f"DeleteSignalingChannel {said} (request ID r-1)"


@pytest.mark.parametrize(
    ("region", "code", "said"),
    [
        ("us-east-1", "UnrecognizedClientException", "AWS does not know the access key: check "),
        ("ap-east-1", "UnrecognizedClientException", "ap-east-1 is not enabled for the account, "),
        ("us-east-1", "OptInRequired", "us-east-1 is not enabled for the account, or "),
    ],
)
def test_a_region_that_is_not_enabled(
    environment: dict[str, str], time: Time, region: str, code: str, said: str
) -> None:
    """There, a good key is unknown."""
    error = refused(environment, time, code, "no", region=region)
    assert str(error).startswith(said)
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        (OLD, "(us-east-1, account 123456789012): that was an earlier channel of the name, which"),
        (FOREIGN, "(us-east-1, account 123456789012): the ARN is of account 210987654321"),
    ],
)
def test_an_arn_that_is_not_there(scope: Scope, emulator: LocalServer, arn: str, said: str) -> None:
    """Another account's is told from an earlier channel's."""
    put(emulator, "a")
    with pytest.raises(NotFoundError) as caught:
        channels.named(scope, arn)
    assert said in str(caught.value)


def test_a_full_quota(scope: Scope, emulator: LocalServer) -> None:
    """How full it is, where, and what to do."""
    put_many(emulator, ["a", "b"])
    emulator.settings.faults = (
        Fault("CreateSignalingChannel", "AccountChannelLimitExceededException"),
    )
    with pytest.raises(AwsError) as caught:
        channels.create(scope, "c", {})
    assert str(caught.value).endswith(
        "; channels there: 2; the quota is 10,000 unless AWS raised it (us-east-1, account "
        "123456789012): see what could go with kvsops sweep --older-than 1d"
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("credential_process = {python} -c 'print(7)'", "what the profile's process gave is not"),
        ("credential_process = {python} -c 'print(\"<html>\")'", "what the profile's process gave"),
        ("credential_process = {python} -c 'print([])'", "what the profile's process gave is not"),
        ("credential_process = {python} -c 'raise SystemExit(3)'", "the AWS credentials cannot be"),
        ("credential_process = /no/such/program", "the AWS credentials cannot be had: "),
        (
            "sso_session = s\nsso_account_id = 1\nsso_role_name = r\n[sso-session s]\n"
            "sso_region = us-east-1\nsso_start_url = https://x.awsapps.com/start",
            "the SSO session has ended: aws sso login --profile p",
        ),
    ],
)
def test_credentials_that_cannot_be_had(
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    lines: str,
    said: str,
) -> None:
    """It is said why, and what to do; it is never a defect of ours."""
    (tmp_path / "config").write_text(f"[profile p]\n{lines.format(python=sys.executable)}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(CredentialsError) as caught:
        Scope(environ=environment, profile="p").call("ListSignalingChannels")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_code_without_a_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    """Nobody can type it in: nothing is asked."""
    (tmp_path / "config").write_text(
        "[profile p]\nrole_arn = arn:aws:iam::123456789012:role/x\nmfa_serial = arn:x\n"
        "source_profile = q\n[profile q]\naws_access_key_id = a\naws_secret_access_key = b\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "kvsops", "list", "--profile", "p"],
        env=environment | {"AWS_CONFIG_FILE": str(tmp_path / "config")},
        input="123456",
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    said = "error: the profile's role asks for an MFA code, and there is no terminal to type it in"
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"{said}: sign in first, and give the session's credentials\n"


def test_a_proxy_for_this_machine(
    environment: dict[str, str], time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What answers for 127.0.0.1 in the emulator's place is named."""
    page = Answer(200, b"<html>", {"content-type": "text/html"})
    with between(environment["AWS_ENDPOINT_URL"], lambda _, __: page) as url:
        monkeypatch.setenv("http_proxy", url)
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        with pytest.raises(AwsError, match="a proxy answers for this machine itself: set NO_PROXY"):
            time.scope(environment).call("ListSignalingChannels")
