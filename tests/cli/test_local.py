"""`kvsops local`: around a command, in the foreground, and its bad input."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from kvsops.cli.local import local
from kvsops.errors import KvsopsError, UsageError

# The command by itself, in a process of its own, where every warning is an error.
LOCAL = [
    sys.executable,
    "-W",
    "error",
    "-c",
    "import sys\n"
    "from kvsops.cli.local import local\n"
    "from kvsops.errors import KvsopsError\n"
    "try:\n"
    "    local.main(prog_name='kvsops local')\n"
    "except KvsopsError as error:\n"
    "    print(error, file=sys.stderr)\n"
    "    sys.exit(error.exit_code)\n",
]
PRINT_ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `kvsops local` to its end."""
    return subprocess.run(
        [*LOCAL, *arguments],
        env=dict(os.environ) | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start `kvsops local`, and see that it has ended."""
    with subprocess.Popen(
        [*LOCAL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def complaint(*arguments: str) -> str:
    """Answer the one line with which bad input ends; nothing may have been printed before."""
    result = CliRunner().invoke(local, arguments)
    assert isinstance(result.exception, UsageError)
    assert result.output == ""
    assert result.exception.exit_code == 2
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_help_opens_with_examples() -> None:
    """The help begins with what one may type."""
    result = CliRunner().invoke(local, ["--help"], prog_name="kvsops local")
    assert result.exit_code == 0
    head = result.output.splitlines()[:6]
    assert head[4].strip() == "Examples:"
    assert head[5].strip() == "kvsops local --fleet 200 -- kvsops sweep --older-than 2h"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fleet", "-1"], "--fleet '-1': give a whole number, 0 or more"),
        (["--fleet", "many"], "--fleet 'many': give a whole number, 0 or more"),
        (
            ["--fleet", "10001"],
            "--fleet 10001: us-east-1 holds 10000 channels; raise --channel-quota",
        ),
        (
            ["--fleet", "5001", "--region", "eu-west-1"],
            "--fleet 5001: eu-west-1 holds 5000 channels; raise --channel-quota",
        ),
        (
            ["--fleet", "3", "--channel-quota", "2"],
            "--fleet 3: us-east-1 holds 2 channels; raise --channel-quota",
        ),
        (
            ["--region", "us-esat-1"],
            "--region 'us-esat-1': Kinesis Video Streams is not there; did you mean us-east-1?",
        ),
        (
            ["--region", "us-east-1", "--region", "cn-north-1"],
            "--region cn-north-1: it is not in the partition of us-east-1",
        ),
        (["--region", "eu-west-1", "--region", "eu-west-1"], "--region eu-west-1: given twice"),
        (["--accounts", "0"], "--accounts '0': give a whole number, 1 to 999"),
        (["--accounts", "1000"], "--accounts '1000': give a whole number, 1 to 999"),
        (["--accounts", "some"], "--accounts 'some': give a whole number, 1 to 999"),
        (
            ["--fault", "TagResource:drop:1:here"],
            "fault 'TagResource:drop:1:here': 'here' is no place, such as 200000000002, "
            "eu-west-1 or 200000000002/eu-west-1",
        ),
        (["--port", "65536"], "--port '65536': give a whole number, 0 to 65535"),
        (["--base-port", "0"], "--base-port '0': give a whole number, 1 to 65530"),
        (["--base-port", "65531"], "--base-port '65531': give a whole number, 1 to 65530"),
        (
            ["--host", "localhost"],
            "--host 'localhost': give an IPv4 address of this machine, as in 127.0.0.2",
        ),
        (["--host", "::1"], "--host '::1': give an IPv4 address of this machine, as in 127.0.0.2"),
        (
            ["--host", "0.0.0.0"],  # noqa: S104 - refused
            "--host 0.0.0.0: give one address, for the endpoints will name it",
        ),
        (["--host", "198.51.100.1"], "--host 198.51.100.1: this machine has no such address"),
        (
            ["--aws-names", "--base-port", "4579"],
            "--base-port: with --aws-names all is at port 443; give one of the two",
        ),
        (["--ca-dir", "/etc/passwd"], "--ca-dir: /etc/passwd: File exists"),
        (["--latency", "50"], "--latency '50': give a number and ms, s, m or h, as in 50ms"),
        (["--latency", "-5ms"], "--latency '-5ms': give a number and ms, s, m or h, as in 50ms"),
        (["--state-delay", ""], "--state-delay '': give a number and ms, s, m or h, as in 50ms"),
        (["--index-lag", "1d"], "--index-lag '1d': give a number and ms, s, m or h, as in 50ms"),
        (["--page-limit", "0"], "--page-limit '0': give a whole number, 1 or more"),
        (["--channel-quota", "0"], "--channel-quota '0': give a whole number, 1 or more"),
        (
            ["--fault", "TagResource:drop"],
            "fault 'TagResource:drop': give OPERATION:ERROR:SHARE, "
            "such as DeleteSignalingChannel:ClientLimitExceededException:20%",
        ),
        (
            ["--fault", "TagResources:AccessDenied:1", "--fault", "DeleteChannels:drop:1"],
            "fault: DeleteChannels is no operation: did you mean DeleteSignalingChannel?",
        ),
    ],
)
def test_bad_values(arguments: list[str], said: str) -> None:
    """Bad input ends with one line that says what is wrong, and exit code 2."""
    assert complaint(*arguments) == said


def test_port_in_use() -> None:
    """A taken port is told, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = complaint("--port", str(port))
    assert said == f"--port {port}: it is in use; choose another, or none for any"


def test_port_of_the_base_in_use() -> None:
    """It is named, by whose option it would be had."""
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        said = complaint("--host", "127.0.0.2", "--base-port", str(port - 2))
    base = f"--base-port {port - 2}"
    assert said == f"{base}: port {port} is in use; choose another, or none for any"


def test_port_of_aws_in_use() -> None:
    """Port 443 cannot be had: it is told why, and what else there is."""
    with contextlib.ExitStack() as stack:
        why, way = "needs privileges", "root"
        with contextlib.suppress(PermissionError):
            stack.enter_context(socket.create_server(("127.0.0.2", 443)))
            why, way = "is in use", "another --host"
        said = complaint("--host", "127.0.0.2", "--aws-names")
    hint = f"use {way}, a network namespace, or a container"
    assert said == f"--aws-names: port 443 of 127.0.0.2 {why}; {hint}"


def test_no_moto() -> None:
    """Without the extra the command says how to get it."""
    script = f"import sys\nsys.modules['moto'] = None\n{LOCAL[-1]}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "this needs the emulator: pip install '.[local]' in a clone of kvsops\n"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 3"], 3),
        (["sh", "-c", "kill -9 $$"], 137),
        (["sh", "-c", "kill -TERM $$"], 143),
        (["sh", "-c", "test \"$0 $1\" = '--fleet --yes'", "--fleet", "--yes"], 0),
    ],
)
def test_status_of_the_command(command: list[str], status: int) -> None:
    """It ends as the command did, 128 + n if that was killed; the command's options are its own."""
    done = run("--", *command)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("no-such-command", 127, "no-such-command: command not found"),
        ("/etc/passwd", 126, "/etc/passwd: Permission denied"),
    ],
)
def test_commands_that_cannot_be_run(command: str, status: int, said: str) -> None:
    """A command that is not there, or not one, ends as in a shell, with one line."""
    result = CliRunner().invoke(local, ["--", command])
    assert isinstance(result.exception, KvsopsError)
    assert (result.exception.exit_code, str(result.exception)) == (status, said)


def test_environment_of_the_command() -> None:
    """The command sees the emulator, and nothing of the user's own AWS configuration."""
    done = run(
        "--region",
        "eu-west-1",
        "--",
        "python",
        "-c",
        PRINT_ENVIRONMENT,
        AWS_PROFILE="no-such-profile",
        AWS_SESSION_TOKEN="t",
        AWS_CA_BUNDLE="/nowhere",
        CURL_CA_BUNDLE="/nowhere",
        SSL_CERT_DIR="/nowhere",
    )
    assert (done.returncode, done.stderr) == (0, "")
    seen = json.loads(done.stdout)
    assert {name for name in seen if name.startswith("AWS_")} == {
        "AWS_ACCESS_KEY_ID",
        "AWS_CA_BUNDLE",
        "AWS_CONFIG_FILE",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_KINESIS_VIDEO",
        "AWS_KVS_CACERT_PATH",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SHARED_CREDENTIALS_FILE",
    }
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", seen["AWS_ENDPOINT_URL"])
    assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert seen["AWS_CA_BUNDLE"] == seen["SSL_CERT_FILE"] != "/nowhere"
    assert seen["AWS_CA_BUNDLE"] == seen["REQUESTS_CA_BUNDLE"] == seen["NODE_EXTRA_CA_CERTS"]
    assert seen["AWS_CA_BUNDLE"] == seen["CURL_CA_BUNDLE"] == seen["NIX_SSL_CERT_FILE"]
    assert seen["AWS_CA_BUNDLE"] == seen["AWS_KVS_CACERT_PATH"]
    assert "SSL_CERT_DIR" not in seen
    assert not Path(seen["AWS_CA_BUNDLE"]).exists()


def test_fleet_and_settings_reach_the_command() -> None:
    """A command finds the fleet, under the settings of the options."""
    script = (
        "import boto3; kvs = boto3.client('kinesisvideo')\n"
        "pages = kvs.get_paginator('list_signaling_channels').paginate()\n"
        "print([len(page['ChannelInfoList']) for page in pages])\n"
        "try: boto3.client('sts').get_caller_identity()\n"
        "except Exception as error: print(error.response['Error']['Code'])\n"
    )
    done = run(
        "--fleet",
        "25",
        "--page-limit",
        "10",
        "--latency",
        "1ms",
        "--no-quotas",
        "--state-delay",
        "1m30s",
        "--index-lag",
        "0.5s",
        "--seed",
        "3",
        "--fault",
        "GetCallerIdentity:AccessDenied:1",
        "--",
        "python",
        "-c",
        script,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["[10, 10, 5]", "AccessDenied"]


def test_what_is_not_known_of_aws() -> None:
    """By their options payloads are read strictly, nobody is closed, and no frame is empty."""
    script = """
import asyncio, json, os, ssl
import aiohttp, boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest

kvs = boto3.client("kinesisvideo")
arn = kvs.create_signaling_channel(ChannelName="a")["ChannelARN"]
wanted = {"Protocols": ["WSS"], "Role": "MASTER"}
endpoint = kvs.get_signaling_channel_endpoint(
    ChannelARN=arn, SingleMasterChannelEndpointConfiguration=wanted
)["ResourceEndpointList"][0]["ResourceEndpoint"]
request = AWSRequest("GET", endpoint, params={"X-Amz-ChannelARN": arn})
SigV4QueryAuth(
    boto3.Session().get_credentials(), "kinesisvideo", "us-east-1", 604800
).add_auth(request)
large = {"action": "SDP_OFFER", "messagePayload": 10004 * "A", "correlationId": "7"}

async def main():
    async with aiohttp.ClientSession() as session:
        url, tls = request.prepare().url, ssl.create_default_context()
        first = await session.ws_connect(url, ssl=tls)
        second = await session.ws_connect(url, ssl=tls)
        for socket in (second, first):
            await socket.send_str(json.dumps(large))
            print(json.loads((await socket.receive()).data)["statusResponse"]["description"])

asyncio.run(main())
"""
    options = ("--strict-payloads", "--no-empty-frames", "--keep-displaced", "--state-delay", "0s")
    done = run(*options, "--", sys.executable, "-c", script)
    said = "messagePayload has 10,004 characters of base64: it may have 10,000"
    assert (done.returncode, done.stdout.splitlines()) == (0, [said, said])
    refused = "SDP_OFFER of 10,071 characters by the master was refused"
    assert done.stderr.splitlines() == [
        "kvsops local: a: the master was displaced by another connection, and is left open",
        *(2 * [f"kvsops local: a: {refused}: InvalidArgumentException: {said}"]),
    ]


def test_hosts_and_origins_let_in() -> None:
    """By their options other names and other pages are let in, however they are written."""
    script = """
import os, urllib.error, urllib.request
url = os.environ["AWS_ENDPOINT_URL"]
for path, name, value in (
    ("/kvsops-api/calls", "Host", "kvs:80"),
    ("/kvsops-api/calls", "Host", "other"),
    ("/", "Origin", "https://app.example"),
    ("/", "Origin", "https://other.example"),
):
    request = urllib.request.Request(url + path, headers={name: value})
    try:
        print(urllib.request.urlopen(request).status)
    except urllib.error.HTTPError as error:
        print(error.headers["x-amzn-errortype"])
"""
    options = ("--allow-host", "KVS", "--allow-origin", "https://App.example/")
    done = run(*options, "--", sys.executable, "-c", script)
    assert (done.returncode, done.stderr) == (0, "")
    denied, unsigned = "AccessDeniedException", "MissingAuthenticationTokenException"
    assert done.stdout.splitlines() == ["200", denied, unsigned, denied]


def test_accounts_and_regions() -> None:
    """Around a command there is an organization, and the fleet is spread over it."""
    script = """
import boto3
sts, places = boto3.client("sts"), []
accounts = boto3.client("organizations").list_accounts()["Accounts"]
for account in (each["Id"] for each in accounts if each["Status"] == "ACTIVE"):
    role = {"RoleArn": f"arn:aws:iam::{account}:role/kvsops-sweep", "RoleSessionName": "me"}
    given = sts.assume_role(**role)["Credentials"]
    for region in ("us-east-1", "eu-west-1"):
        kvs = boto3.client(
            "kinesisvideo",
            region_name=region,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        places.append(len(kvs.list_signaling_channels()["ChannelInfoList"]))
print(len(accounts), len(places), sum(places), max(places) < 100)
"""
    options = ("--accounts", "3", "--fleet", "100", "--region", "us-east-1")
    done = run(*options, "--region", "eu-west-1", "--", sys.executable, "-c", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "4 6 100 True\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_foreground(number: signal.Signals) -> None:
    """It prints lines for a shell, serves, and ends quietly with 0 when told to stop."""
    with running("--fleet", "4") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [process.stdout.readline().strip() for _ in range(18)]
        said = [process.stderr.readline().rstrip() for _ in range(5)]
        url = next(line for line in lines if line.startswith("export AWS_ENDPOINT_URL="))
        endpoint_url = url.partition("=")[2]
        with urllib.request.urlopen(f"{endpoint_url}/kvsops-api/calls") as answer:  # noqa: S310 - ours
            assert json.load(answer) == {"calls": {}, "throttled": {}, "log": []}
        file = Path(said[1].rpartition(" . ")[2])
        assert endpoint_url in file.read_text()
        process.send_signal(number)
        rest = process.communicate(timeout=10)
    assert lines[0].startswith("unset AWS_")
    assert all(line.startswith("export ") for line in lines[1:])
    assert said == [
        f"kvsops local: 4 channels in us-east-1 at {endpoint_url}",
        f"  To use it in another shell:  . {file}",
        f"  In fish:                     source {file}.fish",
        "  To undo that there:          kvsops_leave",
        "  To stop it here:             Ctrl-C",
    ]
    assert not file.parent.exists()
    assert (process.returncode, rest) == (0, ("", ""))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 7), (signal.SIGTERM, 8)])
def test_signals_reach_the_command(number: signal.Signals, status: int) -> None:
    """A signal is the command's to answer; `kvsops local` then ends as it did."""
    script = "trap 'exit 7' INT; trap 'exit 8' TERM; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(
        [*LOCAL, "--", "sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that no terminal signals both
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == status


def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """In process, the command hides the user's AWS configuration only while it runs."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    before = dict(os.environ)
    result = CliRunner().invoke(local, ["--fleet", "2", "--", "true"])
    assert (result.exit_code, result.output) == (0, "")
    assert dict(os.environ) == before
