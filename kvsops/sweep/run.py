"""One run of a sweep: a plan with its bounds, and the only way to carry it out.

Nothing here knows of a command line: the journal, what shows the progress and the scope are
handed in. One failure never stops the rest.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from os.path import commonprefix
from pathlib import Path
from typing import Final

from kvsops.aws import channels
from kvsops.aws.scope import WORKERS, Scope
from kvsops.core.facts import Need
from kvsops.core.judge import Rules
from kvsops.errors import KvsopsError
from kvsops.facts import gather
from kvsops.facts.look import Advance, Look
from kvsops.sweep import marks
from kvsops.sweep.course import INTERRUPTED, Course
from kvsops.sweep.deletion import Deletion
from kvsops.sweep.fuse import Bounds
from kvsops.sweep.item import PLANNED, Item, Outcome
from kvsops.sweep.journal import Journal
from kvsops.sweep.plan import Plan, plan

SETTLE_SECONDS: Final = 60.0

OpenJournal = Callable[[str], Journal]
"""Opens the journal of the run of this name."""

Shown = Callable[[Path, int], AbstractContextManager[Advance]]
"""Shows what is under way, of a journal's path and how many channels; hears of each done."""


@contextmanager
def unseen(_journal: Path, _number: int) -> Iterator[Advance]:
    """Show nothing."""
    yield lambda _: None


@dataclass(slots=True)
class Sweep:
    """A plan, the bounds within which it may be carried out, and what came of that.

    The limit is taken off the plan at once. `deadline` is on the scope's clock. `journal` is the
    file's path, where anything was to be written; `why_stopped` is what ended the run early.

    Raises `UsageError` in another account than the bounds allow.
    """

    scope: Scope
    rules: Rules
    plan: Plan
    bounds: Bounds
    deadline: float | None = None
    journal: Path | None = field(default=None, init=False)
    why_stopped: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.bounds.check_account(self.scope)
        if self.bounds.limit is not None:
            self.plan.limit(self.bounds.limit)

    @classmethod
    def of_all(
        cls,
        scope: Scope,
        rules: Rules,
        bounds: Bounds,
        look: Look = Look(),  # noqa: B008 - it is frozen
        prefix: str | None = None,
        *,
        deadline: float | None = None,
    ) -> "Sweep":
        """List and judge the scope's channels, and look for marks that count no more."""
        bounds.check_account(scope)
        with scope.patience.reading_until(deadline):
            listed = channels.each_listed(scope, prefix)
            planned = plan(scope, listed, rules, directly=look.directly, advance=look.advance)
            marks.find_stale(scope, planned, rules)
        return cls(scope, rules, planned, bounds, deadline)

    @classmethod
    def of_named(cls, scope: Scope, rules: Rules, targets: Sequence[str]) -> "Sweep":
        """Describe and judge the named channels; as many as were named may be deleted."""
        found = scope.in_parallel(
            lambda target: channels.named(scope, target), dict.fromkeys(targets)
        )
        named = {channel.channel_arn: channel for channel in found}.values()
        planned = plan(scope, named, rules, directly=True)
        return cls(scope, rules, planned, Bounds.named(len(named)))

    @property
    def blown(self) -> str:
        """Say by what the fuse blows, so that nothing is deleted; nothing where it holds."""
        return self.bounds.blown(self.plan)

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.why_stopped == INTERRUPTED

    def run(self, open_journal: OpenJournal, shown: Shown = unseen) -> None:
        """Carry the plan out, then look until the deleted are gone, unless a person waits."""
        self.carry_out(open_journal, shown)
        if self.journal is None or self.interrupted:
            return
        left = SETTLE_SECONDS
        if self.deadline is not None:
            left = min(left, max(self.deadline - self.scope.clock(), 0))
        try:
            settle(self.scope, self.plan.items, left)
        except KeyboardInterrupt:
            self.why_stopped = INTERRUPTED
        except KvsopsError as error:
            why = f"whether the deleted are gone was not seen: {error}"
            self.why_stopped = self.why_stopped or why

    def carry_out(self, open_journal: OpenJournal, shown: Shown = unseen) -> None:
        """Do what the plan has; each item says what became of it.

        A read-only scope's plan is only looked at. Where the fuse blows, marks are taken off and
        nothing else is done. Ctrl-C stops in order. Once more makes it no quicker: the journal
        stays open until what has begun is finished.
        """
        planned = self.plan.stale if self.blown else self.plan.to_write
        if self.scope.read_only or not planned:
            return
        name = f"{self.scope.now():%Y%m%dT%H%M%SZ}-{self.scope.region}-{os.getpid()}"
        with open_journal(name) as journal, shown(journal.path, len(planned)) as advance:
            self.journal = journal.path
            course = Course(self.scope, self.rules, journal, self.deadline)
            try:
                with self.scope.patience.ending_by(self.deadline):
                    _carry_out(course, planned, advance)
            finally:
                self.why_stopped = course.why_stopped


def _carry_out(course: Course, planned: Sequence[Item], advance: Advance) -> None:
    try:
        with course.scope.patience.reading_until(course.deadline):
            _read_activity(course, planned)
    except KeyboardInterrupt:
        course.end(INTERRUPTED)
    with ThreadPoolExecutor(WORKERS) as executor:
        waiting = deque(planned)
        begun: deque[Future[None]] = deque()
        while waiting or begun:
            try:
                while waiting and not course.stop.is_set():
                    begun.append(executor.submit(_carry_out_one, course, waiting[0]))
                    waiting.popleft()
                if not begun:
                    break
                begun[0].result()
                begun.popleft()
                advance(1)
            except KeyboardInterrupt:
                course.end(INTERRUPTED)
            except Exception as error:  # a defect of ours: delete no more
                course.end(repr(error))
                raise
    for item in planned:
        if item.outcome in PLANNED:  # its turn never came
            item.end(Outcome.LEFT, course.why_stopped)


def _read_activity(course: Course, planned: Sequence[Item]) -> None:
    """Read all metrics at once that a judgement will rest on; they stay good for a while."""
    rules = course.rules
    if not rules.looks_at(Need.ACTIVITY):
        return
    judged = [item for item in planned if item.outcome is not Outcome.WOULD_UNMARK]
    items = [item for item in judged if course.fresh(item.facts).activity is None]
    wanted = [item.facts for item in items]
    read = gather.fetch(course.scope, Need.ACTIVITY, wanted, span=rules.span, directly=True)
    for item, facts in zip(items, read.facts, strict=True):
        item.facts = facts


def _carry_out_one(course: Course, item: Item) -> None:
    if course.late:
        course.end("the deadline passed")
    if course.stop.is_set():
        item.end(Outcome.LEFT, course.why_stopped)
    elif item.outcome is Outcome.WOULD_UNMARK:
        _unmark(course.scope, item)
    else:
        Deletion(course, item).run()


def _unmark(scope: Scope, item: Item) -> None:
    try:
        marks.take_off(scope, item)
    except KvsopsError as error:
        item.end(Outcome.FAILED, f"its mark cannot be taken off: {error}")


def settle(scope: Scope, items: Sequence[Item], seconds: float = SETTLE_SECONDS) -> None:
    """List again until the deleted channels are gone; say of each that is not, within the time."""
    waited = {item.channel.channel_arn: item for item in items if item.outcome is Outcome.DELETED}
    prefix = commonprefix([item.channel.channel_name for item in waited.values()])  # noqa: RUF071 - of characters is meant
    end = scope.clock() + seconds
    for pause in channels.polls():
        if not waited:
            return
        listed = channels.each_listed(scope, prefix or None)
        seen = {each.channel_arn: each.status for each in listed}
        waited = {arn: item for arn, item in waited.items() if arn in seen}
        if scope.clock() >= end:
            break
        scope.sleep(pause if waited else 0)
    for arn, item in waited.items():
        if seen[arn] == "DELETING":
            item.reason += f"; still DELETING after {seconds:.0f} s"
        else:
            item.end(Outcome.FAILED, f"still listed as {seen[arn]} after {seconds:.0f} s")
