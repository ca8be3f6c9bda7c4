"""What is known of a channel: each fact with its value, where it was read and when."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import Any, Final, Generic, TypeVar

from kvsops.core.channel import Channel, StorageLink

Value = TypeVar("Value")


class Source(StrEnum):
    """Where a fact was read. Only a DIRECT one (or the listing's own columns) may condemn."""

    INDEX = "index"  # the tag index, ListMetrics: cheap, lags, may leave out
    NOT_INDEXED = "absent from the index"  # presumed to be none, which proves nothing
    DIRECT = "direct read"


class Need(Enum):
    """A fact that a rule may ask for, in the order of their price. The value is its name."""

    TAGS = "tags"
    STORAGE = "storage link"
    ACTIVITY = "activity"


@dataclass(frozen=True, slots=True)
class Activity:
    """When a channel was last used, as far as was looked.

    `last_used` is the latest moment that it may have been (a period's end); None is never, since
    `since`. `since` None marks a hint of ListMetrics: it tells of use, not of idleness.
    `witnessed` says that in this run the same queries had points for some channel: where they had
    for none, silence may as well be a mistake or a missing permission. `perhaps_anothers` says that
    the only use was in the period in which the channel was made, and none finer is kept: it may be
    of an earlier channel of its name.
    """

    last_used: datetime | None
    since: datetime | None
    witnessed: bool = False
    perhaps_anothers: bool = False


@dataclass(frozen=True, slots=True)
class Fact(Generic[Value]):
    """A value, where it was read and when (aware, UTC)."""

    value: Value
    source: Source
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that was asked for and not told: denied, failed, unreadable. It never condemns."""

    why: str
    read_at: datetime


FIELDS: Final = {Need.TAGS: "tags", Need.STORAGE: "storage", Need.ACTIVITY: "activity"}
"""Where `Facts` keeps what a need names."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A channel and what was read of it so far; None stands for not asked yet."""

    channel: Channel
    tags: Fact[dict[str, str]] | Unknown | None = None
    storage: Fact[StorageLink] | Unknown | None = None
    activity: Fact[Activity] | Unknown | None = None

    def get(self, need: Need) -> "Fact[Any] | Unknown | None":
        """Return the fact that a rule's need names."""
        fact: Fact[Any] | Unknown | None = getattr(self, FIELDS[need])
        return fact

    def having(self, need: Need, fact: "Fact[Any] | Unknown | None") -> "Facts":
        """Return these facts with another one in the need's place."""
        changes: dict[str, Any] = {FIELDS[need]: fact}
        return replace(self, **changes)

    @property
    def tag_values(self) -> dict[str, str]:
        """The tags by key; only for rules that need TAGS, when they are known."""
        return self.tags.value if isinstance(self.tags, Fact) else {}

    @property
    def known_tags(self) -> dict[str, str] | None:
        """The tags, or None where they are not known: an absence in the index tells nothing."""
        if not isinstance(self.tags, Fact) or self.tags.source is Source.NOT_INDEXED:
            return None
        return self.tags.value

    @property
    def storage_link(self) -> StorageLink | None:
        """The storage link, or None where it is not known."""
        return self.storage.value if isinstance(self.storage, Fact) else None

    @property
    def use(self) -> Activity | None:
        """When it was last used, or None where that is not known."""
        return self.activity.value if isinstance(self.activity, Fact) else None
