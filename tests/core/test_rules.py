"""Every rule on its examples; what a declaration must have; what contradicts itself."""

import re
from datetime import timedelta
from itertools import chain
from typing import Any

import pytest

from kvsops.core.channel import TagFilter
from kvsops.core.policies import no_condition, objection
from kvsops.core.rule import Finding, Role, Rule
from kvsops.core.rules import RULES, completed, rules_of
from tests.core.examples import DAY, EXAMPLES, HOUR, NOW, Example

EACH_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
EACH_EXAMPLE = pytest.mark.parametrize(
    ("rule", "example"),
    [
        pytest.param(rule, example, id=f"{rule.name}-{number}")
        for rule in RULES
        for number, example in enumerate(EXAMPLES.get(rule.name, ()))
    ],
)


@EACH_EXAMPLE
def test_example(rule: Rule, example: Example) -> None:
    """The rule judges its example as declared, and says why where that is shown."""
    found = rule.judge(example.facts(), completed(example.given), NOW)
    assert found.spares is example.spares
    assert example.why in ("", found.why)
    assert found.why or not (found.spares is not False or rule.role is Role.CONDITION)


@EACH_EXAMPLE
def test_example_on_its_own_fact(rule: Rule, example: Example) -> None:
    """The rule looks at no fact but the one that it declares: the same without all others."""
    alone, all_known = example.facts((rule.need,)), example.facts()
    given = completed(example.given)
    assert rule.judge(alone, given, NOW) == rule.judge(all_known, given, NOW)


@EACH_EXAMPLE
def test_example_brings_its_rule_into_force(rule: Rule, example: Example) -> None:
    """An example gives its own rule's options only, and such that the rule is asked at all."""
    assert set(example.given) <= {option.name for option in rule.options}
    waived = rule.waived_by in example.given
    assert rule.active(completed(example.given)) is not waived


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("active", "its activity is not known"),
        ("idle-for", "its activity is not known"),
        ("never-used", "its activity since it was made is not known"),
    ],
)
def test_unknown_activity(name: str, why: str) -> None:
    """Asked before its activity was read, a rule that looks at it cannot tell, and says so."""
    (rule,) = (rule for rule in RULES if rule.name == name)
    example = EXAMPLES[name][0]
    assert rule.judge(example.facts(()), completed(example.given), NOW) == Finding(None, why)


def test_a_waiver_is_a_flag_of_the_rule() -> None:
    """What puts a protection out of force is its own flag, and no other rule is waived."""
    waived = {rule.name: rule.waived_by for rule in RULES if rule.waived_by}
    assert waived == {"in-use": "even-if-active"}


@EACH_RULE
def test_examples_show_every_outcome(rule: Rule) -> None:
    """Each rule spares one example and another not, and has one for each outcome that it knows.

    What it knows of is found by asking it, with each thing given, of the channels of all rules.
    """
    examples = EXAMPLES[rule.name]
    known = {
        rule.judge(other.facts(), completed(example.given), NOW).spares
        for example in examples
        for other in chain.from_iterable(EXAMPLES.values())
    }
    assert {True, False} <= {example.spares for example in examples} == known


def test_examples_are_of_rules() -> None:
    """No rows are left of a rule that is no more."""
    assert EXAMPLES.keys() == {rule.name for rule in RULES}


@EACH_RULE
def test_options_are_described(rule: Rule) -> None:
    """Each option has a help that is a sentence; each rule but a protection has an option."""
    for option in rule.options:
        assert re.fullmatch(r"[A-Z].+\.", option.help)
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", option.name)
    assert rule.options or rule.role is Role.PROTECTION


@EACH_RULE
def test_absent_means_not_in_force(rule: Rule) -> None:
    """With nothing given only the protections are in force."""
    assert rule.active(completed({})) == (rule.role is Role.PROTECTION)


def test_names_are_unique() -> None:
    """No two rules and no two options share a name."""
    rules = [rule.name for rule in RULES]
    options = [option.name for rule in RULES for option in rule.options]
    assert len(rules) == len(set(rules))
    assert len([*options, "any-channel", "yes"]) == len({*options, "any-channel", "yes"})


def test_only_protections_hold_for_names() -> None:
    """These protections hold for a channel named one by one; its age and its holder do not."""
    assert [rule.name for rule in RULES if rule.named] == [
        "not-active",
        "protected",
        "cloudformation",
        "storage-linked",
    ]


def test_rules_of_keeps_the_order() -> None:
    """Rules come in the order of their declaration."""
    conditions = [rule.name for rule in rules_of(Role.CONDITION)]
    known = ("older-than", "idle-for", "never-used", "expired", "orphaned")
    assert [name for name in conditions if name in known] == [*known]
    assert conditions == [rule.name for rule in RULES if rule.role is Role.CONDITION]
    assert rules_of(*Role) == RULES
    assert rules_of() == ()


def test_completed() -> None:
    """What was not given has its default: flags False, many ones (), others None or declared."""
    values = completed({"older-than": HOUR, "yes": True})
    assert (
        values.items()
        >= {
            "active": False,
            "any-channel": False,
            "even-if-active": False,
            "expired": False,
            "idle-for": None,
            "listing": False,
            "match": None,
            "never-used": False,
            "older-than": HOUR,
            "orphaned": False,
            "owner-tag": "kvsops:owner",
            "prefix": None,
            "protect-tag": (),
            "status": (),
            "tag": (),
            "trust-silence": False,
            "unlink-storage": False,
            "without-tag": (),
            "yes": True,
            "younger-than": None,
        }.items()
    )
    options = {option.name for rule in RULES for option in rule.options}
    assert values.keys() == options | {"any-channel", "listing", "yes"}


ALONE = (
    "age alone says nothing of use: with --yes add --prefix, --match, --tag or --without-tag, "
    "or --any-channel if every channel older than that is meant"
)
ORPHANED = (
    "--orphaned --yes needs --older-than 1h or more: a channel just made has no owner tag yet"
)
OWNER = "--owner-tag says which tag --orphaned looks for: add --orphaned"

LEAST = timedelta(hours=1, minutes=15)
NEVER_USED = "--never-used needs --older-than beside it: a channel just made was never used"
ACTIVE = "--active contradicts --idle-for and --never-used: drop one"


def tags(*texts: str) -> tuple[TagFilter, ...]:
    """Make filters of KEY and KEY=VALUE."""
    parts = [text.partition("=") for text in texts]
    return tuple(TagFilter(key, value if equals else None) for key, equals, value in parts)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, None),
        ({"older-than": HOUR}, None),
        ({"older-than": HOUR, "yes": True}, ALONE),
        ({"older-than": 900 * DAY, "yes": True}, ALONE),
        ({"older-than": HOUR, "yes": True, "unlink-storage": True}, ALONE),
        ({"older-than": HOUR, "yes": True, "protect-tag": ("env",)}, ALONE),
        ({"older-than": HOUR, "yes": True, "any-channel": True}, None),
        ({"older-than": HOUR, "yes": True, "prefix": "ci-"}, None),
        ({"older-than": HOUR, "yes": True, "match": "ci-*"}, None),
        ({"older-than": HOUR, "yes": True, "match": "???"}, None),
        ({"older-than": HOUR, "yes": True, "match": "*"}, ALONE),
        ({"older-than": HOUR, "yes": True, "match": "**"}, ALONE),
        ({"older-than": HOUR, "yes": True, "match": "?*"}, ALONE),
        ({"older-than": HOUR, "yes": True, "match": "*?"}, ALONE),
        ({"older-than": HOUR, "yes": True, "match": "*", "any-channel": True}, None),
        ({"older-than": HOUR, "yes": True, "match": "*", "prefix": "ci-"}, None),
        ({"older-than": HOUR, "yes": True, "tag": tags("env")}, None),
        ({"older-than": HOUR, "yes": True, "without-tag": tags("env")}, None),
        ({"older-than": HOUR, "yes": True, "expired": True}, None),
        ({"older-than": HOUR, "yes": True, "orphaned": True}, None),
        ({"expired": True, "yes": True}, None),
        ({"orphaned": True}, None),
        ({"orphaned": True, "yes": True}, ORPHANED),
        ({"orphaned": True, "yes": True, "prefix": "ci-"}, ORPHANED),
        ({"orphaned": True, "yes": True, "any-channel": True}, ORPHANED),
        ({"orphaned": True, "yes": True, "older-than": HOUR - timedelta(seconds=1)}, ORPHANED),
        ({"orphaned": True, "yes": True, "older-than": HOUR}, None),
        ({"owner-tag": "owner"}, OWNER),
        ({"owner-tag": "owner", "orphaned": True}, None),
        ({"owner-tag": "kvsops:owner"}, None),
        ({"tag": tags("a", "b=1", "b=1", "a=1")}, None),
        ({"tag": tags("a=1", "b=1", "a=2")}, "--tag a=1 and --tag a=2 leave no channel: drop one"),
        ({"tag": tags("a=1"), "without-tag": tags("a=2")}, None),
        ({"tag": tags("a"), "without-tag": tags("a=2")}, None),
        (
            {"tag": tags("a=1"), "without-tag": tags("b", "a")},
            "--tag a=1 and --without-tag a leave no channel: drop one",
        ),
        (
            {"tag": tags("a"), "without-tag": tags("a")},
            "--tag a and --without-tag a leave no channel: drop one",
        ),
        (
            {"tag": tags("a="), "without-tag": tags("a=")},
            "--tag a= and --without-tag a= leave no channel: drop one",
        ),
        ({"older-than": HOUR, "younger-than": DAY}, None),
        (
            {"older-than": DAY, "younger-than": DAY},
            "--older-than 1d and --younger-than 1d leave no channel: the first must be the shorter",
        ),
        (
            {"older-than": 2 * DAY, "younger-than": HOUR},
            "--older-than 2d and --younger-than 1h leave no channel: the first must be the shorter",
        ),
        ({"idle-for": LEAST}, None),
        ({"idle-for": 7 * DAY, "yes": True}, None),
        (
            {"idle-for": LEAST - timedelta(seconds=1)},
            "--idle-for 1h14m is too short: a connection may be held for 1h and metrics come 15m "
            "late: give 1h15m or more",
        ),
        ({"idle-for": 455 * DAY}, None),
        (
            {"idle-for": 455 * DAY + timedelta(seconds=1)},
            "--idle-for 455d is too long: CloudWatch keeps metrics for 455d: give that or less",
        ),
        ({"never-used": True}, NEVER_USED),
        ({"never-used": True, "prefix": "ci-", "any-channel": True}, NEVER_USED),
        ({"never-used": True, "idle-for": DAY}, NEVER_USED),
        ({"never-used": True, "older-than": HOUR}, None),
        ({"never-used": True, "older-than": HOUR, "yes": True}, None),
        ({"active": True}, None),
        ({"active": True, "idle-for": DAY}, ACTIVE),
        ({"active": True, "never-used": True, "older-than": HOUR}, ACTIVE),
    ],
)
def test_objection(given: dict[str, Any], said: str | None) -> None:
    """What contradicts itself is said before anything runs; all else passes."""
    assert objection(given) == said


CONDITIONS = ", ".join(f"--{rule.name}" for rule in RULES if rule.role is Role.CONDITION)
NO_CONDITION = (
    f"no condition: give at least one of {CONDITIONS}; a name or a tag is no reason to delete"
)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, NO_CONDITION),
        ({"prefix": "ci-", "match": "*", "tag": tags("env"), "yes": True}, NO_CONDITION),
        ({"expired": False, "orphaned": False, "older-than": None}, NO_CONDITION),
        ({"older-than": HOUR}, None),
        ({"expired": True}, None),
        ({"orphaned": True}, None),
        ({"idle-for": DAY}, None),
        ({"never-used": True}, None),
        ({"active": True}, NO_CONDITION),
    ],
)
def test_no_condition(given: dict[str, Any], said: str | None) -> None:
    """A sweep needs a reason to delete; a name pattern alone is none."""
    assert no_condition(given) == said
