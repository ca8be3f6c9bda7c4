"""The stream that media is recorded in, as the service tells of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from kvsops.core.channel import contradictions

RETENTION_HOURS: Final = range(87_601)
"""From nothing kept to ten years.

Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_UpdateDataRetention.html
"""


class Tier(StrEnum):
    """Where a stream stores what it takes in; each is billed otherwise.

    Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/tiered-storage.html
    """

    HOT = "HOT"
    WARM = "WARM"


@dataclass(frozen=True, slots=True)
class ChannelLink:
    """Which channel records to a stream; None: none does."""

    channel_arn: str | None

    @property
    def channel_name(self) -> str | None:
        """The channel's name, as its ARN has it."""
        return self.channel_arn.split("/")[1] if self.channel_arn else None


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream as ListStreams tells of it.

    What the service left out is None, which is never read as zero. `doubt` says what was told of
    it that cannot be, and is therefore None. The retention is the present one: when it was changed
    is not told.
    """

    stream_name: str
    stream_arn: str
    status: str | None
    creation_time: datetime | None  # aware, UTC
    data_retention_hours: int | None
    doubt: str = ""

    @property
    def retention(self) -> timedelta | None:
        """How long it keeps what it takes in; None where that is not known."""
        hours = self.data_retention_hours
        return None if hours is None else timedelta(hours=hours)

    def doubted(self, region: str, account_id: str | None, now: datetime) -> "Stream":
        """Hold it against its ARN, its region and the calendar; return it with what cannot be.

        What is wrong is None in it. `account_id` is None where it is not known.
        """
        told = contradictions(
            "stream",
            self.stream_name,
            self.stream_arn,
            self.creation_time,
            region=region,
            account_id=account_id,
            now=now,
        )
        if told is None:
            return replace(self, doubt=self.doubt or "its ARN is not a stream's")
        doubts, created = told
        hours = self.data_retention_hours
        if hours is not None and hours not in RETENTION_HOURS:
            doubts.append(f"its DataRetentionInHours is {hours}")
            hours = None
        if not doubts:
            return self
        doubt = "; ".join(filter(None, (self.doubt, *doubts)))
        return replace(self, creation_time=created, data_retention_hours=hours, doubt=doubt)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the storage rests on. A stream that is gone has none of it.

    `retention` and `tier` None are not known; `creation_time` None neither.
    """

    retention: timedelta | None
    tier: Tier | None
    creation_time: datetime | None = None
    gone: bool = False
