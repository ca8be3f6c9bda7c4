"""Protections: what is never deleted, whatever the conditions."""

from datetime import datetime, timedelta
from typing import Final

from kvsops.core.channel import EXPIRES_AT_TAG, KEEP_TAG
from kvsops.core.facts import Facts, Need
from kvsops.core.likeness import likeness, shown
from kvsops.core.rule import Finding, Given, Option, Parameter, Role, Rule
from kvsops.core.rules.ages import age_of
from kvsops.core.rules.holders import EXPIRY_MARGIN, resembling
from kvsops.core.text import age, parsed_moment

_CLOUDFORMATION: Final = "aws:cloudformation:"


def _not_active(facts: Facts, _: Given, __: datetime) -> Finding:
    status = facts.channel.status
    if facts.channel.doubt:
        return Finding(None, facts.channel.doubt)
    return Finding(spares=status != "ACTIVE", why=f"status is {status or 'missing'}")


def _no_creation_time(facts: Facts, _: Given, now: datetime) -> Finding:
    old = age_of(facts, now)
    if old is None:
        return Finding(spares=True, why=facts.channel.doubt or "its creation time is missing")
    return Finding(spares=old < timedelta(), why="its creation time is in the future")


def _protected(facts: Facts, given: Given, _: datetime) -> Finding:
    keys = (KEEP_TAG, *given["protect-tag"])
    for key in keys:
        if key in facts.tag_values:
            value, name = facts.tag_values[key], shown(key)
            why = f"protected: {name}={value}" if value else f"has {name}"
            return Finding(spares=True, why=why)
    return resembling(facts, *keys)


def _held(facts: Facts, _: Given, now: datetime) -> Finding:
    text = facts.tag_values.get(EXPIRES_AT_TAG)
    if text is None:
        return resembling(facts, EXPIRES_AT_TAG)
    expires_at = parsed_moment(text)
    if expires_at is None:
        return Finding(spares=True, why=f"{EXPIRES_AT_TAG} is unreadable: {text}")
    if expires_at > now:
        return Finding(spares=True, why=f"held: expires {age(now - expires_at)}")
    if now - expires_at < EXPIRY_MARGIN:
        return Finding(spares=True, why=f"held: expired only {age(now - expires_at)} ago")
    return resembling(facts, EXPIRES_AT_TAG)


def _of_a_stack(facts: Facts, _: Given, __: datetime) -> Finding:
    alike = Finding(spares=False)
    for key in facts.tag_values:
        if likeness(key).startswith(_CLOUDFORMATION):
            stack = facts.tag_values.get(f"{_CLOUDFORMATION}stack-name", "unnamed")
            why = f"made by CloudFormation: stack {stack}"
            if key.startswith(_CLOUDFORMATION):
                return Finding(spares=True, why=why)
            alike = Finding(spares=True, why=f"has {shown(key)}, like a stack's", mistaken=True)
    return alike


def _storage_linked(facts: Facts, given: Given, _: datetime) -> Finding:
    link = facts.storage_link
    if link is None or not link.linked or given["unlink-storage"]:
        return Finding(spares=False)
    stream = (link.stream_arn or "a stream").rpartition(":")[2]
    return Finding(spares=True, why=f"linked to storage: {stream}")


RULES: Final = (
    Rule("not-active", Role.PROTECTION, _not_active, named=True, counted="not ACTIVE"),
    Rule("no-creation-time", Role.PROTECTION, _no_creation_time, counted="of unknown age"),
    Rule(
        "protected",
        Role.PROTECTION,
        _protected,
        Need.TAGS,
        counted="protected by a tag",
        options=(
            Option(
                "protect-tag",
                Parameter.KEY,
                f"Never delete a channel with this tag (or {KEEP_TAG}).",
                many=True,
            ),
        ),
        named=True,
    ),
    Rule("held", Role.PROTECTION, _held, Need.TAGS, counted="held by a lease"),
    Rule(
        "cloudformation",
        Role.PROTECTION,
        _of_a_stack,
        Need.TAGS,
        named=True,
        counted="made by CloudFormation",
    ),
    Rule(
        "storage-linked",
        Role.PROTECTION,
        _storage_linked,
        Need.STORAGE,
        counted="linked to storage",
        options=(
            Option(
                "unlink-storage",
                Parameter.FLAG,
                "Also delete channels linked to a stream: unlink them first. The stream stays.",
            ),
        ),
        named=True,
    ),
)
