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


def parted(places: Places, entries: Sequence[Entry]) -> tuple[list[Part], list[str]]:
    """Return what may be gone by where it was, and say what is left out as its place is not given.

    Raises `UsageError` where all is.
    """
    whose: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        whose.setdefault(_where(entry), []).append(entry)
    parts = [
        Part(place, last_gone(whose.pop((place.account_id, place.region))))
        for place in places.found
        if (place.account_id, place.region) in whose
    ]
    left_out = [f"{len(left):,} left out: {_why(places, *at)}" for at, left in whose.items()]
    if left_out and not parts:
        raise UsageError(f"nothing to restore: {left_out[0]}")
    return [part for part in parts if part.entries], left_out


def _where(entry: Entry) -> tuple[str, str]:
    return entry.arn.account_id, entry.arn.region


def _why(places: Places, account_id: str, region: str) -> str:
    """Say why a place is not one of those that are given, or cannot be looked at."""
    for each in places.missed:
        if each.account_id in (None, account_id) and each.region in (None, region):
            return f"of account {account_id} in {region}: {each.why}"
    return f"of account {account_id} in {region}, which is not asked for"


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
