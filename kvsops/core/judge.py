"""The judgement of one channel: keep it, delete it, or needs such-and-such a fact first.

Pure and three-valued. Cheap facts may only spare: with `direct=True` nothing is condemned unless
every fact that its condemnation rests on was read directly. What is missing, denied or unreadable
is unknown, and unknown keeps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from kvsops.core.facts import Fact, Facts, Need, Source, Unknown
from kvsops.core.mark import UNNAMED, Mark, digest
from kvsops.core.reach import EVERYWHERE, Reach, Site
from kvsops.core.rule import Finding, Given, Role, Rule
from kvsops.core.rules import IN_USE, completed, rules_of
from kvsops.core.text import age

PRICES: Final[tuple[Need | None, ...]] = (None, *Need)
"""What a fact costs to read, cheapest first; None is what the listing gives away."""

PATIENCE: Final = 2
"""How many of its graces a sweep leaves another's mark alone, lest they take turns for ever."""

_ROLES: Final = list(Role)


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


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules that are asked together, each with what it was given, in the order they are asked.

    `name` is empty where they are not a policy's; `grace` is how long it spares what it condemns;
    `reach` is where it holds.
    """

    rules: tuple[tuple[Rule, Given], ...]
    given: Given = field(default_factory=dict)
    name: str = ""
    grace: timedelta | None = None
    reach: Reach = EVERYWHERE

    @classmethod
    def of(cls, given: Given, rules: Sequence[Rule]) -> "Policy":
        """Return those rules that what was given brings into force."""
        values = completed(given)
        return cls(_ordered((rule, values) for rule in rules if rule.active(values)), values)

    @property
    def digest(self) -> str:
        """A digest of what the policy condemns by: one that was changed begins its grace anew."""
        rules = rules_of(Role.CONDITION, Role.NARROWING)
        names = [option.name for rule in rules for option in rule.options]
        return digest([[name, str(self.given[name])] for name in names])


@dataclass(frozen=True, slots=True)
class Rules:
    """The policies of a run, the first that condemns a channel deciding.

    `narrowing` is what bounds the run beside them: it says nothing of what it leaves out.
    """

    policies: tuple[Policy, ...]
    narrowing: Policy | None = None

    @classmethod
    def of(cls, given: Given, rules: Sequence[Rule]) -> "Rules":
        """Return those rules that what was given brings into force, as one policy."""
        return cls((Policy.of(given, rules),))

    def within(self, narrowing: Policy) -> "Rules":
        """Return the policies, each holding these rules beside its own."""
        meant = tuple(pair for pair in narrowing.rules if pair[0].role is Role.NARROWING)
        policies = tuple(
            replace(policy, rules=_ordered([*policy.rules, *narrowing.rules]))
            for policy in self.policies
        )
        return Rules(policies, replace(narrowing, rules=meant))

    def at(self, site: Site) -> "Rules":
        """Return the policies that hold there; raises `UsageError` where that cannot be known.

        What a policy protects that does not hold there is protected by the others all the same.
        """
        return replace(self, policies=tuple(p for p in self.policies if p.reach.holds(site)))

    @property
    def ask_account(self) -> bool:
        """Whether any policy holds in some accounts only."""
        return any(policy.reach.accounts for policy in self.policies)

    def looks_at(self, need: Need) -> bool:
        """Whether any rule in force asks for the fact."""
        return any(rule.need is need for policy in self.policies for rule, _ in policy.rules)

    @property
    def given(self) -> Given:
        """What the first policy was given, if there is one: what is shown goes by it."""
        return self.policies[0].given if self.policies else completed({})

    @property
    def names(self) -> frozenset[str]:
        """The names of the policies: marks of these are this run's own."""
        return frozenset(policy.name for policy in self.policies)

    @property
    def span(self) -> timedelta | None:
        """How far back activity must be read; None is since the channel was made."""
        if any(policy.given["never-used"] for policy in self.policies):
            return None
        return max([IN_USE, *(policy.given["idle-for"] or IN_USE for policy in self.policies)])


def _ordered(rules: Iterable[tuple[Rule, Given]]) -> tuple[tuple[Rule, Given], ...]:
    return tuple(sorted(rules, key=lambda pair: _ROLES.index(pair[0].role)))


def sweep_rules(given: Given) -> Rules:
    """Return a sweep's rules: protections always, conditions and narrowings as given."""
    return Rules.of(given, rules_of(Role.NARROWING, Role.PROTECTION, Role.CONDITION))


def listing_rules(given: Given) -> Rules:
    """Return a listing's rules: what was given, and no protection."""
    return Rules.of(given, rules_of(Role.NARROWING, Role.CONDITION, Role.FILTER))


def deletion_rules(given: Given) -> Rules:
    """Return the rules for channels that were named one by one: the protections that hold then."""
    return Rules.of(given, [rule for rule in rules_of(Role.PROTECTION) if rule.named])


def objection(given: Given) -> str | None:
    """Return what contradicts itself or is missing in what was given, or None."""
    values = completed(given)
    checks = (rule.objection for rule in rules_of(*Role) if rule.objection)
    return next((said for check in checks if (said := check(values))), None)


def no_condition(given: Given) -> str | None:
    """Return why a sweep without a condition is refused, or None where it has one."""
    conditions = rules_of(Role.CONDITION)
    if any(rule.active(completed(given)) for rule in conditions):
        return None
    options = ", ".join(f"--{rule.name}" for rule in conditions)
    return f"no condition: give at least one of {options}; a name or a tag is no reason to delete"


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
