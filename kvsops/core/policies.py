"""The rules in force: of a policy, of several, and of a sweep, a listing or a deletion by name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from kvsops.core.facts import Need
from kvsops.core.mark import digest
from kvsops.core.reach import EVERYWHERE, Reach, Site
from kvsops.core.rule import Given, Role, Rule
from kvsops.core.rules import IN_USE, completed, rules_of

_ROLES: Final = list(Role)


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
