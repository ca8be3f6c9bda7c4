"""One signaling channel, and the rules for its tags."""

import hashlib
import string
from datetime import datetime

from moto.core.common_models import BaseModel

from kvsops.local import settings
from kvsops.local.api.exceptions import InvalidArgumentException
from kvsops.local.kinesisvideo.addresses import own_endpoint
from kvsops.local.kinesisvideo.exceptions import (
    TagsPerResourceExceededLimitException,
)

DEFAULT_MESSAGE_TTL_SECONDS = 60
MAX_TAGS = 50
"""Tags on one resource; those AWS made do not count.

Source: https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
"""
_AWS_TAGS = "aws:"
_VERSION_ALPHABET = string.ascii_letters + string.digits
_DNS_SUFFIXES = {"aws-cn": "amazonaws.com.cn"}


def new_version() -> str:
    """Another version: 20 letters and digits."""
    return "".join(settings.active().random.choices(_VERSION_ALPHABET, k=20))


class SignalingChannel(BaseModel):
    """One channel. Its state follows from the clock; there is no timer."""

    def __init__(
        self,
        *,
        arn: str,
        channel_name: str,
        creation_time: datetime,
        active_from: datetime,
        message_ttl_seconds: int,
    ) -> None:
        self.arn = arn
        self.channel_name = channel_name
        self.creation_time = creation_time
        self.busy_with = "CREATING"
        self.active_from = active_from
        self.gone_from: datetime | None = None
        self.message_ttl_seconds = message_ttl_seconds
        self.tags: dict[str, str] = {}
        self.ever_tagged = False
        self.stream_arn: str | None = None
        self.version = new_version()

    def status(self, now: datetime) -> str:
        """Answer CREATING, UPDATING, ACTIVE or DELETING."""
        if self.gone_from is not None:
            return "DELETING"
        return "ACTIVE" if now >= self.active_from else self.busy_with

    def to_dict(self, now: datetime) -> dict[str, object]:
        """Return the channel as the model's ChannelInfo."""
        return {
            "ChannelName": self.channel_name,
            "ChannelARN": self.arn,
            "ChannelType": "SINGLE_MASTER",
            "ChannelStatus": self.status(now),
            "CreationTime": self.creation_time,
            "SingleMasterConfiguration": {"MessageTtlSeconds": self.message_ttl_seconds},
            "Version": self.version,
        }

    def endpoint(self, protocol: str, role: str, region: str, partition: str) -> str:
        """Return the endpoint; for WSS, master and viewer each have their own.

        For WEBRTC it is that of HTTPS, which says that there are no storage sessions here.
        """
        if (url := own_endpoint(protocol, role, region)) is not None:
            return url
        letter = {"HTTPS": "r", "WEBRTC": "w"}.get(protocol, "m" if role == "MASTER" else "v")
        scheme = "wss" if protocol == "WSS" else "https"
        number = hashlib.blake2b(self.arn.encode(), digest_size=4).hexdigest()
        suffix = _DNS_SUFFIXES.get(partition, "amazonaws.com")
        return f"{scheme}://{letter}-{number}.kinesisvideo.{region}.{suffix}"


def check_tags(before: dict[str, str], added: dict[str, str]) -> None:
    """Raise unless a user may add these tags to those."""
    check_tag_keys(added)
    if sum(not key.startswith(_AWS_TAGS) for key in before | added) > MAX_TAGS:
        raise TagsPerResourceExceededLimitException(f"A resource can have at most {MAX_TAGS} tags.")


def check_tag_keys(keys: dict[str, str] | list[str]) -> None:
    """Raise InvalidArgumentException for keys that only AWS itself may set or remove."""
    for key in keys:
        if key.lower().startswith(_AWS_TAGS):
            raise InvalidArgumentException(
                f"Tag key '{key}': keys that begin with aws: are reserved for AWS."
            )
