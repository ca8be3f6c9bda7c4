"""What a plan says in a line: of what was not judged, presumed, or spared by a tag like the one."""

from dataclasses import replace

import pytest

from kvsops.core.channel import TagFilter
from kvsops.core.facts import Fact, Facts, Source, Unknown
from kvsops.core.judge import Decision, Verdict, judge
from kvsops.core.policies import listing_rules
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.plan import Plan
from tests.core.examples import NOW, Example

WITH_TAG = {"tag": (TagFilter("env", "ci"),)}
UNREAD = Unknown("denied", NOW)


def tagged(source: Source, name: str = "ci-1") -> Facts:
    """Make an untagged channel, its tags read there."""
    facts = Example({}, None, name=name).facts()
    return replace(facts, tags=Fact({}, source, NOW))


def judged(facts: Facts, **given: object) -> Item:
    """Judge a channel by a listing's rules."""
    item = Item(facts, judge(facts, listing_rules(given), NOW, direct=False))
    item.decide(item.decision)
    return item


PRESUMED = (
    " not in AWS's tag index, being never tagged or too recently: taken as untagged; "
    "--direct reads each"
)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], []),
        ([judged(tagged(Source.NOT_INDEXED), **WITH_TAG)], [f"1 channel is{PRESUMED}"]),
        (
            [judged(tagged(Source.NOT_INDEXED), **WITH_TAG)] * 1_200,
            [f"1,200 channels are{PRESUMED}"],
        ),
        ([judged(tagged(Source.INDEX), **WITH_TAG)], []),
        ([judged(tagged(Source.DIRECT), **WITH_TAG)], []),
        ([judged(tagged(Source.NOT_INDEXED), prefix="cam-")], []),  # its name left it out
        ([Item(tagged(Source.NOT_INDEXED), Decision(Verdict.KEEP, "left alone"))], []),
        ([judged(replace(tagged(Source.DIRECT), tags=UNREAD), **WITH_TAG)], []),  # not judged
        ([judged(tagged(Source.NOT_INDEXED))], []),  # chosen
    ],
)
def test_presumed(items: list[Item], said: list[str]) -> None:
    """Only of what is left out for want of a tag, and by nothing but an absence from the index."""
    assert Plan(items).presumed == said


def unknown(name: str, outcome: Outcome, *, lost: bool = False, known: bool = False) -> Item:
    """Make a channel that ended so, and whose tags could not be read unless they are known."""
    decision = Decision(Verdict.KEEP, "has env=ci" if known else "tags unknown", unknown=not known)
    facts = Example({}, None, name=name).facts()
    return Item(facts, decision, outcome, f"{name} {outcome}", lost=lost)


LEFT_ALONE = "could not be judged, and left alone: "


@pytest.mark.parametrize(
    ("items", "undecided", "uncertain"),
    [
        ([unknown("a", Outcome.UNKNOWN)], [f"{LEFT_ALONE}a: tags unknown"], []),
        ([unknown("a", Outcome.WOULD_UNMARK)], [f"{LEFT_ALONE}a: tags unknown"], []),
        ([unknown("a", Outcome.UNMARKED)], [f"{LEFT_ALONE}a: tags unknown"], []),
        ([unknown("a", Outcome.UNMARKED, known=True)], [], []),
        ([unknown("a", Outcome.GONE)], [], []),
        (
            [unknown("a", Outcome.UNKNOWN, lost=True, known=True)],
            [],
            ["deleted or not: a: a unknown"],
        ),
        (
            [unknown(name, Outcome.UNKNOWN, known=True) for name in "abc"],
            [f"{LEFT_ALONE}a, b, c: a unknown"],
            [],
        ),
        (
            [unknown(name, Outcome.UNKNOWN, known=True) for name in "abcd"],
            [f"{LEFT_ALONE}a, b, c and 1 more: a unknown"],
            [],
        ),
    ],
)
def test_undecided(items: list[Item], undecided: list[str], uncertain: list[str]) -> None:
    """What was not judged is told, also where its mark goes; what may be deleted, by itself."""
    plan = Plan(items)
    assert (plan.undecided, plan.uncertain) == (undecided, uncertain)


def test_mistaken() -> None:
    """Those are told that are spared by a tag that is nearly the one."""
    mistaken = Decision(Verdict.KEEP, "has Kvsops:Keep, like kvsops:keep", mistaken=True)
    kept = Decision(Verdict.KEEP, "has kvsops:keep")
    items = [Item(Example({}, None).facts(), each) for each in (kept, mistaken)]
    items[1].decide(mistaken)
    said = "spared by a tag that is not quite the one: ci-1: has Kvsops:Keep, like kvsops:keep"
    assert Plan(items).mistaken == [said]
