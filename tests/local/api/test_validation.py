"""Parameters that the service refuses, botocore's own checks being off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local.conftest import failure

if TYPE_CHECKING:
    from tests.local.conftest import Emulator

ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/a/1"
STARTS = "1 validation error detected: Value "
FAILED = " failed to satisfy constraint: Member must "


@pytest.mark.parametrize(
    ("operation", "parameters", "value_at", "wanted"),
    [
        ("create_signaling_channel", {}, "null at 'channelName'", "not be null"),
        (
            "create_signaling_channel",
            {"ChannelName": "a" * 257},
            f"'{'a' * 257}' at 'channelName'",
            "have length less than or equal to 256",
        ),
        (
            "create_signaling_channel",
            {"ChannelName": "a b"},
            "'a b' at 'channelName'",
            "satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        ),
        (
            "create_signaling_channel",
            {"ChannelName": "a\n"},
            "'a\\n' at 'channelName'",
            "satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        ),
        (
            "create_signaling_channel",
            {"ChannelName": "a", "ChannelType": "DOUBLE"},
            "'DOUBLE' at 'channelType'",
            "satisfy enum value set: [SINGLE_MASTER, FULL_MESH]",
        ),
        (
            "create_signaling_channel",
            {"ChannelName": "a", "SingleMasterConfiguration": {"MessageTtlSeconds": 4}},
            "'4' at 'singleMasterConfiguration.messageTtlSeconds'",
            "have value greater than or equal to 5",
        ),
        (
            "create_signaling_channel",
            {"ChannelName": "a", "SingleMasterConfiguration": {"MessageTtlSeconds": 121}},
            "'121' at 'singleMasterConfiguration.messageTtlSeconds'",
            "have value less than or equal to 120",
        ),
        (
            "create_signaling_channel",
            {"ChannelName": "a", "Tags": [{"Key": "k"}]},
            "null at 'tags.1.member.value'",
            "not be null",
        ),
        (
            "create_signaling_channel",
            {"ChannelName": "a", "Tags": [{"Key": "k" * 129, "Value": ""}]},
            f"'{'k' * 129}' at 'tags.1.member.key'",
            "have length less than or equal to 128",
        ),
        (
            "create_signaling_channel",
            {"ChannelName": "a", "Tags": [{"Key": "k", "Value": 'a "quoted" value'}]},
            "'a \\\"quoted\\\" value' at 'tags.1.member.value'",
            r"satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*",
        ),
        (
            "list_signaling_channels",
            {"MaxResults": 0},
            "'0' at 'maxResults'",
            "have value greater than or equal to 1",
        ),
        (
            "list_signaling_channels",
            {"MaxResults": 10_001},
            "'10001' at 'maxResults'",
            "have value less than or equal to 10000",
        ),
        (
            "describe_signaling_channel",
            {"ChannelARN": "arn:aws:s3:::a"},
            "'arn:aws:s3:::a' at 'channelARN'",
            r"satisfy regular expression pattern: arn:[a-z\d-]+:kinesisvideo:[a-z0-9-]+:[0-9]+:"
            "[a-z]+/[a-zA-Z0-9_.-]+/[0-9]+",
        ),
        ("delete_signaling_channel", {}, "null at 'channelARN'", "not be null"),
        (
            "delete_signaling_channel",
            {"ChannelARN": ARN, "CurrentVersion": "-"},
            "'-' at 'currentVersion'",
            "satisfy regular expression pattern: [a-zA-Z0-9]+",
        ),
        (
            "update_signaling_channel",
            {"ChannelARN": ARN},
            "null at 'currentVersion'",
            "not be null",
        ),
        (
            "tag_resource",
            {"ResourceARN": ARN, "Tags": []},
            "'[]' at 'tags'",
            "have length greater than or equal to 1",
        ),
        (
            "untag_resource",
            {"ResourceARN": ARN, "TagKeyList": []},
            "'[]' at 'tagKeyList'",
            "have length greater than or equal to 1",
        ),
        (
            "get_signaling_channel_endpoint",
            {"ChannelARN": ARN, "SingleMasterChannelEndpointConfiguration": {"Protocols": ["FTP"]}},
            "'FTP' at 'singleMasterChannelEndpointConfiguration.protocols.1.member'",
            "satisfy enum value set: [WSS, HTTPS, WEBRTC]",
        ),
        (
            "update_media_storage_configuration",
            {"ChannelARN": ARN, "MediaStorageConfiguration": {}},
            "null at 'mediaStorageConfiguration.status'",
            "not be null",
        ),
    ],
)
def test_refused(
    kvs: Any, operation: str, parameters: dict[str, Any], value_at: str, wanted: str
) -> None:
    """Required members, bounds, enums and patterns of the model are held, in AWS's words."""
    assert failure(getattr(kvs, operation), **parameters) == (
        "InvalidArgumentException",
        400,
        STARTS + value_at + FAILED + wanted,
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "The request's body is not JSON."),
        (b"[" * 20_000, "The request's body is not JSON."),
        (b"[]", f"{STARTS}'[]' at ''{FAILED}be of type structure"),
        (b'{"MaxResults": "7"}', f"{STARTS}'7' at 'maxResults'{FAILED}be of type integer"),
        (b'{"MaxResults": true}', f"{STARTS}'true' at 'maxResults'{FAILED}be of type integer"),
        (b'{"NextToken": 7}', f"{STARTS}'7' at 'nextToken'{FAILED}be of type string"),
    ],
)
def test_wrong_types(emulator: Emulator, body: bytes, message: str) -> None:
    """A body that is not JSON, or whose members are of another type, is refused."""
    kvs = emulator.client()

    def send(request: Any, **_: Any) -> None:
        request.data = body

    kvs.meta.events.register("before-sign.kinesis-video.ListSignalingChannels", send)
    assert failure(kvs.list_signaling_channels) == ("InvalidArgumentException", 400, message)


def test_two_errors_at_once(kvs: Any) -> None:
    """All that is wrong is told in one message."""
    _, _, message = failure(kvs.tag_resource)
    assert message == (
        "2 validation errors detected: "
        "Value null at 'resourceARN' failed to satisfy constraint: Member must not be null; "
        "Value null at 'tags' failed to satisfy constraint: Member must not be null"
    )


@pytest.mark.parametrize(
    "operation", ["describe_signaling_channel", "describe_media_storage_configuration"]
)
def test_neither_name_nor_arn(kvs: Any, operation: str) -> None:
    """Where either would do, one must be given."""
    assert failure(getattr(kvs, operation)) == (
        "InvalidArgumentException",
        400,
        "Either ChannelName or ChannelARN must be given.",
    )


def test_endless_values_are_cut(kvs: Any) -> None:
    """A message does not repeat a value of any length."""
    _, _, message = failure(kvs.create_signaling_channel, ChannelName="!" * 5_000)
    assert len(message) < 1_000


@pytest.mark.parametrize("name", ["a", "a" * 256, ".", "..", "-", "_", "A.b_c-9"])
def test_names_that_hold(kvs: Any, name: str) -> None:
    """The edges of what a name may be."""
    kvs.create_signaling_channel(ChannelName=name)
    assert kvs.describe_signaling_channel(ChannelName=name)["ChannelInfo"]["ChannelName"] == name


@pytest.mark.parametrize(
    "value",
    ["", "é", "日本語 テスト", "½", "a\u00a0b", "_.:/=+-@", "x=1", "v" * 256],
)
def test_tag_values_that_hold(kvs: Any, value: str) -> None:
    """Letters, numbers and spaces of any script, and the signs of the pattern."""
    kvs.create_signaling_channel(ChannelName="a", Tags=[{"Key": "k", "Value": value}])
    arn = kvs.describe_signaling_channel(ChannelName="a")["ChannelInfo"]["ChannelARN"]
    assert kvs.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"k": value}


@pytest.mark.parametrize("value", ["a\tb", "a\nb", "\x1b[31m", "e\u0301", "a,b", "💥", "<b>"])
def test_tag_values_that_do_not(kvs: Any, value: str) -> None:
    """Control characters, combining marks, emoji and other signs are refused."""
    tags = [{"Key": "k", "Value": value}]
    assert failure(kvs.create_signaling_channel, ChannelName="a", Tags=tags)[:2] == (
        "InvalidArgumentException",
        400,
    )
