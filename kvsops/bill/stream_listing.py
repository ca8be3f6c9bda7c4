"""Streams chosen by the rules of listings, with what they cost, their tags and their links."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kvsops.aws import streams as aws_streams
from kvsops.aws.scope import Scope
from kvsops.bill import stream_usage
from kvsops.bill.narrowing import Narrowing
from kvsops.bill.stream_usage import StreamsMetered
from kvsops.bill.streams import StreamBill, read_streams
from kvsops.core.cost import Month, Prices
from kvsops.core.facts import Facts, Need
from kvsops.core.judge import Verdict, judge
from kvsops.core.policies import Rules
from kvsops.core.stream import Stream
from kvsops.facts.look import Look
from kvsops.facts.streams import TAGS, facts_of, read_each
from kvsops.facts.unread import unread
from kvsops.output.console import Counter


@dataclass(slots=True)
class Chosen:
    """The streams that every rule lets through, of how many, and what is known of each by its ARN.

    `problems` were got round, `failed` were not: of some streams something is not known.
    """

    streams: list[Stream] = field(default_factory=list)
    listed: list[Stream] = field(default_factory=list)
    facts: dict[str, Facts] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def tags(self) -> Mapping[str, Mapping[str, str] | None]:
        """The tags by ARN; None is not known."""
        return {arn: facts.known_tags for arn, facts in self.facts.items()}


def choose(
    scope: Scope, given: Mapping[str, Any], rules: Rules, counter: Counter, *, tags: bool
) -> Chosen:
    """List the streams, and choose by the rules; `tags` reads also the tags no rule asks for."""
    found = Chosen()
    for stream in aws_streams.each_listed(scope, given["prefix"]):
        found.listed.append(stream)
        counter.advance()
    known = [facts_of(each) for each in found.listed]
    judged = _judged(scope, known, rules)
    if lacking := [each for each, verdict in judged if verdict is Verdict.NEEDS]:
        read = _read_tags(scope, lacking, found, counter)
        judged = [pair for pair in judged if pair[1] is not Verdict.NEEDS]
        judged += _judged(scope, read, rules)
    kept = [facts for facts, verdict in judged if verdict is Verdict.DELETE]
    if tags and (lacking := [each for each in kept if each.tags is None]):
        kept = [*_read_tags(scope, lacking, found, counter), *(e for e in kept if e.tags)]
    found.failed += unread((facts for facts, _ in judged), Need.TAGS) or unread(kept, Need.TAGS)
    found.failed += _ageless(judged)
    found.facts = {facts.channel.channel_arn: facts for facts in kept}
    found.streams = [each for each in found.listed if each.stream_arn in found.facts]
    return found


def _judged(
    scope: Scope, known: Iterable[Facts], rules: Rules
) -> list[tuple[Facts, Verdict | None]]:
    """Judge by what is known, DELETE being that it is chosen; None: that cannot be told."""
    now = scope.now()
    decisions = ((each, judge(each, rules, now, direct=False)) for each in known)
    return [(each, None if made.unknown else made.verdict) for each, made in decisions]


def _ageless(judged: Sequence[tuple[Facts, Verdict | None]]) -> list[str]:
    """Return a line on the streams that an age cannot tell of."""
    names = [
        facts.channel.channel_name
        for facts, verdict in judged
        if verdict is None and facts.channel.creation_time is None
    ]
    if not names:
        return []
    more = f" and {len(names) - 1:,} more" if names[1:] else ""
    return [f"left out, for their creation time is not known: {names[0]}{more}"]


def _read_tags(
    scope: Scope, lacking: Sequence[Facts], found: Chosen, counter: Counter
) -> list[Facts]:
    read = TAGS.many(scope, lacking, Look(counter=counter))
    found.problems += read.problems
    return read.facts


def priced(
    scope: Scope, chosen: Chosen, narrowing: Narrowing | None, prices: Prices, counter: Counter
) -> StreamBill:
    """Price the chosen streams this month; with a narrowing also those deleted since it means.

    Raises `CheckFailedError` where reading their metrics may cost more than the scope's budget.
    """
    found = StreamsMetered()
    stream_usage.see(scope, found)
    there = {each.stream_name for each in chosen.listed}
    gone = sorted(filter(narrowing.means, found.seen - there)) if narrowing else []
    bill = read_streams(
        scope,
        chosen.streams,
        Month.of(scope.now()),
        prices,
        found=found,
        gone=gone,
        counter=counter,
    )
    lines = bill.lines if narrowing else [line for line in bill.lines if not line.ghost]
    tags = chosen.tags
    lines = [
        replace(line, tags=tags.get(line.stream.stream_arn)) if line.stream else line
        for line in lines
    ]
    return replace(bill, lines=lines)


def linked(scope: Scope, bill: StreamBill, counter: Counter) -> tuple[StreamBill, list[str]]:
    """Read which channels record to the bill's streams; return what could not be read, too."""
    streams = [line.stream for line in bill.lines if line.stream]
    links, problems = read_each(scope, streams, aws_streams.link_of, "links", counter)
    lines = [
        replace(line, link=links.get(line.stream.stream_arn)) if line.stream else line
        for line in bill.lines
    ]
    return replace(bill, lines=lines), problems
