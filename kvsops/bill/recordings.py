"""The streams that channels record to: which they are, and what they cost this month.

A link can be read of a channel or of a stream. Each read takes its turn in a quota, so it is read
of whichever there are fewer of.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from kvsops.aws import streams as aws_streams
from kvsops.aws.scope import Scope
from kvsops.bill.bill import Line, dearness
from kvsops.bill.streams import StreamBill, StreamLine, read_streams
from kvsops.core.cost import ZERO, Month, Prices, known_sum
from kvsops.core.facts import Facts, Need
from kvsops.core.stream import Stream
from kvsops.core.stream_cost import StreamCost
from kvsops.errors import AwsError
from kvsops.facts import storage
from kvsops.facts.look import Look
from kvsops.facts.streams import read_each
from kvsops.facts.unread import unread
from kvsops.output.console import Counter


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a channel records to. `stream_arn` None: to nothing; `line` None: its cost is unknown.

    A channel that records to nothing costs nothing for it.
    """

    stream_arn: str | None = None
    line: StreamLine | None = None

    @property
    def month_to_date(self) -> Decimal | None:
        """What the stream cost so far this month, as far as it is known."""
        return self._known(lambda cost: cost.month_to_date)

    @property
    def estimated_month(self) -> Decimal | None:
        """What the stream will come to this month, as far as it is known."""
        return self._known(lambda cost: cost.estimated_month)

    @property
    def lower_bound(self) -> bool:
        """Whether it may cost more than is told."""
        return self.stream_arn is not None and (self.line is None or self.line.cost.lower_bound)

    def _known(self, of: Callable[[StreamCost], Decimal | None]) -> Decimal | None:
        if self.stream_arn is None:
            return ZERO
        return of(self.line.cost) if self.line else None


NOTHING = Recorded()


@dataclass(slots=True)
class Recordings:
    """What channels record to, by their ARN; one that is not there is not known.

    `streams` are those recorded to, `bill` is theirs; `problems` are the looks that failed.
    """

    by_channel: dict[str, Recorded] = field(default_factory=dict)
    streams: list[Stream] = field(default_factory=list)
    bill: StreamBill | None = None
    problems: list[str] = field(default_factory=list)

    def of(self, line: Line) -> Recorded | None:
        """Return what a line's channel records to; None where it is not known."""
        return self.by_channel.get(line.facts.channel.channel_arn) if line.facts else None

    def dearest_first(self, lines: Iterable[Line]) -> list[Line]:
        """Return the lines, those first that are dearest together with what they record to."""

        def key(line: Line) -> tuple[int, Decimal, str]:
            recorded = self.of(line)
            streams = recorded.estimated_month if recorded else None
            cost = known_sum([line.cost.estimated_month, streams])
            return dearness(cost, line.channel_name)

        return sorted(lines, key=key)

    def told_of(self, lines: Sequence[Line]) -> bool:
        """Whether there is anything to tell of these: a stream, or that it is not known."""
        return any(self.of(line) is not NOTHING for line in lines if not line.ghost)

    def all_known(self, lines: Sequence[Line]) -> bool:
        """Whether it is known of each of these what it records to, and what that costs."""
        found = [self.of(line) for line in lines if not line.ghost]
        return all(each and each.estimated_month is not None for each in found)


def look(scope: Scope, channels: Sequence[Facts], counter: Counter) -> Recordings:
    """Learn what each channel records to; where there are no streams, nothing more is asked."""
    found = Recordings()
    counter.stage("listing streams", None)
    try:
        there = [*aws_streams.each_listed(scope)]
    except AwsError as error:
        found.problems.append(f"{error}; what channels record to is not known")
        return found
    by_stream = len(there) < len(channels)
    links = (_by_stream if by_stream else _by_channel)(scope, there, channels, found, counter)
    found.by_channel = {arn: Recorded(to) if to else NOTHING for arn, to in links.items()}
    meant = {each.stream_arn for each in found.by_channel.values()}
    found.streams = [each for each in there if each.stream_arn in meant]
    return found


def _by_stream(
    scope: Scope,
    there: Sequence[Stream],
    channels: Sequence[Facts],
    found: Recordings,
    counter: Counter,
) -> Mapping[str, str | None]:
    """Return the stream by channel; where a look failed, not of those that no stream named."""
    links, problems = read_each(scope, there, aws_streams.link_of, "links", counter)
    found.problems += problems
    named = {link.channel_arn: arn for arn, link in links.items() if link and link.channel_arn}
    arns = [each.channel.channel_arn for each in channels]
    return {arn: named.get(arn) for arn in arns if arn in named or not problems}


def _by_channel(
    scope: Scope,
    there: Sequence[Stream],
    channels: Sequence[Facts],
    found: Recordings,
    counter: Counter,
) -> Mapping[str, str | None]:
    """Return the stream by channel, of those that could be read; none where there is none."""
    if not there:
        return {each.channel.channel_arn: None for each in channels}
    read = storage.READER.many(scope, channels, Look(counter=counter))
    found.problems += [*read.problems, *unread(read.facts, Need.STORAGE)]
    known = ((each.channel.channel_arn, each.storage_link) for each in read.facts)
    return {arn: link.stream_arn if link.linked else None for arn, link in known if link}


def read(scope: Scope, found: Recordings, month: Month, prices: Prices, counter: Counter) -> None:
    """Price the streams that channels record to.

    Raises `CheckFailedError` where reading their metrics may cost more than the scope's budget.
    """
    if not found.streams:
        return
    bill = read_streams(scope, found.streams, month, prices, gone=(), counter=counter)
    # Of deleted streams nobody knows which channel recorded to them.
    lines = {line.stream.stream_arn: line for line in bill.lines if line.stream}
    found.bill = replace(bill, lines=[*lines.values()], missing=False)
    found.problems += bill.problems
    found.by_channel = {
        arn: Recorded(each.stream_arn, lines.get(each.stream_arn)) if each.stream_arn else each
        for arn, each in found.by_channel.items()
    }
