"""Media storage: links between channels and streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local.conftest import failure

if TYPE_CHECKING:
    from tests.local.conftest import Emulator

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


def test_ingestion_endpoint(emulator: Emulator, kvs: Any, stream: str) -> None:
    """A linked channel has a WEBRTC endpoint."""
    arn = emulator.active("a")
    link(kvs, arn, stream)
    endpoints = kvs.get_signaling_channel_endpoint(
        ChannelARN=arn,
        SingleMasterChannelEndpointConfiguration={"Protocols": ["WEBRTC"], "Role": "MASTER"},
    )["ResourceEndpointList"]
    assert [endpoint["Protocol"] for endpoint in endpoints] == ["WEBRTC"]


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
