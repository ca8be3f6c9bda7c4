"""What to do after a dry run: look again at less, or delete.

Deleting is proposed only where the run was narrowed already, so that nobody gets there by copying
one line: what was seen is what was chosen.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from os.path import commonprefix
from typing import Final

from kvsops.core.policies import Policy, Rules, objection
from kvsops.core.rule import Role
from kvsops.core.rules.names import matches_every_name
from kvsops.sweep.fuse import Bounds
from kvsops.sweep.item import Item
from kvsops.sweep.plan import Plan

_OURS: Final = ("aws:", "kvsops:expires-at", "kvsops:doomed-at")
"""Tags that say nothing of what a channel is for."""
_FIRST: Final = re.compile(r"[^-_.]+[-_.]")
_MANY: Final = 4
"""A name that a fourth of the candidates share is proposed before any tag: it is listed by."""
_ENOUGH: Final = "1d"
"""The age that is proposed where one is missing."""


class Step(Enum):
    """What is proposed."""

    DELETE = "delete"
    NARROW = "narrow"  # by what some of the candidates share
    OLDER = "older"  # an age is missing
    OLDEST = "oldest"  # the fuse holds for so many


@dataclass(frozen=True, slots=True)
class Proposal:
    """A step, the option that it adds and its value, and how many candidates are then left.

    `number` is None where it is not known before the next look; `marks` are beside it: channels
    that begin their grace. `why` is why --yes would be
    refused as yet, where a step does not speak for itself.
    """

    step: Step
    option: str
    value: str | None = None
    number: int | None = None
    marks: int = 0
    why: str = ""

    def words(self, typed: Sequence[str]) -> list[str]:
        """Return the command line that was typed, changed to this step."""
        kept = _without(typed, {"--yes": 0, "--dry-run": 0, "--check": 0} | self._replaced)
        return [*kept, f"--{self.option}", *([] if self.value is None else [self.value])]

    @property
    def _replaced(self) -> dict[str, int]:
        """The option that is in this one's place, and how many values it has."""
        return {} if self.option == "tag" else {f"--{self.option}": self.value is not None}


def proposed(plan: Plan, rules: Rules, bounds: Bounds) -> Proposal | None:
    """Return what to do after this dry run; None where there is nothing to do."""
    going = plan.doomed + plan.marking
    if not going:
        return None
    most = bounds.most(plan)
    refused = _refusal(rules)
    if not all(map(_narrowed, rules.policies)):
        return _narrower(going, plan.items, most)
    if refused:
        return Proposal(Step.OLDER, "older-than", _ENOUGH, why=refused)
    if bounds.blown(plan):
        return Proposal(Step.OLDEST, "limit", f"{most}", most) if most else None
    number = bounds.within(len(plan.doomed))
    return Proposal(Step.DELETE, "yes", number=number, marks=len(plan.marking))


def named_ones(plan: Plan) -> Proposal | None:
    """Return what to do after a dry run of channels that were named one by one."""
    doomed = plan.doomed
    return Proposal(Step.DELETE, "yes", number=len(doomed)) if doomed else None


def _without(typed: Sequence[str], options: Mapping[str, int]) -> list[str]:
    """Leave out options, with as many values as each has; also where they are joined by `=`."""
    kept: list[str] = []
    skipped = 0
    for word in typed:
        name, joined, _ = word.partition("=")
        if skipped:
            skipped -= 1
        elif name in options:
            skipped = 0 if joined else options[name]
        else:
            kept.append(word)
    return kept


def _refusal(rules: Rules) -> str:
    """Say why --yes would be refused, if it would."""
    said = (objection({**each.given, "yes": True}) for each in rules.policies)
    return next(filter(None, said), "")


def _narrowed(policy: Policy) -> bool:
    """Whether it is bounded by more than its conditions, or every channel is truly meant."""
    names = {rule.name for rule, _ in policy.rules if rule.role is Role.NARROWING}
    if matches_every_name(policy.given["match"]):
        names.discard("match")
    return bool(names or policy.given.get("any-channel"))


def _narrower(going: list[Item], listed: Iterable[Item], most: int) -> Proposal:
    """Return what most candidates share, and few that are protected; else the oldest one's name.

    Where many of a kind are protected, somebody cares for that kind.
    """
    mine = _kinds(going)
    cared_for = Counter(kind for item in listed if _protected(item) for kind in _kinds_of(item))

    def worth(kind: tuple[str, str]) -> tuple[bool, bool, float]:
        number = len(mine[kind])
        named = kind[0] == "prefix" and number * _MANY >= len(going)
        return number <= most, named, number * number / (number + cared_for[kind])

    if not mine:
        return Proposal(Step.NARROW, "match", going[0].channel.channel_name, 1)
    option, value = best = max(mine, key=worth)
    members = mine[best]
    if option == "prefix":
        value = _longest([item.channel.channel_name for item in members], value)
    return Proposal(Step.NARROW, option, value, len(members))


def _protected(item: Item) -> bool:
    rule = item.decision.rule
    return rule is not None and rule.role is Role.PROTECTION


def _kinds(items: Iterable[Item]) -> Mapping[tuple[str, str], list[Item]]:
    kinds: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        for kind in _kinds_of(item):
            kinds[kind].append(item)
    return kinds


def _kinds_of(item: Item) -> list[tuple[str, str]]:
    """Return the narrowings, as option and value, that would mean the channel."""
    first = _FIRST.match(item.channel.channel_name)
    tags = [
        ("tag", f"{key}={value}")
        for key, value in (item.facts.known_tags or {}).items()
        if not key.startswith(_OURS)
    ]
    return [*([("prefix", first[0])] if first else []), *tags]


def _longest(names: list[str], least: str) -> str:
    """Return the longest prefix that all share, as far as its last whole word."""
    if len(names) == 1:
        return least
    shared = commonprefix(names)  # noqa: RUF071 - of characters is meant
    words = re.match(r".*[-_.]", shared)
    return words[0] if words else least
