"""The fuse and the limit by themselves: what is one, what it allows, and when it blows."""

import pytest

from kvsops.core.facts import Need
from kvsops.core.judge import Decision, Verdict
from kvsops.errors import UsageError
from kvsops.sweep.fuse import DEFAULT, Bounds, Fuse, Weight
from kvsops.sweep.item import Item
from kvsops.sweep.plan import Plan
from tests.core.examples import Example


def planned(kept: int = 0, confirmed: int = 0, presumed: int = 0) -> Plan:
    """Make a plan of so many channels: kept, and to be deleted by direct reads or by cheap ones."""
    decisions = [
        *[Decision(Verdict.KEEP, "young")] * kept,
        *[Decision(Verdict.DELETE, "old")] * confirmed,
        *[Decision(Verdict.DELETE, "old", unconfirmed=(Need.TAGS,))] * presumed,
    ]
    plan = Plan([Item(Example({}, None).facts(), each) for each in decisions])
    for item in plan.items:
        item.decide(item.decision)
    return plan


@pytest.mark.parametrize(
    ("text", "listed", "most"),
    [
        ("1", 5_000, 1),
        ("250", 10, 250),
        ("1000000", 10, 1_000_000),
        ("1%", 99, 0),
        ("1%", 100, 1),
        ("10%", 1_000, 100),
        ("10%", 1_009, 100),
        ("100%", 7, 7),
    ],
)
def test_what_a_fuse_allows(text: str, listed: int, most: int) -> None:
    """A number is that number; a percentage is of all that were listed, rounded down."""
    fuse = Fuse.parse(text)
    assert (fuse.text, fuse.most(listed)) == (text, most)


def test_the_default() -> None:
    """A run deletes 100 at most where nothing else is said."""
    assert (DEFAULT.most(5), DEFAULT.most(100_000)) == (100, 100)


@pytest.mark.parametrize(
    "text", ["0", "0%", "101%", "1000001", "10000000", "", "%", "10%%", "-1", "1.5", "10 %", "x"]
)
def test_what_is_no_fuse(text: str) -> None:
    """It is refused, with how to write one."""
    with pytest.raises(UsageError) as caught:
        Fuse.parse(text)
    said = f"not a fuse: {text!r}: write a number like 250, or a percentage like 10%"
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("bounds", "plan", "said"),
    [
        (Bounds(Fuse.parse("3")), planned(1, 3), ""),
        (Bounds(Fuse.parse("2")), planned(1, 3), "3 of 4 channels are more than --max-deletes 2"),
        (Bounds(Fuse.parse("3")), planned(1, 3, 1), ""),
        (
            Bounds(Fuse.parse("2")),
            planned(1_000, 3, 1),
            "at least 3 of 1,004 channels are more than --max-deletes 2",
        ),
        # Of several the smallest, for this plan, holds; a limit counts before they do.
        (
            Bounds(Fuse.parse("3"), (Fuse.parse("50%"), Fuse.parse("9"))),
            planned(1, 3),
            "3 of 4 channels are more than --max-deletes 50%",
        ),
        (Bounds(Fuse.parse("2"), limit=2), planned(1, 3), ""),
        (Bounds(Fuse.parse("2"), limit=5), planned(1, 2), ""),
        (
            Bounds(Fuse.parse("2"), limit=3),
            planned(1, 3),
            "3 of 4 channels are more than --max-deletes 2",
        ),
    ],
)
def test_when_it_blows(bounds: Bounds, plan: Plan, said: str) -> None:
    """It says by how many of how many; nothing where it holds."""
    assert bounds.blown(plan) == said


def test_of_named_channels() -> None:
    """As many go as were named, and not one more."""
    bounds = Bounds.named(3)
    assert (bounds.blown(planned(0, 3)), bounds.most(planned(9, 1))) == ("", 3)
    assert bounds.blown(planned(0, 4)) == "4 of 4 channels are more than --max-deletes 3"
    assert (bounds.others, bounds.limit, bounds.account_ids) == ((), None, ())


@pytest.mark.parametrize(("limit", "number", "within"), [(None, 7, 7), (3, 7, 3), (7, 3, 3)])
def test_a_limit(limit: int | None, number: int, within: int) -> None:
    """A limit bounds what goes; no limit bounds nothing."""
    assert Bounds(DEFAULT, limit=limit).within(number) == within


FIRST, WHOLE = Fuse.parse("9"), Fuse.parse("5", "--max-deletes-total")
MANY = Bounds(DEFAULT, (FIRST,), limit=7, account_ids=("1",), total=WHOLE)


def test_of_one_scope_alone() -> None:
    """The fuse of all is one of its own, beside those that it has."""
    assert MANY.alone == Bounds(DEFAULT, (FIRST, WHOLE), limit=7, account_ids=("1",))
    assert Bounds(DEFAULT, (FIRST,)).alone == Bounds(DEFAULT, (FIRST,))


def test_of_one_scope_that_was_weighed() -> None:
    """What it was weighed by takes the place of the fuse of all."""
    weighed = Fuse("3", 3, percent=False, option="what was weighed:")
    assert MANY.at_most(3) == Bounds(DEFAULT, (FIRST, weighed), limit=7, account_ids=("1",))


@pytest.mark.parametrize(
    ("bounds", "plan", "weight"),
    [
        (Bounds(Fuse.parse("9")), planned(4, 3, 2), Weight(9, 5, 3)),
        (Bounds(Fuse.parse("9"), limit=2), planned(4, 3, 2), Weight(9, 2, 2)),
        (Bounds(Fuse.parse("9"), limit=4), planned(4, 3, 2), Weight(9, 4, 3)),
        (Bounds(Fuse.parse("2")), planned(4, 3, 2), Weight(9, 0, 0)),
    ],
)
def test_what_a_scope_adds(bounds: Bounds, plan: Plan, weight: Weight) -> None:
    """What would be deleted within the limit, and nothing where its own fuse blew."""
    assert bounds.weight(plan) == weight
