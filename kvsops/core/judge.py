"""The judgement of one channel: keep it, delete it, or needs such-and-such a fact first.

Pure and three-valued. Cheap facts may only spare: with `direct=True` nothing is condemned unless
every fact that its condemnation rests on was read directly. What is missing, denied or unreadable
is unknown, and unknown keeps.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from kvsops.core.facts import Fact, Facts, Need, Source, Unknown
from kvsops.core.mark import UNNAMED, Mark, digest
from kvsops.core.policies import Policy, Rules
from kvsops.core.rule import Finding, Role, Rule
from kvsops.core.text import age

PRICES: Final[tuple[Need | None, ...]] = (None, *Need)
"""What a fact costs to read, cheapest first; None is what the listing gives away."""

PATIENCE: Final = 2
"""How many of its graces a sweep leaves another's mark alone, lest they take turns for ever."""


class Verdict(StrEnum):
    """What becomes of a channel. MARK is condemned too, but its policy's grace still spares it."""

    KEEP = "keep"
    DELETE = "delete"
    MARK = "mark"
    NEEDS = "needs"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and its reason.

    `rule` is the rule that spared the channel; `unknown` marks a KEEP for want of a fact that
    could not be read; `unconfirmed` lists the facts that a DELETE or MARK presumes and has not
    read directly; `need` is the fact that a NEEDS asks for; `policy` is the one that decided;
    `mark` is what a MARK has to write, or has written before; `mistaken` is as in a `Finding`.
    """

    verdict: Verdict
    reason: str
    rule: Rule | None = None
    unknown: bool = False
    unconfirmed: tuple[Need, ...] = ()
    need: Need | None = None
    policy: str = ""
    mark: Mark | None = None
    mistaken: bool = False


def judge(facts: Facts, rules: Rules, now: datetime, *, direct: bool) -> Decision:
    """Judge one channel by what is known of it; of several policies the first condemns.

    With `direct`, the judgement that a deletion rests on: NEEDS asks for direct reads until
    nothing more is needed. Without, the judgement that is shown: cheap sources will do, where they
    tell nothing against it the rest is presumed, and `unconfirmed` says what was.
    """
    kept: list[Decision] = []
    for policy in rules.policies:
        decision = _judge(facts, policy, now, direct=direct)
        if decision.verdict is Verdict.DELETE and policy.grace is not None:
            decision = _graced(decision, facts, policy, now, rules.names)
        decision = replace(decision, policy=policy.name)
        if decision.verdict is not Verdict.KEEP:
            return decision
        kept.append(decision)
    return max(kept, key=_weight, default=Decision(Verdict.KEEP, "no policy holds here"))


def findings_of(
    facts: Facts, policy: Policy, now: datetime
) -> list[tuple[Rule, Finding | Unknown | None]]:
    """Return what each rule says of the channel, or why it cannot; None where nobody looked."""
    said: list[tuple[Rule, Finding | Unknown | None]] = []
    for rule, given in policy.rules:
        fact = facts.get(rule.need) if rule.need else None
        if rule.need is None or isinstance(fact, Fact):
            said.append((rule, rule.judge(facts, given, now)))
        else:
            said.append((rule, fact))
    return said


def _judge(facts: Facts, policy: Policy, now: datetime, *, direct: bool) -> Decision:
    reasons: list[str] = []
    unconfirmed: list[Need] = []
    for price in PRICES:
        asked = [(rule, given) for rule, given in policy.rules if rule.need is price]
        fact = None if price is None else facts.get(price)
        if price is not None and asked and isinstance(fact, Unknown):
            return Decision(Verdict.KEEP, f"{price.value} unknown: {fact.why}", unknown=True)
        if price is None or isinstance(fact, Fact):
            findings = [(rule, rule.judge(facts, given, now)) for rule, given in asked]
            if decision := _kept(findings):
                return decision
            reasons += [found.why for rule, found in findings if rule.role is Role.CONDITION]
        if price is not None and asked and not _read_directly(fact):
            if direct or _worth_reading(price, fact, [rule for rule, _ in asked]):
                return Decision(Verdict.NEEDS, f"needs its {price.value}", need=price)
            unconfirmed.append(price)
    why = ", ".join(reasons) or "named"
    return Decision(Verdict.DELETE, why, unconfirmed=tuple(unconfirmed))


def _graced(
    condemned: Decision, facts: Facts, policy: Policy, now: datetime, fellows: frozenset[str]
) -> Decision:
    """Let the grace of the policy pass, from its own mark on this very channel, before deleting.

    That the tag index leaves a channel out does not tell that it bears no mark.
    """
    if isinstance(facts.tags, Fact) and facts.tags.source is Source.NOT_INDEXED:
        return Decision(Verdict.NEEDS, f"needs its {Need.TAGS.value}", need=Need.TAGS)
    grace = policy.grace or timedelta()
    due = Mark(now, policy.name, policy.digest, digest(facts.channel.channel_arn))
    mark = Mark.read(facts.tag_values)
    if mark and _anothers(mark, due, fellows) and abs(now - mark.time) < PATIENCE * grace:
        why = f"{condemned.reason}; {mark.policy} marked it {age(now - mark.time)} ago"
        return replace(condemned, verdict=Verdict.MARK, reason=f"{why}: left alone", mark=mark)
    if mark is None or replace(mark, time=now) != due:
        why = f"{condemned.reason}; its grace of {age(grace)} begins"
        return replace(condemned, verdict=Verdict.MARK, reason=why, mark=due)
    marked = f"{condemned.reason}; marked {age(now - mark.time)} ago"
    if now - mark.time >= grace:
        return replace(condemned, reason=marked)
    return replace(
        condemned, verdict=Verdict.MARK, reason=f"{marked}, grace {age(grace)}", mark=mark
    )


def _anothers(mark: Mark, due: Mark, fellows: frozenset[str]) -> bool:
    """Whether the mark is of a sweep that this run knows nothing of: of other options or files."""
    if mark.policy == UNNAMED:
        return mark.arn == due.arn and mark.rules != due.rules
    return mark.arn == due.arn and mark.policy not in fellows


def _weight(decision: Decision) -> tuple[bool, bool, bool]:
    """Of policies that keep a channel, tell what one could not know, what protects, what it met.

    That a policy does not mean the channel is told only where none does.
    """
    role = decision.rule.role if decision.rule else None
    return decision.unknown, role is Role.PROTECTION, role is not Role.NARROWING


def _worth_reading(price: Need, fact: Fact[Any] | Unknown | None, asked: list[Rule]) -> bool:
    """Say whether what is shown, too, must know more of a fact than it does.

    The tag index tells enough. A storage link has no cheap source, so it is presumed to be none.
    Of activity ListMetrics is asked: where it hints at use, or a condition rests on it, the
    metrics themselves are read; else it is presumed to be none.
    """
    if price is Need.TAGS:
        return fact is None
    if price is Need.STORAGE:
        return False
    hinted = isinstance(fact, Fact) and fact.source is Source.INDEX
    return fact is None or hinted or any(rule.role is not Role.PROTECTION for rule in asked)


def _read_directly(fact: object) -> bool:
    return isinstance(fact, Fact) and fact.source is Source.DIRECT


def _kept(findings: list[tuple[Rule, Finding]]) -> Decision | None:
    """Return what the first rule that spares decides; else the first that cannot tell."""
    for rule, found in findings:
        if found.spares:
            return Decision(Verdict.KEEP, found.why, rule, mistaken=found.mistaken)
    for rule, found in findings:
        if found.spares is None:
            return Decision(Verdict.KEEP, found.why, rule, unknown=True)
    return None
