"""moto's video streams, with what bills and tools ask of them, in moto's idiom.

Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_Operations_Amazon_Kinesis_Video_Streams.html
"""

from datetime import datetime
from threading import RLock
from typing import cast

from moto.kinesisvideo.models import KinesisVideoBackend as MotoKinesisVideoBackend
from moto.kinesisvideo.models import Stream as MotoStream
from moto.moto_api._internal import mock_random
from moto.utilities.utils import get_partition

from kvsops.local import settings
from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.api.paging import name_before, token_after
from kvsops.local.kinesisvideo.addresses import own_endpoint
from kvsops.local.kinesisvideo.channels import SignalingChannel, check_tag_keys, check_tags
from kvsops.local.kinesisvideo.exceptions import ResourceInUseException, VersionMismatchException
from kvsops.local.locking import locked
from kvsops.local.tagging.index import TagIndex

CHANNEL_TYPE = "SIGNALING_CHANNEL"
"""What a mapped channel's Type says: our guess, for AWS's documentation does not tell."""

MAX_RETENTION_HOURS = 87_600
"""Ten years, as the model documents."""


class Stream(MotoStream):
    """moto's stream with an ARN of its own, even if it is made again, and a storage tier."""

    def __init__(
        self,
        account_id: str,
        region_name: str,
        stream_name: str,
        creation_time: datetime,
        *,
        data_retention_in_hours: int,
        tags: dict[str, str],
        device_name: str | None = None,
        media_type: str | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        super().__init__(
            account_id,
            region_name,
            device_name or "",
            stream_name,
            media_type or "",
            kms_key_id or "",
            data_retention_in_hours,
            dict(tags),
        )
        self.creation_time = creation_time
        self.default_storage_tier = "HOT"
        self.arn = (
            f"arn:{get_partition(region_name)}:kinesisvideo:{region_name}:{account_id}"
            f":stream/{stream_name}/{int(creation_time.timestamp() * 1_000)}"
        )

    def change(self) -> None:
        """Give it another version."""
        self.version = mock_random.get_random_string(include_digits=False, lower_case=True)


class StreamsBackend(MotoKinesisVideoBackend):
    """Streams that know the channels that store their media in them."""

    lock: RLock
    channels: dict[str, SignalingChannel]
    _index: TagIndex

    @locked
    def create_stream(  # noqa: PLR0917 - moto's
        self,
        device_name: str | None,
        stream_name: str,
        media_type: str | None,
        kms_key_id: str | None,
        data_retention_in_hours: int,
        tags: dict[str, str],
        default_storage_tier: str = "HOT",
    ) -> str:
        """Make a stream; return its ARN."""
        if any(each.stream_name == stream_name for each in self.streams.values()):
            raise ResourceInUseException(f"The stream {stream_name} already exists.")
        _check_retention(data_retention_in_hours)
        check_tags({}, tags)
        stream = Stream(
            self.account_id,
            self.region_name,
            stream_name,
            settings.active().clock(),
            data_retention_in_hours=data_retention_in_hours,
            tags=tags,
            device_name=device_name,
            media_type=media_type,
            kms_key_id=kms_key_id,
        )
        stream.default_storage_tier = default_storage_tier
        return self.put_stream(stream).arn

    @locked
    def put_stream(self, stream: Stream) -> Stream:
        """Add a stream, unchecked, whatever its age and tags."""
        self.streams[stream.arn] = stream
        if stream.tags:
            self._index.change(stream.creation_time, stream.arn, dict(stream.tags))
        return stream

    @locked
    def update_data_retention(
        self, stream_name: str, stream_arn: str, current_version: str, hours: int
    ) -> None:
        """Keep data for so many hours more, or less."""
        stream = self._stream(stream_name, stream_arn, current_version)
        _check_retention(stream.data_retention_in_hours + hours)
        stream.data_retention_in_hours += hours
        stream.change()

    @locked
    def list_tags_for_stream(self, stream_name: str, stream_arn: str) -> dict[str, str]:
        """Return the stream's tags as they are now."""
        return dict(self._stream(stream_name, stream_arn).tags)

    @locked
    def tag_stream(self, stream_name: str, stream_arn: str, tags: dict[str, str]) -> None:
        """Add tags to the stream, or change their values."""
        stream = self._stream(stream_name, stream_arn)
        check_tags(stream.tags, tags)
        self._put_stream_tags(stream, stream.tags | tags)

    @locked
    def untag_stream(self, stream_name: str, stream_arn: str, tag_keys: list[str]) -> None:
        """Remove tags from the stream; keys that it does not have are ignored."""
        stream = self._stream(stream_name, stream_arn)
        check_tag_keys(tag_keys)
        left = {key: value for key, value in stream.tags.items() if key not in tag_keys}
        self._put_stream_tags(stream, left)

    @locked
    def describe_stream_storage_configuration(
        self, stream_name: str, stream_arn: str
    ) -> dict[str, object]:
        """Return the stream's name, ARN and storage configuration."""
        stream = self._stream(stream_name, stream_arn)
        return {
            "StreamName": stream.stream_name,
            "StreamARN": stream.arn,
            "StreamStorageConfiguration": {"DefaultStorageTier": stream.default_storage_tier},
        }

    @locked
    def update_stream_storage_configuration(
        self, stream_name: str, stream_arn: str, current_version: str, tier: str
    ) -> None:
        """Store what comes in from now on in that tier; AWS documents no more."""
        stream = self._stream(stream_name, stream_arn, current_version)
        stream.default_storage_tier = tier
        stream.change()

    def _stream(self, name: str, arn: str, version: str | None = None) -> Stream:
        """Return the stream of this name, else of this ARN, if it is of this version."""
        stream = cast("Stream", self._get_stream("" if arn else name, arn))
        if version not in (None, stream.version):
            raise VersionMismatchException(
                f"The version {version} is not the stream's current one."
            )
        return stream

    def _put_stream_tags(self, stream: Stream, tags: dict[str, str]) -> None:
        stream.tags = tags
        self._index.change(settings.active().clock(), stream.arn, dict(tags))

    @locked
    def delete_stream(self, stream_arn: str, current_version: str | None = None) -> None:
        """Delete a stream of this version (None: of any) that no channel is linked to.

        Source of the words: https://github.com/aws-samples/amazon-kinesis-video-streams-demos/pull/409
        """
        self._stream("", stream_arn, current_version)
        if self.mapped_channel(stream_arn) is not None:
            raise ResourceInUseException("Disable MediaStorageConfiguration to delete the stream")
        super().delete_stream(stream_arn)
        self._index.change(settings.active().clock(), stream_arn, None)

    @locked
    def page_of_streams(
        self, max_results: int, next_token: str | None, prefix: str
    ) -> tuple[list[dict[str, object]], str | None]:
        """One page of the streams, by name, and the token of the next page; moto has no pages."""
        streams = {each.stream_name: each for each in self.streams.values()}
        after = name_before(next_token, prefix) if next_token else ""
        names = sorted(name for name in streams if name.startswith(prefix) and name > after)
        page = names[: min(max_results, settings.active().page_limit)]
        token = token_after(page[-1], prefix) if len(names) > len(page) else None
        return [streams[name].to_dict() for name in page], token

    @locked
    def describe_mapped_resource_configuration(
        self, stream_name: str | None, stream_arn: str | None
    ) -> list[dict[str, str]]:
        """Return what is linked to a stream: one channel at most."""
        stream = self._get_stream(stream_name or "", stream_arn or "")
        channel = self.mapped_channel(stream.arn)
        return [] if channel is None else [{"Type": CHANNEL_TYPE, "ARN": channel.arn}]

    def get_data_endpoint(self, stream_name: str, stream_arn: str, api_name: str) -> str:
        """Return where the stream's media would be written and read.

        The emulator has no media of streams: its own endpoint says so to whoever asks there.
        """
        nominal = super().get_data_endpoint(stream_name, stream_arn, api_name)
        return own_endpoint("HTTPS", "MASTER", self.region_name) or nominal

    def mapped_channel(self, stream_arn: str) -> SignalingChannel | None:
        """Return the channel that stores its media in the stream, if any."""
        linked = (each for each in self.channels.values() if each.stream_arn == stream_arn)
        return next(linked, None)


def _check_retention(hours: int) -> None:
    if not 0 <= hours <= MAX_RETENTION_HOURS:
        raise InvalidArgumentException(
            f"DataRetentionInHours must be between 0 and {MAX_RETENTION_HOURS}, not {hours}."
        )
