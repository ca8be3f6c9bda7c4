"""The signaling-channel operations' requests and answers, in moto's idiom."""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.kinesisvideo.channels import DEFAULT_MESSAGE_TTL_SECONDS
from kvsops.local.kinesisvideo.stream_responses import StreamsResponse

DEFAULT_MAX_RESULTS = 500
"""Channels on a page where none is asked for, as the model documents.

Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_ListSignalingChannels.html
"""
DEFAULT_PROTOCOLS = ["WSS", "HTTPS"]
"""Which endpoints are answered where none is asked for: our assumption."""


class KinesisVideoResponse(StreamsResponse):
    """The stream operations, and those of the signaling channels beside them."""

    def create_signaling_channel(self) -> ActionResult:
        """CreateSignalingChannel."""
        asked = self._parameters()
        if asked.get("ChannelType", "SINGLE_MASTER") != "SINGLE_MASTER":
            raise InvalidArgumentException("SINGLE_MASTER is the only supported channel type.")
        channel = self.kinesisvideo_backend.create_signaling_channel(
            asked["ChannelName"],
            _message_ttl_seconds(asked) or DEFAULT_MESSAGE_TTL_SECONDS,
            _tags(asked.get("Tags") or []),
        )
        return ActionResult({"ChannelARN": channel.arn})

    def describe_signaling_channel(self) -> ActionResult:
        """DescribeSignalingChannel."""
        asked = self._parameters()
        info = self.kinesisvideo_backend.describe_signaling_channel(
            asked.get("ChannelName"), asked.get("ChannelARN")
        )
        return ActionResult({"ChannelInfo": info})

    def list_signaling_channels(self) -> ActionResult:
        """ListSignalingChannels."""
        asked = self._parameters()
        condition = asked.get("ChannelNameCondition") or {}
        infos, token = self.kinesisvideo_backend.list_signaling_channels(
            asked.get("MaxResults") or DEFAULT_MAX_RESULTS,
            asked.get("NextToken"),
            condition.get("ComparisonValue") or "",
        )
        return ActionResult({"ChannelInfoList": infos, "NextToken": token})

    def update_signaling_channel(self) -> ActionResult:
        """UpdateSignalingChannel."""
        asked = self._parameters()
        self.kinesisvideo_backend.update_signaling_channel(
            asked["ChannelARN"], asked["CurrentVersion"], _message_ttl_seconds(asked)
        )
        return EmptyResult()

    def delete_signaling_channel(self) -> ActionResult:
        """DeleteSignalingChannel."""
        asked = self._parameters()
        self.kinesisvideo_backend.delete_signaling_channel(
            asked["ChannelARN"], asked.get("CurrentVersion")
        )
        return EmptyResult()

    def get_signaling_channel_endpoint(self) -> ActionResult:
        """GetSignalingChannelEndpoint."""
        asked = self._parameters()
        configuration = asked.get("SingleMasterChannelEndpointConfiguration") or {}
        endpoints = self.kinesisvideo_backend.get_signaling_channel_endpoint(
            asked["ChannelARN"],
            configuration.get("Protocols") or DEFAULT_PROTOCOLS,
            configuration.get("Role") or "MASTER",
        )
        return ActionResult({"ResourceEndpointList": endpoints})

    def tag_resource(self) -> ActionResult:
        """TagResource."""
        asked = self._parameters()
        self.kinesisvideo_backend.tag_resource(asked["ResourceARN"], _tags(asked["Tags"]))
        return EmptyResult()

    def untag_resource(self) -> ActionResult:
        """UntagResource."""
        asked = self._parameters()
        self.kinesisvideo_backend.untag_resource(asked["ResourceARN"], asked["TagKeyList"])
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        """ListTagsForResource: all tags on one page, so that any token is a foreign one."""
        asked = self._parameters()
        if asked.get("NextToken"):
            raise InvalidArgumentException("The NextToken is not valid.")
        tags = self.kinesisvideo_backend.list_tags_for_resource(asked["ResourceARN"])
        return ActionResult({"Tags": tags})

    def describe_media_storage_configuration(self) -> ActionResult:
        """DescribeMediaStorageConfiguration."""
        asked = self._parameters()
        configuration = self.kinesisvideo_backend.describe_media_storage_configuration(
            asked.get("ChannelName"), asked.get("ChannelARN")
        )
        return ActionResult({"MediaStorageConfiguration": configuration})

    def update_media_storage_configuration(self) -> ActionResult:
        """UpdateMediaStorageConfiguration."""
        asked = self._parameters()
        configuration = asked["MediaStorageConfiguration"]
        self.kinesisvideo_backend.update_media_storage_configuration(
            asked["ChannelARN"], configuration["Status"], configuration.get("StreamARN")
        )
        return EmptyResult()


def _message_ttl_seconds(asked: dict[str, Any]) -> int | None:
    configuration = asked.get("SingleMasterConfiguration") or {}
    seconds: int | None = configuration.get("MessageTtlSeconds")
    return seconds


def _tags(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}
