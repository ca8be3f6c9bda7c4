"""A month's bill: what each channel costs, also those deleted since, and what follows from it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from kvsops.bill.usage import Metered
from kvsops.core.channel import OWNER_TAG
from kvsops.core.cost import (
    TRAILING,
    ZERO,
    Basis,
    Cost,
    Day,
    Month,
    Prices,
    Projection,
    Usage,
    estimate,
    midnight,
    total,
    unknown,
)
from kvsops.core.facts import Facts

GroupBy = Callable[["Line"], str | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One channel on the bill. A ghost was deleted since: CloudWatch tells its name alone."""

    channel_name: str
    usage: Usage | None
    cost: Cost
    facts: Facts | None = None  # None for a ghost

    @property
    def ghost(self) -> bool:
        """Whether the channel is no more."""
        return self.facts is None

    @property
    def creation_time(self) -> datetime | None:
        """When the channel was made, where it is known."""
        return self.facts.channel.creation_time if self.facts else None

    @property
    def last_used(self) -> date | None:
        """The last day with any use, where it is known."""
        return self.usage.last_used if self.usage else None

    @property
    def tags(self) -> dict[str, str] | None:
        """The tags, where they are known."""
        return self.facts.known_tags if self.facts else None


@dataclass(frozen=True, slots=True)
class Churn:
    """How many channels were used on one day only, and what reusing some for all would save.

    As many as were in use on the busiest day are needed; every other one was a fee too many.
    """

    used: int
    used_on_one_day: int
    busiest_day: int
    saving: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """The month's lines, and how they were priced.

    `lower_bound` says that channels deleted early in the month may be missing: ListMetrics
    reaches back two weeks only. `with_deleted`: it has the channels deleted since at all.
    """

    month: Month
    now: datetime
    prices: Prices
    lines: Sequence[Line] = field(default_factory=tuple)
    lower_bound: bool = False
    with_deleted: bool = True

    @property
    def over(self) -> bool:
        """Whether the month has ended: then nothing is known of what came after it."""
        return self.now >= self.month.end

    @property
    def month_to_date(self) -> Decimal:
        """What was spent so far, of the channels of which it is known."""
        return total(line.cost.month_to_date for line in self.lines)

    @property
    def estimated_month(self) -> Decimal:
        """What the month will come to, of the channels of which it is known."""
        return total(line.cost.estimated_month for line in self.lines)

    @property
    def living(self) -> Sequence[Line]:
        """The lines of channels that exist."""
        return [line for line in self.lines if not line.ghost]

    @property
    def unknown(self) -> list[Line]:
        """The lines whose cost could not be told."""
        return [line for line in self.lines if line.cost.basis is Basis.UNKNOWN]

    @property
    def used(self) -> list[Line]:
        """The lines that were used this month."""
        return [line for line in self.lines if line.cost.active]

    @property
    def dearest_first(self) -> list[Line]:
        """The lines, the dearest first; those that are not known before those that cost nothing."""
        return sorted(
            self.lines, key=lambda each: dearness(each.cost.estimated_month, each.channel_name)
        )

    @property
    def basis(self) -> Basis:
        """What the estimated month rests on, on the whole."""
        unknown = {line.cost.basis for line in self.unknown}
        bases = unknown | {line.cost.basis for line in self.lines if not line.ghost}
        order = (Basis.UNKNOWN, Basis.ASSUMED, Basis.PROJECTED)
        return next((basis for basis in order if basis in bases), Basis.MEASURED)

    @property
    def projection(self) -> Projection | None:
        """How the rest of the month was told, where it was."""
        found = (line.cost.projection for line in self.lines if line.cost.projection)
        return next(found, None) if self.basis is Basis.PROJECTED else None

    def groups(self, by: GroupBy) -> dict[str | None, list[Line]]:
        """Return the lines by group, the dearest group first; None is without one."""
        grouped: dict[str | None, list[Line]] = {}
        for line in self.lines:
            grouped.setdefault(by(line), []).append(line)
        return dict(sorted(grouped.items(), key=lambda item: -_estimated(item[1])))

    def days(self) -> dict[date, tuple[Day, Decimal]]:
        """Return each day of the month so far: what was used, and what it cost.

        A channel's fee falls on the first day of its use.
        """
        found = {day: (Day(), ZERO) for day in self.month.days_until(self.now)}
        for line in self.lines:
            fee = self.prices.channel_month
            for at, day in sorted((line.usage or Usage()).days.items()):
                if at not in found or not day.used:
                    continue
                used, spent = found[at]
                own = self.prices.messages(day.messages) + self.prices.turn(day.turn_minutes)
                found[at], fee = (used + day, spent + own + fee), ZERO
        return found

    def churn(self) -> Churn:
        """Return how many channels were used just once."""
        once: Counter[date] = Counter()
        for line in self.used:
            used = (line.usage or Usage()).days
            days = [day for day in self.month.days_until(self.now) if used.get(day, Day()).used]
            once.update(days if len(days) == 1 else ())
        number, busiest = once.total(), max(once.values(), default=0)
        saving = (number - busiest) * self.prices.channel_month
        return Churn(len(self.used), number, busiest, saving)


def lines_of(
    facts: Iterable[Facts],
    ghosts: Iterable[str],
    metered: Metered,
    *,
    prices: Prices,
    month: Month,
    now: datetime,
) -> list[Line]:
    """Price channels, and the ghosts: names that are no more, or days before a channel was made."""
    lines: list[Line] = []
    for each in facts:
        name = each.channel.channel_name
        usage = metered.of(name)
        if usage is None:
            lines.append(Line(name, None, unknown(), each))
            continue
        before, own = usage.split(each.channel.creation_time)
        if not _made_since(each, month):
            lines.append(Line(name, own, estimate(own, prices, month, now), each))
        lines += _ghost(name, before, prices, month, now)
    for name in ghosts:
        usage = metered.of(name)
        if usage is None:
            lines.append(Line(name, None, unknown()))
        else:
            lines += _ghost(name, usage, prices, month, now)
    return lines


def _made_since(facts: Facts, month: Month) -> bool:
    """Whether the channel was made after the month: it has no part in its bill."""
    created = facts.channel.creation_time
    return created is not None and created >= month.end


def window(month: Month, now: datetime) -> tuple[datetime, datetime]:
    """Return from when to when use must be read: the month, and the days it is projected by."""
    if now >= month.end:
        return month.start, month.end
    return min(month.start, midnight(now) - TRAILING), now


def by_tag(key: str) -> GroupBy:
    """Group by a tag's value."""

    def group(line: Line) -> str | None:
        if line.tags is None:
            return "unknown"
        return line.tags.get(key)

    return group


def by_prefix(line: Line) -> str | None:
    """Group by what stands before the first of `-`, `_` and `.` in the name."""
    name = line.channel_name
    ends = [at for at in (name.find(mark) for mark in "-_.") if at > 0]
    return name[: min(ends)] if ends else name


def groupings(region: str, account_id: str | None = None) -> Mapping[str, GroupBy]:
    """Return what one can group by, but for `tag:KEY`."""
    return {
        "owner": by_tag(OWNER_TAG),
        "prefix": by_prefix,
        "region": lambda _: region,
        "account": lambda _: account_id,
    }


def tag_key(by: str) -> str | None:
    """Return the key of the tag that is grouped by; None: it is no tag."""
    if by in ("prefix", "region", "account"):
        return None
    return OWNER_TAG if by == "owner" else by.removeprefix("tag:")


def _ghost(name: str, usage: Usage, prices: Prices, month: Month, now: datetime) -> list[Line]:
    """Price what will not be used any more: what was used in the month is what is billed."""
    if not usage.days:
        return []
    cost = estimate(usage, prices, month, max(now, month.end))
    return [Line(name, usage, cost)] if cost.active else []


def _estimated(lines: Iterable[Line]) -> Decimal:
    return total(line.cost.estimated_month for line in lines)


def dearness(cost: Decimal | None, name: str) -> tuple[int, Decimal, str]:
    """Return by what to sort, the dearest first: what is not known before what costs nothing."""
    return (1 if cost is None else (2 if cost == ZERO else 0)), -(cost or ZERO), name
