"""How far one run may go: its fuse, its limit, and the account it is meant for."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kvsops.errors import UsageError

if TYPE_CHECKING:  # options are read before anything of AWS is needed
    from kvsops.aws.scope import Scope
    from kvsops.sweep.plan import Plan


@dataclass(frozen=True, slots=True)
class Fuse:
    """How many deletions one run may make: a number, or a percentage of all channels listed."""

    text: str
    number: int
    percent: bool

    @classmethod
    def parse(cls, text: str) -> "Fuse":
        """Read 250 or 10%; raises `UsageError`."""
        digits = text.removesuffix("%")
        percent = digits != text
        most = 100 if percent else 1_000_000
        if not re.fullmatch("[0-9]{1,7}", digits) or not 1 <= int(digits) <= most:
            msg = f"not a fuse: {text!r}: write a number like 250, or a percentage like 10%"
            raise UsageError(msg)
        return cls(text, int(digits), percent)

    def most(self, listed: int) -> int:
        """Return how many deletions are allowed where this many channels were listed."""
        return listed * self.number // 100 if self.percent else self.number


DEFAULT: Final = Fuse.parse("100")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a run must keep within, whatever its rules condemn.

    Of the fuses the smallest holds: if more would be deleted, nothing is. `limit` ends the run when
    so many, the oldest, are deleted. Both count what direct reads confirmed. `account_id` is the
    only account to run in.
    """

    fuse: Fuse
    others: tuple[Fuse, ...] = ()
    limit: int | None = None
    account_id: str | None = None

    @classmethod
    def named(cls, number: int) -> "Bounds":
        """Return the bounds where channels were named one by one: at most as many as were."""
        return cls(Fuse(str(number), number, percent=False))

    def check_account(self, scope: "Scope") -> None:
        """Raise `UsageError` in another account than the one expected, if any is."""
        if self.account_id is not None and scope.account_id != self.account_id:
            msg = f"these credentials are of account {scope.account_id}, not {self.account_id}"
            raise UsageError(msg)

    def most(self, plan: "Plan") -> int:
        """Return how many deletions the smallest fuse allows."""
        return self._smallest(plan).most(len(plan.items))

    def within(self, number: int) -> int:
        """Return how many of so many the limit lets be deleted."""
        return number if self.limit is None else min(number, self.limit)

    def blown(self, plan: "Plan") -> str:
        """Say by what the fuse blows, as far as is confirmed; nothing where it holds."""
        confirmed = sum(item.confirmed for item in plan.doomed)
        if self.within(confirmed) <= self.most(plan):
            return ""
        least = "" if confirmed == len(plan.doomed) else "at least "
        number = f"{least}{confirmed:,} of {len(plan.items):,} channels"
        return f"{number} are more than --max-deletes {self._smallest(plan).text}"

    def _smallest(self, plan: "Plan") -> Fuse:
        return min((self.fuse, *self.others), key=lambda each: each.most(len(plan.items)))
