"""The columns of a sweep's screen: those that its conditions are about, and none twice."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kvsops.core.channel import OWNER_TAG
from kvsops.core.likeness import shown
from kvsops.core.mark import UNNAMED
from kvsops.core.policies import Rules
from kvsops.core.rule import Role
from kvsops.core.text import age
from kvsops.output.rows import Column
from kvsops.output.screen import Outcome as Colour
from kvsops.reports.columns import (
    UNKNOWN,
    age_text,
    ago_text,
    expires_at,
    last_used_text,
    tags_text,
)
from kvsops.sweep.item import Item, Outcome

Columns = list[Column[Item]]

_COLOURS: Final = {
    Outcome.DELETED: Colour.GOOD,
    Outcome.MARKED: Colour.DOUBTFUL,
    Outcome.WOULD_DELETE: Colour.DOUBTFUL,
    Outcome.WOULD_MARK: Colour.DOUBTFUL,
    Outcome.LEFT: Colour.DOUBTFUL,
    Outcome.FAILED: Colour.BAD,
    Outcome.UNKNOWN: Colour.BAD,
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What decides on the columns: the rows, what the run goes by, when, and what was asked for."""

    rows: Sequence[Item]
    rules: Rules
    now: datetime
    tags: bool = False

    def columns(self) -> Columns:
        """Return the columns of channels that go."""
        named = self.rules.names - {"", UNNAMED}
        return [
            *_channel(self.now),
            *self._of_conditions(),
            *self._owner(),
            *self._where(self._any_marked(), _marked(self.now)),
            *self._where(bool(named), _policy()),
            *self._where(len({item.outcome for item in self.rows}) > 1, _outcome()),
            *self._where(self._told_more(), _reason()),
            *self._where(self.tags, _tags()),
        ]

    def kept_columns(self) -> Columns:
        """Return the columns of channels that stay."""
        outcomes = {item.outcome for item in self.rows} - {Outcome.KEPT}
        return [
            *_channel(self.now),
            *self._where(bool(outcomes), _outcome()),
            _reason(),
            *self._where(self.tags, _tags()),
        ]

    @staticmethod
    def _where(wanted: bool, column: Column[Item]) -> Columns:  # noqa: FBT001 - whether
        return [column] if wanted else []

    def _conditions(self) -> list[str]:
        """Return the names of the conditions in force, of whichever policy."""
        pairs = [pair for policy in self.rules.policies for pair in policy.rules]
        return list(dict.fromkeys(r.name for r, _ in pairs if r.role is Role.CONDITION))

    def _of_conditions(self) -> Columns:
        made = [_BY_CONDITION[name](self) for name in self._conditions() if name in _BY_CONDITION]
        columns = [column for column in made if column is not None]
        return list({column.key: column for column in columns}.values())

    def _owner(self) -> Columns:
        """Return the owner's column, where any is known: in orphans it would be empty."""
        keys = {policy.given["owner-tag"] for policy in self.rules.policies} | {OWNER_TAG}
        owners = [key for key in sorted(keys) if any(key in _tags_of(each) for each in self.rows)]
        return [_owner(owners)] if owners else []

    def _any_marked(self) -> bool:
        return any(item.decision.mark and _is_marked(item) for item in self.rows)

    def _told_more(self) -> bool:
        """Whether a reason says more than the other columns do."""
        unshown = set(self._conditions()) - _BY_CONDITION.keys()
        return bool(unshown) or any(item.reason != item.decision.reason for item in self.rows)


def _channel(now: datetime) -> Columns:
    return [
        Column[Item](
            "channel_name",
            "CHANNEL",
            lambda item: item.channel.channel_name,
            lambda item: shown(item.channel.channel_name),
            cut="middle",
        ),
        Column[Item]("age", "AGE", lambda item: age_text(item.channel, now), align="right"),
    ]


def _last_use(these: Shown) -> Column[Item]:
    return Column[Item](
        "last_used",
        "LAST USED",
        lambda item: last_used_text(item.facts, these.now),
        align="right",
        shared=_alike_in_use,
    )


def _alike_in_use(text: str) -> str:
    return "never used" if text == "never" else text.replace("not in", "not used in", 1)


def _expiry(these: Shown) -> Column[Item]:
    return Column[Item](
        "expired",
        "EXPIRED",
        lambda item: ago_text(expires_at(item.facts), these.now),
        align="right",
    )


def _nothing(_: Shown) -> None:
    """Stand for a condition that says the same of each channel, or what another column tells."""


_BY_CONDITION: Final[Mapping[str, Callable[[Shown], Column[Item] | None]]] = {
    "older-than": _nothing,
    "idle-for": _last_use,
    "never-used": _last_use,
    "expired": _expiry,
    "orphaned": _nothing,
}
"""What each condition is about; the reason is shown for one that is not here."""


def _owner(keys: Sequence[str]) -> Column[Item]:
    def text(item: Item) -> str:
        tags = item.facts.known_tags
        if tags is None:
            return UNKNOWN
        return next((tags[key] for key in keys if key in tags), "-")

    return Column[Item]("owner", "OWNER", text, cut="end", leaves=1, shared=_shared("owner {}"))


def _marked(now: datetime) -> Column[Item]:
    def text(item: Item) -> str:
        mark = item.decision.mark
        return f"{age(now - mark.time)} ago" if mark and _is_marked(item) else "-"

    return Column[Item]("marked", "MARKED", text, align="right")


def _is_marked(item: Item) -> bool:
    """Whether an earlier run marked it."""
    return item.outcome is not Outcome.WOULD_MARK


def _policy() -> Column[Item]:
    return Column[Item](
        "policy", "POLICY", lambda item: item.decision.policy or "-", shared=_shared("policy {}")
    )


def _outcome() -> Column[Item]:
    return Column[Item](
        "outcome",
        "OUTCOME",
        lambda item: item.outcome.value,
        outcome=lambda item: _COLOURS.get(item.outcome),
    )


def _reason() -> Column[Item]:
    return Column[Item]("reason", "REASON", reason_text, cut="end", shared=_shared("{}"))


def reason_text(item: Item) -> str:
    """Say the reason, and which policy's it is."""
    policy = item.decision.policy
    named = policy and policy != UNNAMED and item.reason
    return f"{policy}: {item.reason}" if named else item.reason


def _tags() -> Column[Item]:
    return Column[Item](
        "tags", "TAGS", lambda item: tags_text(item.facts), cut="end", shared=_shared("tags {}")
    )


def _shared(words: str) -> Callable[[str], str]:
    return lambda text: "" if text == "-" else words.format(text)


def _tags_of(item: Item) -> Mapping[str, str]:
    return item.facts.known_tags or {}
