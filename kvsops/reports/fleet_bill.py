"""The bills of many accounts and regions as they are reported: each, and all together."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TypeVar

from kvsops.bill.advice import StreamAdvice, together
from kvsops.bill.bill import Churn
from kvsops.bill.budget import CHANNELS_ALONE, StreamsTotal
from kvsops.bill.streams import StreamBill
from kvsops.core.cost import ZERO, Day, known_sum
from kvsops.fleet.place import Missed, Place
from kvsops.reports.bill import BillDay, BillReport, Ghosts, Group, OwnCost, Quota, Total
from kvsops.reports.bill_streams import StreamPart
from kvsops.reports.fleet_said import merged
from kvsops.reports.located import extent, told_once

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class PlaceBill:
    """The bill of an account and region; `failed` is what could not be read of its channels.

    `complete` says that no look for deleted channels or streams failed. One that is not `priced`
    had nothing in it that was used: its region's prices are not known.
    """

    place: Place
    report: BillReport
    streams: StreamsTotal
    failed: Sequence[str] = ()
    complete: bool = True
    priced: bool = True

    @property
    def partly(self) -> bool:
        """Whether something that is there has a cost that is not known."""
        return self.report.total.unknown > 0 or self.report.streams.lower_bound

    @property
    def quiet(self) -> bool:
        """Whether nothing there costs anything this month."""
        return self.report.in_all.estimated_month == ZERO and not self.partly


@dataclass(frozen=True, slots=True)
class FleetReport:
    """The bill of many accounts and regions: each one's, the dearest first, and the whole.

    `missed` are those that could not be looked at: with any, the whole is a lower bound.
    """

    places: Sequence[PlaceBill]
    missed: Sequence[Missed]
    whole: BillReport

    @property
    def unseen(self) -> int:
        """How many could not be looked at though they should."""
        return sum(not each.excused for each in self.missed)

    @property
    def streams(self) -> StreamsTotal:
        """What all streams add to the month."""
        return sum((each.streams for each in self.places), CHANNELS_ALONE)


def fleet_report(found: Sequence[PlaceBill], missed: Sequence[Missed]) -> FleetReport:
    """Put together what was read; at least one place was."""
    places = sorted(found, key=_dearness)
    unseen = any(not each.excused for each in missed)
    return FleetReport(places, missed, _whole(places, lower_bound=unseen))


def _dearness(each: PlaceBill) -> tuple[Decimal, str, str]:
    cost = each.report.in_all.estimated_month or ZERO
    return -cost, each.place.account_id, each.place.region


def _whole(places: Sequence[PlaceBill], *, lower_bound: bool) -> BillReport:
    """Add the reports up, part by part: each was worked out by its own region's prices."""
    reports = [each.report for each in places]
    bill = merged([each.bill for each in reports])
    total = replace(Total.of(bill), lower_bound=bill.lower_bound or lower_bound)
    days = _transposed(reports, lambda each: {day.day: day for day in each.days})
    problems = [(str(each.place), line) for each in places for line in each.report.problems]
    return BillReport(
        bill=bill,
        region=extent((each.place.account_id, each.place.region) for each in places),
        narrowing=reports[0].narrowing,
        total=total,
        quota=Quota(sum(each.quota.channels for each in reports), None),
        by=reports[0].by,
        groups=_groups(reports),
        days=[_day(day, parts) for day, parts in sorted(days.items())],
        ghosts=Ghosts(
            _known([each.ghosts.channels for each in reports]),
            known_sum([each.ghosts.month_to_date for each in reports]),
        ),
        churn=_churn([each.churn for each in reports]),
        unused=_known([each.unused for each in reports]),
        own_cost=_own_cost([each.own_cost for each in reports]),
        problems=told_once(problems),
        streams=_streams([each.streams for each in reports]),
        advice=_advice([each.advice for each in reports]),
    )


def _advice(parts: Sequence[StreamAdvice | None]) -> StreamAdvice | None:
    known = [each for each in parts if each is not None]
    return together(known) if known else None


def _transposed(
    reports: Iterable[BillReport], of: Callable[[BillReport], dict[date, BillDay]]
) -> dict[date, list[BillDay]]:
    days: dict[date, list[BillDay]] = {}
    for report in reports:
        for day, each in of(report).items():
            days.setdefault(day, []).append(each)
    return days


def _day(day: date, parts: Sequence[BillDay]) -> BillDay:
    used = [each.used for each in parts if each.used is not None]
    return BillDay(
        day,
        sum(used, Day()) if used else None,
        known_sum([each.spent for each in parts]),
        known_sum([each.streams for each in parts]),
    )


def _groups(reports: Sequence[BillReport]) -> list[Group]:
    """Add up the groups of one name, and put the dearest first."""
    parts: dict[str | None, list[Group]] = {}
    for report in reports:
        for group in report.groups:
            parts.setdefault(group.name, []).append(group)
    found = [_group(name, groups) for name, groups in parts.items()]
    return sorted(found, key=lambda group: -(group.estimated_month or ZERO))


def _group(name: str | None, parts: Sequence[Group]) -> Group:
    return Group(
        name,
        sum(each.channels for each in parts),
        _known([each.used for each in parts]),
        known_sum([each.month_to_date for each in parts]),
        known_sum([each.estimated_month for each in parts]),
        sum(each.streams for each in parts),
        known_sum([each.streams_month_to_date for each in parts]),
        known_sum([each.streams_estimated_month for each in parts]),
        any(each.lower_bound for each in parts),
    )


def _known(values: Sequence[int | None]) -> int | None:
    """Add up what is known; where nothing is, neither is the sum."""
    known = [value for value in values if value is not None]
    return sum(known) if known or not values else None


def _churn(parts: Sequence[Churn | None]) -> Churn | None:
    """Add up: no channel of one region can be used for one of another."""
    known = [each for each in parts if each is not None]
    if not known:
        return None
    return Churn(
        sum(each.used for each in known),
        sum(each.used_on_one_day for each in known),
        sum(each.busiest_day for each in known),
        sum((each.saving for each in known), ZERO),
    )


def _own_cost(parts: Sequence[OwnCost]) -> OwnCost:
    calls: Counter[str] = Counter()
    for each in parts:
        calls.update(each.calls)
    spent = sum((each.spent for each in parts), ZERO)
    return OwnCost(sum(each.metrics for each in parts), dict(calls), spent)


def _streams(parts: Sequence[StreamPart]) -> StreamPart:
    """Put the streams together; where those of some place could not be listed, it is partial."""
    bills = [each.bill for each in parts if each.bill is not None]
    if not bills:
        return StreamPart()
    lines = [line for bill in bills for line in bill.lines]
    first = bills[0]
    missing = any(bill.missing and bill.lines for bill in bills)
    bill = StreamBill(first.month, first.now, first.prices, lines, missing)
    days: dict[date, Decimal] = {}
    for each in parts:
        for day, spent in each.days.items():
            days[day] = days.get(day, ZERO) + spent
    return StreamPart(bill, {}, days, partial=len(bills) < len(parts))
