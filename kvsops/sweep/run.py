"""One run of a sweep: a plan with its bounds, and the only way to carry it out.

Nothing here knows of a command line: the journal, what counts the progress and the scope are
handed in. One failure never stops the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.policies import Rules
from kvsops.core.reach import Site
from kvsops.errors import KvsopsError
from kvsops.facts.look import Look
from kvsops.output.console import UNSEEN, Counter
from kvsops.sweep import marks
from kvsops.sweep.course import INTERRUPTED, Course
from kvsops.sweep.deeds import carry_out, rounds
from kvsops.sweep.fuse import Bounds
from kvsops.sweep.item import PLANNED, Outcome
from kvsops.sweep.journal import Opener
from kvsops.sweep.plan import Plan, confirm, judge_directly, plan
from kvsops.sweep.settling import SETTLE_SECONDS, settle
from kvsops.sweep.total import Total, run_name

CONFIRMED_UP_TO: Final = 500
"""At most this many of a dry run's candidates are confirmed unless more are asked for."""


@dataclass(slots=True)
class Sweep:
    """A plan, the bounds within which it may be carried out, and what came of that.

    `deadline` is on the scope's clock. `total` is the fuse of a run of many that this is part of:
    nothing is deleted before all are weighed. `journal` is the file's path, where anything was
    written; `why_stopped` is what ended the run early, `defect` a mistake of ours that did.

    Raises `UsageError` in another account than the bounds allow.
    """

    scope: Scope
    rules: Rules
    plan: Plan
    bounds: Bounds
    deadline: float | None = None
    total: Total | None = None
    journal: Path | None = field(default=None, init=False)
    why_stopped: str = field(default="", init=False)
    defect: Exception | None = field(default=None, init=False)
    _name: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.bounds.check_account(self.scope)
        if self.total is None:
            self.bounds = self.bounds.alone
        else:
            self.total.add(self)

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
        units: tuple[str, ...] | None = None,
        total: Total | None = None,
    ) -> "Sweep":
        """List and judge the scope's channels, and look for marks that count no more.

        By the policies that hold there alone; where none does, nothing is listed. `units` are the
        account's organizational units, if they are known.
        """
        bounds.check_account(scope)
        with scope.patience.reading_until(deadline):
            rules = rules.at(site(scope, rules, units))
            if not rules.policies:
                return cls(scope, rules, Plan(), bounds, deadline, total)
            listed = channels.each_listed(scope, prefix)
            planned = plan(scope, listed, rules, directly=look.directly, counter=look.counter)
            marks.find_stale(scope, planned, rules)
        return cls(scope, rules, planned, bounds, deadline, total)

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
        return self.bounds.blown(self.plan) or (self.total.blown if self.total else "")

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.why_stopped == INTERRUPTED

    def confirm(self, *, check: bool = False, counter: Counter = UNSEEN) -> None:
        """Read directly what the fuse, the limit or a dry run rests on; `check` asks for one.

        Where the candidates fit the fuse, they are confirmed while they are deleted.
        """
        with self.scope.patience.reading_until(self.deadline):
            confirm(self.scope, self.plan, self.rules, self._enough(check=check), counter)
            marking = self.plan.marking
            if self.scope.read_only and not check and len(marking) <= CONFIRMED_UP_TO:
                judge_directly(self.scope, self.plan, marking, self.rules, counter)
                for item in marking:
                    if item.outcome is Outcome.WOULD_DELETE:  # as the deed would
                        item.end(Outcome.LEFT, f"{item.reason}; the next run deletes it")
        if self.scope.read_only and self.bounds.limit is not None:
            self.plan.limit(self.bounds.limit)

    def confirm_more(self, number: int, counter: Counter = UNSEEN) -> None:
        """Read directly until so many candidates are confirmed, oldest first, or none is left."""
        with self.scope.patience.reading_until(self.deadline):
            confirm(self.scope, self.plan, self.rules, number, counter)

    def _enough(self, *, check: bool) -> int:
        """Return how many confirmed candidates settle what is to be known."""
        candidates, most = self.bounds.within(len(self.plan.doomed)), self.bounds.most(self.plan)
        if check:
            return 1
        if self.scope.read_only and candidates <= CONFIRMED_UP_TO:
            return candidates
        return most + 1 if candidates > most else 0

    def run(self, open_journal: Opener, counter: Counter = UNSEEN) -> None:
        """Carry the plan out, then look until the deleted are gone, unless a person waits.

        Once anything was written to the journal nothing is raised: what came of it is to be told.
        """
        try:
            self.carry_out(open_journal, counter)
            if self.journal and not self.interrupted:
                counter.stage("waiting until they are gone", None)
                self._settle(open_journal)
            if self.scope.patience.interrupted:
                self.why_stopped = INTERRUPTED
        except KeyboardInterrupt:
            if self.journal is None:
                raise
            self.why_stopped = INTERRUPTED
        except Exception as error:
            if self.journal is None:
                raise
            self.defect, self.why_stopped = error, self.why_stopped or repr(error)

    def carry_out(self, open_journal: Opener, counter: Counter = UNSEEN) -> None:
        """Do what the plan has; each item says what became of it.

        A read-only scope's plan is only looked at. Where the fuse blows, marks are taken off and
        nothing else is done. Ctrl-C stops in order. Once more makes it no quicker: the journal
        stays open until what has begun is finished.
        """
        self.confirm()  # what is confirmed already is not read again
        planned = self.plan.stale if self.blown else self.plan.to_write
        if self.scope.read_only or not planned:
            return
        for item in planned:
            item.planned = True
        self._name = self._run_name()
        with open_journal(self._name) as journal:
            course = Course(self.scope, self.rules, journal, self.deadline)
            try:
                with self.scope.patience.ending_by(self.deadline):
                    for together in rounds(planned, self.bounds.limit):
                        carry_out(course, together, counter)
            finally:
                self.why_stopped = course.why_stopped
                self.journal = journal.path if journal.written else None
                for item in planned:
                    if item.outcome in PLANNED:  # its turn never came
                        item.end(Outcome.LEFT, course.why_stopped)

    def leave(self, why: str) -> None:
        """Leave what is planned, and was not begun, for another run."""
        self.why_stopped = self.why_stopped or why
        for item in self.plan.to_write:
            item.end(Outcome.LEFT, why)

    def _run_name(self) -> str:
        """Name the run by its time, place and process: of many, all by the same time."""
        if self.total is None:
            return run_name(self.scope.now(), self.scope.region)
        return self.total.name(self.scope)

    def _settle(self, open_journal: Opener) -> None:
        """Look until the deleted are gone; write down which are seen again."""
        left = SETTLE_SECONDS
        if self.deadline is not None:
            left = min(left, max(self.deadline - self.scope.clock(), 0))
        deleted = [item for item in self.plan.items if item.outcome is Outcome.DELETED]
        try:
            settle(self.scope, deleted, left)
            back = [item for item in deleted if item.outcome is Outcome.FAILED]
            if back:
                with open_journal(self._name) as journal:
                    for item in back:
                        arn, now = item.channel.channel_arn, self.scope.now()
                        journal.write(Outcome.FAILED.value, now, arn, reason=item.reason)
        except KvsopsError as error:
            why = f"whether the deleted are gone was not seen: {error}"
            self.why_stopped = self.why_stopped or why


def site(scope: Scope, rules: Rules, units: tuple[str, ...] | None = None) -> Site:
    """Return where the scope is; its account is asked for only where a policy turns on it."""
    return Site(scope.account_id if rules.ask_account else None, scope.region, units)
