"""What a terminal shows of a sweep of many places: what goes, what failed, and which hold it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kvsops.fleet.sweep import FleetSweep, Swept
from kvsops.output.fit import wrapped
from kvsops.output.rows import Column, screen_table
from kvsops.output.screen import Outcome as Colour
from kvsops.output.text import count, safe
from kvsops.reports.fleet_columns import ITEM_PLACE, missed_text, place_of
from kvsops.reports.located import told_once
from kvsops.reports.sweep_screen import SweepScreen
from kvsops.sweep.item import Item, Outcome

_FEWEST: Final = 5
"""So many lines of what failed, and of scopes, are shown on the lowest terminal."""

Wrong = tuple[str, str]
"""A place, and what is wrong there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetScreen(SweepScreen):
    """The screen of a run in many places."""

    fleet: FleetSweep

    def text(self) -> str:
        """Make the lines, the last one ended too."""
        head, kept = self._head(), self._kept()
        before = (head, self._failed(), self._scopes())
        taken = sum(part.count("\n") + 1 for part in (*before, kept, self._not_done()) if part)
        parts = (*before, self._going(taken), self._not_done(), kept)
        return "\n".join(filter(None, parts))

    def _count(self) -> str:
        if why := unlisted(self.fleet):
            return why[0].upper() + why[1:]
        said = SweepScreen._count(self)
        held = sum(bool(each.held_back) for each in self.fleet.swept)
        if not held or self.read_only:
            return said
        return f"{said}; the fuse blew in {count(held, 'place')}"

    def _colour(self) -> Colour:
        if any(True for _ in failures(self.fleet)):
            return Colour.BAD
        return SweepScreen._colour(self) if self.fleet.swept else Colour.DOUBTFUL

    def _columns(self, rows: Sequence[Item]) -> Sequence[Column[Item]]:
        return [*ITEM_PLACE, *SweepScreen._columns(self, rows)]

    def _kept_columns(self, rows: Sequence[Item]) -> Sequence[Column[Item]]:
        return [*ITEM_PLACE, *SweepScreen._kept_columns(self, rows)]

    def _name(self, item: Item) -> str:
        return f"{place_of(item)} {item.channel.channel_name}"

    def _failed(self) -> str:
        """Say where nothing could be looked at, or not all be done, what was left out, and why."""
        excused = (missed_text(each) for each in self.fleet.missed if each.excused)
        return "\n".join(
            filter(
                None,
                (
                    self._listed("Failed", told_once(failures(self.fleet)), Colour.BAD),
                    self._listed("Left out", told_once(excused), None),
                ),
            )
        )

    def _listed(self, head: str, told: Sequence[str], colour: Colour | None) -> str:
        screen, lines = self.view.screen, []
        room = len(told) if self.view.everything or screen.height is None else _FEWEST
        for line in told[:room]:
            folded = wrapped(safe(f"  {line}"), screen, "    ").splitlines()
            lines += [f"{screen.mark(each, colour)}\n" for each in folded]
        more = f"  … and {len(told) - room:,} more: --all shows them\n" if told[room:] else ""
        return f"{head}:\n{''.join(lines)}{more}" if told else ""

    def _scopes(self) -> str:
        """Show the scopes that hold something, those that hold most on top; count the others."""
        loud, quiet = by_what_they_hold(self.fleet.swept)
        if self.view.everything:
            loud, quiet = loud + quiet, []
        table, room = "", len(loud)
        if self.view.screen.height is not None and not self.view.everything:
            room = max(_FEWEST, (self.view.screen.height - _FEWEST) // 3)
        if loud:
            table = screen_table(loud[:room], scope_columns(loud), self.view.screen, "place")
        if loud[room:]:
            table += f"… and {len(loud) - room:,} more: --all shows them\n"
        return table + on_quiet(quiet, others=bool(loud))


def by_what_they_hold(swept: Sequence[Swept]) -> tuple[list[Swept], list[Swept]]:
    """Part those where anything is to be said, what failed and what holds most on top, from all."""
    rows = sorted(swept, key=_most_first)
    loud = [each for each in rows if not _is_quiet(each)]
    return loud, [each for each in rows if _is_quiet(each)]


def on_quiet(places: Sequence[Swept], *, others: bool) -> str:
    """Say in a line what the places hold where there is nothing to do, and where none may be.

    `others` says that they are not all. Nothing is said of none.
    """
    if not places:
        return ""
    ruled = [each for each in places if each.sweep.rules.policies]
    listed = sum(len(each.sweep.plan.items) for each in ruled)
    held = f"{count(listed, 'channel')}, nothing to do" if listed else "no channels"
    told = {held: len(ruled), "no policy holds": len(places) - len(ruled)}
    if not others and len(places) in told.values():
        return f"In all of them: {held if ruled else 'no policy holds'}\n"
    noun = "other place" if others else "place"
    return "".join(f"In {count(n, noun)}: {what}\n" for what, n in told.items() if n)


def unlisted(fleet: FleetSweep) -> str:
    """Say why no channel was asked for anywhere; nothing where any were."""
    if not fleet.swept:
        return "nothing could be looked at"
    if not any(each.sweep.rules.policies for each in fleet.swept):
        return "no policy holds in any of them: nothing to do"
    return ""


def failures(fleet: FleetSweep) -> Iterator[Wrong]:
    """Yield where nothing could be looked at, or not all be done, and why."""
    for missed in fleet.missed:
        if not missed.excused:
            yield missed_text(missed)
    for each in fleet.swept:
        why = str(each.failure) if each.failure else each.sweep.why_stopped
        if why:
            yield str(each.place), why


def scope_columns(rows: Sequence[Swept]) -> list[Column[Swept]]:
    """Return a scope's columns: where it is, and how many channels came to what."""
    seen = Counter(item.outcome for each in rows for item in each.sweep.plan.items)
    shown = [outcome for outcome in Outcome if seen[outcome] and outcome is not Outcome.KEPT]
    return [
        Column[Swept]("account_id", "ACCOUNT", lambda each: each.place.account_id),
        Column[Swept]("region", "REGION", lambda each: each.place.region),
        Column[Swept](
            "listed", "CHANNELS", lambda each: len(each.sweep.plan.items), _listed, align="right"
        ),
        *(_outcome_column(outcome) for outcome in shown),
        *([_FUSE] if any(each.held_back for each in rows) else []),
    ]


def _listed(each: Swept) -> str:
    return f"{len(each.sweep.plan.items):,}" if each.sweep.rules.policies else "no policy"


def _outcome_column(outcome: Outcome) -> Column[Swept]:
    def number(each: Swept) -> int:
        return sum(item.outcome is outcome for item in each.sweep.plan.items)

    return Column[Swept](
        outcome.value, outcome.value.upper(), number, lambda e: f"{number(e):,}", align="right"
    )


_FUSE: Final = Column[Swept](
    "fuse",
    "FUSE",
    lambda each: "blown" if each.held_back else "",
    outcome=lambda each: Colour.BAD if each.held_back else None,
)


def _is_quiet(each: Swept) -> bool:
    """Whether nothing was, or is to be done there, and nothing failed."""
    quiet = {Outcome.KEPT, Outcome.MARKED}
    still = all(item.outcome in quiet and not item.planned for item in each.sweep.plan.items)
    return still and not each.failure and not each.sweep.why_stopped


def _most_first(each: Swept) -> tuple[bool, int, str]:
    """Put what failed on top, then where most goes."""
    going = sum(item.outcome is not Outcome.KEPT for item in each.sweep.plan.items)
    wrong = bool(each.failure or each.sweep.why_stopped or each.held_back)
    return not wrong, -going, str(each.place)
