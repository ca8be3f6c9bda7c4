"""A restoration in many places: each channel is made again where it was, or it is left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kvsops.errors import UsageError
from kvsops.fleet.everywhere import everywhere
from kvsops.fleet.place import Place, Places
from kvsops.output.console import UNSEEN, Counter
from kvsops.sweep.entries import Entry, Journalled
from kvsops.sweep.restore import Outcome, Restored, last_gone, missing, restore


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be made again in one place."""

    place: Place
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Parted:
    """What may be gone, by where it was.

    What was in a place that could not be looked at has `failed`; `left_out` says how much is of
    places that nobody asked for.
    """

    parts: Sequence[Part]
    failed: Sequence[Restored]
    left_out: Sequence[str]

    @classmethod
    def of(cls, places: Places, entries: Sequence[Entry]) -> "Parted":
        """Part it; raises `UsageError` where all of it is left out."""
        whose: dict[tuple[str, str], list[Entry]] = {}
        for entry in entries:
            whose.setdefault(_where(entry), []).append(entry)
        found = {(place.account_id, place.region): place for place in places.found}
        parts, failed, left_out = [], [], []
        for at, gone in whose.items():
            if place := found.get(at):
                parts.append(Part(place, last_gone(gone)))
            elif why := why_missed(places, *at):
                failed += [Restored(each, Outcome.FAILED, why) for each in last_gone(gone)]
            else:
                of = f"of account {at[0]} in {at[1]}, which is not asked for"
                left_out.append(f"{len(gone):,} left out: {of}")
        if left_out and not (parts or failed):
            raise UsageError(f"nothing to restore: {left_out[0]}")
        return cls([part for part in parts if part.entries], failed, left_out)

    @property
    def entries(self) -> list[Entry]:
        """All that is to be made again."""
        going = [each for part in self.parts for each in part.entries]
        return [*going, *(each.entry for each in self.failed)]

    def only(self, meant: Sequence[Entry]) -> "Parted":
        """Return these entries of it."""
        arns = {entry.arn for entry in meant}
        parts = [Part(p.place, [e for e in p.entries if e.arn in arns]) for p in self.parts]
        failed = [each for each in self.failed if each.entry.arn in arns]
        return Parted([part for part in parts if part.entries], failed, self.left_out)


def _where(entry: Entry) -> tuple[str, str]:
    return entry.arn.account_id, entry.arn.region


def why_missed(places: Places, account_id: str, region: str) -> str:
    """Say why a place that is asked for cannot be looked at; nothing where it is none of these."""
    return next(
        (
            each.why
            for each in places.missed
            if each.account_id in (None, account_id) and each.region in (None, region)
        ),
        "",
    )


def restore_everywhere(
    parts: Sequence[Part],
    told: Callable[[Restored], object],
    *,
    read_only: bool,
    counter: Counter = UNSEEN,
) -> None:
    """Make the channels again in all places at once, and tell what becomes of each.

    What cannot be begun in a place fails there alone. Ctrl-C is raised when all have ended.
    """
    ended: set[str] = set()
    by_place = {(part.place.account_id, part.place.region): part.entries for part in parts}

    def work(place: Place) -> None:
        scope = place.open(read_only=read_only)
        wanted = by_place[place.account_id, place.region]
        for row in scope.in_parallel(lambda entry: restore(scope, entry), wanted):
            told(row)
            ended.add(str(row.entry.arn))

    for done in everywhere([part.place for part in parts], work, counter):
        for entry in by_place[done.place.account_id, done.place.region]:
            if done.failure and str(entry.arn) not in ended:
                told(Restored(entry, Outcome.FAILED, str(done.failure)))


def missing_everywhere(
    places: Places, runs: Sequence[Journalled]
) -> tuple[list[int | None], list[str]]:
    """Return how many channels of each run are missing, None where nobody looked; and what failed.

    Only places in which a run deleted are looked at.
    """
    known = {_where(entry) for run in runs for entry in run.entries}
    wanted = [each for each in places.found if (each.account_id, each.region) in known]
    found: list[int | None] = [None] * len(runs)
    problems = []
    for done in everywhere(wanted, lambda place: missing(place.open(read_only=True), runs)):
        if done.failure:
            problems.append(f"what is missing in {done.place} is not known: {done.failure}")
        for at, number in enumerate(done.result or []):
            found[at] = number if found[at] is None else found[at]
    return found, problems
