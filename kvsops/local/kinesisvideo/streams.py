"""moto's video streams as far as channels are linked to them, in moto's idiom.

Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_Operations_Amazon_Kinesis_Video_Streams.html
"""

from threading import RLock

from moto.kinesisvideo.models import KinesisVideoBackend as MotoKinesisVideoBackend

from kvsops.local import settings
from kvsops.local.api.paging import name_before, token_after
from kvsops.local.kinesisvideo.addresses import own_endpoint
from kvsops.local.kinesisvideo.channels import SignalingChannel
from kvsops.local.kinesisvideo.exceptions import ResourceInUseException, VersionMismatchException
from kvsops.local.locking import locked

CHANNEL_TYPE = "SIGNALING_CHANNEL"
"""What a mapped channel's Type says: our guess, for AWS's documentation does not tell."""


class StreamsBackend(MotoKinesisVideoBackend):
    """Streams that know the channels that store their media in them."""

    lock: RLock
    channels: dict[str, SignalingChannel]

    @locked
    def delete_stream(self, stream_arn: str, current_version: str | None = None) -> None:
        """Delete a stream of this version (None: of any) that no channel is linked to.

        Source of the words: https://github.com/aws-samples/amazon-kinesis-video-streams-demos/pull/409
        """
        stream = self._get_stream("", stream_arn)
        if current_version not in (None, stream.version):
            raise VersionMismatchException(
                f"The version {current_version} is not the stream's current one."
            )
        if self.mapped_channel(stream_arn) is not None:
            raise ResourceInUseException("Disable MediaStorageConfiguration to delete the stream")
        super().delete_stream(stream_arn)

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
