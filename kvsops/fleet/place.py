"""A place to work in: an account and a region; and what of those asked for is out of reach."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from kvsops.aws.scope import Scope


class Opener(Protocol):
    """Opens the scope of one account and region, with the credentials that belong there."""

    def __call__(self, *, read_only: bool, max_own_cost: Decimal | None = None) -> Scope:
        """Return a new scope; raises `KvsopsError` where it cannot be opened."""


@dataclass(frozen=True, slots=True)
class Place:
    """An account and region. Its account is known: no scope of another is ever opened for it."""

    account_id: str
    region: str
    open: Opener = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.account_id} {self.region}"


@dataclass(frozen=True, slots=True)
class Missed:
    """What was asked for and cannot be looked at, and why: an account, or a region of one.

    None stands for all accounts, or all regions. One that is `excused` is named and no failure: a
    region that is not enabled, a suspended account.
    """

    account_id: str | None
    region: str | None
    why: str
    excused: bool = False


Members = Callable[[str], Collection[str]]
"""Tells which accounts are in an organizational unit, at any depth."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look. `missed` is never left unsaid: an account not seen is not an empty one.

    `members` is None where no organization was asked.
    """

    found: tuple[Place, ...]
    missed: tuple[Missed, ...] = ()
    members: Members | None = None

    def said(self) -> str:
        """Say nothing: all are found."""
        return ""
