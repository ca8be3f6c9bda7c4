"""Marks of two-step sweeps: put on what a policy condemns, taken off what it no longer does."""

from collections.abc import Mapping, Sequence

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.facts import Facts, Need, Unknown
from kvsops.core.judge import Decision, Verdict, judge
from kvsops.core.mark import DOOMED_TAG, UNNAMED, Mark
from kvsops.core.policies import Rules
from kvsops.errors import AwsError, NotFoundError
from kvsops.facts import gather
from kvsops.facts.look import GONE
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.plan import Plan


def find_stale(scope: Scope, plan: Plan, rules: Rules) -> None:
    """Say of each channel that these policies marked and no longer condemn that it loses its mark.

    Marks of other policies are not touched, nor those of channels that this run leaves out.
    """
    graced = {each.name: each.digest for each in rules.policies if each.grace is not None}
    kept = [
        item
        for item in plan.items
        if item.decision.verdict is Verdict.KEEP and item.outcome is not Outcome.GONE
    ]
    if not graced or not kept:
        return
    marked = _marked(scope, plan, kept)
    for item in kept:
        tags = marked.get(item.channel.channel_arn, item.facts.tag_values)
        if isinstance(tags, Unknown):
            item.end(Outcome.UNKNOWN, f"{item.reason}; whether it is marked is not known")
            continue
        mark = Mark.read(tags)
        ours = mark and mark.policy in graced
        if mark and mark.policy == UNNAMED:  # of this very command, not of another
            ours = mark.rules == graced.get(UNNAMED)
        if ours and _meant(scope, item, rules):
            why = "could not be judged" if item.decision.unknown else "no longer condemned"
            item.end(Outcome.WOULD_UNMARK, f"{why}: {item.reason}")


def _marked(
    scope: Scope, plan: Plan, kept: Sequence[Item]
) -> Mapping[str, dict[str, str] | Unknown]:
    """Return the tags of marked channels by ARN; without the index, read those kept directly.

    One that is gone has none; of one that cannot be read they are unknown.
    """
    try:
        return channels.tagged(scope, DOOMED_TAG)
    except AwsError as error:
        plan.problems.append(f"{error}; marks are looked for channel by channel instead")
    read = gather.fetch(scope, Need.TAGS, [item.facts for item in kept], directly=True)
    plan.problems += read.problems
    return {each.channel.channel_arn: _tags_of(each) for each in read.facts}


def _tags_of(facts: Facts) -> dict[str, str] | Unknown:
    if isinstance(facts.tags, Unknown) and facts.tags.why != GONE:
        return facts.tags
    return facts.tag_values


def _meant(scope: Scope, item: Item, rules: Rules) -> bool:
    """Whether the channel is within what this run was narrowed to, as far as that is known."""
    if rules.narrowing is None:
        return True
    decision = judge(item.facts, Rules((rules.narrowing,)), scope.now(), direct=False)
    return decision.verdict is Verdict.DELETE


def put(scope: Scope, item: Item, decision: Decision) -> None:
    """Write the mark that the decision asks for, unless it is there."""
    mark = decision.mark
    if mark is None:
        raise TypeError(decision)
    if Mark.read(item.facts.tag_values) != mark:
        value = mark.value(decision.reason)
        channels.tag(scope, item.channel.channel_arn, {DOOMED_TAG: value})
    item.end(Outcome.MARKED, decision.reason)


def take_off(scope: Scope, item: Item) -> None:
    """Take the mark off; a channel that is gone has none."""
    try:
        channels.untag(scope, item.channel.channel_arn, [DOOMED_TAG])
    except NotFoundError:
        item.end(Outcome.GONE, "it was gone already")
    else:
        item.end(Outcome.UNMARKED, item.reason)
