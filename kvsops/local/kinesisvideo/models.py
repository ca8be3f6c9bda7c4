"""Signaling channels for moto's Kinesis Video backend, in moto's idiom.

Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_Operations_Amazon_Kinesis_Video_Streams.html
"""

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import datetime
from threading import RLock

from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource

from kvsops.local import settings
from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.api.paging import name_before, token_after
from kvsops.local.kinesisvideo.channels import (
    SignalingChannel,
    check_tag_keys,
    check_tags,
    new_version,
)
from kvsops.local.kinesisvideo.exceptions import (
    AccountChannelLimitExceededException,
    NoDataRetentionException,
    ResourceInUseException,
    ResourceNotFoundException,
    VersionMismatchException,
)
from kvsops.local.kinesisvideo.streams import StreamsBackend
from kvsops.local.locking import locked
from kvsops.local.quotas import channel_quota
from kvsops.local.tagging.index import TagIndex

RESOURCE_TYPE = "kinesisvideo:channel"
"""What the Resource Groups Tagging API calls a signaling channel."""
STREAM_TYPE = "kinesisvideo:stream"


class KinesisVideoBackend(StreamsBackend, TaggableResourcesMixin):
    """moto's streams of one account and region, and the signaling channels beside them."""

    SERVICE_NAMESPACE = "kinesisvideo"

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.lock = RLock()
        self.channels: dict[str, SignalingChannel] = {}
        self._names: list[str] = []
        self._leaving: list[tuple[datetime, str]] = []
        self._last_creation: dict[str, int] = {}
        self._index = TagIndex()

    @locked
    def create_signaling_channel(
        self, channel_name: str, message_ttl_seconds: int, tags: dict[str, str]
    ) -> SignalingChannel:
        """Make a channel; it is CREATING for the settings' `state_delay`."""
        now = self._settle()
        if channel_name in self.channels:
            raise ResourceInUseException(f"The channel {channel_name} already exists.")
        if len(self.channels) >= self.channel_quota:
            raise AccountChannelLimitExceededException(
                "You have reached the maximum number of signaling channels "
                f"({self.channel_quota}) for this account in this region."
            )
        check_tags({}, tags)
        ready = now + settings.active().state_delay
        return self.put_channel(channel_name, now, ready, message_ttl_seconds, tags)

    @locked
    def describe_signaling_channel(
        self, channel_name: str | None, channel_arn: str | None
    ) -> dict[str, object]:
        """Return the channel as the model's ChannelInfo."""
        return self.channel(channel_name, channel_arn).to_dict(settings.active().clock())

    @locked
    def list_signaling_channels(
        self, max_results: int, next_token: str | None, prefix: str
    ) -> tuple[list[dict[str, object]], str | None]:
        """One page of the channels, by name, and the token of the next page."""
        now = self._settle()
        start = bisect_left(self._names, prefix)
        if next_token:
            start = bisect_right(self._names, name_before(next_token, prefix))
        size = max(1, min(max_results, settings.active().page_limit))
        ahead = [n for n in self._names[start : start + size + 1] if n.startswith(prefix)]
        page = ahead[:size]
        infos = [self.channels[name].to_dict(now) for name in page]
        return infos, token_after(page[-1], prefix) if len(ahead) > size else None

    @locked
    def update_signaling_channel(
        self, channel_arn: str, current_version: str, message_ttl_seconds: int | None
    ) -> None:
        """Change the channel; it is UPDATING for `state_delay`, and has another version."""
        channel = self._active_channel(channel_arn, current_version)
        if message_ttl_seconds is not None:
            channel.message_ttl_seconds = message_ttl_seconds
        channel.version = new_version()
        channel.busy_with = "UPDATING"
        channel.active_from = settings.active().clock() + settings.active().state_delay

    @locked
    def delete_signaling_channel(self, channel_arn: str, current_version: str | None) -> None:
        """Begin to delete the channel; it is listed as DELETING for `state_delay`."""
        channel = self._active_channel(channel_arn, current_version)
        if channel.stream_arn:
            raise ResourceInUseException(
                f"The channel {channel_arn} stores its media in a stream. "
                "Disable MediaStorageConfiguration to delete the channel."
            )
        self.remove_channel(channel, settings.active().clock() + settings.active().state_delay)

    @locked
    def get_signaling_channel_endpoint(
        self, channel_arn: str, protocols: list[str], role: str
    ) -> list[dict[str, str]]:
        """Return an endpoint for each of the protocols."""
        channel = self._active_channel(channel_arn)
        if "WEBRTC" in protocols and not channel.stream_arn:
            raise InvalidArgumentException("The channel is not configured for ingestion.")
        return [
            {
                "Protocol": protocol,
                "ResourceEndpoint": channel.endpoint(
                    protocol, role, self.region_name, self.partition
                ),
            }
            for protocol in dict.fromkeys(protocols)
        ]

    @locked
    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        """Add tags to the channel, or change their values."""
        channel = self.channel(None, arn)
        check_tags(channel.tags, tags)
        self.put_tags(channel, channel.tags | tags)

    @locked
    def untag_resource(self, arn: str, tag_keys: list[str]) -> None:
        """Remove tags from the channel; keys that it does not have are ignored."""
        channel = self.channel(None, arn)
        check_tag_keys(tag_keys)
        left = {key: value for key, value in channel.tags.items() if key not in tag_keys}
        if left != channel.tags:
            self.put_tags(channel, left)

    @locked
    def list_tags_for_resource(self, arn: str) -> dict[str, str]:
        """Return the channel's tags as they are now, all on one page."""
        return dict(self.channel(None, arn).tags)

    @locked
    def describe_media_storage_configuration(
        self, channel_name: str | None, channel_arn: str | None
    ) -> dict[str, str]:
        """Whether the channel's media is stored, and in which stream."""
        stream_arn = self.channel(channel_name, channel_arn).stream_arn
        return (
            {"Status": "ENABLED", "StreamARN": stream_arn} if stream_arn else {"Status": "DISABLED"}
        )

    @locked
    def update_media_storage_configuration(
        self, channel_arn: str, status: str, stream_arn: str | None
    ) -> None:
        """Link the channel to a stream, or unlink it; its version stays, which is our guess."""
        channel = self._active_channel(channel_arn)
        if status == "DISABLED":
            channel.stream_arn = None
            return
        if stream_arn is None:
            raise InvalidArgumentException("A StreamARN is needed to enable media storage.")
        self._check_linkable(channel, stream_arn)
        channel.stream_arn = stream_arn

    # Used by the operations, the demonstration fleet and tests.

    @property
    def channel_quota(self) -> int:
        """The most channels in this account and region."""
        limit = settings.active().channel_quota
        return channel_quota(self.region_name) if limit is None else limit

    @locked
    def channel(self, channel_name: str | None, channel_arn: str | None) -> SignalingChannel:
        """Return the channel of this ARN, else of this name. Raises ResourceNotFoundException."""
        if not channel_name and not channel_arn:
            raise InvalidArgumentException("Either ChannelName or ChannelARN must be given.")
        self._settle()
        name = channel_arn.split("/")[1] if channel_arn and "/" in channel_arn else channel_name
        channel = self.channels.get(name or "")
        if channel is None or channel_arn not in (None, "", channel.arn):
            raise ResourceNotFoundException("The requested channel is not found or not active.")
        return channel

    @locked
    def put_channel(
        self,
        channel_name: str,
        creation_time: datetime,
        active_from: datetime,
        message_ttl_seconds: int = 60,
        tags: dict[str, str] | None = None,
    ) -> SignalingChannel:
        """Add a channel, unchecked, whatever its age and tags."""
        milliseconds = int(creation_time.timestamp() * 1000)
        milliseconds = max(milliseconds, self._last_creation.get(channel_name, -1) + 1)
        self._last_creation[channel_name] = milliseconds
        channel = SignalingChannel(
            arn=f"arn:{self.partition}:kinesisvideo:{self.region_name}:{self.account_id}"
            f":channel/{channel_name}/{milliseconds}",
            channel_name=channel_name,
            creation_time=creation_time,
            active_from=active_from,
            message_ttl_seconds=message_ttl_seconds,
        )
        self.channels[channel_name] = channel
        insort(self._names, channel_name)
        self.put_tags(channel, tags or {}, since=creation_time)
        return channel

    @locked
    def put_tags(
        self, channel: SignalingChannel, tags: dict[str, str], since: datetime | None = None
    ) -> None:
        """Give the channel these tags and no others, unchecked, from now or `since` then."""
        channel.tags = dict(tags)
        channel.ever_tagged = channel.ever_tagged or bool(tags)
        if channel.ever_tagged:
            self._index.change(since or settings.active().clock(), channel.arn, channel.tags)

    @locked
    def store_media(self, channel: SignalingChannel) -> None:
        """Link the channel to a new stream of its own, unchecked."""
        channel.stream_arn = self.create_stream(
            device_name=channel.channel_name,
            stream_name=f"{channel.channel_name}-media",
            media_type="video/h264",
            kms_key_id=None,
            data_retention_in_hours=24,
            tags={},
        )

    @locked
    def remove_channel(self, channel: SignalingChannel, gone_from: datetime) -> None:
        """Mark the channel DELETING until that time and gone after it, unchecked."""
        channel.gone_from = gone_from
        heapq.heappush(self._leaving, (gone_from, channel.channel_name))
        self._index.change(gone_from, channel.arn, None)

    # For the Resource Groups Tagging API

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        """Return what has, or ever had, a tag, as the lagging index knows it."""
        return self.tagged_channels(None)

    def tagged_channels(self, arns: Iterable[str] | None) -> Iterator[TaggedResource]:
        """Those of these ARNs (None: all) that the lagging index knows."""
        now, lag = settings.active().clock(), settings.active().index_lag
        for arn, tags in self._index(now, lag, arns):
            kind = STREAM_TYPE if ":stream/" in arn else RESOURCE_TYPE
            yield TaggedResource(arn, tags, kind, {"include_untagged": True})

    def _settle(self) -> datetime:
        """Drop the channels whose deletion is complete; return the time."""
        now = settings.active().clock()
        while self._leaving and self._leaving[0][0] <= now:
            _, name = heapq.heappop(self._leaving)
            del self.channels[name]
            del self._names[bisect_left(self._names, name)]
        return now

    def _active_channel(self, arn: str, version: str | None = None) -> SignalingChannel:
        """Return the channel, if it is of this version (None: of any) and ACTIVE."""
        channel = self.channel(None, arn)
        if version is not None and version != channel.version:
            raise VersionMismatchException(
                f"The version {version} is not the channel's current one."
            )
        status = channel.status(settings.active().clock())
        if status != "ACTIVE":
            raise ResourceInUseException(f"The channel {arn} is not in ACTIVE status: {status}.")
        return channel

    def _check_linkable(self, channel: SignalingChannel, stream_arn: str) -> None:
        stream = self.streams.get(stream_arn)
        if stream is None:
            raise ResourceNotFoundException("The requested stream is not found or not active.")
        if not stream.data_retention_in_hours:
            raise NoDataRetentionException("The stream's data retention in hours is zero.")
        if self.mapped_channel(stream_arn) not in (None, channel):
            raise ResourceInUseException("The stream is mapped to another channel already.")
