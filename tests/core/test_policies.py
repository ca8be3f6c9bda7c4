"""The judgement by several policies, and by the grace of one: which marks count, and are made."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kvsops.core.facts import Facts, Need, Source, Unknown
from kvsops.core.judge import Verdict, findings_of, judge
from kvsops.core.mark import DOOMED_TAG, UNNAMED, Mark, digest
from kvsops.core.policies import Policy, Rules, sweep_rules
from kvsops.core.rule import Role
from kvsops.core.rules import RULES, rules_of
from tests.core.examples import DAY, HOUR, NOW, SECOND, Example

SWEEP = rules_of(Role.NARROWING, Role.PROTECTION, Role.CONDITION)
OLD = {"older-than": 2 * HOUR}
GRACE = 7 * DAY


def policy(name: str, given: Mapping[str, Any], grace: timedelta | None = None) -> Policy:
    """Make a sweep's policy of what it is given."""
    return replace(Policy.of(given, SWEEP), name=name, grace=grace)


def channel(**about: Any) -> Facts:
    """Make a channel that is a day old, of which all was read."""
    return Example({}, None, **about).facts()


CI = policy("ci", OLD, GRACE)
ARN = digest(channel().channel.channel_arn)


def marked(by: str = "ci", ago: timedelta = DAY, rules: str = CI.digest, arn: str = ARN) -> Facts:
    """Make a channel that bears a mark."""
    return channel(tags={DOOMED_TAG: Mark(NOW - ago, by, rules, arn).value("1d old")})


# Several policies

CAMS = policy("cams", OLD | {"prefix": "cam-"})
YOUNG = policy("young", {"older-than": 2 * DAY})
IDLE = policy("idle", {"idle-for": HOUR})
KEPT = {"kvsops:keep": ""}
LISTED = Facts(channel().channel)  # nothing was read yet


@pytest.mark.parametrize(
    ("policies", "facts", "decided"),
    [
        # The first that condemns decides, and one that needs a fact before it.
        ((YOUNG, policy("ci", OLD), policy("all", OLD)), channel(), ("ci", "delete", "1d old")),
        ((YOUNG, IDLE, policy("ci", OLD)), LISTED, ("idle", "needs", "needs its tags")),
        # Of those that keep it: what could not be known, then what protects, then a condition.
        ((CAMS, YOUNG), channel(), ("young", "keep", "1d old, not older than 2d")),
        ((YOUNG, CAMS), channel(), ("young", "keep", "1d old, not older than 2d")),
        ((CAMS, CAMS), channel(), ("cams", "keep", "name does not begin with cam-")),
        (
            (YOUNG, policy("ci", OLD)),
            channel(tags=KEPT),
            ("ci", "keep", "has kvsops:keep"),
        ),
        (
            (policy("ci", OLD), YOUNG),
            channel(tags=KEPT),
            ("ci", "keep", "has kvsops:keep"),
        ),
        (
            (policy("ci", OLD), YOUNG, IDLE),
            channel().having(Need.TAGS, Unknown("denied", NOW)),
            ("ci", "keep", "tags unknown: denied"),
        ),
        (
            (CAMS, YOUNG, policy("ci", OLD)),
            channel().having(Need.TAGS, Unknown("denied", NOW)),
            ("ci", "keep", "tags unknown: denied"),
        ),
    ],
)
def test_of_several_policies(
    policies: Sequence[Policy], facts: Facts, decided: tuple[str, str, str]
) -> None:
    """The first that condemns a channel decides; else the one that has most to say of it."""
    decision = judge(facts, Rules(tuple(policies)), NOW, direct=True)
    assert (decision.policy, decision.verdict.value, decision.reason) == decided


def test_within() -> None:
    """Each policy takes up the rules that bound the run; what narrows it is known by itself."""
    bounds = replace(
        Policy.of({"prefix": "ci-", "tag": ()}, rules_of(Role.NARROWING)), name="bounds"
    )
    protection = rules_of(Role.PROTECTION)[0]
    bounds = replace(bounds, rules=(*bounds.rules, (protection, bounds.given)))
    rules = Rules((YOUNG, policy("ci", OLD))).within(bounds)
    assert [each.name for each in rules.policies] == ["young", "ci"]
    for before, after in zip((YOUNG, policy("ci", OLD)), rules.policies, strict=True):
        assert after.rules[0][0].name == "prefix"  # narrowings speak first
        assert sorted(rule.name for rule, _ in after.rules) == sorted(
            ["prefix", protection.name, *(rule.name for rule, _ in before.rules)]
        )
        assert (after.given, after.grace) == (before.given, before.grace)
    assert rules.narrowing == replace(bounds, rules=bounds.rules[:1])
    assert (
        judge(channel(name="cam-1"), rules, NOW, direct=True).reason
        == "name does not begin with ci-"
    )


def test_what_is_shown_goes_by_the_first() -> None:
    """What the first policy was given, defaults and all; and the names of them all."""
    rules = Rules((YOUNG, CAMS))
    assert rules.given["older-than"] == 2 * DAY
    assert {option.name for rule in RULES for option in rule.options} <= rules.given.keys()
    assert rules.names == {"young", "cams"}


def test_findings() -> None:
    """Each rule says what it can; of a fact that could not be read, why; of none read, nothing."""
    facts = LISTED.having(Need.TAGS, Unknown("denied", NOW))
    rules = sweep_rules(OLD).policies[0]
    said = {rule.name: (rule, finding) for rule, finding in findings_of(facts, rules, NOW)}
    assert list(said) == [rule.name for rule, _ in rules.rules]
    by_need: dict[Need | None, list[object]] = {}
    for rule, finding in said.values():
        by_need.setdefault(rule.need, []).append(finding)
    assert all(finding == Unknown("denied", NOW) for finding in by_need[Need.TAGS])
    assert by_need[Need.STORAGE] == [None]
    old = said["older-than"][1]
    assert old is not None
    assert not isinstance(old, Unknown)
    assert (old.spares, old.why) == (False, "1d old")
    assert all(finding is not None for finding in by_need[None])


# The grace of a policy

AGO_1D = "1d old; marked 1d ago, grace 7d"
BEGINS = "1d old; its grace of 7d begins"
ANOTHERS = "1d old; nightly marked it 1d ago: left alone"


@pytest.mark.parametrize(
    ("facts", "verdict", "reason"),
    [
        (channel(), "mark", BEGINS),
        (marked(), "mark", AGO_1D),
        (marked(ago=GRACE - SECOND), "mark", "1d old; marked 6d23h ago, grace 7d"),
        (marked(ago=GRACE), "delete", "1d old; marked 7d ago"),
        (marked(ago=30 * DAY), "delete", "1d old; marked 30d ago"),
        # Of other rules, of another channel, of another policy of this run: it begins anew.
        (marked(rules="0" * 12), "mark", BEGINS),
        (marked(arn="0" * 12), "mark", BEGINS),
        (marked(by="other"), "mark", BEGINS),
        (marked(by="other", ago=30 * DAY), "mark", BEGINS),
        # Of a sweep that this run knows nothing of: left alone for two graces, either way.
        (marked(by="nightly"), "mark", ANOTHERS),
        (
            marked(by="nightly", ago=2 * GRACE - SECOND),
            "mark",
            "1d old; nightly marked it 13d23h ago: left alone",
        ),
        (marked(by="nightly", ago=2 * GRACE), "mark", BEGINS),
        (marked(by="nightly", ago=-2 * GRACE), "mark", BEGINS),
        (marked(by="nightly", arn="0" * 12), "mark", BEGINS),
        (
            marked(by=UNNAMED, rules="0" * 12),
            "mark",
            "1d old; command-line marked it 1d ago: left alone",
        ),
        (marked(by=UNNAMED), "mark", BEGINS),
        (marked(by=UNNAMED, rules="0" * 12, arn="0" * 12), "mark", BEGINS),
    ],
)
def test_grace(facts: Facts, verdict: str, reason: str) -> None:
    """Only its own mark on this very channel counts, and only once its grace has passed."""
    decision = judge(facts, Rules((CI, policy("other", {"expired": True}))), NOW, direct=True)
    assert (decision.verdict.value, decision.reason) == (verdict, reason)
    assert decision.policy == "ci"
    own = Mark(NOW, "ci", CI.digest, ARN)
    there = Mark.read(facts.tag_values)
    expected = {"mark": own if reason == BEGINS else there, "delete": None}[verdict]
    assert decision.mark == expected


def test_a_mark_that_the_index_leaves_out() -> None:
    """That the tag index knows nothing of a channel does not tell that it bears no mark."""
    tags = channel().tags
    assert not isinstance(tags, Unknown)
    assert tags is not None
    facts = channel().having(Need.TAGS, replace(tags, source=Source.NOT_INDEXED))
    decision = judge(facts, Rules((CI,)), NOW, direct=False)
    assert (decision.verdict, decision.need) == (Verdict.NEEDS, Need.TAGS)
    assert (decision.reason, decision.policy) == ("needs its tags", "ci")


def test_no_grace() -> None:
    """A policy without a grace deletes what it condemns, and its mark does not matter."""
    decision = judge(marked(), Rules((policy("ci", OLD),)), NOW, direct=True)
    assert (decision.verdict, decision.reason) == (Verdict.DELETE, "1d old")


def test_what_is_kept_is_not_marked() -> None:
    """The grace is of what a policy condemns alone."""
    young = policy("ci", {"older-than": 2 * DAY}, GRACE)
    decision = judge(channel(), Rules((young,)), NOW, direct=True)
    assert (decision.verdict, decision.mark) == (Verdict.KEEP, None)


def test_the_digest_is_of_what_condemns() -> None:
    """Conditions and narrowings change it; what protects does not."""
    assert policy("a", OLD).digest == policy("b", OLD, GRACE).digest
    assert policy("a", OLD).digest == policy("a", OLD | {"even-if-active": True}).digest
    others: list[dict[str, Any]] = [
        OLD | {"prefix": "ci-"},
        {"older-than": HOUR},
        OLD | {"match": "ci-*"},
    ]
    assert len({policy("a", each).digest for each in (OLD, *others)}) == 4


# What a decision tells beside its reason


def test_a_rule_that_cannot_tell() -> None:
    """It keeps the channel, is named, and marks the decision as unknown."""
    facts = channel(witnessed=False)
    decision = judge(facts, sweep_rules({"idle-for": HOUR}), NOW, direct=True)
    assert (decision.verdict, decision.unknown, decision.mistaken) == (Verdict.KEEP, True, False)
    assert decision.rule is not None
    assert decision.rule.name == "idle-for"


@pytest.mark.parametrize(("key", "mistaken"), [("Kvsops:Keep", True), ("kvsops:keep", False)])
def test_a_tag_that_only_looks_like_the_one(*, key: str, mistaken: bool) -> None:
    """It spares the channel all the same, and the decision says so."""
    decision = judge(channel(tags={key: ""}), sweep_rules(OLD), NOW, direct=True)
    assert (decision.verdict, decision.mistaken) == (Verdict.KEEP, mistaken)
    assert decision.unknown is False
