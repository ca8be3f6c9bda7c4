"""The streams' part of a region's bill, which is read beside the channels'."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from kvsops.aws import streams as aws_streams
from kvsops.aws.scope import Scope
from kvsops.aws.stream_activity import INGESTED
from kvsops.bill import stream_usage
from kvsops.bill.advice import StreamAdvice, advise
from kvsops.bill.narrowing import Narrowing
from kvsops.bill.stream_usage import StreamsMetered
from kvsops.bill.streams import StreamBill, StreamLine, read_streams, read_tiers
from kvsops.core.cost import Month, Prices
from kvsops.core.facts import Need
from kvsops.core.stream import ChannelLink, Stream, Tier
from kvsops.errors import AwsError
from kvsops.facts.look import Look
from kvsops.facts.streams import TAGS, facts_of, read_each
from kvsops.facts.unread import unread
from kvsops.output.console import Counter


@dataclass(slots=True)
class StreamReading:
    """The streams that are meant and what they cost; `problems` are the looks that failed.

    `bill` None: they could not be listed, and nothing is known of them. `advice` None: of a month
    that is over nobody is advised.
    """

    streams: list[Stream] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    metered: StreamsMetered = field(default_factory=StreamsMetered)
    tiers: dict[str, Tier | None] = field(default_factory=dict)
    bill: StreamBill | None = None
    advice: StreamAdvice | None = None
    problems: list[str] = field(default_factory=list)
    listed: bool = True

    @property
    def names(self) -> int:
        """How many names are to be asked about."""
        return len(self.streams) + len(self.gone)

    @property
    def complete(self) -> bool:
        """Whether no look failed."""
        return not self.problems and (self.bill is None or not self.bill.problems)


def look(scope: Scope, narrowing: Narrowing, counter: Counter) -> StreamReading:
    """List the streams that are meant, and learn which have points at all, also deleted ones."""
    found = StreamReading()
    counter.stage("listing streams", None)
    try:
        there = [*aws_streams.each_listed(scope, narrowing.prefix)]
    except AwsError as error:
        found.problems.append(f"{error}; what streams cost is not known")
        found.listed = False
        return found
    stream_usage.see(scope, found.metered)
    gone = found.metered.seen - {each.stream_name for each in there}
    found.streams = [each for each in there if narrowing.means(each.stream_name)]
    found.gone = sorted(filter(narrowing.means, gone))
    return found


def read_listed_tiers(scope: Scope, found: StreamReading) -> None:
    """Read the tiers of those that surely took in something: most of them, and beside metrics."""
    taking_in = found.metered.listed.get(INGESTED, ())
    wanted = [each for each in found.streams if each.stream_name in taking_in]
    found.tiers, problems = read_tiers(scope, wanted)
    found.problems += problems


def read(
    scope: Scope,
    found: StreamReading,
    month: Month,
    prices: Prices,
    counter: Counter,
    *,
    tag_key: str | None,
    most: timedelta | None,
) -> None:
    """Read and price the month, and advise; `most` is a policy's longest retention.

    With a tag to group by also tags are read, and links of those without it.
    """
    if not found.listed:
        return
    found.bill = read_streams(
        scope,
        found.streams,
        month,
        prices,
        found=found.metered,
        gone=found.gone,
        tiers=found.tiers,
        counter=counter,
    )
    if tag_key is not None:
        found.bill = replace(found.bill, lines=_tagged(scope, found, tag_key, counter))
    found.advice = advise(scope, found.bill, most, counter)
    found.problems += found.advice.problems if found.advice else []


def _tagged(scope: Scope, found: StreamReading, tag_key: str, counter: Counter) -> list[StreamLine]:
    """Add the tags to each line, and to what has no such tag the channel that records to it."""
    read = TAGS.many(scope, [facts_of(each) for each in found.streams], Look(counter=counter))
    found.problems += [*read.problems, *unread(read.facts, Need.TAGS)]
    tags = {each.channel.channel_arn: each.known_tags for each in read.facts}
    without = [
        each
        for each in found.streams
        if (known := tags[each.stream_arn]) is not None and tag_key not in known
    ]
    links, problems = read_each(scope, without, aws_streams.link_of, "links", counter)
    found.problems += problems
    lines = found.bill.lines if found.bill else ()
    return [_with(line, tags, links) for line in lines]


def _with(
    line: StreamLine,
    tags: dict[str, dict[str, str] | None],
    links: dict[str, ChannelLink | None],
) -> StreamLine:
    arn = line.stream.stream_arn if line.stream else ""
    return replace(line, tags=tags.get(arn), link=links.get(arn))
