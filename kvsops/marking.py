"""Marks of two-step sweeps: put on what a policy condemns, taken off what it no longer does."""

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.judge import Decision, Rules, Verdict, judge
from kvsops.core.mark import DOOMED_TAG, Mark
from kvsops.errors import NotFoundError
from kvsops.plan import Item, Outcome, Plan


def find_stale(scope: Scope, plan: Plan, rules: Rules) -> None:
    """Say of each channel that these policies marked and no longer condemn that it loses its mark.

    Marks of other policies are not touched, nor those of channels that this run leaves out.
    """
    policies = {each.policy for each in rules.each if each.grace is not None}
    if not policies:
        return
    marked = channels.tagged(scope, DOOMED_TAG)
    for item in plan.items:
        mark = Mark.read(marked.get(item.channel.channel_arn, {}))
        kept = item.decision.verdict is Verdict.KEEP and item.outcome is not Outcome.GONE
        if mark and mark.policy in policies and kept and _meant(scope, item, rules):
            item.end(Outcome.WOULD_UNMARK, f"no longer condemned: {item.reason}")


def _meant(scope: Scope, item: Item, rules: Rules) -> bool:
    """Whether the channel is within what this run was narrowed to, as far as that is known."""
    if rules.narrowing is None:
        return True
    decision = judge(item.facts, rules.narrowing, scope.now(), direct=False)
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
