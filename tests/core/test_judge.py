"""The judgement: rows that show its order."""

from typing import Any

import pytest

from kvsops.core.channel import TagFilter
from kvsops.core.facts import Facts, Need
from kvsops.core.judge import Decision, Verdict, judge
from kvsops.core.policies import deletion_rules, listing_rules, sweep_rules
from tests.core.known import (
    ABSENT,
    DAY,
    DENIED,
    HINTED,
    HOUR,
    KEEP,
    LINKED,
    NOT_HINTED,
    NOW,
    SECOND,
    UNHEARD,
    channel,
    indexed,
    link,
    read,
    use,
)

NEEDS_TAGS = Decision(Verdict.NEEDS, "needs its tags", need=Need.TAGS)
NEEDS_STORAGE = Decision(Verdict.NEEDS, "needs its storage link", need=Need.STORAGE)
NEEDS_ACTIVITY = Decision(Verdict.NEEDS, "needs its activity", need=Need.ACTIVITY)
OLD = {"older-than": 2 * HOUR}
UNKNOWN_USE = "unknown: activity unknown: denied"
ORPHANED = {"orphaned": True}
EVEN_IF_ACTIVE = {"even-if-active": True}
IDLE = {"idle-for": 20 * HOUR}
NEVER = {"never-used": True}
SILENT = (
    "no channel has any metrics, which may be a mistake or a missing permission: "
    "--trust-silence if truly nothing runs"
)
UNWITNESSED = f"unknown: {SILENT}"


@pytest.mark.parametrize(
    ("given", "facts", "direct", "expected"),
    [
        # What the listing spares asks for nothing.
        (OLD, Facts(channel(age=HOUR)), True, "keep: 1h old, not older than 2h"),
        (OLD, Facts(channel(status="CREATING")), True, "keep: status is CREATING"),
        (OLD, Facts(channel(age=None)), True, "keep: its creation time is missing"),
        (OLD | {"prefix": "cam-"}, Facts(channel()), True, "keep: name does not begin with cam-"),
        # Narrowings speak first, then protections, then conditions.
        (
            OLD | {"prefix": "cam-"},
            Facts(channel(status="DELETING", age=HOUR)),
            True,
            "keep: name does not begin with cam-",
        ),
        (OLD, Facts(channel(status="DELETING", age=HOUR)), True, "keep: status is DELETING"),
        # The cheaper fact is asked for first, and a dearer one is not looked at.
        (OLD, Facts(channel()), True, "needs tags"),
        (OLD, Facts(channel()), False, "needs tags"),
        (OLD, Facts(channel(), storage=link()), True, "needs tags"),
        (OLD, Facts(channel(), storage=link(LINKED)), True, "needs tags"),
        (OLD, Facts(channel(), storage=DENIED), True, "needs tags"),
        # What is protected by its tags asks for no storage link.
        (OLD, Facts(channel(), read(KEEP)), True, "keep: has kvsops:keep"),
        (OLD, Facts(channel(), indexed(**KEEP)), True, "keep: has kvsops:keep"),
        (OLD, Facts(channel(), read(KEEP), DENIED), True, "keep: has kvsops:keep"),
        # The index and the presumption of it may be shown; they do not condemn.
        (OLD, Facts(channel(), indexed()), True, "needs tags"),
        (OLD, Facts(channel(), ABSENT), True, "needs tags"),
        (OLD, Facts(channel(), indexed(), link()), True, "needs tags"),
        (OLD, Facts(channel(), read()), True, "needs storage link"),
        (OLD, Facts(channel(), read(), link()), True, "needs activity"),
        (OLD, Facts(channel(), indexed()), False, "needs activity"),
        (OLD, Facts(channel(), read(), link()), False, "needs activity"),
        (OLD, Facts(channel(), indexed(), None, use()), True, "needs tags"),
        (
            OLD,
            Facts(channel(), indexed(), None, NOT_HINTED),
            False,
            "delete: 1d old (tags, storage link, activity)",
        ),
        (
            ORPHANED,
            Facts(channel(), ABSENT, None, NOT_HINTED),
            False,
            "delete: no owner (tags, storage link, activity)",
        ),
        (OLD, Facts(channel(), ABSENT, link(), use()), False, "delete: 1d old (tags)"),
        (OLD, Facts(channel(), read(), None, use()), False, "delete: 1d old (storage link)"),
        (OLD, Facts(channel(), read(), link(), NOT_HINTED), False, "delete: 1d old (activity)"),
        (OLD, Facts(channel(), read(), link(), use()), False, "delete: 1d old"),
        (OLD, Facts(channel(), read(), link(), use()), True, "delete: 1d old"),
        (
            OLD | ORPHANED,
            Facts(channel(), read(), link(), use()),
            True,
            "delete: 1d old, no owner",
        ),
        # What cannot be read is unknown, and keeps.
        (OLD, Facts(channel(), DENIED), True, "unknown: tags unknown: denied"),
        (OLD, Facts(channel(), DENIED), False, "unknown: tags unknown: denied"),
        (OLD, Facts(channel(), DENIED, link()), False, "unknown: tags unknown: denied"),
        (OLD, Facts(channel(), read(), DENIED), True, "unknown: storage link unknown: denied"),
        (OLD, Facts(channel(), indexed(), DENIED), False, "unknown: storage link unknown: denied"),
        (OLD, Facts(channel(), read(), link(), DENIED), True, "unknown: activity unknown: denied"),
        (OLD, Facts(channel(), indexed(), None, DENIED), False, UNKNOWN_USE),
        # Storage.
        (OLD, Facts(channel(), read(), link(LINKED)), True, "keep: linked to storage: stream/s/1"),
        (OLD | {"unlink-storage": True}, Facts(channel(), read()), True, "needs storage link"),
        (
            OLD | {"unlink-storage": True},
            Facts(channel(), read(), link(LINKED), use()),
            True,
            "delete: 1d old",
        ),
        # Use within 2 hours spares; a hint of it asks the metrics, and so does one that failed.
        (
            OLD,
            Facts(channel(), read(), link(), use(HOUR)),
            True,
            "keep: in use: last used at most 1h ago",
        ),
        (OLD, Facts(channel(), read(), link(), use(2 * HOUR)), True, "delete: 1d old"),
        (OLD, Facts(channel(), read(), link(), use(witnessed=False)), True, "delete: 1d old"),
        (OLD, Facts(channel(), read(), link(), HINTED), False, "needs activity"),
        (OLD, Facts(channel(), read(), link(), UNHEARD), False, "needs activity"),
        (OLD, Facts(channel(), read(), link(), HINTED), True, "needs activity"),
        (OLD, Facts(channel(), read(), link(), NOT_HINTED), True, "needs activity"),
        (OLD | EVEN_IF_ACTIVE, Facts(channel(), read(), link()), True, "delete: 1d old"),
        (OLD | EVEN_IF_ACTIVE, Facts(channel(), read(), link(), DENIED), True, "delete: 1d old"),
        # Idleness: youth asks for nothing more, a hint may only spare, silence needs a witness.
        (
            {"idle-for": 2 * DAY},
            Facts(channel(), read(), link(), use()),
            True,
            "keep: younger than 2d: too young to be idle so long",
        ),
        (IDLE, Facts(channel(), read()), False, "needs activity"),
        (IDLE, Facts(channel(), read(), None, NOT_HINTED), False, "needs activity"),
        (IDLE, Facts(channel(), read(), None, HINTED), False, "keep: last used at most 3h ago"),
        (IDLE, Facts(channel(), read(), link(), NOT_HINTED), True, "needs activity"),
        (IDLE, Facts(channel(), read(), link(), use()), True, "delete: not used for 20h"),
        (IDLE, Facts(channel(), read(), link(), use(20 * HOUR)), True, "delete: not used for 20h"),
        (
            IDLE,
            Facts(channel(), read(), link(), use(20 * HOUR - SECOND)),
            True,
            "keep: last used at most 19h59m ago",
        ),
        (
            IDLE,
            Facts(channel(), read(), link(), use(witnessed=False)),
            True,
            UNWITNESSED,
        ),
        (
            IDLE | {"trust-silence": True},
            Facts(channel(), read(), link(), use(witnessed=False)),
            True,
            "delete: not used for 20h",
        ),
        (
            IDLE | EVEN_IF_ACTIVE,
            Facts(channel(), read(), link(), DENIED),
            True,
            "unknown: activity unknown: denied",
        ),
        (
            NEVER | OLD,
            Facts(channel(), read(), link(), use()),
            True,
            "delete: 1d old, never used",
        ),
        (
            NEVER | OLD,
            Facts(channel(), read(), link(), use(23 * HOUR)),
            True,
            "keep: last used at most 23h ago",
        ),
        (NEVER | OLD, Facts(channel(), read(), link(), use(witnessed=False)), True, UNWITNESSED),
        (
            NEVER | OLD,
            Facts(channel(age=456 * DAY), read(), link(), use()),
            True,
            "unknown: its activity since it was made is not known",
        ),
    ],
)
def test_sweep(given: dict[str, Any], facts: Facts, expected: str, *, direct: bool) -> None:
    """A sweep's judgement, on what is known so far."""
    decision = judge(facts, sweep_rules(given), NOW, direct=direct)
    assert in_words(decision) == expected


def in_words(decision: Decision) -> str:
    """Write a decision in one line."""
    if decision.verdict is Verdict.NEEDS and decision.need:
        return f"needs {decision.need.value}"
    said = "unknown" if decision.unknown else decision.verdict.value
    unconfirmed = ", ".join(need.value for need in decision.unconfirmed)
    reason = decision.reason.replace("has no kvsops:owner", "no owner")
    return f"{said}: {reason}" + (f" ({unconfirmed})" if unconfirmed else "")


@pytest.mark.parametrize(
    ("given", "facts", "expected"),
    [
        ({}, Facts(channel(status=None, age=None)), "delete: named"),
        (OLD, Facts(channel(age=None)), "unknown: its creation time is missing"),
        ({"younger-than": HOUR}, Facts(channel(age=None)), "unknown: its creation time is missing"),
        (OLD | {"status": ("DELETING",)}, Facts(channel()), "keep: status is ACTIVE"),
        ({"tag": (TagFilter("env", None),)}, Facts(channel()), "needs tags"),
        (
            {"tag": (TagFilter("env", None),)},
            Facts(channel(), indexed(env="ci")),
            "delete: named (tags)",
        ),
        ({"active": True}, Facts(channel()), "needs activity"),
        ({"active": True}, Facts(channel(), activity=HINTED), "needs activity"),
        ({"active": True}, Facts(channel(), activity=use(HOUR)), "delete: named"),
        (
            {"active": True},
            Facts(channel(), activity=use(2 * HOUR)),
            "keep: not used in the last 2h",
        ),
        ({"active": True}, Facts(channel(), activity=DENIED), UNKNOWN_USE),
        (IDLE, Facts(channel(), activity=NOT_HINTED), "needs activity"),
        (IDLE, Facts(channel(), activity=use()), "delete: not used for 20h"),
    ],
)
def test_listing(given: dict[str, Any], facts: Facts, expected: str) -> None:
    """A listing has no protections, and asks for a fact only where a rule looks at it."""
    rules = listing_rules(given)
    assert in_words(judge(facts, rules, NOW, direct=False)) == expected
    assert rules.looks_at(Need.TAGS) == ("tag" in given)
    assert rules.looks_at(Need.ACTIVITY) == ("active" in given or "idle-for" in given)
    assert not rules.looks_at(Need.STORAGE)


@pytest.mark.parametrize(
    ("given", "facts", "expected"),
    [
        ({}, Facts(channel(age=None)), "needs tags"),
        ({}, Facts(channel(), read(KEEP)), "keep: has kvsops:keep"),
        ({}, Facts(channel(), read({"kvsops:expires-at": "never"})), "needs storage link"),
        ({}, Facts(channel(), read(), link(LINKED)), "keep: linked to storage: stream/s/1"),
        ({}, Facts(channel(), read(), link()), "delete: named"),
        (
            {"protect-tag": ("env",)},
            Facts(channel(), read({"env": "ci"})),
            "keep: protected: env=ci",
        ),
        ({"unlink-storage": True}, Facts(channel(), read(), link(LINKED)), "delete: named"),
    ],
)
def test_named(given: dict[str, Any], facts: Facts, expected: str) -> None:
    """A channel that was named is judged by the protections that hold then, and by no condition."""
    assert in_words(judge(facts, deletion_rules(given), NOW, direct=True)) == expected


def test_the_sparing_rule_is_told() -> None:
    """A decision to keep names the rule; one that asks or condemns names none."""
    spared = judge(Facts(channel(), read(KEEP)), sweep_rules(OLD), NOW, direct=True)
    assert spared.rule is not None
    assert spared.rule.name == "protected"
    assert judge(Facts(channel()), sweep_rules(OLD), NOW, direct=True) == NEEDS_TAGS
    read_tags = Facts(channel(), read())
    assert judge(read_tags, sweep_rules(OLD), NOW, direct=True) == NEEDS_STORAGE
    linked = Facts(channel(), read(), link())
    assert judge(linked, sweep_rules(OLD), NOW, direct=True) == NEEDS_ACTIVITY
