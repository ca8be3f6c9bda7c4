"""Streams, their tags and their storage tiers, as the service tells of them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kvsops.aws import channels
from kvsops.aws.listing import pages
from kvsops.aws.scope import ATTEMPTS, Scope
from kvsops.core.stream import ChannelLink, Stream, Tier
from kvsops.errors import AwsError


def listed(scope: Scope, prefix: str | None = None) -> Iterator[list[Stream]]:
    """Yield the scope's streams page by page, the prefix being the service's to apply.

    Each stream comes once. What a row tells that cannot be is said in its `doubt`, and told by the
    scope; a row that names no stream is told alone.
    """
    yield from pages(scope, "ListStreams", prefix, _stream, rows="streams", kind="stream")


def each_listed(scope: Scope, prefix: str | None = None) -> Iterator[Stream]:
    """Yield the scope's streams one by one."""
    for page in listed(scope, prefix):
        yield from page


def tags_of(scope: Scope, stream_arn: str, *, attempts: int = ATTEMPTS) -> dict[str, str]:
    """Read a stream's tags directly."""
    pages = scope.answers("ListTagsForStream", attempts=attempts, StreamARN=stream_arn)
    return {key: value for page in pages for key, value in page.get("Tags", {}).items()}


def tagged(scope: Scope, key: str) -> dict[str, dict[str, str]]:
    """Read, from the tag index, the tags of all streams that have this one, by ARN."""
    return channels.tagged(scope, key, "stream")


def tier_of(scope: Scope, stream_arn: str, *, attempts: int = ATTEMPTS) -> Tier:
    """Read where a stream stores what comes in now; raises `AwsError` for a tier not known to us.

    Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_StreamStorageConfiguration.html
    """
    answer = scope.call(
        "DescribeStreamStorageConfiguration", attempts=attempts, StreamARN=stream_arn
    )
    told = answer["StreamStorageConfiguration"].get("DefaultStorageTier")
    if told not in [*Tier]:
        msg = f"DescribeStreamStorageConfiguration told a tier that is not known: {told!r}"
        raise AwsError(f"{msg} ({stream_arn})", "UnreadableAnswerError")
    return Tier(told)


def link_of(scope: Scope, stream_arn: str, *, attempts: int = ATTEMPTS) -> ChannelLink:
    """Read which channel records to a stream.

    Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_DescribeMappedResourceConfiguration.html
    """
    operation = "DescribeMappedResourceConfiguration"
    answer = scope.call(operation, attempts=attempts, StreamARN=stream_arn)
    # Whether AWS leaves the list out where nothing is linked is not documented: it would be
    # an answer that tells nothing. An empty one is documented.
    arns = [each.get("ARN") for each in answer["MappedResourceConfigurationList"]]
    if None in arns:
        raise AwsError(f"{operation} told no ARN ({stream_arn})", "UnreadableAnswerError")
    return ChannelLink(next((each for each in arns if ":channel/" in each), None))


def _stream(scope: Scope, info: Mapping[str, Any], doubt: str) -> Stream:
    """Return what the service told; a column it left out is None."""
    created: datetime | None = info.get("CreationTime")
    told = Stream(
        stream_name=info["StreamName"],
        stream_arn=info["StreamARN"],
        status=info.get("Status"),
        creation_time=created and created.astimezone(UTC),
        data_retention_hours=info.get("DataRetentionInHours"),
        doubt=doubt,
    )
    stream = told.doubted(scope.region, scope.account_of(told.stream_arn), scope.now())
    if stream.doubt:
        scope.doubt(f"{stream.stream_name}: {stream.doubt}")
    return stream
