"""The errors of the signaling-channel operations, in moto's idiom.

moto's serializer finds each one's HTTP status in botocore's service model.
Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_Operations_Amazon_Kinesis_Video_Streams.html
"""

from moto.kinesisvideo.exceptions import KinesisvideoClientError


class ResourceNotFoundException(KinesisvideoClientError):  # noqa: N818 - AWS's name
    """There is no such channel, or no such stream (404)."""

    code = "ResourceNotFoundException"


class ResourceInUseException(KinesisvideoClientError):  # noqa: N818 - AWS's name
    """The channel exists already, is not ACTIVE, or is linked to a stream (400)."""

    code = "ResourceInUseException"


class VersionMismatchException(KinesisvideoClientError):  # noqa: N818 - AWS's name
    """The version given is not the channel's current one (400)."""

    code = "VersionMismatchException"


class AccountChannelLimitExceededException(KinesisvideoClientError):  # noqa: N818 - AWS's name
    """The account has all the channels it may have in this region (400)."""

    code = "AccountChannelLimitExceededException"


class TagsPerResourceExceededLimitException(KinesisvideoClientError):  # noqa: N818 - AWS's name
    """The channel would have more than 50 tags (400)."""

    code = "TagsPerResourceExceededLimitException"


class NoDataRetentionException(KinesisvideoClientError):  # noqa: N818 - AWS's name
    """The stream to link keeps no data (400)."""

    code = "NoDataRetentionException"
