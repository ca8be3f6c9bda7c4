"""The plan of a sweep: every listed channel, judged on facts as cheap as will do.

One plan feeds both what is shown and what is done (`kvsops.sweep.run`).
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from kvsops.aws.scope import Scope
from kvsops.core.channel import Channel
from kvsops.core.facts import Fact, Facts, Need, Source, Unknown
from kvsops.core.judge import judge
from kvsops.core.policies import Rules
from kvsops.facts import gather
from kvsops.facts.look import GONE
from kvsops.output.console import UNSEEN, Counter
from kvsops.sweep.item import Item, Outcome

NAMED: Final = 3
"""At most this many channels are named in a message; the rest are counted."""
CONFIRMED_AT_ONCE: Final = 256
"""At most this many channels are read directly before it is seen whether that is enough."""


@dataclass(slots=True)
class Plan:
    """Every channel listed, judged; and what could not be read on the way."""

    items: list[Item] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def chosen(self) -> list[Facts]:
        """What is known of the channels that every rule lets through."""
        return [item.facts for item in self.items if item.outcome is Outcome.WOULD_DELETE]

    @property
    def undecided(self) -> list[str]:
        """A line on the channels that could not be judged, if there are any."""
        marked = (Outcome.WOULD_UNMARK, Outcome.UNMARKED)
        unknown = [
            item
            for item in self.items
            if (item.outcome is Outcome.UNKNOWN and not item.lost)
            or (item.decision.unknown and item.outcome in marked)
        ]
        return _named("could not be judged, and left alone", unknown)

    @property
    def uncertain(self) -> list[str]:
        """A line on the channels that may have been deleted or not, if there are any."""
        return _named("deleted or not", [item for item in self.items if item.lost])

    @property
    def presumed(self) -> list[str]:
        """A line on the channels left out for want of a tag that only the index denies them."""
        absent = [item for item in self.items if _left_out_unread(item)]
        if not absent:
            return []
        number = "1 channel is" if len(absent) == 1 else f"{len(absent):,} channels are"
        why = "not in AWS's tag index, being never tagged or too recently: taken as untagged"
        return [f"{number} {why}; --direct reads each"]

    @property
    def mistaken(self) -> list[str]:
        """A line on the channels that are left out for a tag that only looks like the one meant."""
        found = [item for item in self.items if item.decision.mistaken]
        return _named("spared by a tag that is not quite the one", found)

    @property
    def doomed(self) -> list[Item]:
        """The channels to delete, oldest first."""
        doomed = [item for item in self.items if item.outcome is Outcome.WOULD_DELETE]
        return sorted(doomed, key=by_age)

    @property
    def stale(self) -> list[Item]:
        """The channels to take a mark off."""
        return [item for item in self.items if item.outcome is Outcome.WOULD_UNMARK]

    @property
    def to_write(self) -> list[Item]:
        """The channels to take a mark off, those to delete, oldest first, and those to mark.

        In this order, lest a run that ends early leave a mark that must not count.
        """
        return self.stale + self.doomed + self.marking

    @property
    def marking(self) -> list[Item]:
        """The channels to put a mark on."""
        return [item for item in self.items if item.outcome is Outcome.WOULD_MARK]

    def only(self, channel_arns: Container[str]) -> None:
        """Leave what an earlier plan, which a fuse let pass, has not."""
        for item in self.to_write:
            if item.channel.channel_arn not in channel_arns:
                item.end(Outcome.LEFT, f"{item.reason}; not in the plan that was let pass")

    def limit(self, number: int) -> None:
        """Leave all but the oldest `number` of the doomed for another run."""
        leave(self.doomed[number:], number)


def leave(items: Iterable[Item], limit: int) -> None:
    """Leave what is beyond the limit for another run."""
    for item in items:
        item.end(Outcome.LEFT, f"{item.reason}; beyond --limit {limit}")


def _named(what: str, items: Sequence[Item]) -> list[str]:
    """Return a line that names some of them, with the reason of the first; none for none."""
    if not items:
        return []
    names = ", ".join(item.channel.channel_name for item in items[:NAMED])
    more = f" and {len(items) - NAMED} more" if items[NAMED:] else ""
    first = items[0]
    reason = first.decision.reason if first.decision.unknown else first.reason
    return [f"{what}: {names}{more}: {reason}"]


def _left_out_unread(item: Item) -> bool:
    rule, tags = item.decision.rule, item.facts.tags
    asked = rule is not None and rule.need is Need.TAGS
    return asked and isinstance(tags, Fact) and tags.source is Source.NOT_INDEXED


def by_age(item: Item) -> tuple[str, str]:
    """Sort the oldest first."""
    return str(item.channel.creation_time), item.channel.channel_name


def plan(
    scope: Scope,
    listed: Iterable[Channel],
    rules: Rules,
    *,
    directly: bool = False,
    counter: Counter = UNSEEN,
) -> Plan:
    """Judge each channel, fetching what the judgement needs until it needs nothing more.

    With `directly` what is shown, too, rests on direct reads alone. `counter` is told of each
    channel that is listed, then of each of which a fact is read.
    """
    planned = Plan()
    counter.stage("listing channels", None)
    for channel in listed:
        planned.items.append(_judged(scope, Facts(channel), rules, directly=directly))
        counter.advance()
    _decide(scope, planned, planned.items, rules, directly=directly, counter=counter)
    return planned


def confirm(
    scope: Scope, planned: Plan, rules: Rules, enough: int, counter: Counter = UNSEEN
) -> None:
    """Judge the doomed on direct reads, oldest first, until `enough` are confirmed, or all judged.

    The reads go out in batches: of what is still wanted, and twice as many as the last time where
    that was too few.
    """
    size = 0
    waiting = [item for item in planned.doomed if not item.confirmed]
    while waiting and (wanted := enough - sum(item.confirmed for item in planned.doomed)) > 0:
        size = min(max(wanted, 2 * size), CONFIRMED_AT_ONCE)
        judge_directly(scope, planned, waiting[:size], rules, counter)
        waiting = waiting[size:]


def judge_directly(
    scope: Scope, planned: Plan, items: Sequence[Item], rules: Rules, counter: Counter
) -> None:
    """Judge these channels again, on direct reads alone."""
    for item in items:
        item.decide(judge(item.facts, rules, scope.now(), direct=True))
    _decide(scope, planned, items, rules, directly=True, counter=counter)


def _decide(
    scope: Scope,
    planned: Plan,
    items: Sequence[Item],
    rules: Rules,
    *,
    directly: bool,
    counter: Counter,
) -> None:
    while needing := [item for item in items if item.decision.need]:
        for need, again in product(Need, (False, True)):
            needed = [item for item in needing if item.decision.need is need]
            wanted = [item for item in needed if (item.facts.get(need) is not None) is again]
            read = gather.fetch(
                scope,
                need,
                [item.facts for item in wanted],
                span=rules.span,
                directly=directly or again,  # what an index told did not do
                counter=counter,
            )
            planned.problems += read.problems
            for item, known in zip(wanted, read.facts, strict=True):
                item.facts = known
                item.decide(judge(known, rules, scope.now(), direct=directly))
                fact = known.get(need)
                if isinstance(fact, Unknown) and fact.why == GONE:
                    item.end(Outcome.GONE, fact.why)


def _judged(scope: Scope, facts: Facts, rules: Rules, *, directly: bool) -> Item:
    item = Item(facts, judge(facts, rules, scope.now(), direct=directly))
    item.decide(item.decision)
    return item
