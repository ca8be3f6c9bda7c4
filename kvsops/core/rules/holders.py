"""Rules of a channel's holder: its lease, its owner."""

from datetime import datetime, timedelta
from typing import Final

from kvsops.core.channel import EXPIRES_AT_TAG, OWNER_TAG
from kvsops.core.facts import Facts, Need
from kvsops.core.likeness import mistaken, shown
from kvsops.core.rule import Finding, Given, Option, Parameter, Role, Rule
from kvsops.core.text import age, parsed_moment

EXPIRY_MARGIN: Final = timedelta(minutes=5)
"""How long past its `kvsops:expires-at` a channel is still its holder's: clocks differ."""


def resembling(facts: Facts, *keys: str) -> Finding:
    """Spare a channel with a tag that only looks like one of these: somebody meant it."""
    for meant in keys:
        if key := mistaken(facts.tag_values, meant):
            why = f"has {shown(key)}, which only looks like {shown(meant)}"
            return Finding(spares=True, why=why, mistaken=True)
    return Finding(spares=False)


def _expired(facts: Facts, _: Given, now: datetime) -> Finding:
    text = facts.tag_values.get(EXPIRES_AT_TAG)
    if text is None:
        return Finding(spares=True, why=f"has no {EXPIRES_AT_TAG}")
    expires_at = parsed_moment(text)
    if expires_at is None or now - expires_at < EXPIRY_MARGIN:
        return Finding(spares=True, why="not expired")
    return Finding(spares=False, why=f"expired {age(now - expires_at)} ago")


def _orphaned(facts: Facts, given: Given, _: datetime) -> Finding:
    key = given["owner-tag"]
    if key in facts.tag_values:
        return Finding(spares=True, why=f"owned: {shown(key)}={facts.tag_values[key]}")
    alike = resembling(facts, key)
    return alike if alike.spares else Finding(spares=False, why=f"has no {shown(key)}")


def _orphaned_needs_age(given: Given) -> str | None:
    if not (given["orphaned"] and given["yes"]):
        return None
    if given["older-than"] and given["older-than"] >= timedelta(hours=1):
        return None
    return (
        "--orphaned --yes needs --older-than 1h or more: a channel just made has no owner tag yet"
    )


def _owner_tag_alone(given: Given) -> str | None:
    if given["owner-tag"] != OWNER_TAG and not given["orphaned"]:
        return "--owner-tag says which tag --orphaned looks for: add --orphaned"
    return None


def _orphaned_objection(given: Given) -> str | None:
    return _owner_tag_alone(given) or _orphaned_needs_age(given)


RULES: Final = (
    Rule(
        "expired",
        Role.CONDITION,
        _expired,
        Need.TAGS,
        counted="without a lease",
        options=(
            Option(
                "expired", Parameter.FLAG, f"Its {EXPIRES_AT_TAG} passed 5 minutes ago or more."
            ),
        ),
    ),
    Rule(
        "orphaned",
        Role.CONDITION,
        _orphaned,
        Need.TAGS,
        counted="owned",
        options=(
            Option("orphaned", Parameter.FLAG, "Has no owner tag."),
            Option("owner-tag", Parameter.KEY, "The tag --orphaned looks for.", default=OWNER_TAG),
        ),
        objection=_orphaned_objection,
    ),
)
