"""Which channels a bill is of, by their names: of those deleted there is nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from kvsops.core.rule import Role
from kvsops.core.rules import completed, rules_of


@dataclass(frozen=True, slots=True)
class Narrowing:
    """The beginning of the names that are meant, and a pattern of theirs; None narrows nothing."""

    prefix: str | None = None
    match: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Narrowing":
        """Take it from a command's options, or from an earlier output's JSON."""
        return cls(given.get("prefix"), given.get("match"))

    @staticmethod
    def suffices(given: Mapping[str, Any]) -> bool:
        """Whether channels are chosen by their names alone: all that is known of deleted ones."""
        asked = rules_of(Role.NARROWING, Role.CONDITION, Role.FILTER)
        values = completed(given)
        return {rule.name for rule in asked if rule.active(values)} <= {"prefix", "match"}

    def means(self, name: str) -> bool:
        """Whether the channel of this name is meant."""
        return name.startswith(self.prefix or "") and fnmatchcase(name, self.match or "*")

    def as_json(self) -> dict[str, str | None]:
        """Return the JSON; its keys are an interface."""
        return {"prefix": self.prefix, "match": self.match}

    def __str__(self) -> str:
        options = [f"--{name} {value}" for name, value in self.as_json().items() if value]
        return " ".join(options) or "all channels"
