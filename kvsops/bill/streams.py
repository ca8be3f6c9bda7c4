"""A month's bill of streams: what each costs, also those deleted since, and what is not known."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from kvsops.aws import streams as aws_streams
from kvsops.aws.metric_data import LISTED_FOR
from kvsops.aws.scope import Scope
from kvsops.aws.stream_activity import EVERY, INGESTED
from kvsops.bill import stream_usage
from kvsops.bill.bill import dearness
from kvsops.bill.stream_usage import StreamsMetered
from kvsops.core.cost import Basis, Month, Prices, Projection, known_sum, total
from kvsops.core.stream import ChannelLink, Settings, Stream, Tier
from kvsops.core.stream_caveats import Caveat
from kvsops.core.stream_cost import StreamCost, estimate_stream, spent_by_day
from kvsops.core.stream_usage import Item, StreamUsage
from kvsops.facts.meanwhile import meanwhile
from kvsops.facts.streams import read_each
from kvsops.output.console import UNSEEN, Counter

Tiers = Mapping[str, Tier | None]
"""By ARN; None could not be read. One without was not asked, or is no more."""


@dataclass(frozen=True, slots=True)
class StreamLine:
    """One stream on the bill. A ghost was deleted since: CloudWatch tells its name alone.

    `tags` and `link` None are not known, or were not asked for.
    """

    stream_name: str
    usage: StreamUsage
    settings: Settings
    cost: StreamCost
    stream: Stream | None = None  # None for a ghost
    tags: Mapping[str, str] | None = None
    link: ChannelLink | None = None

    @property
    def ghost(self) -> bool:
        """Whether the stream is no more."""
        return self.stream is None


@dataclass(frozen=True, slots=True)
class StreamBill:
    """The streams' lines of a month.

    `missing` says that streams deleted early in the month may be: ListMetrics reaches back two
    weeks only. `problems` are the looks that failed.
    """

    month: Month
    now: datetime
    prices: Prices
    lines: Sequence[StreamLine] = field(default_factory=tuple)
    missing: bool = False
    problems: Sequence[str] = ()

    @property
    def month_to_date(self) -> Decimal | None:
        """What was spent so far, as far as it is known."""
        return known_sum([line.cost.month_to_date for line in self.lines])

    @property
    def estimated_month(self) -> Decimal | None:
        """What the month will come to, as far as it is known."""
        return known_sum([line.cost.estimated_month for line in self.lines])

    @property
    def dearest_first(self) -> list[StreamLine]:
        """The lines, the dearest first; those not known before those that cost nothing."""
        return sorted(
            self.lines, key=lambda each: dearness(each.cost.estimated_month, each.stream_name)
        )

    @property
    def basis(self) -> Basis:
        """What the estimated month rests on, on the whole."""
        if self.unknown:
            return Basis.UNKNOWN
        return Basis.MEASURED if self.now >= self.month.end else Basis.PROJECTED

    @property
    def projection(self) -> Projection | None:
        """How the rest of the month was told, where it was."""
        found = (line.cost.projection for line in self.lines if line.cost.projection)
        return next(found, None) if self.basis is Basis.PROJECTED else None

    @property
    def lower_bound(self) -> bool:
        """Whether something of it is not known, so that it may be more."""
        return self.missing or any(line.cost.lower_bound for line in self.lines)

    @property
    def unknown(self) -> list[StreamLine]:
        """The lines of whose use nothing could be told."""
        return [line for line in self.lines if line.cost.basis is Basis.UNKNOWN]

    @property
    def caveats(self) -> list[Caveat]:
        """What is not known, and what the rest rests on, each once."""
        found = {caveat for line in self.lines for caveat in line.cost.caveats}
        return [caveat for caveat in Caveat if caveat in found]

    def items(self) -> dict[Item, tuple[Decimal, Decimal]]:
        """Return for each item what was spent and what the month will come to, where known."""
        return {
            item: (
                total(line.cost.spent.get(item) for line in self.lines),
                total(line.cost.estimated.get(item) for line in self.lines),
            )
            for item in Item
        }

    def days(self) -> dict[date, dict[Item, Decimal]]:
        """Return what each day of the month so far cost, as far as it is known."""
        used = ((line.usage, line.settings) for line in self.lines)
        return spent_by_day(used, self.prices, self.month, self.now)


def read_streams(
    scope: Scope,
    streams: Sequence[Stream],
    month: Month,
    prices: Prices,
    *,
    now: datetime | None = None,
    found: StreamsMetered | None = None,
    gone: Iterable[str] | None = None,
    beside: Callable[[StreamBill], object] = lambda _: None,
    counter: Counter = UNSEEN,
) -> StreamBill:
    """Read the use of streams in the month, and of those deleted since; price it.

    `now` is the moment of the bill that it is part of. `gone` are the names of deleted streams that
    are meant; None: all that ListMetrics knows of. `found` is what `stream_usage.see` learned
    already. `beside` hears, while the storage tiers are read, the bill as it were if all were the
    hot one. Raises `CheckFailedError` where it may cost more than the scope's budget.
    """
    if found is None:
        found = StreamsMetered()
        stream_usage.see(scope, found)
    if gone is None:
        gone = sorted(found.seen - {each.stream_name for each in streams})
    gone, now = [*gone], now or scope.now()
    names = len({each.stream_name for each in streams}.union(gone))
    scope.metric_budget.refuse_to_overspend(names, names * EVERY, "stream")
    surely = [each for each in streams if each.stream_name in found.listed.get(INGESTED, ())]
    with meanwhile(scope, partial(read_tiers, scope, surely)) as reading:
        stream_usage.read(scope, found, streams, gone, month, now=now, counter=counter)
        lines = lines_if_hot(streams, gone, found, prices=prices, month=month, now=now)
        missing = not found.seen_all or month.start < now - LISTED_FOR
        bill = StreamBill(month, now, prices, lines, missing, found.problems)
        beside(bill)
    tiers, problems = reading.result()
    taking_in = [each.stream for each in lines if each.stream and each.usage.last_written]
    asked = {each.stream_arn for each in surely}
    lacking = [each for each in taking_in if each.stream_arn not in asked]
    more, others = read_tiers(scope, lacking, counter)
    tiers |= more
    gone_since = asked.union(each.stream_arn for each in lacking) - tiers.keys()
    return replace(
        bill,
        lines=[_settled(each, tiers, gone_since, bill) for each in lines],
        problems=(*dict.fromkeys((*bill.problems, *problems, *others, *_untold(streams))),),
    )


def _untold(streams: Sequence[Stream]) -> Iterator[str]:
    """Say of which streams no retention was told; one that cannot be is told where it is read."""
    names = [each.stream_name for each in streams if each.retention is None and not each.doubt]
    if names:
        more = f" and {len(names) - 1:,} more" if names[1:] else ""
        yield f"ListStreams told no retention of {names[0]}{more}: what is stored is not known"


def read_tiers(
    scope: Scope, streams: Sequence[Stream], counter: Counter = UNSEEN
) -> tuple[dict[str, Tier | None], list[str]]:
    """Read where streams store what they take in, and what could not be read."""
    return read_each(scope, streams, aws_streams.tier_of, "storage tiers", counter)


def lines_if_hot(
    streams: Iterable[Stream],
    gone: Iterable[str],
    found: StreamsMetered,
    *,
    prices: Prices,
    month: Month,
    now: datetime,
) -> list[StreamLine]:
    """Price streams as if stored hot, and the ghosts: names that are no more, or use before."""
    lines: list[StreamLine] = []
    for stream in streams:
        before, own = found.of(stream.stream_name).split(stream.creation_time)
        created = stream.creation_time
        if created is None or created < month.end:
            settings = Settings(stream.retention, Tier.HOT, created)
            cost = estimate_stream(own, settings, prices, month, now)
            lines.append(StreamLine(stream.stream_name, own, settings, cost, stream))
        earlier = _ghost(stream.stream_name, before, prices, month)
        lines += [earlier] if earlier.cost.active else []
    for name in gone:
        ghost = _ghost(name, found.of(name), prices, month)
        lines += [ghost] if ghost.cost.active or ghost.cost.basis is Basis.UNKNOWN else []
    return lines


def _settled(line: StreamLine, tiers: Tiers, gone: Collection[str], bill: StreamBill) -> StreamLine:
    """Price once more what is not stored hot, as most is, or was deleted while it was read."""
    if line.stream is None or tiers.get(line.stream.stream_arn) is Tier.HOT:
        return line
    if line.stream.stream_arn in gone:
        return _ghost(line.stream_name, line.usage, bill.prices, bill.month)
    settings = replace(line.settings, tier=tiers.get(line.stream.stream_arn))
    cost = estimate_stream(line.usage, settings, bill.prices, bill.month, bill.now)
    return replace(line, settings=settings, cost=cost)


def _ghost(name: str, usage: StreamUsage, prices: Prices, month: Month) -> StreamLine:
    """Price what will not be used any more; nothing is known of what it had stored."""
    settings = Settings(None, None, gone=True)
    return StreamLine(
        name, usage, settings, estimate_stream(usage, settings, prices, month, month.end)
    )
