"""The judgement of one channel: keep it, delete it, or needs such-and-such a fact first.

Pure and three-valued. Cheap facts may only spare: with `direct=True` nothing is condemned unless
every fact that its condemnation rests on was read directly. What is missing, denied or unreadable
is unknown, and unknown keeps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from kvsops.core.facts import Fact, Facts, Need, Source, Unknown
from kvsops.core.rule import Finding, Given, Role, Rule
from kvsops.core.rules import IN_USE, completed, rules_of

PRICES: Final[tuple[Need | None, ...]] = (None, *Need)
"""What a fact costs to read, cheapest first; None is what the listing gives away."""

_ROLES: Final = list(Role)


class Verdict(StrEnum):
    """What becomes of a channel."""

    KEEP = "keep"
    DELETE = "delete"
    NEEDS = "needs"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and its reason.

    `rule` is the rule that spared the channel; `unknown` marks a KEEP for want of a fact that
    could not be read; `unconfirmed` lists the facts that a DELETE presumes and has not read
    directly; `need` is the fact that a NEEDS asks for.
    """

    verdict: Verdict
    reason: str
    rule: Rule | None = None
    unknown: bool = False
    unconfirmed: tuple[Need, ...] = ()
    need: Need | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force, in the order they are asked, and the values of their options."""

    rules: tuple[Rule, ...]
    given: Given = field(default_factory=dict)

    @classmethod
    def of(cls, given: dict[str, Any], rules: Sequence[Rule]) -> "Rules":
        """Return those rules that what was given brings into force."""
        values = completed(given)
        active = (rule for rule in rules if rule.active(values))
        return cls(tuple(sorted(active, key=lambda rule: _ROLES.index(rule.role))), values)

    def looks_at(self, need: Need) -> bool:
        """Whether any rule in force asks for the fact."""
        return any(rule.need is need for rule in self.rules)

    @property
    def span(self) -> timedelta | None:
        """How far back activity must be read; None is since the channel was made."""
        if self.given["never-used"]:
            return None
        return max(IN_USE, self.given["idle-for"] or IN_USE)


def sweep_rules(given: dict[str, Any]) -> Rules:
    """Return a sweep's rules: protections always, conditions and narrowings as given."""
    return Rules.of(given, rules_of(Role.NARROWING, Role.PROTECTION, Role.CONDITION))


def listing_rules(given: dict[str, Any]) -> Rules:
    """Return a listing's rules: what was given, and no protection."""
    return Rules.of(given, rules_of(Role.NARROWING, Role.CONDITION, Role.FILTER))


def deletion_rules(given: dict[str, Any]) -> Rules:
    """Return the rules for channels that were named one by one: the protections that hold then."""
    return Rules.of(given, [rule for rule in rules_of(Role.PROTECTION) if rule.named])


def objection(given: dict[str, Any]) -> str | None:
    """Return what contradicts itself or is missing in what was given, or None."""
    values = completed(given)
    checks = (rule.objection for rule in rules_of(*Role) if rule.objection)
    return next((said for check in checks if (said := check(values))), None)


def no_condition(given: dict[str, Any]) -> str | None:
    """Return why a sweep without a condition is refused, or None where it has one."""
    conditions = rules_of(Role.CONDITION)
    if any(rule.active(completed(given)) for rule in conditions):
        return None
    options = ", ".join(f"--{rule.name}" for rule in conditions)
    return f"no condition: give at least one of {options}; a name or a tag is no reason to delete"


def judge(facts: Facts, rules: Rules, now: datetime, *, direct: bool) -> Decision:
    """Judge one channel by what is known of it.

    With `direct`, the judgement that a deletion rests on: NEEDS asks for direct reads until
    nothing more is needed. Without, the judgement that is shown: the tag index will do, a fact
    that has no cheap source is presumed harmless, and `unconfirmed` says which were.
    """
    reasons: list[str] = []
    unconfirmed: list[Need] = []
    for price in PRICES:
        asked = [rule for rule in rules.rules if rule.need is price]
        fact = None if price is None else facts.get(price)
        if isinstance(fact, Unknown) and asked:
            return Decision(Verdict.KEEP, f"{_name(price)} unknown: {fact.why}", unknown=True)
        if price is None or isinstance(fact, Fact):
            findings = [(rule, rule.judge(facts, rules.given, now)) for rule in asked]
            if decision := _kept(findings):
                return decision
            reasons += [found.why for rule, found in findings if rule.role is Role.CONDITION]
        if price is not None and asked and not _read_directly(fact):
            if direct or _worth_reading(price, fact, asked):
                return Decision(Verdict.NEEDS, f"needs its {price.value}", need=price)
            unconfirmed.append(price)
    return Decision(Verdict.DELETE, ", ".join(reasons) or "named", unconfirmed=tuple(unconfirmed))


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


def _name(price: Need | None) -> str:
    return price.value if price else "listing"


def _read_directly(fact: object) -> bool:
    return isinstance(fact, Fact) and fact.source is Source.DIRECT


def _kept(findings: list[tuple[Rule, Finding]]) -> Decision | None:
    """Return what the first rule that spares decides; else the first that cannot tell."""
    for rule, found in findings:
        if found.spares:
            return Decision(Verdict.KEEP, found.why, rule)
    for rule, found in findings:
        if found.spares is None:
            return Decision(Verdict.KEEP, found.why, rule, unknown=True)
    return None
