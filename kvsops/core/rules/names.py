"""Rules of names, tags and status: which channels are meant at all."""

from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

from kvsops.core.facts import Facts, Need
from kvsops.core.likeness import mistaken, shown
from kvsops.core.rule import Finding, Given, Option, Parameter, Role, Rule


def _prefix(facts: Facts, given: Given, _: datetime) -> Finding:
    inside = facts.channel.channel_name.startswith(given["prefix"])
    return Finding(spares=not inside, why=f"name does not begin with {given['prefix']}")


def _match(facts: Facts, given: Given, _: datetime) -> Finding:
    inside = fnmatchcase(facts.channel.channel_name, given["match"])
    return Finding(spares=not inside, why=f"name does not match {given['match']}")


def matches_every_name(pattern: str | None) -> bool:
    """Whether a pattern narrows nothing."""
    return pattern is not None and "*" in pattern and set(pattern) <= {"*", "?"}


def _tag(facts: Facts, given: Given, _: datetime) -> Finding:
    for wanted in given["tag"]:
        if not wanted.matches(facts.tag_values):
            return Finding(spares=True, why=f"has no tag {wanted}")
    return Finding(spares=False)


def _without_tag(facts: Facts, given: Given, _: datetime) -> Finding:
    for unwanted in given["without-tag"]:
        if unwanted.matches(facts.tag_values):
            return Finding(spares=True, why=f"has the tag {unwanted}")
        alike = mistaken(facts.tag_values, unwanted.key)
        if alike and unwanted.value in (None, facts.tag_values[alike]):
            why = f"has {shown(alike)}, which only looks like {shown(unwanted.key)}"
            return Finding(spares=True, why=why, mistaken=True)
    return Finding(spares=False)


def _contradicting_tags(given: Given) -> str | None:
    wanted = {each.key: each for each in given["tag"] if each.value is not None}
    for each in given["tag"]:
        if each.value is not None and each != wanted[each.key]:
            return f"--tag {each} and --tag {wanted[each.key]} leave no channel: drop one"
    for unwanted in given["without-tag"]:
        for each in given["tag"]:
            if unwanted.key == each.key and unwanted.value in (None, each.value):
                return f"--tag {each} and --without-tag {unwanted} leave no channel: drop one"
    return None


def _status(facts: Facts, given: Given, _: datetime) -> Finding:
    inside = facts.channel.status in given["status"]
    return Finding(spares=not inside, why=f"status is {facts.channel.status}")


RULES: Final = (
    Rule(
        "prefix",
        Role.NARROWING,
        _prefix,
        counted="of another name",
        options=(
            Option("prefix", Parameter.PREFIX, "Only names that start with this (cheapest)."),
        ),
    ),
    Rule(
        "match",
        Role.NARROWING,
        _match,
        counted="of another name",
        options=(Option("match", Parameter.GLOB, "Only names that match this pattern (* ? [])."),),
    ),
    Rule(
        "tag",
        Role.NARROWING,
        _tag,
        Need.TAGS,
        counted="without the tag",
        options=(
            Option("tag", Parameter.TAG, "Only with this tag (any value, or this one).", many=True),
        ),
    ),
    Rule(
        "without-tag",
        Role.NARROWING,
        _without_tag,
        Need.TAGS,
        counted="with the tag",
        options=(
            Option(
                "without-tag",
                Parameter.TAG,
                "Only without this tag (any value, or this one).",
                many=True,
            ),
        ),
        objection=_contradicting_tags,
    ),
    Rule(
        "status",
        Role.FILTER,
        _status,
        options=(Option("status", Parameter.STATUS, "Only in this status.", many=True),),
    ),
)
