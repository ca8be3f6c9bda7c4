"""What a rule of choosing is: its role, its options, the fact it needs, how it judges."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any

from kvsops.core.facts import Facts, Need


class Role(StrEnum):
    """What a rule is to a sweep; in this order they are asked, so that reasons read well."""

    NARROWING = "narrowing"  # says which channels are meant at all
    PROTECTION = "protection"  # spares, whatever the others say; always on
    CONDITION = "condition"  # a reason to delete
    FILTER = "filter"  # of listings alone


class Parameter(Enum):
    """What an option takes; the command line knows how to read each."""

    FLAG = "flag"
    DURATION = "duration"  # timedelta
    PREFIX = "prefix"
    GLOB = "glob"
    TAG = "tag"  # TagFilter
    KEY = "tag key"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a rule: `--name`; `many` ones may be given again and hold a tuple."""

    name: str
    parameter: Parameter
    help: str
    many: bool = False
    default: object = None

    @property
    def absent(self) -> object:
        """The value where the option was not given."""
        if self.default is not None:
            return self.default
        return () if self.many else (False if self.parameter is Parameter.FLAG else None)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of a channel: spares it, does not, or cannot tell (None); and why.

    `why` reads after the channel's name: "2d old". A condition that does not spare gives the
    reason for the deletion; a protection or a narrowing that does not spare needs no words.
    `mistaken`: it spares for a tag that only looks like the one it goes by, which must be told.
    """

    spares: bool | None
    why: str = ""
    mistaken: bool = False


Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `judge` is called with every option's value, and only when its fact is known.

    `counted` tells of the channels that it spares, after their number: "12 too young".
    `waived_by` is a flag that puts a protection out of force, and with it the need of its fact.
    `named` says of a protection that it also holds for a channel asked for by its name.
    `objection` looks at all that was given before anything runs, and says what is wrong with it.
    """

    name: str
    role: Role
    judge: Callable[[Facts, Given, datetime], Finding]
    need: Need | None = None
    counted: str = "spared"
    options: tuple[Option, ...] = ()
    named: bool = False
    objection: Callable[[Given], str | None] | None = None
    waived_by: str | None = None

    def active(self, given: Given) -> bool:
        """Whether the rule is in force: a protection always is, the others when given."""
        if self.waived_by and given[self.waived_by]:
            return False
        return self.role is Role.PROTECTION or bool(given[self.options[0].name])
