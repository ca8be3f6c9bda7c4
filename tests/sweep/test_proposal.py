"""What is proposed after a dry run."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kvsops.core.channel import Channel, StorageLink
from kvsops.core.facts import Fact, Facts, Source
from kvsops.core.judge import judge
from kvsops.core.policies import sweep_rules
from kvsops.sweep.fuse import Bounds, Fuse
from kvsops.sweep.item import Item
from kvsops.sweep.plan import Plan
from kvsops.sweep.proposal import Proposal, Step, proposed
from tests.fleet import DAY, HOUR

NOW = datetime(2026, 5, 1, tzinfo=UTC)
OLD: dict[str, Any] = {"older-than": 2 * HOUR, "even-if-active": True, "unlink-storage": True}
KEPT = {"kvsops:keep": ""}
Tags = dict[str, str]


def plan(given: dict[str, Any], **named: Tags) -> Plan:
    """Judge day-old channels of these names and tags, `_` for `-`, each older than the last."""
    rules = sweep_rules(given)
    items = []
    for number, (name, tags) in enumerate(named.items()):
        text = name.replace("_", "-")
        arn = f"arn:aws:kinesisvideo:us-east-1:123456789012:channel/{text}/1"
        created = NOW - DAY - number * HOUR
        channel = Channel(text, arn, "ACTIVE", created, "v")
        link = Fact(StorageLink("DISABLED", None), Source.DIRECT, NOW)
        facts = Facts(channel, Fact(tags, Source.DIRECT, NOW), link)
        decision = judge(facts, rules, NOW, direct=False)
        item = Item(facts, decision)
        item.decide(decision)
        items.append(item)
    return Plan(items)


def after(given: dict[str, Any], most: int = 100, /, **named: Tags) -> Proposal:
    """Answer what is proposed after this dry run, where the fuse allows so many."""
    bounds = Bounds(Fuse.parse(f"{most}"))
    found = proposed(plan(given, **named), sweep_rules(given), bounds)
    assert found is not None
    return found


def aim(proposal: Proposal) -> tuple[str, str | None, int | None]:
    """Answer the option, its value, and how many are then left."""
    return proposal.option, proposal.value, proposal.number


def test_what_most_candidates_share() -> None:
    """The longest prefix, by whole words, of the larger kind."""
    ended = after(OLD, ci_e2e_17={}, ci_e2e_18={}, ci_e2e_29={}, cam_1={}, lab_1={})
    assert (ended.step, aim(ended)) == (Step.NARROW, ("prefix", "ci-e2e-", 3))


def test_what_somebody_cares_for_is_not_proposed() -> None:
    """Where many of a kind are protected, that kind is not the first to look at."""
    cared_for: dict[str, Tags] = {f"cam_{number}_kept": KEPT for number in range(9)}
    cameras: dict[str, Tags] = {f"cam_{number}": {} for number in range(4)}
    ended = after(OLD, 100, ci_1={}, ci_2={}, ci_3={}, **cameras, **cared_for)
    assert aim(ended) == ("prefix", "ci-", 3)


def test_what_the_fuse_allows_comes_first() -> None:
    """A kind of fewer than would blow it."""
    many: dict[str, Tags] = {f"ci_{number}": {} for number in range(5)}
    assert aim(after(OLD, 4, **many, lab_1={}, lab_2={})) == ("prefix", "lab-", 2)


def test_a_tag_where_names_say_nothing() -> None:
    """Of names that have no word in common; never the tags that every lease or stack has."""
    tags = {"env": "ci", "kvsops:expires-at": "2020-01-01T00:00:00Z"}
    named = {f"{letter}{number}": tags for number, letter in enumerate("abcdef")}
    assert aim(after(OLD, 100, **named)) == ("tag", "env=ci", 6)


def test_a_name_where_nothing_is_shared() -> None:
    """The oldest of them."""
    assert aim(after(OLD, a={}, b={}, c={})) == ("match", "c", 1)


@pytest.mark.parametrize(
    ("given", "option", "number"),
    [
        (OLD | {"prefix": "ci-"}, "yes", 2),
        (OLD | {"match": "*"}, "prefix", 2),
        (OLD | {"match": "c*"}, "yes", 2),
        (OLD | {"any-channel": True}, "yes", 2),
        ({"orphaned": True, "even-if-active": True, "prefix": "ci-"}, "older-than", None),
        ({"expired": True, "even-if-active": True}, "prefix", 2),
    ],
)
def test_yes_comes_after_a_narrowing(
    given: dict[str, Any], option: str, number: int | None
) -> None:
    """Never where it would be refused, nor where nothing was narrowed."""
    tags = {"kvsops:expires-at": "2020-01-01T00:00:00Z"}
    ended = after(given, ci_1=tags, ci_2=tags)
    assert (ended.option, ended.number) == (option, number)


def test_the_oldest_where_the_fuse_would_blow() -> None:
    """Of what was narrowed already; nothing where it allows none."""
    given = OLD | {"prefix": "ci-"}
    assert aim(after(given, 1, ci_1={}, ci_2={})) == ("limit", "1", 1)
    none = proposed(plan(given, ci_1={}, ci_2={}), sweep_rules(given), Bounds(Fuse.parse("1%")))
    assert none is None


def test_nothing_to_do() -> None:
    """Nothing is proposed."""
    assert proposed(plan(OLD, ci_1=KEPT), sweep_rules(OLD), Bounds(Fuse.parse("100"))) is None


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("kvsops sweep --expired", "kvsops sweep --expired --prefix ci-"),
        ("kvsops sweep --prefix c --check", "kvsops sweep --prefix ci-"),
        ("kvsops sweep --prefix=c --dry-run -v", "kvsops sweep -v --prefix ci-"),
        ("kvsops sweep --yes --tag a=b", "kvsops sweep --tag a=b --prefix ci-"),
    ],
)
def test_the_words(typed: str, words: str) -> None:
    """What was typed, with the new option in place of what it replaces."""
    proposal = Proposal(Step.NARROW, "prefix", "ci-", 2)
    assert proposal.words(typed.split()) == words.split()
