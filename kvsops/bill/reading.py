"""A month's bill read: the channels, their use, and that of those deleted since."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from kvsops.aws import activity, channels, stream_activity
from kvsops.aws.metric_data import LISTED_FOR
from kvsops.aws.scope import Scope
from kvsops.bill import stream_reading, stream_usage, usage
from kvsops.bill.baseline import Baseline
from kvsops.bill.bill import Bill, Line, lines_of, window
from kvsops.bill.narrowing import Narrowing
from kvsops.bill.stream_reading import StreamReading
from kvsops.bill.usage import Metered
from kvsops.core.cost import Month, Prices, assumed
from kvsops.core.facts import Facts, Need
from kvsops.core.rules.activity import METRICS_REACH
from kvsops.errors import UsageError
from kvsops.facts import gather
from kvsops.facts.meanwhile import meanwhile
from kvsops.output.console import Counter

Deleted = Callable[[str | None], tuple[set[str], list[str]]]
"""Answers the names of an account's channels (None: of any) that are known to have been deleted in
the month or since, and what could not be read of them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The bill that is wanted: of which month and channels, at which prices."""

    month: Month
    now: datetime
    prices: Prices
    narrowing: Narrowing
    baseline: Baseline | None
    tag_key: str | None = None  # a tag to group by, which is read then
    max_retention: timedelta | None = None  # a policy for streams, which is advice alone


@dataclass(frozen=True, slots=True)
class Reading:
    """The bill, what its use was read from, how many channels the region has, and its streams."""

    bill: Bill
    metered: Metered
    listed: int
    streams: StreamReading


def within_reach(month: Month | None, now: datetime) -> Month:
    """Return the month, or the running one; `UsageError` if its metrics are not there, or gone."""
    month = month or Month.of(now)
    if month.start > now:
        raise UsageError(f"--month {month} has not begun")
    if month.start < now - METRICS_REACH:
        raise UsageError(
            f"--month {month} is too long ago: CloudWatch keeps {METRICS_REACH.days} days"
        )
    return month


def read_bill(scope: Scope, wanted: Wanted, deleted: Deleted, counter: Counter) -> Reading:
    """Read all that the bill is made of, and price it."""
    month, now, baseline = wanted.month, wanted.now, wanted.baseline
    found, streams = Metered(), StreamReading()
    with meanwhile(scope, partial(_see, scope, found, streams)):
        # All of them, whatever is meant: the quota is the region's.
        listed = _listed(scope, counter)
    facts = [each for each in listed if wanted.narrowing.means(each.channel.channel_name)]
    if wanted.tag_key is not None:
        tags = gather.fetch(scope, Need.TAGS, facts, counter=counter)
        facts = tags.facts
        found.problems += tags.problems
    ghosts = names_gone(listed, wanted.narrowing, found, deleted, baseline)
    names = [*_names(facts), *ghosts]
    stream_reading.look(scope, streams, wanted.narrowing, counter)
    refuse_to_overspend(scope, len(names), streams.names)
    stream_reading.read(
        scope,
        streams,
        month,
        wanted.prices,
        now=now,
        counter=counter,
        tag_key=wanted.tag_key,
        most=wanted.max_retention,
        beside=partial(read_use, scope, found, names, month, counter),
    )
    lines = lines_of(facts, ghosts, found, prices=wanted.prices, month=month, now=now)
    bill = Bill(
        month, now, wanted.prices, lines, lower_bound=not _whole(found, month, now, baseline)
    )
    return Reading(bill, found, len(listed), streams)


def _listed(scope: Scope, counter: Counter) -> list[Facts]:
    listed: list[Facts] = []
    for channel in channels.each_listed(scope):
        listed.append(Facts(channel))
        counter.advance()
    return listed


def _see(scope: Scope, found: Metered, streams: StreamReading) -> None:
    """Learn which channels and streams have points at all, those deleted since too."""
    usage.see(scope, found)
    stream_usage.see(scope, streams.metered)


def refuse_to_overspend(scope: Scope, channels: int, streams: int) -> None:
    """Refuse both before either is asked; each by itself refuses, too."""
    if streams:
        most = channels * activity.EVERY + streams * stream_activity.EVERY
        scope.metric_budget.refuse_to_overspend(channels + streams, most, "channels and stream")


def names_gone(
    listed: Sequence[Facts],
    narrowing: Narrowing,
    found: Metered,
    deleted: Deleted,
    baseline: Baseline | None,
) -> list[str]:
    """Return the names meant that are known to be deleted: by metrics, journals, an earlier output.

    `listed` are all channels there are of these names.
    """
    gone, problems = deleted(_account_of(listed))
    found.seen_all = found.seen_all and not problems
    found.problems += problems
    gone |= found.seen | (baseline.names if baseline else set())
    gone -= {each.channel.channel_name for each in listed}
    return sorted(filter(narrowing.means, gone))


def _whole(found: Metered, month: Month, now: datetime, baseline: Baseline | None) -> bool:
    """Whether all channels deleted in the month are known."""
    since = now - LISTED_FOR
    covered = baseline is not None and baseline.covers(month, since)
    return found.seen_all and (month.start >= since or covered)


def _account_of(facts: Sequence[Facts]) -> str | None:
    """Return whose the channels are: each metric that is asked for is billed."""
    arns = [each.channel.channel_arn for each in facts if not each.channel.doubt]
    return arns[0].split(":")[4] if arns else None


def _names(facts: Sequence[Facts]) -> list[str]:
    return [each.channel.channel_name for each in facts]


def read_use(
    scope: Scope, found: Metered, names: Sequence[str], month: Month, counter: Counter
) -> None:
    """Read the names' use in the month, and what it is projected by."""
    start, end = window(month, scope.now())
    usage.read(scope, found, names, start, end, counter=counter)


def priced(
    facts: Sequence[Facts],
    ghosts: Sequence[str] | None,
    found: Metered | None,
    baseline: Baseline | None,
    *,
    prices: Prices,
    now: datetime,
) -> Bill:
    """Price the channels this month; without their use, as if each were used.

    `ghosts` are the names of those deleted; None where it is not asked what these cost.
    """
    month = Month.of(now)
    if found is None:
        assumptions = (
            Line(each.channel.channel_name, None, assumed(prices), each) for each in facts
        )
        return Bill(month, now, prices, list(assumptions), with_deleted=False)
    lines = lines_of(facts, ghosts or (), found, prices=prices, month=month, now=now)
    if ghosts is None:
        living = [line for line in lines if not line.ghost]
        return Bill(month, now, prices, living, with_deleted=False)
    whole = _whole(found, month, now, baseline)
    return Bill(month, now, prices, lines, lower_bound=not whole)
