"""What could be spared on a stream, in dollars a month, and how sure that is. It is advice alone.

What is spared is reckoned from what is kept now: the GB that a shorter retention would not keep, at
the price of a GB-month; and, where a channel need not record at all, what comes in as well.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kvsops.core.cost import YOUNG, Prices, midnight
from kvsops.core.stream import RETENTION_HOURS, Settings, Tier
from kvsops.core.stream_cost import StreamCost
from kvsops.core.stream_price import gb
from kvsops.core.stream_usage import Item, StreamUsage, day_begin

SHORT: Final = timedelta(hours=24)
"""What nobody reads is advised to be kept no longer."""
_RETENTION: Final = re.compile(r"(\d{1,5})(h|d)")


class Kind(StrEnum):
    """What is advised. The values are JSON."""

    UNWRITTEN = "unwritten"  # nothing comes in any more, and what is stored only ages
    UNREAD = "unread"  # kept for long, and nobody reads
    RECORDED_UNREAD = "recorded-unread"  # a channel records to it, and nobody reads
    OVER_LIMIT = "over-limit"  # kept for longer than its tag, or a policy, says


class Certainty(StrEnum):
    """How sure it is that nobody needs it. The values are JSON."""

    SURE = "sure"
    LIKELY = "likely"
    UNCERTAIN = "uncertain"


SURE: Final = {
    Kind.UNWRITTEN: Certainty.LIKELY,
    Kind.UNREAD: Certainty.UNCERTAIN,
    Kind.RECORDED_UNREAD: Certainty.UNCERTAIN,
    Kind.OVER_LIMIT: Certainty.SURE,
}
"""Whether what a storage session writes is counted as PutMedia is not documented, and no metric is
known of what is read as images: silence of these is no proof."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How long a stream is to keep at most, and who says so."""

    most: timedelta
    source: str


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that could be spared.

    `keep` is how long to keep instead, None: nothing need be. `quiet` is for how long nothing came
    in, or nobody read, as far back as was looked. `saving` is in dollars a month, None: not known.
    """

    kind: Kind
    keep: timedelta | None
    saving: Decimal | None
    quiet: timedelta | None = None
    limit: Limit | None = None

    @property
    def certainty(self) -> Certainty:
        """How sure it is."""
        return SURE[self.kind]


@dataclass(frozen=True, slots=True)
class Seen:
    """One stream's use, settings and cost; what went out of it is known from `since` on."""

    usage: StreamUsage
    settings: Settings
    cost: StreamCost
    prices: Prices
    since: datetime
    now: datetime

    @property
    def unwritten(self) -> timedelta | None:
        """For how long nothing came in; None where something did lately, or that is not known."""
        last = self.usage.last_written
        quiet = self.now - last if last else timedelta()
        return quiet if quiet >= YOUNG else None

    @property
    def unread(self) -> timedelta | None:
        """For how long nobody read; None where somebody may read what is kept.

        What was last read before all that is kept came in was none of it.
        """
        if None in self.usage.outgoing.values():
            return None
        last, retention = self.usage.last_read, self.settings.retention
        begun = max(self.since, self.settings.creation_time or self.since)
        quiet = self.now - (_day_after(last) if last else begun)
        kept_unread = last is None or (retention is not None and quiet >= retention)
        return quiet if kept_unread and quiet >= YOUNG else None

    def spared(self, keep: timedelta) -> Decimal | None:
        """Return what keeping for so long would spare a month; None where it is not known."""
        retention, intake = self.settings.retention, self.usage.intake
        price = self.prices.gb_month_stored
        if retention is None or intake is None:
            return None
        apart = intake.kept_at(retention, self.now) - intake.kept_at(min(keep, retention), self.now)
        if not apart:
            return Decimal(0)
        known = price is not None and self.settings.tier is Tier.HOT
        return price * gb(apart) if known and price is not None else None

    def unlinked(self) -> Decimal | None:
        """Return what neither taking in nor keeping would spare a month."""
        stored, taken = self.spared(timedelta()), self.cost.estimated.get(Item.INGESTED)
        return None if stored is None or taken is None else stored + taken


def advice(seen: Seen, limit: Limit | None, *, recorded: bool) -> Iterator[Advice]:
    """Yield what could be spared on a stream; `recorded` says that a channel records to it.

    Nothing is yielded that would spare nothing.
    """
    found = [_on_use(seen, recorded=recorded), _on_limit(seen, limit)]
    yield from (each for each in found if each is not None and each.saving != 0)


def _on_use(seen: Seen, *, recorded: bool) -> Advice | None:
    unread, retention = seen.unread, seen.settings.retention
    if seen.settings.gone or retention is None:
        return None
    if quiet := seen.unwritten:
        return Advice(Kind.UNWRITTEN, None, seen.spared(timedelta()), quiet)
    if unread and recorded:
        return Advice(Kind.RECORDED_UNREAD, None, seen.unlinked(), unread)
    if unread and retention > SHORT:
        return Advice(Kind.UNREAD, SHORT, seen.spared(SHORT), unread)
    return None


def _on_limit(seen: Seen, limit: Limit | None) -> Advice | None:
    retention = seen.settings.retention
    if limit is None or retention is None or retention <= limit.most:
        return None
    return Advice(Kind.OVER_LIMIT, limit.most, seen.spared(limit.most), limit=limit)


def parsed_retention(text: str) -> timedelta | None:
    """Read how long to keep, in whole hours or days (`24h`, `30d`); None: it is not that."""
    found = _RETENTION.fullmatch(text.strip())
    if not found:
        return None
    hours = int(found[1]) * (24 if found[2] == "d" else 1)
    return timedelta(hours=hours) if hours in RETENTION_HOURS else None


def _day_after(day: date) -> datetime:
    return midnight(day_begin(day)) + timedelta(days=1)
