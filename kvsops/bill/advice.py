"""What could be spared on streams: what more must be read for it, and the dearest first.

Tags come from the index, in one look for all streams that have this one: it lags, and that is
enough for advice. Who records to a stream is read of the dearest that nobody reads.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from kvsops.aws import streams as aws_streams
from kvsops.aws.scope import Scope
from kvsops.bill.bill import dearness, window
from kvsops.bill.streams import StreamBill, StreamLine
from kvsops.core.advice import Advice, Limit, Seen, advice, parsed_retention
from kvsops.core.cost import total
from kvsops.core.stream import ChannelLink, Stream
from kvsops.errors import AwsError
from kvsops.facts.streams import read_each
from kvsops.output.console import Counter

RETENTION_TAG: Final = "kvsops:retention"
"""How long a stream is to keep at most, in whole hours or days: `24h`, `30d`."""
LINKS: Final = 100
"""Of at most so many streams that nobody reads it is read which channel records to them."""


Links = Mapping[str, ChannelLink | None]
"""Which channel records to a stream, by the stream's ARN; None is not known."""


@dataclass(frozen=True, slots=True)
class Advised:
    """An advice on a stream, and the channel that records to it, where that is known."""

    line: StreamLine
    advice: Advice

    @property
    def channel_name(self) -> str | None:
        """The channel that records to the stream; None where none does, or it is not known."""
        return self.line.link.channel_name if self.line.link else None


@dataclass(slots=True)
class StreamAdvice:
    """All that is advised, the dearest first; `problems` are the looks that failed."""

    rows: list[Advised] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def streams(self) -> int:
        """How many streams it is on."""
        return len({each.line.stream_name for each in self.rows})

    @property
    def saving(self) -> Decimal:
        """What all of it would spare a month, as far as is known: of each stream the most."""
        most: dict[str, Decimal] = {}
        for each in self.rows:
            name, saving = each.line.stream_name, each.advice.saving
            most[name] = max(saving or Decimal(0), most.get(name, Decimal(0)))
        return total(most.values())


def advise(
    scope: Scope, bill: StreamBill, links: Links, most: timedelta | None
) -> StreamAdvice | None:
    """Read what tags ask for, and advise; `most` is a policy's longest retention.

    `links` are those that `links_of_unread` read. None: the month is over, and tells nothing of
    what is kept now.
    """
    if bill.now >= bill.month.end:
        return None
    found, lines = StreamAdvice(), _keeping(bill)
    limits = _limits(scope, [line.stream for line in lines if line.stream], most, found)
    for line in lines:
        arn = line.stream.stream_arn if line.stream else ""
        link = links.get(arn)
        recorded = bool(link and link.channel_arn)
        advised = advice(_seen(line, bill), limits.get(arn), recorded=recorded)
        found.rows += [Advised(replace(line, link=link), each) for each in advised]
    found.rows.sort(key=lambda each: dearness(each.advice.saving, each.line.stream_name))
    return found


def _seen(line: StreamLine, bill: StreamBill) -> Seen:
    since, _ = window(bill.month, bill.now)
    return Seen(line.usage, line.settings, line.cost, bill.prices, since, bill.now)


def _limits(
    scope: Scope, streams: Sequence[Stream], most: timedelta | None, found: StreamAdvice
) -> Mapping[str, Limit]:
    """Return how long each is to keep at most, by ARN: its own tag, else the policy's."""
    policy = Limit(most, "--max-retention") if most is not None else None
    limits = {each.stream_arn: policy for each in streams} if policy else {}
    try:
        tagged = aws_streams.tagged(scope, RETENTION_TAG) if streams else {}
    except AwsError as error:
        found.problems.append(f"{error}; which retention streams' tags ask for is not known")
        tagged = {}
    arns = {each.stream_arn for each in streams}
    for arn, tags in tagged.items():
        if arn in arns and RETENTION_TAG in tags:
            limits.update(_of_tag(arn, tags[RETENTION_TAG], found))
    return limits


def _of_tag(arn: str, value: str, found: StreamAdvice) -> Iterator[tuple[str, Limit]]:
    if (most := parsed_retention(value)) is not None:
        yield arn, Limit(most, RETENTION_TAG)
    else:
        name = arn.split("/")[1]
        found.problems.append(f"{name}: its {RETENTION_TAG} is {value!r}: write it like 24h or 30d")


def links_of_unread(
    scope: Scope, bill: StreamBill, known: Links, counter: Counter
) -> tuple[Links, list[str]]:
    """Read which channels record to what nobody reads, of the dearest whose link is not known.

    Returns what could not be read, too.
    """
    if bill.now >= bill.month.end:
        return {}, []
    seen = ((line, _seen(line, bill)) for line in _keeping(bill))
    unread = [line for line, each in seen if each.unread and not each.unwritten]
    unread.sort(key=lambda line: dearness(line.cost.estimated_month, line.stream_name))
    streams = [line.stream for line in unread if line.stream]
    lacking = [each for each in streams if known.get(each.stream_arn) is None]
    return read_each(scope, lacking[:LINKS], aws_streams.link_of, "links", counter)


def _keeping(bill: StreamBill) -> list[StreamLine]:
    """Return the lines of streams that are there, and keep what they take in."""
    return [line for line in bill.lines if line.stream and line.settings.retention]
