"""AWS's JavaScript SDK v3 reads every operation that the emulator has: results, errors, pages."""

import asyncio
import base64
import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.foreign.conftest import unavailable
from tests.foreign.fetch import UnavailableError
from tests.foreign.peer import Foreign, Wish, command
from tests.foreign.sdk import Refusal, Sdk
from tests.namespace import at_aws_names

KVS, SIGNALING, STORAGE = "kinesis-video", "kinesis-video-signaling", "kinesis-video-webrtc-storage"
TAGGING, CLOUDWATCH = "resource-groups-tagging-api", "cloudwatch"
PREFIX = "arn:aws:kinesisvideo:us-east-1:123456789012:"
NOWHERE = f"{PREFIX}channel/nowhere/1700000000000"
NOT_FOUND, INVALID = ("ResourceNotFoundException", 404), ("InvalidArgumentException", 400)
DOOR = {"ChannelName": "door"}


@pytest.fixture
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator without quotas whose channels are ACTIVE at once."""
    with LocalServer(Settings(quotas=False, state_delay=timedelta())) as server:
        yield server


@pytest.fixture
def sdk(emulator: LocalServer) -> Iterator[Sdk]:
    """Yield the SDK in the environment that `kvsops local` gives: it finds all by that."""
    try:
        running = Sdk(emulator.environment())
    except UnavailableError as error:
        unavailable(str(error))
    with running:
        yield running


@pytest.fixture
def arn(sdk: Sdk) -> str:
    """Return the ARN of a channel `door` with a tag."""
    tags = [{"Key": "team", "Value": "doors"}]
    return str(sdk.call(KVS, "CreateSignalingChannel", **DOOR, Tags=tags)["ChannelARN"])


def https(sdk: Sdk, arn: str, role: str = "VIEWER") -> str:
    """Return the endpoint of the signaling API."""
    asked = {"Protocols": ["HTTPS", "WSS"], "Role": role}
    told = sdk.call(
        KVS,
        "GetSignalingChannelEndpoint",
        ChannelARN=arn,
        SingleMasterChannelEndpointConfiguration=asked,
    )
    found = {each["Protocol"]: each["ResourceEndpoint"] for each in told["ResourceEndpointList"]}
    assert set(found) == {"HTTPS", "WSS"}
    return str(found["HTTPS"])


def test_a_channels_life(sdk: Sdk, arn: str) -> None:
    """Created, described, updated, deleted: each member of each answer arrives."""
    info = sdk.call(KVS, "DescribeSignalingChannel", **DOOR)["ChannelInfo"]
    created = datetime.fromisoformat(info.pop("CreationTime"))
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=5)
    version = info.pop("Version")
    assert info == {
        "ChannelName": "door",
        "ChannelARN": arn,
        "ChannelType": "SINGLE_MASTER",
        "ChannelStatus": "ACTIVE",
        "SingleMasterConfiguration": {"MessageTtlSeconds": 60},
    }
    ttl = {"MessageTtlSeconds": 30}
    asked: dict[str, Any] = {"ChannelARN": arn, "SingleMasterConfiguration": ttl}
    assert sdk.call(KVS, "UpdateSignalingChannel", CurrentVersion=version, **asked) == {}
    info = sdk.call(KVS, "DescribeSignalingChannel", ChannelARN=arn)["ChannelInfo"]
    assert info["SingleMasterConfiguration"] == ttl
    assert info["Version"] != version
    gone = sdk.call(KVS, "DeleteSignalingChannel", ChannelARN=arn, CurrentVersion=info["Version"])
    assert gone == {}
    refused = sdk.call(KVS, "DescribeSignalingChannel", ChannelARN=arn)
    assert refused == Refusal("ResourceNotFoundException", 404, typed=True)


def test_tags(sdk: Sdk, arn: str) -> None:
    """They are added, listed and removed, and the tag index has them."""
    more = [{"Key": "stage", "Value": "test"}]
    assert sdk.call(KVS, "TagResource", ResourceARN=arn, Tags=more) == {}
    assert sdk.call(KVS, "UntagResource", ResourceARN=arn, TagKeyList=["team"]) == {}
    assert sdk.call(KVS, "ListTagsForResource", ResourceARN=arn)["Tags"] == {"stage": "test"}
    assert sdk.call(TAGGING, "GetTagKeys")["TagKeys"] == ["stage"]
    assert sdk.call(TAGGING, "GetTagValues", Key="stage")["TagValues"] == ["test"]


def test_pages(sdk: Sdk) -> None:
    """The SDK's paginators find each channel once, in as many pages as there are."""
    names = [f"c{number}" for number in range(5)]
    tags = [{"Key": "k", "Value": "v"}]
    for name in names:
        sdk.call(KVS, "CreateSignalingChannel", ChannelName=name, Tags=tags)
    pages = sdk.pages(KVS, "ListSignalingChannels", 2)
    found = [[each["ChannelName"] for each in page["ChannelInfoList"]] for page in pages]
    assert sorted(name for page in found for name in page) == names
    assert [len(page) for page in found] == [2, 2, 1]
    pages = sdk.pages(TAGGING, "GetResources", 2, ResourceTypeFilters=["kinesisvideo:channel"])
    counts = [len(page["ResourceTagMappingList"]) for page in pages]
    assert counts == [2, 2, 1]
    pages = sdk.pages("pricing", "GetProducts", 3, ServiceCode="AmazonKinesisVideo")
    assert len(pages) > 1
    assert {len(page["PriceList"]) for page in pages[:-1]} == {3}


def test_ice_servers(sdk: Sdk, arn: str) -> None:
    """The data plane's certificate is trusted, and its answer read."""
    [server] = sdk.call(SIGNALING, "GetIceServerConfig", at=https(sdk, arn), ChannelARN=arn)[
        "IceServerList"
    ]
    assert server["Ttl"] == 300
    assert [uri.partition(":")[0] for uri in server["Uris"]] == ["turn", "turns", "turns"]
    assert {"Username", "Password"} < set(server)


def test_an_offer_of_alexas(emulator: LocalServer, sdk: Sdk, arn: str) -> None:
    """An offer sent over HTTPS gets the answer of the camera that is connected."""
    wish = Wish("master", arn, emulator.environment())
    with Foreign("imitated_c.py", wish) as camera:
        camera.wait_for("ready")
        told = sdk.call(
            SIGNALING,
            "SendAlexaOfferToMaster",
            at=https(sdk, arn),
            ChannelARN=arn,
            SenderClientId="alexa",
            MessagePayload=base64.b64encode(json.dumps(asyncio.run(offer())).encode()).decode(),
        )
    answer = json.loads(base64.b64decode(told["Answer"]))
    assert answer["type"] == "answer"
    assert "m=video" in answer["sdp"]


async def offer() -> dict[str, str]:
    """Make an offer to receive video, which lets the answer come before all candidates."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        connection.addTransceiver("video", direction="recvonly")
        await connection.setLocalDescription(await connection.createOffer())
        text = connection.localDescription.sdp
    finally:
        await connection.close()
    return {
        "type": "offer",
        "sdp": text.replace("\r\nm=", "\r\na=ice-options:trickle\r\nm=", 1),
    }


def test_storage(sdk: Sdk, arn: str) -> None:
    """A channel is linked to a stream; while it is, neither can be deleted."""
    stream = sdk.call(KVS, "CreateStream", StreamName="store", DataRetentionInHours=24)["StreamARN"]
    enabled = {"Status": "ENABLED", "StreamARN": stream}
    link: dict[str, Any] = {"ChannelARN": arn, "MediaStorageConfiguration": enabled}
    assert sdk.call(KVS, "UpdateMediaStorageConfiguration", **link) == {}
    told = sdk.call(KVS, "DescribeMediaStorageConfiguration", ChannelARN=arn)
    assert told == {"MediaStorageConfiguration": enabled}
    told = sdk.call(KVS, "DescribeMappedResourceConfiguration", StreamARN=stream)
    assert told["MappedResourceConfigurationList"] == [{"Type": "SIGNALING_CHANNEL", "ARN": arn}]
    in_use = Refusal("ResourceInUseException", 400, typed=True)
    assert sdk.call(KVS, "DeleteSignalingChannel", ChannelARN=arn) == in_use
    assert sdk.call(KVS, "DeleteStream", StreamARN=stream) == in_use
    link["MediaStorageConfiguration"] = {"Status": "DISABLED"}
    assert sdk.call(KVS, "UpdateMediaStorageConfiguration", **link) == {}
    assert sdk.call(KVS, "DeleteStream", StreamARN=stream) == {}


def test_streams(sdk: Sdk) -> None:
    """Streams are created, described, listed; their endpoint does not lead off this machine."""
    stream = sdk.call(KVS, "CreateStream", StreamName="store", DataRetentionInHours=2)["StreamARN"]
    info = sdk.call(KVS, "DescribeStream", StreamName="store")["StreamInfo"]
    told = (info["StreamARN"], info["Status"], info["DataRetentionInHours"])
    assert told == (stream, "ACTIVE", 2)
    [page] = sdk.pages(KVS, "ListStreams", 10)
    assert [each["StreamARN"] for each in page["StreamInfoList"]] == [stream]
    endpoint = sdk.call(KVS, "GetDataEndpoint", StreamARN=stream, APIName="PUT_MEDIA")
    assert endpoint["DataEndpoint"].startswith("https://127.0.0.1:")


def test_who_calls(sdk: Sdk) -> None:
    """STS tells the account, and lends credentials."""
    assert sdk.call("sts", "GetCallerIdentity")["Account"] == "123456789012"
    role = "arn:aws:iam::123456789012:role/reader"
    lent = sdk.call("sts", "AssumeRole", RoleArn=role, RoleSessionName="s")["Credentials"]
    assert set(lent) == {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}


def test_metrics(sdk: Sdk, arn: str) -> None:
    """What was called is counted, and the SDK reads it in pages, whatever protocol it speaks."""
    for _ in range(3):
        sdk.call(SIGNALING, "GetIceServerConfig", at=https(sdk, arn), ChannelARN=arn)
    namespace = {"Namespace": "AWS/KinesisVideo"}
    pages = sdk.pages(CLOUDWATCH, "ListMetrics", 1, **namespace)
    failure = {
        "Namespace": "AWS/KinesisVideo",
        "MetricName": "Failure",
        "Dimensions": [
            {"Name": "Operation", "Value": "GetIceServerConfig"},
            {"Name": "SignalingChannelName", "Value": "door"},
        ],
    }
    assert failure in [each for page in pages for each in page["Metrics"]]
    now = datetime.now(UTC)
    query = {"Id": "q", "MetricStat": {"Metric": failure, "Period": 86_400, "Stat": "SampleCount"}}
    data = sdk.call(
        CLOUDWATCH,
        "GetMetricData",
        StartTime=(now - timedelta(days=1)).isoformat(),
        EndTime=(now + timedelta(days=1)).isoformat(),
        MetricDataQueries=[query],
    )
    [result] = data["MetricDataResults"]
    assert (sum(result["Values"]), result["StatusCode"]) == (3, "Complete")


@pytest.mark.parametrize(
    ("call", "given", "refusal"),
    [
        ((KVS, "CreateSignalingChannel"), DOOR, ("ResourceInUseException", 400)),
        ((KVS, "CreateSignalingChannel"), {"ChannelName": "a b"}, INVALID),
        ((KVS, "DescribeSignalingChannel"), {"ChannelARN": NOWHERE}, NOT_FOUND),
        ((KVS, "DeleteSignalingChannel"), {"ChannelARN": NOWHERE}, NOT_FOUND),
        ((KVS, "ListSignalingChannels"), {"NextToken": "x"}, INVALID),
        ((KVS, "ListTagsForResource"), {"ResourceARN": NOWHERE}, NOT_FOUND),
        ((KVS, "DescribeStream"), {"StreamName": "none"}, NOT_FOUND),
        (
            (TAGGING, "GetResources"),
            {"ResourcesPerPage": 101},
            ("InvalidParameterException", 400),
        ),
        (("pricing", "GetProducts"), {"ServiceCode": "Other"}, ("NotFoundException", 400)),
        (
            (CLOUDWATCH, "ListMetrics"),
            {"NextToken": "x"},
            ("InvalidParameterValueException", 400),
        ),
    ],
)
@pytest.mark.usefixtures("arn")
def test_refusals(
    sdk: Sdk, call: tuple[str, str], given: dict[str, Any], refusal: tuple[str, int]
) -> None:
    """Each error is of the class that the SDK has for it."""
    assert sdk.call(*call, **given) == Refusal(*refusal, typed=True)


def test_refusals_of_a_channel(sdk: Sdk, arn: str) -> None:
    """So it is with another version, too many tags, and on the data plane."""
    ttl: dict[str, Any] = {"SingleMasterConfiguration": {"MessageTtlSeconds": 30}}
    refused = sdk.call(KVS, "UpdateSignalingChannel", ChannelARN=arn, CurrentVersion="x", **ttl)
    assert refused == Refusal("VersionMismatchException", 400, typed=True)
    tags = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    refused = sdk.call(KVS, "TagResource", ResourceARN=arn, Tags=tags)
    assert refused == Refusal("TagsPerResourceExceededLimitException", 400, typed=True)
    at = https(sdk, arn)
    refused = sdk.call(SIGNALING, "GetIceServerConfig", at=at, ChannelARN=NOWHERE)
    assert refused == Refusal("ResourceNotFoundException", 404, typed=True)
    offer = {"SenderClientId": "alexa", "MessagePayload": "e"}
    refused = sdk.call(SIGNALING, "SendAlexaOfferToMaster", at=at, ChannelARN=arn, **offer)
    assert refused == Refusal("InvalidArgumentException", 400, typed=True)


def test_throttling(emulator: LocalServer, sdk: Sdk, arn: str) -> None:
    """Throttled, it gets AWS's exception for it, on both planes."""
    at = https(sdk, arn)
    emulator.settings.quotas = True
    throttled = Refusal("ClientLimitExceededException", 400, typed=True)
    told = [sdk.call(KVS, "DescribeSignalingChannel", ChannelARN=arn) for _ in range(40)]
    assert throttled in told
    told = [sdk.call(SIGNALING, "GetIceServerConfig", at=at, ChannelARN=arn) for _ in range(40)]
    assert throttled in told


@pytest.mark.parametrize(
    ("client", "operation", "given"),
    [
        (STORAGE, "JoinStorageSession", {"channelArn": NOWHERE}),
        (KVS, "UpdateStream", {"StreamName": "s", "CurrentVersion": "1"}),
        ("pricing", "GetAttributeValues", {"ServiceCode": "A", "AttributeName": "b"}),
    ],
)
def test_what_the_emulator_has_not(
    sdk: Sdk, client: str, operation: str, given: dict[str, Any]
) -> None:
    """It says so, and is never taken for a result."""
    refused = sdk.call(client, operation, **given)
    assert refused == Refusal("UnknownOperationException", 404, typed=False)


def test_at_awss_names(tmp_path: Path) -> None:
    """It is told no endpoint: it asks AWS's own names, which lead to the emulator, over TLS."""
    try:
        program, folder = command("sdk.mjs")
    except UnavailableError as error:
        unavailable(str(error))
    asked = [
        (KVS, "CreateSignalingChannel", DOOR),
        (KVS, "ListSignalingChannels", {}),
        ("sts", "GetCallerIdentity", {}),
        (TAGGING, "GetResources", {}),
        (CLOUDWATCH, "ListMetrics", {}),
    ]
    calls = [{"client": name, "operation": op, "input": given} for name, op, given in asked]
    (tmp_path / "calls").write_text("".join(json.dumps(call) + "\n" for call in calls))
    script = f"cd {shlex.quote(str(folder))} && {shlex.join(program)} < $CALLS"
    done, _ = at_aws_names(tmp_path, script, "--region", "eu-west-1", CALLS=str(tmp_path / "calls"))
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each.get("status") for each in told] == [200] * 5, told
    assert told[1]["output"]["ChannelInfoList"][0]["ChannelName"] == "door"
    assert told[2]["output"]["Account"] == "123456789012"
