"""What could be spared on streams: what more must be read for it, and the dearest first.

Tags come from the index, in one look for all streams that have this one: it lags, and that is
enough for advice. Who records to a stream is read of the dearest that nobody reads.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from kvsops.aws import streams as aws_streams
from kvsops.aws.scope import Scope
from kvsops.bill.bill import dearness, window
from kvsops.bill.streams import StreamBill, StreamLine
from kvsops.core.advice import Advice, Limit, Seen, advice, parsed_retention
from kvsops.core.stream import ChannelLink
from kvsops.errors import AwsError
from kvsops.facts.streams import read_each

RETENTION_TAG: Final = "kvsops:retention"
"""How long a stream is to keep at most, in whole hours or days: `24h`, `30d`."""
LINKS: Final = 100
"""Of at most so many streams that nobody reads it is read which channel records to them."""


Links = Mapping[str, ChannelLink | None]
"""Which channel records to a stream, by the stream's ARN; None is not known."""
Limits = Mapping[str, Limit]
"""How long a stream is to keep at most, by its ARN, where anybody says so."""


@dataclass(frozen=True, slots=True)
class Advised:
    """An advice on a stream, and the channel that records to it, where that is known."""

    line: StreamLine
    advice: Advice

    @property
    def channel_name(self) -> str | None:
        """The channel that records to the stream; None where none does, or it is not known."""
        return self.line.link.channel_name if self.line.link else None

    @property
    def key(self) -> tuple[int, Decimal, str]:
        """By what it is sorted."""
        return dearness(self.advice.saving, self.line.stream_name)


@dataclass(slots=True)
class StreamAdvice:
    """All that is advised, the dearest first."""

    rows: list[Advised] = field(default_factory=list)

    @property
    def savings(self) -> list[Decimal | None]:
        """What it would spare a month, of each stream the most; None is not known."""
        most: dict[str, Decimal | None] = {}
        for each in self.rows:
            arn = each.line.stream.stream_arn if each.line.stream else ""
            known = [one for one in (each.advice.saving, most.get(arn)) if one is not None]
            most[arn] = max(known, default=None)
        return [*most.values()]


def advise(bill: StreamBill, links: Links, limits: Limits) -> StreamAdvice | None:
    """Advise on the streams of a bill; None: its month is over, and tells nothing of what is kept.

    `links` are those of `links_of_unread`, `limits` those of `limits_of`.
    """
    if bill.now >= bill.month.end:
        return None
    found = StreamAdvice()
    for line in _told(bill):
        arn = line.stream.stream_arn if line.stream else ""
        link = links.get(arn)
        recorded = bool(link and link.channel_arn)
        advised = advice(_seen(line, bill), limits.get(arn), recorded=recorded)
        found.rows += [Advised(replace(line, link=link), each) for each in advised]
    return together([found])


def together(found: Iterable[StreamAdvice]) -> StreamAdvice:
    """Put advice together, that which spares most first."""
    rows = [row for each in found for row in each.rows]
    return StreamAdvice(sorted(rows, key=lambda row: row.key))


def _seen(line: StreamLine, bill: StreamBill) -> Seen:
    since, _ = window(bill.month, bill.now)
    return Seen(line.usage, line.settings, line.cost, bill.prices, since, bill.now)


def limits_of(scope: Scope, bill: StreamBill, most: timedelta | None) -> tuple[Limits, list[str]]:
    """Read how long each stream is to keep at most: its own tag says so, else the policy, `most`.

    Returns what could not be read, too.
    """
    arns = [line.stream.stream_arn for line in _told(bill) if line.stream]
    if bill.now >= bill.month.end or not arns:
        return {}, []
    limits = dict.fromkeys(arns, Limit(most, "--max-retention")) if most is not None else {}
    try:
        tagged = aws_streams.tagged(scope, RETENTION_TAG)
    except AwsError as error:
        return limits, [f"{error}; which retention streams' tags ask for is not known"]
    problems = []
    for arn in (each for each in arns if RETENTION_TAG in tagged.get(each, {})):
        value = tagged[arn][RETENTION_TAG]
        if (own := parsed_retention(value)) is not None:
            limits[arn] = Limit(own, RETENTION_TAG)
        else:
            name = arn.split("/")[1]
            problems.append(f"{name}: its {RETENTION_TAG} is {value!r}: write it like 24h or 30d")
    return limits, problems


def links_of_unread(scope: Scope, bill: StreamBill, known: Links) -> tuple[Links, list[str]]:
    """Read which channels record to what nobody reads, of the dearest whose link is not known.

    Returns what could not be read, too.
    """
    if bill.now >= bill.month.end:
        return {}, []
    seen = ((line, _seen(line, bill)) for line in _told(bill))
    unread = [line for line, each in seen if each.unread and not each.unwritten]
    unread.sort(key=lambda line: dearness(line.cost.estimated_month, line.stream_name))
    streams = [line.stream for line in unread if line.stream]
    lacking = [each for each in streams if known.get(each.stream_arn) is None]
    return read_each(scope, lacking[:LINKS], aws_streams.link_of, "links")


def _told(bill: StreamBill) -> list[StreamLine]:
    """Return the lines of streams that are there, where it is known how long they keep."""
    return [line for line in bill.lines if line.stream and line.settings.retention is not None]
