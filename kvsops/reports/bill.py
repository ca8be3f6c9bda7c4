"""A month's bill as it is reported: totals, groups, days, and what could be spared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from kvsops.aws.activity import CLOUDWATCH_CALLS, own_cost
from kvsops.aws.quotas import channel_quota
from kvsops.aws.scope import Scope
from kvsops.bill.advice import StreamAdvice
from kvsops.bill.bill import Bill, Churn, GroupBy, Line, by_tag, groupings
from kvsops.bill.narrowing import Narrowing
from kvsops.bill.reading import Reading
from kvsops.bill.streams import StreamLine
from kvsops.core.cost import ZERO, Basis, Day, Projection, known_count, known_sum
from kvsops.reports.bill_streams import InAll, StreamPart, known_costs, stream_part

SWEEPING_SAVES: Final = ZERO
"""A channel that nobody connects to costs nothing."""


@dataclass(frozen=True, slots=True)
class Total:
    """What the lines come to; None is not known.

    `fee`, `messages` and `turn` are the parts of `month_to_date`.
    """

    channels: int
    used: int | None
    unknown: int
    fee: Decimal | None
    messages: Decimal | None
    turn: Decimal | None
    month_to_date: Decimal | None
    estimated_month: Decimal | None
    basis: Basis
    projection: Projection | None
    lower_bound: bool

    @classmethod
    def of(cls, bill: Bill) -> "Total":
        """Sum up."""
        costs = [line.cost for line in bill.lines]
        return cls(
            channels=len(costs),
            used=known_count([cost.active for cost in costs]),
            unknown=len(bill.unknown),
            fee=known_sum([cost.fee for cost in costs]),
            messages=known_sum([cost.messages for cost in costs]),
            turn=known_sum([cost.turn for cost in costs]),
            month_to_date=known_sum([cost.month_to_date for cost in costs]),
            estimated_month=known_sum([cost.estimated_month for cost in costs]),
            basis=bill.basis,
            projection=bill.projection,
            lower_bound=bill.lower_bound,
        )


@dataclass(frozen=True, slots=True)
class Quota:
    """How many channels there are in the region, and how many there may be."""

    channels: int
    limit: int | None

    @property
    def share(self) -> float | None:
        """The share of the quota in use."""
        return round(self.channels / self.limit, 4) if self.limit else None


@dataclass(frozen=True, slots=True)
class Group:
    """Channels and streams that have something in common; None is the name of those without it.

    The dollars are of both, and `lower_bound` says that they may be more; `streams_…` are the
    streams' part.
    """

    name: str | None
    channels: int
    used: int | None
    month_to_date: Decimal | None
    estimated_month: Decimal | None
    streams: int = 0
    streams_month_to_date: Decimal | None = ZERO
    streams_estimated_month: Decimal | None = ZERO
    lower_bound: bool = False

    @classmethod
    def of(
        cls, name: str | None, lines: Sequence[Line], streams: Sequence[StreamLine] = ()
    ) -> "Group":
        """Sum up."""
        used = known_count([line.cost.active for line in lines])
        to_date = [line.cost.month_to_date for line in lines]
        month = [line.cost.estimated_month for line in lines]
        return cls(
            name,
            len(lines),
            used,
            known_sum([*to_date, *(line.cost.month_to_date for line in streams)]),
            known_sum([*month, *(line.cost.estimated_month for line in streams)]),
            len(streams),
            *known_costs(streams),
            None in month or any(line.cost.lower_bound for line in streams),
        )


@dataclass(frozen=True, slots=True)
class BillDay:
    """What was used on a day, what it cost, and what streams did; None is not known."""

    day: date
    used: Day | None
    spent: Decimal | None
    streams: Decimal | None = ZERO

    @property
    def in_all(self) -> Decimal | None:
        """What channels and streams cost, as far as it is known."""
        return known_sum([self.spent, self.streams])


@dataclass(frozen=True, slots=True)
class Ghosts:
    """How many channels that were deleted since are on the bill, and with what."""

    channels: int | None
    month_to_date: Decimal | None


@dataclass(frozen=True, slots=True)
class OwnCost:
    """What it cost to make the report."""

    metrics: int
    calls: Mapping[str, int]
    spent: Decimal


@dataclass(frozen=True, slots=True)
class BillReport:
    """A bill, and what there is to tell of it; None is not known.

    `groups` are by `by`, the dearest first. `unused` is how many channels were not used in the
    month. `advice` None: nobody asked what streams could spare.
    """

    bill: Bill
    region: str
    narrowing: Narrowing
    total: Total
    quota: Quota
    by: str
    groups: Sequence[Group]
    days: Sequence[BillDay]
    ghosts: Ghosts
    churn: Churn | None
    unused: int | None
    own_cost: OwnCost
    problems: Sequence[str]
    streams: StreamPart
    advice: StreamAdvice | None = None

    @property
    def in_all(self) -> InAll:
        """What channels and streams come to together."""
        # Where there are no streams, their nothing must not pass for what is known of the whole.
        parts = (self.total, self.streams) if self.streams.told else (self.total,)
        return InAll(
            known_sum([each.month_to_date for each in parts]),
            known_sum([each.estimated_month for each in parts]),
            any(each.lower_bound for each in parts) or self.total.unknown > 0,
        )


def report_of(
    reading: Reading, scope: Scope, narrowing: Narrowing, by: str, account_id: str | None = None
) -> BillReport:
    """Work out what there is to tell of a bill; `account_id` is known where many are looked at."""
    bill, total = reading.bill, Total.of(reading.bill)
    known_groups = groupings(scope.region, account_id or _account_of(bill))
    group_by = known_groups.get(by) or by_tag(by.removeprefix("tag:"))
    ghosts = [line.cost for line in bill.lines if line.ghost]
    active = [line.cost.active for line in bill.lines]
    known = total.used is not None
    streams = stream_part(reading.streams.bill, bill.lines, by, group_by)
    return BillReport(
        bill=bill,
        region=scope.region,
        narrowing=narrowing,
        total=total,
        quota=Quota(reading.listed, channel_quota(scope.region)),
        by=by,
        groups=_groups(bill, streams, group_by),
        days=[
            BillDay(
                day,
                used if known else None,
                spent if known else None,
                None if streams.unknown else streams.days.get(day, ZERO),
            )
            for day, (used, spent) in bill.days().items()
        ],
        ghosts=Ghosts(
            known_count([cost.active for cost in ghosts]),
            known_sum([cost.month_to_date for cost in ghosts]),
        ),
        churn=bill.churn() if known else None,
        unused=known_count([None if each is None else not each for each in active]),
        own_cost=OwnCost(
            scope.metric_budget.asked,
            {name: scope.calls[name] for name in CLOUDWATCH_CALLS},
            own_cost(scope),
        ),
        problems=_problems(reading),
        streams=streams,
        advice=reading.streams.advice,
    )


def _account_of(bill: Bill) -> str | None:
    """Return the account that the bill's channels are in, where any of them is still there."""
    arns = (line.facts.channel.channel_arn for line in bill.living if line.facts)
    return next((arn.split(":")[4] for arn in arns), None)


def _groups(bill: Bill, streams: StreamPart, group_by: GroupBy) -> list[Group]:
    """Return the groups, the dearest first."""
    channels = bill.groups(group_by)
    names = [*channels, *(name for name in streams.groups if name not in channels)]
    found = [Group.of(name, channels.get(name, ()), streams.groups.get(name, ())) for name in names]
    return sorted(found, key=lambda group: -(group.estimated_month or ZERO))


def _problems(reading: Reading) -> list[str]:
    """Return what could not be read, of channels and of streams, each once."""
    streams = reading.streams
    of_bill = streams.bill.problems if streams.bill else ()
    return [*dict.fromkeys([*reading.metered.problems, *streams.problems, *of_bill])]
