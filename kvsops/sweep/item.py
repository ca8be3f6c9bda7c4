"""A channel on its way through a sweep, and the states that it may be in."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kvsops.core.channel import Channel
from kvsops.core.facts import Facts
from kvsops.core.judge import Decision, Verdict
from kvsops.core.mark import Mark


class Outcome(StrEnum):
    """The state of a channel in a sweep; the values are an interface.

    The plan leaves each KEPT, UNKNOWN, MARKED (by an earlier run), GONE or in one of the PLANNED
    states. A dry run ends so. Whoever carries the plan out ends what was planned in any other
    state: done (DELETED, MARKED, UNMARKED), not done (GONE, CHANGED, KEPT, UNKNOWN, FAILED), or
    not begun (LEFT).
    """

    WOULD_DELETE = "would-delete"
    DELETED = "deleted"
    GONE = "gone"  # somebody else deleted it
    CHANGED = "changed"  # it is not the version that was judged
    FAILED = "failed"
    KEPT = "kept"
    UNKNOWN = "unknown"  # a fact of it could not be read, which keeps it; or `Item.lost`
    LEFT = "left"  # for another run: beyond the limit, or its turn never came
    WOULD_MARK = "would-mark"
    MARKED = "marked"
    WOULD_UNMARK = "would-unmark"
    UNMARKED = "unmarked"


PLANNED: Final = frozenset({Outcome.WOULD_DELETE, Outcome.WOULD_MARK, Outcome.WOULD_UNMARK})
"""The states of a channel with which something is to be done, and was not yet."""


@dataclass(slots=True)
class Item:
    """A channel on its way through a sweep: what is known, what was decided, what came of it."""

    facts: Facts
    decision: Decision
    outcome: Outcome = Outcome.KEPT
    reason: str = ""
    planned: bool = False
    """A run set out to do something with it."""
    lost: bool = False
    """The answer to its delete was lost, and what became of it could not be found out."""

    @property
    def confirmed(self) -> bool:
        """Whether it is to be deleted, by facts that were all read directly."""
        return self.outcome is Outcome.WOULD_DELETE and not self.decision.unconfirmed

    @property
    def channel(self) -> Channel:
        """The channel, as it was last read."""
        return self.facts.channel

    def decide(self, decision: Decision) -> None:
        """Take a decision, and what it means as long as nothing is done."""
        self.decision, self.reason = decision, decision.reason
        if decision.verdict is Verdict.KEEP:
            self.outcome = Outcome.UNKNOWN if decision.unknown else Outcome.KEPT
        elif decision.verdict is Verdict.MARK:
            marked = Mark.read(self.facts.tag_values) == decision.mark
            self.outcome = Outcome.MARKED if marked else Outcome.WOULD_MARK
        else:
            self.outcome = Outcome.WOULD_DELETE

    def end(self, outcome: Outcome, reason: str) -> None:
        """Note what became of the channel, and why."""
        self.outcome, self.reason = outcome, reason
