"""How far a run may go: its fuse, its limit, the accounts it is meant for; a fuse for many."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from kvsops.errors import UsageError

if TYPE_CHECKING:  # options are read before anything of AWS is needed
    from kvsops.aws.scope import Scope
    from kvsops.sweep.plan import Plan


@dataclass(frozen=True, slots=True)
class Fuse:
    """How many deletions one run may make: a number, or a percentage of all channels listed.

    `option` is the one that it was given by.
    """

    text: str
    number: int
    percent: bool
    option: str = "--max-deletes"

    @classmethod
    def parse(cls, text: str, option: str = "--max-deletes") -> "Fuse":
        """Read 250 or 10%; raises `UsageError`."""
        digits = text.removesuffix("%")
        percent = digits != text
        most = 100 if percent else 1_000_000
        if not re.fullmatch("[0-9]{1,7}", digits) or not 1 <= int(digits) <= most:
            msg = f"not a fuse: {text!r}: write a number like 250, or a percentage like 10%"
            raise UsageError(msg)
        return cls(text, int(digits), percent, option)

    def most(self, listed: int) -> int:
        """Return how many deletions are allowed where this many channels were listed."""
        return listed * self.number // 100 if self.percent else self.number


DEFAULT: Final = Fuse.parse("100")


@dataclass(frozen=True, slots=True)
class Weight:
    """What the plan of one scope adds to a run of many.

    How many channels were listed; of these how many would be deleted, and how many of that direct
    reads have confirmed: none of either where the scope's own fuse blew.
    """

    listed: int
    doomed: int
    confirmed: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a run must keep within, whatever its rules condemn.

    Of the fuses the smallest holds: if more would be deleted, nothing is. `limit` ends the run when
    so many, the oldest, are deleted. Both count what direct reads confirmed. `account_ids` are the
    only accounts to run in, if any are given. `total` holds for all scopes of a run of many; where
    there is but one, it is one fuse more.
    """

    fuse: Fuse
    others: tuple[Fuse, ...] = ()
    limit: int | None = None
    account_ids: tuple[str, ...] = ()
    total: Fuse | None = None

    @classmethod
    def named(cls, number: int) -> "Bounds":
        """Return the bounds where channels were named one by one: at most as many as were."""
        return cls(Fuse(str(number), number, percent=False))

    @property
    def alone(self) -> "Bounds":
        """The bounds where there is one scope: the fuse of all is one of its own."""
        if self.total is None:
            return self
        return replace(self, others=(*self.others, self.total), total=None)

    def at_most(self, weighed: int) -> "Bounds":
        """Return the bounds of a scope that was weighed elsewhere: it deletes no more than that."""
        fuse = Fuse(str(weighed), weighed, percent=False, option="what was weighed:")
        return replace(self, others=(*self.others, fuse), total=None)

    def check_account(self, scope: "Scope") -> None:
        """Raise `UsageError` in another account than those expected, if any are."""
        if self.account_ids:
            self.check_account_id(scope.account_id)

    def check_account_id(self, account_id: str) -> None:
        """Raise `UsageError` for an account that is not expected."""
        if self.account_ids and account_id not in self.account_ids:
            expected = " or ".join(self.account_ids)
            msg = f"account {account_id} is not --expect-account {expected}: nothing was done"
            raise UsageError(msg)

    def most(self, plan: "Plan") -> int:
        """Return how many deletions the smallest fuse allows."""
        return self._smallest(plan).most(len(plan.items))

    def within(self, number: int) -> int:
        """Return how many of so many the limit lets be deleted."""
        return number if self.limit is None else min(number, self.limit)

    def blown(self, plan: "Plan") -> str:
        """Say by what the fuse blows, as far as is confirmed; nothing where it holds."""
        doomed = plan.doomed
        confirmed = sum(item.confirmed for item in doomed)
        if self.within(confirmed) <= self.most(plan):
            return ""
        return _blown(self._smallest(plan), Weight(len(plan.items), len(doomed), confirmed))

    def weight(self, plan: "Plan") -> Weight:
        """Return what the plan adds to a run of many."""
        if self.blown(plan):
            return Weight(len(plan.items), 0, 0)
        confirmed = sum(item.confirmed for item in plan.doomed)
        doomed = self.within(len(plan.doomed))
        return Weight(len(plan.items), doomed, self.within(confirmed))

    def _smallest(self, plan: "Plan") -> Fuse:
        return min((self.fuse, *self.others), key=lambda each: each.most(len(plan.items)))


def blown_in_all(total: Fuse, weights: Iterable[Weight]) -> str:
    """Say by what the fuse of all scopes blows, as far as is confirmed; nothing where it holds."""
    each = list(weights)
    return _blown(
        total,
        Weight(
            sum(weight.listed for weight in each),
            sum(weight.doomed for weight in each),
            sum(weight.confirmed for weight in each),
        ),
    )


def _blown(fuse: Fuse, weight: Weight) -> str:
    if weight.confirmed <= fuse.most(weight.listed):
        return ""
    least = "" if weight.confirmed == weight.doomed else "at least "
    number = f"{least}{weight.confirmed:,} of {weight.listed:,} channels"
    return f"{number} are more than {fuse.option} {fuse.text}"
