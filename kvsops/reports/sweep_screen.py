"""What a terminal shows of a sweep or a deletion: how many go, which, and what is kept."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from typing import Final

from kvsops.core.facts import Need
from kvsops.core.policies import Rules
from kvsops.output.fit import wrapped
from kvsops.output.rows import Column, screen_table
from kvsops.output.screen import NO_SCREEN, Screen
from kvsops.output.screen import Outcome as Colour
from kvsops.output.text import count, safe
from kvsops.reports.place import place_line
from kvsops.reports.sweep_columns import Shown
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.plan import Plan
from kvsops.sweep.run import Sweep

_GOING: Final = {
    Outcome.DELETED: "deleted",
    Outcome.WOULD_DELETE: "would be deleted",
    Outcome.MARKED: "marked",
    Outcome.WOULD_MARK: "would be marked",
    Outcome.UNMARKED: "lost their mark",
    Outcome.WOULD_UNMARK: "would lose their mark",
}
"""What is done with a channel, or would be; in this order they are shown."""
_NOT_DONE: Final = {
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "uncertain",
    Outcome.KEPT: "kept at the last look",
    Outcome.CHANGED: "changed meanwhile",
    Outcome.GONE: "gone already",
    Outcome.LEFT: "left for another run",
}
"""What was planned and not done."""
_BELOW: Final = 5
"""Lines that the proposal takes after the report, and the prompt."""
_FEWEST: Final = 4
"""So many lines of rows are shown on the lowest terminal."""
_FULL: Final = 14
"""So many lines go to all else; of those left half are for what was not done."""


@dataclass(frozen=True, slots=True)
class View:
    """How a run is shown: on which screen, and how much of it.

    `everything` shows all that go, and what is kept, too.
    """

    screen: Screen = NO_SCREEN
    everything: bool = False
    tags: bool = False


AWAY: Final = View()
"""On no terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepScreen:
    """The screen of a run, carried out or not.

    `place` is its first line, `now` when it is shown; `blown` says by what the fuse blew.
    """

    plan: Plan
    rules: Rules
    place: str
    now: datetime
    read_only: bool
    blown: str
    view: View

    @classmethod
    def of(cls, sweep: Sweep, view: View) -> "SweepScreen":
        """Return the screen of one scope's run."""
        first = next((item.channel.channel_arn for item in sweep.plan.items), None)
        return cls(
            plan=sweep.plan,
            rules=sweep.rules,
            place=place_line(sweep.scope, first),
            now=sweep.scope.now(),
            read_only=sweep.scope.read_only,
            blown=sweep.blown,
            view=view,
        )

    def text(self) -> str:
        """Make the lines, the last one ended too."""
        head, kept = self._head(), self._kept()
        taken = (head + kept).count("\n") + self._not_done().count("\n")
        parts = (head, self._going(taken), self._not_done(), kept)
        return "\n".join(filter(None, parts))

    def _head(self) -> str:
        """Say whether it was a dry run and where, then how many of how many."""
        screen = self.view.screen
        place = wrapped(self.place, screen)
        lines = wrapped(self._count(), screen).splitlines()
        marked = "".join(f"{screen.mark(line, self._colour())}\n" for line in lines)
        unconfirmed = self._unconfirmed()
        return place + marked + (wrapped(unconfirmed, screen) if unconfirmed else "")

    def _count(self) -> str:
        """Say how many of all are deleted, and what else came of any."""
        items, outcomes = self.plan.items, self._outcomes()
        if not self.rules.policies:
            return "No policy holds here: nothing to do"
        if not items:
            return f"No channels{self._named()}: nothing to do"
        first = Outcome.WOULD_DELETE if self.read_only else Outcome.DELETED
        told = {each: words for each, words in (_GOING | _NOT_DONE).items() if each is not first}
        number = f"{outcomes[first]:,}" if outcomes[first] else "None"
        said = [f"{number} of {count(len(items), 'channel')}{self._named()} {_GOING[first]}"]
        if self._blown:
            said[0] += ": the fuse blew"
            told[Outcome.WOULD_DELETE] = "would have been"
        said += [f"{outcomes[each]:,} {words}" for each, words in told.items() if outcomes[each]]
        return ", ".join(said)

    def _named(self) -> str:
        """Say by which names were listed, where not all were."""
        rules = self.rules
        prefix = (rules.narrowing or rules.policies[0]).given["prefix"]
        return f" named {prefix}…" if prefix else ""

    @property
    def _blown(self) -> bool:
        return bool(self.blown) and not self.read_only

    def _colour(self) -> Colour:
        outcomes = self._outcomes()
        failed = outcomes[Outcome.FAILED] or self.plan.undecided or self.plan.uncertain
        if failed:
            return Colour.BAD
        undone = (Outcome.WOULD_DELETE, Outcome.WOULD_MARK, Outcome.CHANGED, Outcome.LEFT)
        return Colour.DOUBTFUL if any(outcomes[each] for each in undone) else Colour.GOOD

    def _unconfirmed(self) -> str:
        """Say that candidates are shown which no direct read has confirmed, if any are."""
        unread = [item for item in self.plan.doomed if item.decision.unconfirmed]
        if not unread:
            return ""
        needs = {need for item in unread for need in item.decision.unconfirmed}
        *first, last = (need.value for need in Need if need in needs)
        what = f"{', '.join(first)} and {last}" if first else last
        number = f"{len(unread):,} of them" if len(unread) > 1 else "1 of them"
        return f"Unconfirmed: {number}; the {what} of each will be read directly before it goes"

    def _going(self, taken: int) -> str:
        """Show what goes, oldest first: a screenful on a terminal."""
        rows = sorted((i for i in self.plan.items if i.outcome in _GOING), key=_order)
        if not rows:
            return ""
        shown = rows[: self._room(len(rows), taken)]
        told = [_shared_by(rows, column) for column in self._columns(rows)]
        table = screen_table(shown, told, self.view.screen, "channel")
        return table + self._more(rows, shown)

    def _columns(self, rows: Sequence[Item]) -> Sequence[Column[Item]]:
        return Shown(rows, self.rules, self.now, self.view.tags).columns()

    def _room(self, number: int, taken: int) -> int:
        """Return how many rows there is room for, where so many lines are taken."""
        height = self.view.screen.height
        if height is None or self.view.everything:
            return number
        plan = self.plan
        said = (*plan.problems, *plan.undecided, *plan.uncertain, *plan.mistaken, *plan.presumed)
        told = 2 * (len(said) + bool(self.blown))  # lines, below
        # Above and below the rows: two lines of headings, one of how many more, blank ones.
        room = max(_FEWEST, height - taken - told - _BELOW - 4)
        return number if number <= room else room - 1  # what says that there are more

    def _not_done(self) -> str:
        """Say what was not done that was to be, and why of each."""
        if self.read_only:
            return ""
        failing = _NOT_DONE.keys() - {Outcome.LEFT}  # these are counted, and why is said once
        rows = [i for i in self.plan.items if i.outcome in failing and not _is_kept(i)]
        if not rows:
            return ""
        rows.sort(key=_order)
        told = [self._told(item) for item in rows]
        height = self.view.screen.height
        if height is not None and not self.view.everything:
            told = _first_lines(told, max(_FEWEST, (height - _FULL) // 2))
        return f"Not deleted:\n{''.join(told)}{self._more(rows, told)}"

    def _more(self, rows: Sequence[Item], shown: Sequence[object]) -> str:
        """Say how many are not shown, and what has them: a run that was carried out has passed."""
        hidden = len(rows) - len(shown)
        which = "--all shows them" if self.read_only else "the journal has them"
        return f"… and {hidden:,} more: {which}\n" if hidden else ""

    def _told(self, item: Item) -> str:
        screen, words = self.view.screen, _NOT_DONE[item.outcome]
        colour = Colour.BAD if item.outcome in (Outcome.FAILED, Outcome.UNKNOWN) else None
        said = safe(f"  {self._name(item)}: {words}: {item.reason}")
        lines = wrapped(said, screen, "    ").splitlines()
        return "".join(f"{screen.mark(line, colour)}\n" for line in lines)

    def _name(self, item: Item) -> str:
        return item.channel.channel_name

    def _kept(self) -> str:
        """Count what is kept by its reason; show each where everything is asked for."""
        rows = [item for item in self.plan.items if _is_kept(item)]
        if not rows:
            return ""
        reasons = Counter(map(_counted, rows))
        said = ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common())
        line = wrapped(f"Kept {len(rows):,}: {said}", self.view.screen)
        if not self.view.everything:
            return line
        rows.sort(key=_order)
        table = screen_table(rows, self._kept_columns(rows), self.view.screen, "channel kept")
        return f"{line}\n{table}"

    def _kept_columns(self, rows: Sequence[Item]) -> Sequence[Column[Item]]:
        return Shown(rows, self.rules, self.now, self.view.tags).kept_columns()

    def _outcomes(self) -> Counter[Outcome]:
        return Counter(item.outcome for item in self.plan.items if not _is_kept(item))


def _is_kept(item: Item) -> bool:
    """Whether it was never to go: what could not be judged was not, either."""
    return item.outcome in (Outcome.KEPT, Outcome.UNKNOWN) and not item.planned


def _shared_by(rows: Sequence[Item], column: Column[Item]) -> Column[Item]:
    """Let a column say once what all rows share, those too that are not shown."""
    return column if len(set(map(column.cell, rows))) == 1 else replace(column, shared=None)


def _first_lines(told: Sequence[str], room: int) -> list[str]:
    """Return as many of the first as there is room for, and one at least."""
    ends = accumulate(text.count("\n") for text in told)
    return [text for text, end in zip(told, ends, strict=True) if end <= room] or [told[0]]


def _counted(item: Item) -> str:
    """Return the words under which it is counted among the kept."""
    if item.outcome is Outcome.UNKNOWN:
        return "could not be judged"
    return item.decision.rule.counted if item.decision.rule else "kept"


def _order(item: Item) -> tuple[int, str, str]:
    """Put those of one outcome together, and the oldest of them first."""
    at = [*_GOING, *_NOT_DONE].index(item.outcome)
    return at, str(item.channel.creation_time), item.channel.channel_name
