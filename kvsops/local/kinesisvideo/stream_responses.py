"""The streams' operations' requests and answers, in moto's idiom."""

import json
from typing import Any, cast

from moto.core.responses import ActionResult, EmptyResult
from moto.kinesisvideo.models import kinesisvideo_backends
from moto.kinesisvideo.responses import KinesisVideoResponse as MotoKinesisVideoResponse

from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.api.model import operations
from kvsops.local.api.validation import validate
from kvsops.local.kinesisvideo.models import KinesisVideoBackend

MAX_STREAMS = 10_000
"""Streams on a page where none is asked for, as the model documents."""


class StreamsResponse(MotoKinesisVideoResponse):
    """moto's stream operations, which check nothing themselves, and those that it lacks."""

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

    def create_stream(self) -> ActionResult:
        """CreateStream."""
        asked = self._parameters()
        storage = asked.get("StreamStorageConfiguration") or {}
        arn = self.kinesisvideo_backend.create_stream(
            device_name=asked.get("DeviceName"),
            stream_name=asked["StreamName"],
            media_type=asked.get("MediaType"),
            kms_key_id=asked.get("KmsKeyId"),
            data_retention_in_hours=asked.get("DataRetentionInHours") or 0,
            tags=asked.get("Tags") or {},
            default_storage_tier=storage.get("DefaultStorageTier") or "HOT",
        )
        return ActionResult({"StreamARN": arn})

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

    def update_data_retention(self) -> ActionResult:
        """UpdateDataRetention."""
        asked = self._stream_parameters()
        hours = int(asked["DataRetentionChangeInHours"])
        more = asked["Operation"] == "INCREASE_DATA_RETENTION"
        self.kinesisvideo_backend.update_data_retention(
            *_stream(asked), asked["CurrentVersion"], hours if more else -hours
        )
        return EmptyResult()

    def list_tags_for_stream(self) -> ActionResult:
        """ListTagsForStream: all tags on one page, so that any token is a foreign one."""
        asked = self._stream_parameters()
        if asked.get("NextToken"):
            raise InvalidArgumentException("The NextToken is not valid.")
        tags = self.kinesisvideo_backend.list_tags_for_stream(*_stream(asked))
        return ActionResult({"Tags": tags})

    def tag_stream(self) -> ActionResult:
        """TagStream."""
        asked = self._stream_parameters()
        self.kinesisvideo_backend.tag_stream(*_stream(asked), asked["Tags"])
        return EmptyResult()

    def untag_stream(self) -> ActionResult:
        """UntagStream."""
        asked = self._stream_parameters()
        self.kinesisvideo_backend.untag_stream(*_stream(asked), asked["TagKeyList"])
        return EmptyResult()

    def describe_stream_storage_configuration(self) -> ActionResult:
        """DescribeStreamStorageConfiguration."""
        asked = self._stream_parameters()
        return ActionResult(
            self.kinesisvideo_backend.describe_stream_storage_configuration(*_stream(asked))
        )

    def update_stream_storage_configuration(self) -> ActionResult:
        """UpdateStreamStorageConfiguration."""
        asked = self._stream_parameters()
        self.kinesisvideo_backend.update_stream_storage_configuration(
            *_stream(asked),
            asked["CurrentVersion"],
            asked["StreamStorageConfiguration"]["DefaultStorageTier"],
        )
        return EmptyResult()

    def describe_mapped_resource_configuration(self) -> ActionResult:
        """DescribeMappedResourceConfiguration: one at most, so that any token is a foreign one."""
        asked = self._stream_parameters()
        if asked.get("NextToken"):
            raise InvalidArgumentException("The NextToken is not valid.")
        mapped = self.kinesisvideo_backend.describe_mapped_resource_configuration(
            asked.get("StreamName"), asked.get("StreamARN")
        )
        return ActionResult({"MappedResourceConfigurationList": mapped})

    def _stream_parameters(self) -> dict[str, Any]:
        """Return the parameters of an operation on a stream, given by its name or its ARN."""
        asked = self._parameters()
        if not (asked.get("StreamName") or asked.get("StreamARN")):
            raise InvalidArgumentException("Either StreamName or StreamARN must be given.")
        return asked


def _stream(asked: dict[str, Any]) -> tuple[str, str]:
    """Return the name and the ARN that were given; empty for one that was not."""
    return asked.get("StreamName") or "", asked.get("StreamARN") or ""
