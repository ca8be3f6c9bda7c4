"""Protections: what is never deleted, whatever the conditions."""

from datetime import datetime, timedelta
from typing import Final

from kvsops.core.channel import EXPIRES_AT_TAG, KEEP_TAG
from kvsops.core.facts import Facts, Need
from kvsops.core.rule import Example, Finding, Given, Option, Parameter, Role, Rule
from kvsops.core.rules.ages import age_of
from kvsops.core.rules.holders import EXPIRY_MARGIN
from kvsops.core.text import age, parsed_moment


def _not_active(facts: Facts, _: Given, __: datetime) -> Finding:
    status = facts.channel.status
    return Finding(spares=status != "ACTIVE", why=f"status is {status or 'missing'}")


def _no_creation_time(facts: Facts, _: Given, now: datetime) -> Finding:
    old = age_of(facts, now)
    if old is None:
        return Finding(spares=True, why="its creation time is missing")
    return Finding(spares=old < timedelta(), why="its creation time is in the future")


def _kept(facts: Facts, given: Given, _: datetime) -> Finding:
    for key in (KEEP_TAG, *given["protect-tag"]):
        if key in facts.tag_values:
            value = facts.tag_values[key]
            return Finding(spares=True, why=f"protected: {key}={value}" if value else f"has {key}")
    return Finding(spares=False)


def _held(facts: Facts, _: Given, now: datetime) -> Finding:
    text = facts.tag_values.get(EXPIRES_AT_TAG)
    if text is None:
        return Finding(spares=False)
    expires_at = parsed_moment(text)
    if expires_at is None:
        return Finding(spares=True, why=f"{EXPIRES_AT_TAG} is unreadable: {text}")
    if expires_at > now:
        return Finding(spares=True, why=f"held: expires {age(now - expires_at)}")
    if now - expires_at < EXPIRY_MARGIN:
        return Finding(spares=True, why=f"held: expired only {age(now - expires_at)} ago")
    return Finding(spares=False)


def _of_a_stack(facts: Facts, _: Given, __: datetime) -> Finding:
    for key in facts.tag_values:
        if key.startswith("aws:cloudformation:"):
            stack = facts.tag_values.get("aws:cloudformation:stack-name", "unnamed")
            return Finding(spares=True, why=f"made by CloudFormation: stack {stack}")
    return Finding(spares=False)


def _storage_linked(facts: Facts, given: Given, _: datetime) -> Finding:
    link = facts.storage_link
    if link is None or not link.linked or given["unlink-storage"]:
        return Finding(spares=False)
    stream = (link.stream_arn or "a stream").rpartition(":")[2]
    return Finding(spares=True, why=f"linked to storage: {stream}")


_NOW_PLUS = "{now+%d}"  # in an example's tag: that many seconds from the example's now
_STACK = {"aws:cloudformation:stack-name": "video"}

RULES: Final = (
    Rule(
        "not-active",
        Role.PROTECTION,
        _not_active,
        named=True,
        examples=(
            Example({}, spares=False),
            Example({}, spares=True, status="CREATING"),
            Example({}, spares=True, status="UPDATING"),
            Example({}, spares=True, status=None),
        ),
    ),
    Rule(
        "no-creation-time",
        Role.PROTECTION,
        _no_creation_time,
        examples=(
            Example({}, spares=False),
            Example({}, spares=True, age=None),
            Example({}, spares=True, age=-timedelta(seconds=1)),
        ),
    ),
    Rule(
        "protected",
        Role.PROTECTION,
        _kept,
        Need.TAGS,
        options=(
            Option(
                "protect-tag",
                Parameter.KEY,
                f"Never delete a channel with this tag (beside {KEEP_TAG}).",
                many=True,
            ),
        ),
        named=True,
        examples=(
            Example({}, spares=False, tags={"env": "ci"}),
            Example({}, spares=True, tags={KEEP_TAG: ""}),
            Example({}, spares=True, tags={KEEP_TAG: "false"}),
            Example({"protect-tag": ("env",)}, spares=True, tags={"env": "ci"}),
        ),
    ),
    Rule(
        "held",
        Role.PROTECTION,
        _held,
        Need.TAGS,
        examples=(
            Example({}, spares=False),
            Example({}, spares=False, tags={EXPIRES_AT_TAG: _NOW_PLUS % -300}),
            Example({}, spares=True, tags={EXPIRES_AT_TAG: _NOW_PLUS % -299}),
            Example({}, spares=True, tags={EXPIRES_AT_TAG: _NOW_PLUS % 3600}),
            Example({}, spares=True, tags={EXPIRES_AT_TAG: "tomorrow"}),
            Example({}, spares=True, tags={EXPIRES_AT_TAG: "2020-01-01T00:00:00"}),
            Example({}, spares=True, tags={EXPIRES_AT_TAG: ""}),
        ),
    ),
    Rule(
        "cloudformation",
        Role.PROTECTION,
        _of_a_stack,
        Need.TAGS,
        named=True,
        examples=(
            Example({}, spares=False, tags={"cloudformation": "yes"}),
            Example({}, spares=True, tags=_STACK),
        ),
    ),
    Rule(
        "storage-linked",
        Role.PROTECTION,
        _storage_linked,
        Need.STORAGE,
        options=(
            Option(
                "unlink-storage",
                Parameter.FLAG,
                "Delete channels linked to a stream too: unlink them first. The stream stays.",
            ),
        ),
        named=True,
        examples=(
            Example({}, spares=False),
            Example({}, spares=True, storage="ENABLED"),
            Example({}, spares=True, storage="A_STATUS_YET_TO_COME"),
            Example({"unlink-storage": True}, spares=False, storage="ENABLED"),
        ),
    ),
)
