"""Rules of a channel's age."""

from datetime import datetime, timedelta
from typing import Final

from kvsops.core.facts import Facts
from kvsops.core.rule import Finding, Given, Option, Parameter, Role, Rule
from kvsops.core.rules.names import matches_every_name
from kvsops.core.text import age


def age_of(facts: Facts, now: datetime) -> timedelta | None:
    """Return how long ago the channel was made, or None where that is missing."""
    created = facts.channel.creation_time
    return None if created is None else now - created


def _older_than(facts: Facts, given: Given, now: datetime) -> Finding:
    old, bound = age_of(facts, now), given["older-than"]
    if old is None:
        return Finding(None, "its creation time is missing")
    if old > bound:
        return Finding(spares=False, why=f"{age(old)} old")
    return Finding(spares=True, why=f"{age(old)} old, not older than {age(bound)}")


def _younger_than(facts: Facts, given: Given, now: datetime) -> Finding:
    old, bound = age_of(facts, now), given["younger-than"]
    if old is None:
        return Finding(None, "its creation time is missing")
    return Finding(spares=old >= bound, why=f"{age(old)} old, not younger than {age(bound)}")


def _age_needs_more(given: Given) -> str | None:
    if not (given["older-than"] and given["yes"]) or given["any-channel"] or _narrowed(given):
        return None
    return (
        "age alone says nothing of use: with --yes add --prefix, --match, --tag or --without-tag, "
        "or --any-channel if every channel older than that is meant"
    )


def _narrowed(given: Given) -> bool:
    """Whether more was given than an age and a pattern that matches every name."""
    from kvsops.core.rules import rules_of  # this file is a part of them

    active = {rule.name for rule in rules_of(Role.CONDITION, Role.NARROWING) if rule.active(given)}
    every_name = matches_every_name(given["match"])
    return bool(active - {"older-than"} - ({"match"} if every_name else set()))


def _contradicting_ages(given: Given) -> str | None:
    older, younger = given["older-than"], given["younger-than"]
    if older and younger and younger <= older:
        return (
            f"--older-than {age(older)} and --younger-than {age(younger)} leave no channel: "
            "the first must be the shorter"
        )
    return None


RULES: Final = (
    Rule(
        "younger-than",
        Role.FILTER,
        _younger_than,
        options=(Option("younger-than", Parameter.DURATION, "Created less than this long ago."),),
        objection=_contradicting_ages,
    ),
    Rule(
        "older-than",
        Role.CONDITION,
        _older_than,
        counted="too young",
        options=(Option("older-than", Parameter.DURATION, "Created longer ago than this."),),
        objection=_age_needs_more,
    ),
)
