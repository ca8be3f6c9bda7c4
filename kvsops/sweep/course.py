"""What the deletions of one run share while they go on: the rules, the journal, the stop."""

import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from kvsops.aws.scope import Scope
from kvsops.core.facts import Fact, Facts, Source
from kvsops.core.policies import Rules
from kvsops.sweep.journal import Journal

METRICS_FRESH: Final = timedelta(minutes=5)
"""How long a read of the metrics stays good: they come late themselves."""

INTERRUPTED: Final = "interrupted"


@dataclass(slots=True)
class Course:
    """One run's deletions under way.

    `deadline` is on the scope's clock; `stop` ends the run in order: what has begun is finished,
    the rest is left, and `why_stopped` says why.
    """

    scope: Scope
    rules: Rules
    journal: Journal
    deadline: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    why_stopped: str = ""

    def end(self, why: str) -> None:
        """Begin no more deletions; where a person waits, go on with no read that fails."""
        self.why_stopped = self.why_stopped or why
        if why == INTERRUPTED:
            self.scope.patience.interrupt()
        self.stop.set()

    def heed(self) -> None:
        """End where the deadline has passed, or a person waits: Ctrl-C is told to the scope."""
        if self.scope.patience.interrupted:
            self.end(INTERRUPTED)
        elif self.late:
            self.end("the deadline passed")

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and self.scope.clock() >= self.deadline

    def fresh(self, facts: Facts) -> Facts:
        """Forget what is not to be deleted by: all but a recent direct read of the activity."""
        activity = facts.activity
        read = isinstance(activity, Fact) and activity.source is Source.DIRECT
        if activity is None or not read or self.scope.now() - activity.read_at > METRICS_FRESH:
            activity = None
        return replace(facts, tags=None, storage=None, activity=activity)
