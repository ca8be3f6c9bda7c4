"""What a month may come to: limits, growth, and what cannot be told."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from kvsops.bill.baseline import Baseline, Growth
from kvsops.bill.bill import Bill, Line
from kvsops.bill.budget import Budget
from kvsops.core.channel import Channel
from kvsops.core.cost import Basis, Cost, Month, Prices, unknown
from kvsops.core.facts import Facts

D = Decimal
NOW = datetime(2026, 11, 22, tzinfo=UTC)
PRICES = Prices("us-east-1", D("0.03"), D("2.25"), D("0.12"), "2026-09-14", "a test")


def bill(estimated: str, basis: Basis = Basis.PROJECTED, *, unread: int = 0) -> Bill:
    """Return a bill of one channel of which it is known, and some of which it is not."""
    cam = Facts(Channel("cam", "arn:", "ACTIVE", NOW, "v", "SINGLE_MASTER", 60))
    lines = [Line("cam", None, Cost(basis, estimated_month=D(estimated)), cam)]
    lines += [Line(f"odd-{each}", None, unknown()) for each in range(unread)]
    return Bill(Month(2026, 11), NOW, PRICES, lines)


def baseline(estimated: str, *, unread: int = 0) -> Baseline:
    """Return an earlier output."""
    return Baseline(Path("earlier.json"), D(estimated), frozenset(), unknown=unread)


@pytest.mark.parametrize(
    ("limit", "estimated", "passed"),
    [
        ("2.46", "2.46", None),
        ("2.45", "2.46", "the month will come to $2.46, over --fail-over $2.45"),
        ("0", "0.004", "the month will come to <$0.01, over --fail-over $0.00"),
        ("0.0005", "1", "the month will come to $1.00, over --fail-over $0.0005"),
    ],
)
def test_fail_over(limit: str, estimated: str, passed: str | None) -> None:
    """A limit is passed by more than itself alone."""
    verdict = Budget(fail_over=D(limit)).judge(bill(estimated), None)
    assert (verdict.passed, verdict.lines, verdict.known) == (passed, [], True)


def test_warn_over() -> None:
    """A warning passes nothing, and comes before what fails."""
    verdict = Budget(fail_over=D(2), warn_over=D(1)).judge(bill("3"), None)
    assert verdict.lines == [("warning", "the month will come to $3.00, over $1.00")]
    assert verdict.passed == "the month will come to $3.00, over --fail-over $2.00"


def test_what_is_not_known() -> None:
    """The known part alone may pass a limit; else whether it holds has no answer."""
    odd = bill("3", unread=2)
    assert Budget(fail_over=D(2)).judge(odd, None).passed == (
        "the month will come to at least $3.00, over --fail-over $2.00"
    )
    verdict = Budget(fail_over=D(5)).judge(odd, None)
    said = "the cost of 2 channels is not known: the total is without them"
    assert (verdict.lines, verdict.known) == ([("error", said)], False)


@pytest.mark.parametrize("budget", [Budget(fail_over=D(5)), Budget(max_growth=Growth.parse("5"))])
def test_assumed_use_answers_nothing(budget: Budget) -> None:
    """Without metrics the fees alone are known; a warning asks for no more."""
    assumed = bill("3", Basis.ASSUMED)
    verdict = budget.judge(assumed, baseline("3"))
    assert verdict.lines[-1][1].startswith("whether the month stays within the budget is not known")
    assert not verdict.known
    assert Budget(warn_over=D(5)).judge(assumed, None).known


@pytest.mark.parametrize(
    ("was", "unread", "passed", "known"),
    [
        ("2", 0, None, True),  # by 50%, and no more
        ("1.99", 0, "$3.00, where earlier.json had $1.99: more than --max-growth 50%", True),
        ("1.99", 1, None, False),
        ("2", 1, None, True),
    ],
)
def test_growth(was: str, unread: int, passed: str | None, known: bool) -> None:  # noqa: FBT001 - a row
    """Over what was not wholly known it may not have grown: it has no answer."""
    verdict = Budget(max_growth=Growth.parse("50%")).judge(bill("3"), baseline(was, unread=unread))
    assert (verdict.passed, verdict.known) == (passed, known)
    least = "at least " if unread else ""
    note = f"the month will come to $3.00, where earlier.json had {least}${D(was):.2f}"
    assert verdict.lines[:1] == ([] if passed else [("note", note)])
