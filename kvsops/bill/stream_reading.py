"""The streams' part of a region's bill, which is read beside the channels'."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from kvsops.aws import streams as aws_streams
from kvsops.aws.scope import Scope
from kvsops.bill.advice import Limits, StreamAdvice, advise, limits_of, links_of_unread
from kvsops.bill.narrowing import Narrowing
from kvsops.bill.stream_usage import StreamsMetered
from kvsops.bill.streams import StreamBill, StreamLine, read_streams
from kvsops.core.cost import Month, Prices
from kvsops.core.facts import Need
from kvsops.core.stream import ChannelLink, Stream
from kvsops.errors import AwsError
from kvsops.facts.look import Look
from kvsops.facts.meanwhile import meanwhile
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


def look(scope: Scope, found: StreamReading, narrowing: Narrowing, counter: Counter) -> None:
    """List the streams that are meant; of those deleted `found.metered` tells, which has seen."""
    counter.stage("listing streams", None)
    try:
        there = [*aws_streams.each_listed(scope, narrowing.prefix)]
    except AwsError as error:
        found.problems.append(f"{error}; what streams cost is not known")
        found.listed = False
        return
    gone = found.metered.seen - {each.stream_name for each in there}
    found.streams = [each for each in there if narrowing.means(each.stream_name)]
    found.gone = sorted(filter(narrowing.means, gone))


def read(
    scope: Scope,
    found: StreamReading,
    month: Month,
    prices: Prices,
    *,
    now: datetime,
    counter: Counter,
    tag_key: str | None,
    most: timedelta | None,
    beside: Callable[[], object],
) -> None:
    """Read and price the month, and advise; `most` is a policy's longest retention.

    With a tag to group by also tags are read, and links of those without it. `beside` is done
    while is waited for what is read stream by stream, or by itself where none could be listed.
    """
    if not found.listed:
        beside()
        return
    also = _Also(scope, found, tag_key, most)

    def read_also(bill: StreamBill) -> None:
        with meanwhile(scope, partial(also.read, bill)):
            beside()
            counter.stage("streams", None)

    found.bill = read_streams(
        scope,
        found.streams,
        month,
        prices,
        now=now,
        found=found.metered,
        gone=found.gone,
        beside=read_also,
        counter=counter,
    )
    found.advice = advise(found.bill, also.links, also.limits)
    found.bill = replace(found.bill, lines=[also.added_to(each) for each in found.bill.lines])


@dataclass(slots=True)
class _Also:
    """What else is read of streams, by ARN: tags, and which channels record to them."""

    scope: Scope
    found: StreamReading
    tag_key: str | None
    most: timedelta | None
    tags: dict[str, dict[str, str] | None] = field(default_factory=dict)
    links: dict[str, ChannelLink | None] = field(default_factory=dict)
    limits: Limits = field(default_factory=dict)

    def read(self, bill: StreamBill) -> None:
        """Read tags, and links of what has no such tag and of what nobody reads."""
        if self.tag_key is not None:
            self._read_tags(self.tag_key)
        links, untold = links_of_unread(self.scope, bill, self.links)
        self.links |= links
        self.limits, problems = limits_of(self.scope, bill, self.most)
        self.found.problems += [*untold, *problems]

    def _read_tags(self, key: str) -> None:
        streams = self.found.streams
        read = TAGS.many(self.scope, [*map(facts_of, streams)], Look())
        self.tags = {each.channel.channel_arn: each.known_tags for each in read.facts}
        known = ((each, self.tags[each.stream_arn]) for each in streams)
        without = [each for each, tags in known if tags is not None and key not in tags]
        self.links, problems = read_each(self.scope, without, aws_streams.link_of, "links")
        self.found.problems += [*read.problems, *unread(read.facts, Need.TAGS), *problems]

    def added_to(self, line: StreamLine) -> StreamLine:
        """Return the line with what was read."""
        arn = line.stream.stream_arn if line.stream else ""
        return replace(line, tags=self.tags.get(arn), link=self.links.get(arn))
