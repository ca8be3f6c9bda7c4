"""What is known of a channel: each fact with its value, where it was read and when."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import Generic, TypeVar

from kvsops.core.channel import Channel, StorageLink

Value = TypeVar("Value")


class Source(StrEnum):
    """Where a fact was read. Only a DIRECT one (or the listing's own columns) may condemn."""

    INDEX = "tag index"  # Resource Groups Tagging API: cheap, lags
    NOT_INDEXED = "absent from the tag index"  # never tagged, or tagged too recently: presumed {}
    DIRECT = "direct read"


class Need(Enum):
    """A fact that a rule may ask for, in the order of their price. The value is its name."""

    TAGS = "tags"
    STORAGE = "storage link"


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


@dataclass(frozen=True, slots=True)
class Facts:
    """A channel and what was read of it so far; None stands for not asked yet."""

    channel: Channel
    tags: Fact[dict[str, str]] | Unknown | None = None
    storage: Fact[StorageLink] | Unknown | None = None

    def get(self, need: Need) -> "Fact[dict[str, str]] | Fact[StorageLink] | Unknown | None":
        """Return the fact that a rule's need names."""
        return self.tags if need is Need.TAGS else self.storage

    def with_unknown(self, need: Need, unknown: Unknown) -> "Facts":
        """Return these facts with one that could not be read."""
        if need is Need.TAGS:
            return replace(self, tags=unknown)
        return replace(self, storage=unknown)

    @property
    def tag_values(self) -> dict[str, str]:
        """The tags by key; only for rules that need TAGS, when they are known."""
        return self.tags.value if isinstance(self.tags, Fact) else {}

    @property
    def storage_link(self) -> StorageLink | None:
        """The storage link, or None where it is not known."""
        return self.storage.value if isinstance(self.storage, Fact) else None
