"""The signaling-channel operations' requests and answers, in moto's idiom."""

import json
from typing import Any, cast

from moto.core.responses import ActionResult, EmptyResult
from moto.kinesisvideo.models import kinesisvideo_backends
from moto.kinesisvideo.responses import KinesisVideoResponse as MotoKinesisVideoResponse

from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.api.model import operations
from kvsops.local.api.validation import validate
from kvsops.local.kinesisvideo.channels import DEFAULT_MESSAGE_TTL_SECONDS
from kvsops.local.kinesisvideo.models import KinesisVideoBackend

DEFAULT_MAX_RESULTS = 500
"""Channels on a page where none is asked for, as the model documents.

Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_ListSignalingChannels.html
"""
MAX_STREAMS = 10_000
"""Streams on a page where none is asked for, as the model documents."""
DEFAULT_PROTOCOLS = ["WSS", "HTTPS"]
"""Which endpoints are answered where none is asked for: our assumption."""


class KinesisVideoResponse(MotoKinesisVideoResponse):
    """moto's stream operations, and those of the signaling channels beside them."""

    @property
    def kinesisvideo_backend(self) -> KinesisVideoBackend:
        """The backend of the request's account and region."""
        backend = kinesisvideo_backends[self.current_account][self.region]
        return cast("KinesisVideoBackend", backend)

    def _get_action(self) -> str:
        """Return the operation's name: the path alone says it, whatever is in the body."""
        return str(operations("kinesisvideo")[self.path].name)

    def _parameters(self) -> dict[str, Any]:
        """Return the request's parameters, checked against the model's input shape."""
        try:
            parameters = json.loads(self.body or "{}")
        except (ValueError, RecursionError):
            raise InvalidArgumentException("The request's body is not JSON.") from None
        shape = operations("kinesisvideo")[self.path].input_shape
        if shape is not None:
            validate(shape, parameters)
        return dict(parameters)

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

    def describe_mapped_resource_configuration(self) -> ActionResult:
        """DescribeMappedResourceConfiguration: one at most, so that any token is a foreign one."""
        asked = self._stream_parameters()
        if asked.get("NextToken"):
            raise InvalidArgumentException("The NextToken is not valid.")
        mapped = self.kinesisvideo_backend.describe_mapped_resource_configuration(
            asked.get("StreamName"), asked.get("StreamARN")
        )
        return ActionResult({"MappedResourceConfigurationList": mapped})

    def update_media_storage_configuration(self) -> ActionResult:
        """UpdateMediaStorageConfiguration."""
        asked = self._parameters()
        configuration = asked["MediaStorageConfiguration"]
        self.kinesisvideo_backend.update_media_storage_configuration(
            asked["ChannelARN"], configuration["Status"], configuration.get("StreamARN")
        )
        return EmptyResult()

    # moto's operations on streams, which check nothing themselves

    def create_stream(self) -> ActionResult:
        """CreateStream."""
        self._parameters()
        return super().create_stream()

    def describe_stream(self) -> ActionResult:
        """DescribeStream."""
        self._stream_parameters()
        return super().describe_stream()

    def list_streams(self) -> ActionResult:
        """ListStreams."""
        asked = self._parameters()
        condition = asked.get("StreamNameCondition") or {}
        infos, token = self.kinesisvideo_backend.page_of_streams(
            asked.get("MaxResults") or MAX_STREAMS,
            asked.get("NextToken"),
            condition.get("ComparisonValue") or "",
        )
        return ActionResult({"StreamInfoList": infos, "NextToken": token})

    def delete_stream(self) -> ActionResult:
        """DeleteStream."""
        asked = self._parameters()
        self.kinesisvideo_backend.delete_stream(asked["StreamARN"], asked.get("CurrentVersion"))
        return EmptyResult()

    def get_data_endpoint(self) -> ActionResult:
        """GetDataEndpoint."""
        self._stream_parameters()
        return super().get_data_endpoint()

    def _stream_parameters(self) -> dict[str, Any]:
        """Return the parameters of an operation on a stream, given by its name or its ARN."""
        asked = self._parameters()
        if not (asked.get("StreamName") or asked.get("StreamARN")):
            raise InvalidArgumentException("Either StreamName or StreamARN must be given.")
        return asked


def _message_ttl_seconds(asked: dict[str, Any]) -> int | None:
    configuration = asked.get("SingleMasterConfiguration") or {}
    seconds: int | None = configuration.get("MessageTtlSeconds")
    return seconds


def _tags(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}
