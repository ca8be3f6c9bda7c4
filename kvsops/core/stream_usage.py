"""What came into a stream and went out of it: bytes, as the metrics tell them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from kvsops.core.cost import midnight
from kvsops.core.intake import Intake

DAY: Final = timedelta(days=1)


class Item(StrEnum):
    """What a stream is billed for, each under a price of its own. The values are JSON keys."""

    INGESTED = "ingested"
    CONSUMED = "consumed"
    CONSUMED_BY_HLS = "consumed_by_hls"  # and by DASH, whose documentation speaks of HLS's charges
    CLIPS = "clips"  # GetClip: its price is not known
    STORED = "stored"


Bytes = Mapping[date, int]
"""By day (UTC), for the days that had any."""


@dataclass(frozen=True, slots=True)
class StreamUsage:
    """What came in and went out; None is not known.

    `outgoing` has the bytes by day of CONSUMED, CONSUMED_BY_HLS and CLIPS. `reach` is from when on
    what came in is known; None: from when the stream was made.
    """

    intake: Intake | None
    outgoing: Mapping[Item, Bytes | None]
    reach: datetime | None = None

    def on(self, item: Item, start: datetime, end: datetime) -> int | None:
        """Return the bytes of one flow from the day of `start` to before that of `end`."""
        if item is Item.INGESTED:
            return None if self.intake is None else self.intake.between(start, end)
        days = self.outgoing.get(item, {})
        if days is None:
            return None
        return sum((_among(days, start, end) or {}).values())

    def split(self, creation_time: datetime | None) -> "tuple[StreamUsage, StreamUsage]":
        """Part what came before the creation from the stream's own, whose days are whole."""
        if creation_time is None:
            return StreamUsage(_none_of(self.intake), {item: {} for item in self.outgoing}), self
        first = midnight(creation_time)
        before = {item: _among(days, None, first) for item, days in self.outgoing.items()}
        own = {item: _among(days, first, None) for item, days in self.outgoing.items()}
        intake = self.intake
        return (
            StreamUsage(intake and intake.before(creation_time), before, self.reach),
            StreamUsage(intake and intake.since(creation_time), own, self.reach),
        )

    @property
    def last_written(self) -> datetime | None:
        """When the last period began in which anything came in."""
        return self.intake.last if self.intake else None

    @property
    def last_read(self) -> date | None:
        """The last day on which anything was read."""
        return max((at for days in self.outgoing.values() for at in days or ()), default=None)


def day_begin(day: date) -> datetime:
    """Return the first moment of a day (UTC)."""
    return datetime.combine(day, time(), UTC)


def _among(days: Bytes | None, start: datetime | None, end: datetime | None) -> Bytes | None:
    """Return the days from the one that begins at `start`, before the one that does at `end`."""
    if days is None:
        return None
    least, most = start or day_begin(date.min), end or day_begin(date.max)
    return {at: count for at, count in days.items() if least <= day_begin(at) < most}


def _none_of(intake: Intake | None) -> Intake | None:
    return intake and Intake(intake.start, intake.period, (), intake.start)
