"""PyPI's awscli reads what the emulator answers: operations, errors, pages.

`tests/local/test_environment.py` has it in the environment that `kvsops local` prints.
"""

import json
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings

AWS = str(Path(sysconfig.get_path("scripts"), "aws"))
SERVICE_ERROR = 255
"""The exit code of awscli 1, PyPI's, where the service refused; awscli 2 has 254."""
NOWHERE = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/nowhere/1700000000000"


@pytest.fixture(scope="module")
def emulator() -> Iterator[LocalServer]:
    """Yield one emulator for all, as awscli takes seconds to start; channels are ACTIVE at once."""
    with LocalServer(Settings(quotas=False, state_delay=timedelta())) as server:
        yield server


def run(emulator: LocalServer, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run it, with the environment of a child of `kvsops local`."""
    environment = emulator.environment() | {"AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1"}
    command = [AWS, *arguments, "--output", "json"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def told(emulator: LocalServer, *arguments: str) -> Any:
    """Return its JSON."""
    done = run(emulator, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout) if done.stdout else None


def test_a_channel_and_its_ice_servers(emulator: LocalServer) -> None:
    """A channel is made, described, tagged; its data plane is called over TLS; it is deleted."""
    kvs = ("kinesisvideo",)
    made = told(emulator, *kvs, "create-signaling-channel", "--channel-name", "door")
    channel = ("--channel-arn", made["ChannelARN"])
    info = told(emulator, *kvs, "describe-signaling-channel", *channel)["ChannelInfo"]
    assert (info["ChannelStatus"], info["ChannelName"]) == ("ACTIVE", "door")
    resource = ("--resource-arn", made["ChannelARN"])
    told(emulator, *kvs, "tag-resource", *resource, "--tags", "Key=a,Value=1")
    assert told(emulator, *kvs, "list-tags-for-resource", *resource)["Tags"] == {"a": "1"}
    endpoints = told(
        emulator,
        *(*kvs, "get-signaling-channel-endpoint", *channel),
        *("--single-master-channel-endpoint-configuration", "Protocols=HTTPS,Role=VIEWER"),
    )
    [endpoint] = endpoints["ResourceEndpointList"]
    servers = told(
        emulator,
        *("kinesis-video-signaling", "get-ice-server-config", *channel),
        *("--endpoint-url", endpoint["ResourceEndpoint"]),
    )
    assert servers["IceServerList"][0]["Ttl"] == 300
    assert told(emulator, *kvs, "delete-signaling-channel", *channel) is None


def test_pages(emulator: LocalServer) -> None:
    """Its paginator goes through the emulator's pages, and stops and resumes as it is told."""
    for number in range(5):
        emulator.backend().create_signaling_channel(f"page-{number}", 60, {"k": "v"})
    prefix = "ComparisonOperator=BEGINS_WITH,ComparisonValue=page-"
    listing = ("kinesisvideo", "list-signaling-channels", "--channel-name-condition", prefix)
    before = emulator.calls["ListSignalingChannels"]
    found = told(emulator, *listing, "--page-size", "2")
    names = sorted(each["ChannelName"] for each in found["ChannelInfoList"])
    assert names == [f"page-{number}" for number in range(5)]
    assert emulator.calls["ListSignalingChannels"] - before == 3
    first = told(emulator, *listing, "--max-items", "3")
    rest = told(emulator, *listing, "--starting-token", first["NextToken"])
    assert (len(first["ChannelInfoList"]), len(rest["ChannelInfoList"])) == (3, 2)
    tagged = told(emulator, "resourcegroupstaggingapi", "get-resources", "--page-size", "2")
    assert len(tagged["ResourceTagMappingList"]) == 5


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (
            ("kinesisvideo", "describe-signaling-channel", "--channel-arn", NOWHERE),
            "ResourceNotFoundException",
        ),
        (
            ("kinesisvideo", "create-signaling-channel", "--channel-name", "a b"),
            "InvalidArgumentException",
        ),
        (
            ("resourcegroupstaggingapi", "get-resources", "--resources-per-page", "101"),
            "InvalidParameterException",
        ),
        (
            ("pricing", "get-products", "--service-code", "Other"),
            "NotFoundException",
        ),
        (
            ("cloudwatch", "list-metrics", "--next-token", "x"),
            "InvalidParameterValue",
        ),
        (
            ("kinesisvideo", "update-stream", "--stream-name", "s", "--current-version", "1"),
            "UnknownOperationException",
        ),
        (("s3api", "list-buckets"), "UnknownOperationException"),
    ],
)
def test_refusals(emulator: LocalServer, arguments: tuple[str, ...], code: str) -> None:
    """It names AWS's code, in one line, and ends as with AWS."""
    done = run(emulator, *arguments)
    assert (done.returncode, done.stdout) == (SERVICE_ERROR, "")
    assert f"An error occurred ({code}) when calling the" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_in_a_process_of_its_own() -> None:
    """`kvsops local -- aws …` leads it to the emulator and ends with its exit code."""
    command = [sys.executable, "-m", "kvsops", "local", "--fleet", "3", "--", AWS]
    listing = [*command, "kinesisvideo", "list-signaling-channels", "--output", "json"]
    done = subprocess.run(listing, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["ChannelInfoList"]) == 3
    wrong = [*command, "kinesisvideo", "describe-signaling-channel", "--channel-name", "none"]
    done = subprocess.run(wrong, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (SERVICE_ERROR, "")
