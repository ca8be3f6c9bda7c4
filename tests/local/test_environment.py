"""The environment that leads AWS's clients to the emulator, and PyPI's awscli in it."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kvsops.local.environment import child_environment, export_lines

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer
    from kvsops.local.settings import Settings

URL = "http://127.0.0.1:4579"
SCRIPTS = sysconfig.get_path("scripts")
EXPECTED = {
    "AWS_ACCESS_KEY_ID": "AKIAKVSOPSLOCALTEST0",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": URL,
    "AWS_ENDPOINT_URL_KINESIS_VIDEO": URL,
    "AWS_REGION": "eu-west-1",
    "AWS_SECRET_ACCESS_KEY": "kvsops-local-throw-away",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Let channels become ACTIVE in real time, for the commands have no clock of ours."""
    return type(settings)()


def aws(local: LocalServer, *arguments: str) -> Any:
    """Run PyPI's aws against the emulator; answer its JSON."""
    command = [str(Path(SCRIPTS, "aws")), *arguments]
    environment = local.environment() | {"AWS_PAGER": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout) if done.stdout else None


def test_all_of_the_users_own_is_gone() -> None:
    """Every AWS variable inherited is dropped; the rest is kept."""
    inherited = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "t",
        "AWS_ENDPOINT_URL_STS": "https://sts.example",
        "AWS_CA_BUNDLE": "/ca",
        "AWS_NEW_KIND_OF_CREDENTIAL": "x",
        "HOME": "/home/me",
        "PATH": "/usr/bin",
    }
    assert child_environment(URL, "eu-west-1", inherited) == EXPECTED | {
        "HOME": "/home/me",
        "PATH": f"{SCRIPTS}:/usr/bin",
    }


def test_authorities() -> None:
    """The emulator's are put wherever clients look, and a directory of others is left out."""
    inherited = {"SSL_CERT_DIR": "/certs", "CURL_CA_BUNDLE": "/curl", "SSL_CERT_DIRS": "kept"}
    with_bundle = child_environment(URL, "eu-west-1", inherited, "/ca.pem")
    assert {name for name, value in with_bundle.items() if value == "/ca.pem"} == {
        "AWS_CA_BUNDLE",
        "AWS_KVS_CACERT_PATH",
        "CURL_CA_BUNDLE",
        "NIX_SSL_CERT_FILE",
        "NODE_EXTRA_CA_CERTS",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
    }
    assert "SSL_CERT_DIR" not in with_bundle
    assert with_bundle["SSL_CERT_DIRS"] == "kept"
    assert child_environment(URL, "eu-west-1", inherited).items() >= inherited.items()


def test_authorities_in_a_shell() -> None:
    """The lines do the same to a shell."""
    script = "\n".join([*export_lines(URL, "eu-west-1", {}, "/ca.pem"), "env"])
    before = {"SSL_CERT_DIR": "/certs", "CURL_CA_BUNDLE": "/curl", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["/bin/sh", "-c", script], env=before, capture_output=True, text=True, check=True
    )
    after = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert after["CURL_CA_BUNDLE"] == after["SSL_CERT_FILE"] == "/ca.pem"
    assert "SSL_CERT_DIR" not in after


@pytest.mark.parametrize(
    ("inherited", "hosts"),
    [
        ({"NO_PROXY": "example.com"}, "example.com,127.0.0.1"),
        ({"no_proxy": "a,b", "NO_PROXY": "c"}, "a,b,127.0.0.1"),
        ({"no_proxy": "127.0.0.1,a"}, "a,127.0.0.1"),
    ],
)
def test_past_proxies(inherited: dict[str, str], hosts: str) -> None:
    """The emulator is added to the hosts that need no proxy."""
    environment = child_environment(URL, "us-east-1", inherited)
    assert environment["NO_PROXY"] == environment["no_proxy"] == hosts


def test_past_proxies_to_another_address() -> None:
    """Where the emulator is elsewhere, that needs no proxy either."""
    environment = child_environment("http://192.0.2.2:4579", "us-east-1", {"no_proxy": "a"})
    assert environment["NO_PROXY"] == environment["no_proxy"] == "a,127.0.0.1,192.0.2.2"
    named = child_environment(URL, "us-east-1", {"HTTPS_PROXY": "http://proxy"}, aws_names=True)
    assert named["NO_PROXY"] == "127.0.0.1,.amazonaws.com,.amazonaws.com.cn"
    lines = export_lines(URL, "us-east-1", {}, aws_names=True)
    assert "export NO_PROXY=127.0.0.1,.amazonaws.com,.amazonaws.com.cn" in lines


def test_export_lines_in_a_shell() -> None:
    """A shell that takes the lines has the same environment, whatever it had before."""
    script = "\n".join([*export_lines(URL, "eu-west-1", {}), "env"])
    before = {"AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "t", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["/bin/sh", "-c", script], env=before, capture_output=True, text=True, check=True
    )
    after = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert {name: after[name] for name in after if name.startswith("AWS_")} == {
        name: value for name, value in EXPECTED.items() if name.startswith("AWS_")
    }
    assert after["PATH"] == f"{SCRIPTS}:/usr/bin:/bin"
    assert after["NO_PROXY"] == "127.0.0.1"


def test_of_a_running_server(local: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's own environment names its port and region."""
    monkeypatch.setenv("AWS_PROFILE", "production")
    environment = local.environment()
    assert environment["AWS_ENDPOINT_URL"] == local.endpoint_url
    assert environment["AWS_REGION"] == "us-east-1"
    assert "AWS_PROFILE" not in environment
    assert environment["PATH"].endswith(os.environ["PATH"])


def test_aws_command_line(local: LocalServer) -> None:
    """Unchanged, `aws kinesisvideo` creates, lists, describes, tags and deletes."""
    arn = aws(
        local,
        "kinesisvideo",
        "create-signaling-channel",
        "--channel-name",
        "front-door",
        "--tags",
        "Key=team,Value=doorbell",
    )["ChannelARN"]
    listed = aws(local, "kinesisvideo", "list-signaling-channels")["ChannelInfoList"]
    assert [info["ChannelARN"] for info in listed] == [arn]
    aws(local, "kinesisvideo", "tag-resource", "--resource-arn", arn, "--tags", "Key=k,Value=v")
    tags = aws(local, "kinesisvideo", "list-tags-for-resource", "--resource-arn", arn)["Tags"]
    assert tags == {"team": "doorbell", "k": "v"}
    aws(local, "kinesisvideo", "untag-resource", "--resource-arn", arn, "--tag-key-list", "k")
    bulk = aws(local, "resourcegroupstaggingapi", "get-resources", "--resource-arn-list", arn)
    assert bulk["ResourceTagMappingList"][0]["Tags"] == [{"Key": "team", "Value": "doorbell"}]
    info = aws(local, "kinesisvideo", "describe-signaling-channel", "--channel-arn", arn)
    assert info["ChannelInfo"]["ChannelStatus"] == "ACTIVE"
    aws(
        local,
        "kinesisvideo",
        "delete-signaling-channel",
        "--channel-arn",
        arn,
        "--current-version",
        info["ChannelInfo"]["Version"],
    )
    assert aws(local, "sts", "get-caller-identity")["Account"] == "123456789012"
    assert local.calls["DeleteSignalingChannel"] == 1
