"""The columns of costs."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from kvsops.bill.bill import Bill, Line
from kvsops.core.cost import Day, Usage
from kvsops.core.facts import Facts
from kvsops.core.likeness import shown
from kvsops.output.figures import usd
from kvsops.output.rows import Column, Row
from kvsops.reports.bill import Group
from kvsops.reports.columns import UNKNOWN, channel_columns
from kvsops.reports.stream_said import least

BAR_DAYS: Final = 14
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_NOTHING: Final = "·"
_PLACES: Final = 4  # a message costs millionths


def listing_columns(
    bill: Bill,
    recorded: Sequence[Column[Line]] = (),
    *,
    tags: bool,
    verbose: bool = False,
    about: Collection[str] = (),
) -> list[Column[Line]]:
    """Return the columns of `list --cost`: a channel's own, what it costs, and what it records."""
    channels = channel_columns(bill.now, tags=tags, brief=True, verbose=verbose, about=about)
    own = [_lifted(column) for column in channels]
    last = [column for column in own if column.key == "tags"]
    costs = cost_columns(bill)
    month = 1 + [column.key for column in costs].index("estimated_monthly_usd")
    first = [column for column in own if column not in last]
    return [*first, *costs[:month], *recorded, *costs[month:], *last]


def bill_columns(bill: Bill) -> list[Column[Line]]:
    """Return the columns of `cost`: who it is, and what it costs; `ghost`: deleted since."""
    known = {"channel_arn", "creation_time", "tags"}
    own = channel_columns(bill.now, tags=False, brief=True)
    return [
        Column[Line](
            "channel_name",
            "CHANNEL",
            lambda line: line.channel_name,
            lambda line: shown(line.channel_name),
            cut="middle",
        ),
        Column[Line](
            "ghost",
            "DELETED",
            lambda line: line.ghost,
            shared=lambda deleted: "deleted since" if deleted == "yes" else "",
        ),
        *(_lifted(column) for column in own if column.key in known),
        *cost_columns(bill),
    ]


def cost_columns(bill: Bill) -> list[Column[Line]]:
    """Return what a line costs; the keys are an interface, null is not known.

    `last_activity` is the start of the last day (UTC) with any use: metrics are read by day. Of an
    earlier month it is the last day in it, and the last 14 days are not known.
    """
    last = f"LAST IN {bill.month}" if bill.over else "LAST USED"
    return [
        Column[Line](
            "last_activity",
            last,
            _last,
            lambda line: _last_text(line, bill),
            align="right",
            shared=lambda text: _LAST_OF_ALL.get(text, f"{last.lower()} {text}"),
        ),
        Column[Line](
            "active_this_month",
            "ACTIVE",
            lambda line: line.cost.active,
            shown=False,  # who has connects is
        ),
        _number("connections", "CONNECTS", "connects", lambda day: day.connections, 4),
        _number("messages", "MESSAGES", "messages", lambda day: day.messages, 6),
        _number("turn_minutes", "TURN MIN", "TURN minutes", lambda day: day.turn_minutes, 5),
        _dollars("month_to_date_usd", "TO DATE", lambda line: line.cost.month_to_date, _PLACES),
        _dollars("estimated_monthly_usd", "MONTH", lambda line: line.cost.estimated_month, _PLACES),
        Column[Line](
            "basis",
            "BASIS",
            lambda line: line.cost.basis.value,
            shared=lambda _: "",  # the total says it
            leaves=9,
        ),
        Column[Line](
            "daily_connections",
            f"{BAR_DAYS} DAYS",
            lambda line: None if bill.over else _daily(line.usage, bill.now),
            lambda line: bar(line.usage, bill.now),
            shown=not bill.over,
            leaves=3,
            shared=lambda _: "",  # the last use says it
        ),
        Column[Line](
            "prices_assumed_from",
            "PRICES OF",
            lambda _: bill.prices.assumed_from,
            shown=False,  # the total says it
        ),
    ]


def group_columns(by: str = "group", *, streams: bool = False) -> list[Column[Group]]:
    """Return the columns of groups; a null group is of what has none.

    `streams` says whether people see that any are in them.
    """
    header = by if by.startswith("tag:") else by.upper()  # a tag's key is as it is
    return [
        Column[Group](
            "group",
            header,
            lambda row: row.name,
            lambda row: row.name or "(none)",
            cut="middle",
        ),
        Column[Group](
            "channels",
            "CHANNELS",
            lambda row: row.channels,
            lambda row: f"{row.channels:,}",
            align="right",
        ),
        Column[Group]("used", "USED", lambda row: row.used, _used_text, align="right"),
        Column[Group](
            "streams",
            "STREAMS",
            lambda row: row.streams,
            lambda row: f"{row.streams:,}",
            align="right",
            shown=streams,
        ),
        Column[Group](
            "streams_month_to_date_usd",
            "STREAMS TO DATE",
            lambda row: row.streams_month_to_date,
            shown=False,
        ),
        Column[Group](
            "streams_estimated_monthly_usd",
            "STREAMS MONTH",
            lambda row: row.streams_estimated_month,
            shown=False,
        ),
        _sums("month_to_date_usd", "TO DATE", lambda row: row.month_to_date),
        _sums("estimated_monthly_usd", "MONTH", lambda row: row.estimated_month),
        Column[Group]("lower_bound", "AT LEAST", lambda row: row.lower_bound, shown=False),
    ]


def _sums(key: str, header: str, of: Callable[[Group], Decimal | None]) -> Column[Group]:
    """Return a column of dollars; those that are less than the truth say so."""

    def text(group: Group) -> str:
        return least(of(group), group.lower_bound)

    return Column[Group](key, header, of, text, align="right")


def _used_text(group: Group) -> str:
    return UNKNOWN if group.used is None else f"{group.used:,}"


def bar(usage: Usage | None, now: datetime) -> str:
    """Draw the last 14 days' connections, today's on the right; `·` is a day without any use."""
    if usage is None:
        return UNKNOWN
    days = [usage.days.get(day, Day()) for day in _last_days(now)]
    highest = max(1, *(day.connections for day in days))
    steps = len(_BLOCKS) - 1
    return "".join(
        _BLOCKS[-(-day.connections * steps // highest)] if day.used else _NOTHING for day in days
    )


def _lifted(column: Column[Facts]) -> Column[Line]:
    """Return a channel's column for its line; nothing of it is known of a ghost."""
    text, outcome = column.cell, column.outcome
    return Column[Line](
        column.key,
        column.header,
        lambda line: None if line.facts is None else column.value(line.facts),
        lambda line: UNKNOWN if line.facts is None else text(line.facts),
        align=column.align,
        shown=column.shown,
        cut=column.cut,
        leaves=column.leaves,
        shared=column.shared,
        outcome=lambda line: None if line.facts is None else outcome and outcome(line.facts),
    )


def _number(
    key: str, header: str, noun: str, of: Callable[[Day], int], leaves: int
) -> Column[Line]:
    def value(line: Line) -> int | None:
        return None if line.cost.used is None else of(line.cost.used)

    def text(line: Line) -> str:
        return UNKNOWN if line.cost.used is None else f"{of(line.cost.used):,}"

    return Column[Line](
        key,
        header,
        value,
        text,
        align="right",
        leaves=leaves,
        shared=lambda number: "" if number == UNKNOWN else f"{number} {noun}",
    )


def _dollars(
    key: str, header: str, of: Callable[[Row], Decimal | None], places: int = 2
) -> Column[Row]:
    def text(row: Row) -> str:
        return usd(of(row), places)

    return Column(key, header, of, text, align="right")


_LAST_OF_ALL: Final = {UNKNOWN: "use not known", "-": "not used"}


def _last(line: Line) -> datetime | None:
    last = line.last_used
    return None if last is None else datetime(last.year, last.month, last.day, tzinfo=UTC)


def _last_text(line: Line, bill: Bill) -> str:
    if line.usage is None:
        return UNKNOWN
    last = line.last_used
    if last is None:
        return "-"
    ago = (bill.now.astimezone(UTC).date() - last).days
    return "today" if ago == 0 else f"{ago}d ago"


@lru_cache(1)
def _last_days(now: datetime) -> Sequence[date]:
    today = now.astimezone(UTC).date()
    return [today - timedelta(days=ago) for ago in reversed(range(BAR_DAYS))]


def _daily(usage: Usage | None, now: datetime) -> list[int] | None:
    if usage is None:
        return None
    unused = Day()
    return [usage.days.get(day, unused).connections for day in _last_days(now)]
