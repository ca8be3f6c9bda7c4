"""The lifecycle of a channel: states, versions, names, ARNs, quota, endpoints."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.conftest import NOON, failure

if TYPE_CHECKING:
    from tests.local.conftest import Emulator

NOON_MS = 1777636800000
GONE = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/gone/1"


def statuses(kvs: Any) -> list[str]:
    """Answer the listed channels' states."""
    return [info["ChannelStatus"] for info in kvs.list_signaling_channels()["ChannelInfoList"]]


def test_create_and_describe(emulator: Emulator, kvs: Any) -> None:
    """A new channel is described by name and by ARN, with the documented defaults."""
    arn = kvs.create_signaling_channel(ChannelName="front-door")["ChannelARN"]

    assert arn == f"arn:aws:kinesisvideo:us-east-1:123456789012:channel/front-door/{NOON_MS}"
    by_name = kvs.describe_signaling_channel(ChannelName="front-door")["ChannelInfo"]
    by_arn = kvs.describe_signaling_channel(ChannelARN=arn)["ChannelInfo"]
    version = by_name.pop("Version")
    assert version.isalnum()
    assert by_arn == by_name | {"Version": version}
    assert by_name == {
        "ChannelName": "front-door",
        "ChannelARN": arn,
        "ChannelType": "SINGLE_MASTER",
        "ChannelStatus": "CREATING",
        "CreationTime": NOON,
        "SingleMasterConfiguration": {"MessageTtlSeconds": 60},
    }
    assert emulator.backend().channels["front-door"].arn == arn


def test_message_ttl_of_a_new_channel(kvs: Any) -> None:
    """The message TTL asked for is the channel's."""
    kvs.create_signaling_channel(
        ChannelName="a", SingleMasterConfiguration={"MessageTtlSeconds": 5}
    )
    info = kvs.describe_signaling_channel(ChannelName="a")["ChannelInfo"]
    assert info["SingleMasterConfiguration"] == {"MessageTtlSeconds": 5}


def test_states_follow_the_clock(emulator: Emulator, kvs: Any) -> None:
    """Each change takes the state delay, and nothing is left after a deletion."""
    emulator.settings.state_delay = timedelta(seconds=2)
    arn = kvs.create_signaling_channel(ChannelName="a")["ChannelARN"]
    assert statuses(kvs) == ["CREATING"]
    emulator.clock.forward(seconds=1.9)
    assert statuses(kvs) == ["CREATING"]
    emulator.clock.forward(seconds=0.1)
    assert statuses(kvs) == ["ACTIVE"]

    version = kvs.describe_signaling_channel(ChannelARN=arn)["ChannelInfo"]["Version"]
    kvs.update_signaling_channel(
        ChannelARN=arn,
        CurrentVersion=version,
        SingleMasterConfiguration={"MessageTtlSeconds": 120},
    )
    updated = kvs.describe_signaling_channel(ChannelARN=arn)["ChannelInfo"]
    assert updated["ChannelStatus"] == "UPDATING"
    assert updated["SingleMasterConfiguration"] == {"MessageTtlSeconds": 120}
    assert updated["Version"] != version
    emulator.clock.forward(seconds=2)
    assert statuses(kvs) == ["ACTIVE"]

    kvs.delete_signaling_channel(ChannelARN=arn, CurrentVersion=updated["Version"])
    assert statuses(kvs) == ["DELETING"]
    emulator.clock.forward(seconds=2)
    assert statuses(kvs) == []
    assert failure(kvs.describe_signaling_channel, ChannelARN=arn)[:2] == (
        "ResourceNotFoundException",
        404,
    )


def test_no_delay(emulator: Emulator, kvs: Any) -> None:
    """Without a delay a channel is ACTIVE, and gone, at once."""
    emulator.settings.state_delay = timedelta()
    arn = kvs.create_signaling_channel(ChannelName="a")["ChannelARN"]
    assert statuses(kvs) == ["ACTIVE"]
    kvs.delete_signaling_channel(ChannelARN=arn)
    assert statuses(kvs) == []


@pytest.mark.parametrize("state", ["CREATING", "UPDATING", "DELETING"])
def test_busy_channels_refuse_changes(emulator: Emulator, kvs: Any, state: str) -> None:
    """What is not ACTIVE can be neither updated nor deleted nor connected to."""
    arn = kvs.create_signaling_channel(ChannelName="a")["ChannelARN"]
    version = kvs.describe_signaling_channel(ChannelARN=arn)["ChannelInfo"]["Version"]
    if state != "CREATING":
        emulator.clock.forward(seconds=1)
    if state == "UPDATING":
        kvs.update_signaling_channel(ChannelARN=arn, CurrentVersion=version)
    if state == "DELETING":
        kvs.delete_signaling_channel(ChannelARN=arn)
    assert statuses(kvs) == [state]
    version = kvs.describe_signaling_channel(ChannelARN=arn)["ChannelInfo"]["Version"]

    refused = [
        failure(kvs.delete_signaling_channel, ChannelARN=arn),
        failure(kvs.update_signaling_channel, ChannelARN=arn, CurrentVersion=version),
        failure(kvs.get_signaling_channel_endpoint, ChannelARN=arn),
        failure(
            kvs.update_media_storage_configuration,
            ChannelARN=arn,
            MediaStorageConfiguration={"Status": "DISABLED"},
        ),
    ]
    message = f"The channel {arn} is not in ACTIVE status: {state}."
    assert refused == [("ResourceInUseException", 400, message)] * 4


def test_names_are_unique_until_gone(emulator: Emulator, kvs: Any) -> None:
    """A name is taken until its channel is gone; the next one has another ARN."""
    first = emulator.active("a")
    assert failure(kvs.create_signaling_channel, ChannelName="a") == (
        "ResourceInUseException",
        400,
        "The channel a already exists.",
    )
    kvs.delete_signaling_channel(ChannelARN=first)
    assert failure(kvs.create_signaling_channel, ChannelName="a")[0] == "ResourceInUseException"

    emulator.clock.forward(seconds=1)
    second = emulator.active("a")
    assert second != first
    assert failure(kvs.describe_signaling_channel, ChannelARN=first)[1] == 404
    assert failure(kvs.delete_signaling_channel, ChannelARN=first)[1] == 404
    assert kvs.describe_signaling_channel(ChannelName="a")["ChannelInfo"]["ChannelARN"] == second


def test_made_again_within_a_millisecond(emulator: Emulator, kvs: Any) -> None:
    """Even at a standing clock a channel made again has another ARN."""
    emulator.settings.state_delay = timedelta()
    first = kvs.create_signaling_channel(ChannelName="a")["ChannelARN"]
    kvs.delete_signaling_channel(ChannelARN=first)
    assert kvs.create_signaling_channel(ChannelName="a")["ChannelARN"] != first


def test_regions_are_apart(emulator: Emulator, kvs: Any) -> None:
    """The same name may be in two regions, and an ARN is known in its own region only."""
    here = emulator.active("a")
    frankfurt = emulator.client(region="eu-central-1")
    there = frankfurt.create_signaling_channel(ChannelName="a")["ChannelARN"]
    assert there.split(":")[3] == "eu-central-1"
    assert failure(frankfurt.describe_signaling_channel, ChannelARN=here)[1] == 404
    assert len(kvs.list_signaling_channels()["ChannelInfoList"]) == 1


@pytest.mark.parametrize("operation", ["delete_signaling_channel", "update_signaling_channel"])
def test_another_version_is_refused(emulator: Emulator, kvs: Any, operation: str) -> None:
    """CurrentVersion must be the channel's current one."""
    arn = emulator.active("a")
    assert failure(getattr(kvs, operation), ChannelARN=arn, CurrentVersion="old") == (
        "VersionMismatchException",
        400,
        "The version old is not the channel's current one.",
    )
    assert statuses(kvs) == ["ACTIVE"]


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("describe_signaling_channel", {"ChannelARN": GONE}),
        ("describe_signaling_channel", {"ChannelName": "gone"}),
        ("delete_signaling_channel", {"ChannelARN": GONE}),
        ("update_signaling_channel", {"ChannelARN": GONE, "CurrentVersion": "a"}),
        ("get_signaling_channel_endpoint", {"ChannelARN": GONE}),
        ("tag_resource", {"ResourceARN": GONE, "Tags": [{"Key": "a", "Value": "b"}]}),
        ("untag_resource", {"ResourceARN": GONE, "TagKeyList": ["a"]}),
        ("list_tags_for_resource", {"ResourceARN": GONE}),
        ("describe_media_storage_configuration", {"ChannelName": "gone"}),
        (
            "update_media_storage_configuration",
            {"ChannelARN": GONE, "MediaStorageConfiguration": {"Status": "DISABLED"}},
        ),
    ],
)
def test_unknown_channels(kvs: Any, operation: str, parameters: dict[str, Any]) -> None:
    """Each operation on a channel that is not there answers 404."""
    assert failure(getattr(kvs, operation), **parameters) == (
        "ResourceNotFoundException",
        404,
        "The requested channel is not found or not active.",
    )


def test_the_modelled_exception(kvs: Any) -> None:
    """The client raises its own class for the error: the code came across as it expects."""
    with pytest.raises(kvs.exceptions.ResourceNotFoundException):
        kvs.describe_signaling_channel(ChannelName="gone")


def test_channel_quota(emulator: Emulator, kvs: Any) -> None:
    """A full region refuses, until a channel is gone; another region has room."""
    emulator.settings.channel_quota = 2
    arn = emulator.active("a")
    emulator.active("b")
    assert failure(kvs.create_signaling_channel, ChannelName="c")[:2] == (
        "AccountChannelLimitExceededException",
        400,
    )
    emulator.client(region="eu-west-1").create_signaling_channel(ChannelName="c")
    kvs.delete_signaling_channel(ChannelARN=arn)
    assert failure(kvs.create_signaling_channel, ChannelName="c")[1] == 400
    emulator.clock.forward(seconds=1)
    kvs.create_signaling_channel(ChannelName="c")


@pytest.mark.parametrize(
    ("region", "quota"), [("us-east-1", 10_000), ("us-west-2", 10_000), ("eu-west-1", 5_000)]
)
def test_documented_channel_quotas(emulator: Emulator, region: str, quota: int) -> None:
    """Without a setting each region has the quota that AWS documents."""
    assert emulator.backend(region).channel_quota == quota


@pytest.mark.parametrize(
    ("role", "protocols", "letters"),
    [
        ("MASTER", ["WSS", "HTTPS"], ["wss://m-", "https://r-"]),
        ("VIEWER", ["WSS", "HTTPS"], ["wss://v-", "https://r-"]),
        ("VIEWER", ["HTTPS"], ["https://r-"]),
    ],
)
def test_endpoints(
    emulator: Emulator, kvs: Any, role: str, protocols: list[str], letters: list[str]
) -> None:
    """Without a data plane they are where AWS's are; master and viewer have their own WSS hosts."""
    emulator.settings.endpoint_of = None
    answer = kvs.get_signaling_channel_endpoint(
        ChannelARN=emulator.active("a"),
        SingleMasterChannelEndpointConfiguration={"Protocols": protocols, "Role": role},
    )["ResourceEndpointList"]
    assert [endpoint["Protocol"] for endpoint in answer] == protocols
    for endpoint, letter in zip(answer, letters, strict=True):
        assert endpoint["ResourceEndpoint"].startswith(letter)
        assert endpoint["ResourceEndpoint"].endswith(".kinesisvideo.us-east-1.amazonaws.com")


def test_no_ingestion_endpoint(emulator: Emulator, kvs: Any) -> None:
    """WEBRTC is for channels whose media is stored."""
    wanted = {"Protocols": ["WEBRTC"], "Role": "MASTER"}
    assert failure(
        kvs.get_signaling_channel_endpoint,
        ChannelARN=emulator.active("a"),
        SingleMasterChannelEndpointConfiguration=wanted,
    ) == ("InvalidArgumentException", 400, "The channel is not configured for ingestion.")


def test_full_mesh_is_not_supported(kvs: Any) -> None:
    """FULL_MESH is in the model, and refused by the service."""
    assert failure(kvs.create_signaling_channel, ChannelName="a", ChannelType="FULL_MESH")[:2] == (
        "InvalidArgumentException",
        400,
    )


def test_streams_are_still_there(kvs: Any) -> None:
    """The operations on streams work as without the extension, and check what moto does not."""
    arn = kvs.create_stream(StreamName="s", DataRetentionInHours=2)["StreamARN"]
    assert kvs.describe_stream(StreamName="s")["StreamInfo"]["StreamARN"] == arn
    assert len(kvs.list_streams()["StreamInfoList"]) == 1
    for call, parameters in (
        (kvs.create_stream, {}),
        (kvs.describe_stream, {}),
        (kvs.get_data_endpoint, {"StreamName": "s", "APIName": "WAVE"}),
        (kvs.get_data_endpoint, {"APIName": "GET_MEDIA"}),
        (kvs.list_streams, {"MaxResults": 0}),
        (kvs.delete_stream, {}),
    ):
        assert failure(call, **parameters)[:2] == ("InvalidArgumentException", 400)
    assert len(kvs.list_streams()["StreamInfoList"]) == 1
    kvs.delete_stream(StreamARN=arn)
    assert failure(kvs.describe_stream, StreamName="s")[:2] == ("ResourceNotFoundException", 404)
