"""Media storage: links between channels and streams."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import pytest

from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.local.conftest import Emulator, failure

if TYPE_CHECKING:
    from tests.local.conftest import Clock

ENABLED, DISABLED = "ENABLED", "DISABLED"
NO_STREAM = "arn:aws:kinesisvideo:us-east-1:123456789012:stream/none/1"


@pytest.fixture
def stream(kvs: Any) -> str:
    """Make a stream that keeps its data for a day."""
    arn: str = kvs.create_stream(StreamName="s", DataRetentionInHours=24)["StreamARN"]
    return arn


def link(kvs: Any, channel: str, stream: str) -> None:
    """Store the channel's media in the stream."""
    kvs.update_media_storage_configuration(
        ChannelARN=channel, MediaStorageConfiguration={"Status": ENABLED, "StreamARN": stream}
    )


def test_link_and_unlink(emulator: Emulator, kvs: Any, stream: str) -> None:
    """A link is described by name and ARN, until it is taken away; the version stays."""
    arn = emulator.active("a")
    version = kvs.describe_signaling_channel(ChannelARN=arn)["ChannelInfo"]["Version"]
    describe = kvs.describe_media_storage_configuration
    assert describe(ChannelName="a")["MediaStorageConfiguration"] == {"Status": DISABLED}
    link(kvs, arn, stream)
    linked = {"Status": ENABLED, "StreamARN": stream}
    assert describe(ChannelName="a")["MediaStorageConfiguration"] == linked
    assert describe(ChannelARN=arn)["MediaStorageConfiguration"] == linked
    kvs.update_media_storage_configuration(
        ChannelARN=arn, MediaStorageConfiguration={"Status": DISABLED}
    )
    assert describe(ChannelName="a")["MediaStorageConfiguration"] == {"Status": DISABLED}
    info = kvs.describe_signaling_channel(ChannelARN=arn)["ChannelInfo"]
    assert (info["Version"], info["ChannelStatus"]) == (version, "ACTIVE")


def test_linked_channels_refuse_deletion(emulator: Emulator, kvs: Any, stream: str) -> None:
    """A linked channel must be unlinked before it is deleted."""
    arn = emulator.active("a")
    link(kvs, arn, stream)
    code, status, message = failure(kvs.delete_signaling_channel, ChannelARN=arn)
    assert (code, status) == ("ResourceInUseException", 400)
    assert message.endswith("Disable MediaStorageConfiguration to delete the channel.")
    kvs.update_media_storage_configuration(
        ChannelARN=arn, MediaStorageConfiguration={"Status": DISABLED}
    )
    kvs.delete_signaling_channel(ChannelARN=arn)


def test_linked_streams_refuse_deletion(emulator: Emulator, kvs: Any, stream: str) -> None:
    """As AWS's own clean-up script meets it: refused, it finds the channel, unlinks, and succeeds.

    Source: https://github.com/aws-samples/amazon-kinesis-video-streams-demos/pull/409
    """
    arn = emulator.active("a")
    mapped = kvs.describe_mapped_resource_configuration
    assert mapped(StreamARN=stream)["MappedResourceConfigurationList"] == []
    link(kvs, arn, stream)
    version = kvs.describe_stream(StreamName="s")["StreamInfo"]["Version"]
    refused = failure(kvs.delete_stream, StreamARN=stream, CurrentVersion=version)
    said = "Disable MediaStorageConfiguration to delete the stream"
    assert refused == ("ResourceInUseException", 400, said)
    (only,) = mapped(StreamName="s", MaxResults=1)["MappedResourceConfigurationList"]
    assert [only] == mapped(StreamARN=stream)["MappedResourceConfigurationList"]
    assert only["ARN"] == arn
    kvs.update_media_storage_configuration(
        ChannelARN=only["ARN"], MediaStorageConfiguration={"Status": DISABLED}
    )
    assert mapped(StreamARN=stream)["MappedResourceConfigurationList"] == []
    other = failure(kvs.delete_stream, StreamARN=stream, CurrentVersion="other")
    assert other[:2] == ("VersionMismatchException", 400)
    kvs.delete_stream(StreamARN=stream, CurrentVersion=version)
    assert failure(mapped, StreamARN=stream)[:2] == ("ResourceNotFoundException", 404)
    assert failure(kvs.delete_stream, StreamARN=stream)[:2] == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize(
    "parameters",
    [{}, {"StreamName": "s", "MaxResults": 2}, {"StreamName": "s", "NextToken": "more"}],
)
def test_mapped_resources_refused(kvs: Any, stream: str, parameters: dict[str, Any]) -> None:
    """A stream must be named; there is one resource at most, on one page."""
    assert stream
    refused = failure(kvs.describe_mapped_resource_configuration, **parameters)
    assert refused[:2] == ("InvalidArgumentException", 400)


def test_ingestion_endpoint(emulator: Emulator, kvs: Any, stream: str) -> None:
    """A linked channel has a WEBRTC endpoint."""
    arn = emulator.active("a")
    link(kvs, arn, stream)
    endpoints = kvs.get_signaling_channel_endpoint(
        ChannelARN=arn,
        SingleMasterChannelEndpointConfiguration={"Protocols": ["WEBRTC"], "Role": "MASTER"},
    )["ResourceEndpointList"]
    assert [endpoint["Protocol"] for endpoint in endpoints] == ["WEBRTC"]


def test_no_address_leads_off_this_machine(local: LocalServer, over_http: Emulator) -> None:
    """Every endpoint that the server hands out is its own, and says what it does not have."""
    kvs = over_http.client()
    stream = kvs.create_stream(StreamName="s", DataRetentionInHours=24)["StreamARN"]
    arn = over_http.active("a")
    link(kvs, arn, stream)
    protocols = {"Protocols": ["WSS", "HTTPS", "WEBRTC"], "Role": "MASTER"}
    answer = kvs.get_signaling_channel_endpoint(
        ChannelARN=arn, SingleMasterChannelEndpointConfiguration=protocols
    )
    found = {each["Protocol"]: each["ResourceEndpoint"] for each in answer["ResourceEndpointList"]}
    names = kvs.meta.service_model.shape_for("APIName").enum
    data = {kvs.get_data_endpoint(StreamName="s", APIName=name)["DataEndpoint"] for name in names}
    assert data == {found["WEBRTC"]} == {found["HTTPS"]}
    assert {urlsplit(url).hostname for url in found.values()} == {"127.0.0.1"}

    def refused(service: str, operation: str, **parameters: Any) -> str:
        make: Any = boto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY).client
        with contextlib.closing(
            make(service, "us-east-1", endpoint_url=found["WEBRTC"], verify=local.ca_bundle)
        ) as client:
            return failure(getattr(client, operation), **parameters)[2]

    missing = "kvsops local does not have the operation POST"
    join = refused("kinesis-video-webrtc-storage", "join_storage_session", channelArn=arn)
    assert join == f"{missing} /joinStorageSession."
    media = refused(
        "kinesis-video-media",
        "get_media",
        StreamName="s",
        StartSelector={"StartSelectorType": "NOW"},
    )
    assert media == f"{missing} /getMedia."


def test_no_address_without_signaling(clock: Clock) -> None:
    """A server that has no endpoints says so: AWS's own would lead there with throw-away keys."""
    settings = Settings(signaling=False, quotas=False, clock=clock)
    with LocalServer(settings) as local:
        emulator = Emulator(settings, clock, local.endpoint_url)
        kvs, arn = emulator.client(), emulator.active("a")
        kvs.create_stream(StreamName="s", DataRetentionInHours=24)
        refusals = [
            failure(kvs.get_signaling_channel_endpoint, ChannelARN=arn),
            failure(kvs.get_data_endpoint, StreamName="s", APIName="GET_MEDIA"),
        ]
        emulator.close()
    said = "kvsops local runs without signaling: it has no endpoints."
    assert refusals == 2 * [("InvalidArgumentException", 400, said)]


def test_links_refused(emulator: Emulator, kvs: Any, stream: str) -> None:
    """A link needs a stream that is there, keeps data, and belongs to no other channel."""
    first, second = emulator.active("a"), emulator.active("b")
    forgetful = kvs.create_stream(StreamName="f", DataRetentionInHours=0)["StreamARN"]
    link(kvs, first, stream)
    link(kvs, first, stream)
    refused = [
        failure(
            kvs.update_media_storage_configuration,
            ChannelARN=second,
            MediaStorageConfiguration=configuration,
        )[:2]
        for configuration in (
            {"Status": ENABLED},
            {"Status": ENABLED, "StreamARN": NO_STREAM},
            {"Status": ENABLED, "StreamARN": forgetful},
            {"Status": ENABLED, "StreamARN": stream},
        )
    ]
    assert refused == [
        ("InvalidArgumentException", 400),
        ("ResourceNotFoundException", 404),
        ("NoDataRetentionException", 400),
        ("ResourceInUseException", 400),
    ]
