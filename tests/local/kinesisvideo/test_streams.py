"""Streams: retention, tags, storage tiers, and what the tag index knows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local.conftest import NOON, Emulator, failure

if TYPE_CHECKING:
    from collections.abc import Callable

INVALID, MISSING = ("InvalidArgumentException", 400), ("ResourceNotFoundException", 404)
UP, DOWN = "INCREASE_DATA_RETENTION", "DECREASE_DATA_RETENTION"


@pytest.fixture
def stream(kvs: Any) -> str:
    """Make a stream that keeps its data for a day."""
    arn: str = kvs.create_stream(StreamName="s", DataRetentionInHours=24)["StreamARN"]
    return arn


def info(kvs: Any) -> dict[str, Any]:
    """Answer what is told of the stream."""
    found: dict[str, Any] = kvs.describe_stream(StreamName="s")["StreamInfo"]
    return found


def test_made_at_the_emulators_time(emulator: Emulator, kvs: Any, stream: str) -> None:
    """Its ARN has the milliseconds of its creation: made again, it has another."""
    assert info(kvs)["CreationTime"] == NOON
    assert stream.endswith(f":stream/s/{int(NOON.timestamp() * 1_000)}")
    kvs.delete_stream(StreamARN=stream)
    emulator.clock.forward(minutes=1)
    again = kvs.create_stream(StreamName="s")["StreamARN"]
    assert again != stream
    assert info(kvs)["DataRetentionInHours"] == 0
    assert failure(kvs.create_stream, StreamName="s")[0] == "ResourceInUseException"


def test_retention_changes(kvs: Any, stream: str) -> None:
    """By so many hours up or down, each time from the version that was read."""
    for hours, operation, expected in (
        (6, UP, 30),
        (29, DOWN, 1),
        (1, DOWN, 0),
        (87_600, UP, 87_600),
    ):
        before = info(kvs)["Version"]
        kvs.update_data_retention(
            StreamARN=stream,
            CurrentVersion=before,
            Operation=operation,
            DataRetentionChangeInHours=hours,
        )
        assert info(kvs)["DataRetentionInHours"] == expected
        assert info(kvs)["Version"] != before
    change = {"StreamName": "s", "Operation": UP, "DataRetentionChangeInHours": 1}
    version = info(kvs)["Version"]
    assert failure(kvs.update_data_retention, **change, CurrentVersion=version)[:2] == INVALID
    refused = failure(kvs.update_data_retention, **change, CurrentVersion="another")
    assert refused[0] == "VersionMismatchException"
    assert info(kvs)["DataRetentionInHours"] == 87_600


def test_tags(kvs: Any) -> None:
    """They are given with the stream, added, changed, and taken off."""
    arn = kvs.create_stream(StreamName="s", Tags={"env": "ci"})["StreamARN"]
    kvs.tag_stream(StreamName="s", Tags={"env": "prod", "team": "x"})
    assert kvs.list_tags_for_stream(StreamARN=arn)["Tags"] == {"env": "prod", "team": "x"}
    kvs.untag_stream(StreamARN=arn, TagKeyList=["env", "none"])
    assert kvs.list_tags_for_stream(StreamName="s")["Tags"] == {"team": "x"}
    assert failure(kvs.tag_stream, StreamARN=arn, Tags={"aws:a": "b"})[:2] == INVALID
    assert failure(kvs.list_tags_for_stream, StreamARN=arn, NextToken="x")[:2] == INVALID


def test_tags_in_bulk(emulator: Emulator, kvs: Any) -> None:
    """The tag index knows streams as channels: by ARN and by type, and not when they are gone."""
    index = emulator.client("resourcegroupstaggingapi")
    arn = kvs.create_stream(StreamName="s", Tags={"env": "ci"})["StreamARN"]
    kvs.create_signaling_channel(ChannelName="c", Tags=[{"Key": "env", "Value": "ci"}])
    expected = [{"ResourceARN": arn, "Tags": [{"Key": "env", "Value": "ci"}]}]
    streams = {"ResourceTypeFilters": ["kinesisvideo:stream"]}
    assert index.get_resources(ResourceARNList=[arn])["ResourceTagMappingList"] == expected
    assert index.get_resources(**streams)["ResourceTagMappingList"] == expected
    assert len(index.get_resources()["ResourceTagMappingList"]) == 2
    kvs.delete_stream(StreamARN=arn)
    assert index.get_resources(**streams)["ResourceTagMappingList"] == []


def test_storage_tiers(kvs: Any, stream: str) -> None:
    """HOT unless another is asked for; a change has another version."""

    def tier(name: str) -> str:
        told = kvs.describe_stream_storage_configuration(StreamName=name)
        return str(told["StreamStorageConfiguration"]["DefaultStorageTier"])

    warm = {"DefaultStorageTier": "WARM"}
    kvs.create_stream(StreamName="w", StreamStorageConfiguration=warm)
    assert (tier("s"), tier("w")) == ("HOT", "WARM")
    version = info(kvs)["Version"]
    change = {"StreamARN": stream, "StreamStorageConfiguration": warm}
    kvs.update_stream_storage_configuration(**change, CurrentVersion=version)
    assert tier("s") == "WARM"
    refused = failure(kvs.update_stream_storage_configuration, **change, CurrentVersion=version)
    assert refused[0] == "VersionMismatchException"


@pytest.mark.parametrize(
    ("call", "more"),
    [
        (lambda kvs: kvs.list_tags_for_stream, {}),
        (lambda kvs: kvs.describe_stream_storage_configuration, {}),
        (lambda kvs: kvs.tag_stream, {"Tags": {"a": "b"}}),
        (lambda kvs: kvs.untag_stream, {"TagKeyList": ["a"]}),
        (
            lambda kvs: kvs.update_data_retention,
            {"CurrentVersion": "v", "Operation": UP, "DataRetentionChangeInHours": 1},
        ),
    ],
)
def test_which_stream(kvs: Any, call: Callable[[Any], Any], more: dict[str, Any]) -> None:
    """One that is not there is not found; without any the call is refused."""
    assert failure(call(kvs), StreamName="none", **more)[:2] == MISSING
    assert failure(call(kvs), **more)[:2] == INVALID
