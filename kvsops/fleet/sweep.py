"""A sweep of many places: all are planned, weighed together, and then carried out at once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from kvsops.core.policies import Rules
from kvsops.errors import AwsError, KvsopsError, UsageError
from kvsops.facts.look import Look
from kvsops.fleet.everywhere import Done, everywhere, missed
from kvsops.fleet.finding import Finding
from kvsops.fleet.place import Missed, Place, Places
from kvsops.fleet.slow import Slow
from kvsops.output.console import UNSEEN, Counter
from kvsops.sweep.course import INTERRUPTED
from kvsops.sweep.fuse import Bounds
from kvsops.sweep.journal import Opener
from kvsops.sweep.run import Sweep
from kvsops.sweep.total import Total


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a sweep of many places goes by: the same in each, and the fuse of all in its bounds.

    `deadline` is on the scopes' clock; `directly` allows no index, `check` asks only whether any
    would be deleted; a dry run is `read_only`.
    """

    rules: Rules
    bounds: Bounds
    prefix: str | None = None
    deadline: float | None = None
    directly: bool = False
    check: bool = False
    read_only: bool = True


@dataclass(slots=True, eq=False)
class Swept:
    """The sweep of one place, planned and perhaps carried out; and why it failed, if it did."""

    place: Place
    sweep: Sweep
    failure: KvsopsError | None = None

    @property
    def held_back(self) -> str:
        """Say by what the scope's own fuse blew, whatever becomes of the others."""
        return self.sweep.bounds.blown(self.sweep.plan)

    def end(self, failure: KvsopsError | None) -> None:
        """Note that nothing more is done there, and why nothing was, if so."""
        if isinstance(failure, AwsError) and failure.code == "Interrupted":
            self.sweep.leave(INTERRUPTED)
        elif failure is not None:
            self.failure = failure
            self.sweep.leave(str(failure))


@dataclass(slots=True)
class FleetSweep:
    """The sweeps of many places. `missed` are those that could not be planned, or not be found."""

    terms: Terms
    total: Total
    swept: Sequence[Swept] = ()
    missed: tuple[Missed, ...] = ()
    interrupted: bool = field(default=False, init=False)

    @classmethod
    def planned(
        cls, places: Places | Finding, terms: Terms, now: datetime, counter: Counter = UNSEEN
    ) -> "FleetSweep":
        """Plan in each place, and weigh all; `now` is what the run is named by.

        Of places that are still being found the first are read meanwhile: what ends the finding
        raises here, where nothing was written yet. An account that is not expected, or a policy
        that turns on organizational units which nobody tells, ends it before anything is done
        anywhere: raises `UsageError`.
        """
        total, slow = Total(terms.bounds, now), Slow(counter, "planning")
        slow.beside(places.said)
        units = units_of(places, terms.rules)

        def planned(place: Place) -> Sweep:
            with slow.at(place):
                return _planned(place, terms, total, units.get(place.account_id, ()))

        came = list(everywhere(_expected(places, terms.bounds), planned, slow))
        came.sort(key=lambda each: each.place.account_id)
        swept = [Swept(each.place, each.result) for each in came if each.result is not None]
        fleet = cls(terms, total, swept, (*places.missed, *missed(came)))
        total.weigh(fleet.confirm)
        return fleet

    def confirm(self, do: Callable[[Sweep], object], sweeps: Sequence[Sweep]) -> None:
        """Read for these sweeps what they are weighed by."""
        asked = set(map(id, sweeps))
        going = [each for each in self.swept if id(each.sweep) in asked]
        list(_at_each(going, do, Slow(UNSEEN, "confirming")))

    def run(self, open_journal: Opener, counter: Counter = UNSEEN) -> None:
        """Carry all out, each with a journal of its own; Ctrl-C ends all in order."""
        going = [each for each in self.swept if each.sweep.plan.to_write]
        slow = Slow(counter, "deleting in")
        try:
            done = _at_each(going, lambda sweep: sweep.run(open_journal), slow)
            for each, came in zip(going, done, strict=True):
                each.end(came.failure)
        except KeyboardInterrupt:
            self.interrupted = True


def _expected(places: Places | Finding, bounds: Bounds) -> Iterable[Place]:
    """Return the places; where accounts are expected, all are found first, and looked at."""
    if not bounds.account_ids:
        return places.found
    found = [*places.found]
    for place in found:
        bounds.check_account_id(place.account_id)
    return found


def units_of(places: Places | Finding, rules: Rules) -> dict[str, tuple[str, ...]]:
    """Return which of the organizational units that policies name each account is in."""
    named = {
        unit: policy.name for policy in rules.policies for unit in policy.reach.organizational_units
    }
    if named and places.members is None:
        msg = "a policy names organizational-units: give --organization-role, which tells of them"
        raise UsageError(msg)
    units: dict[str, tuple[str, ...]] = {}
    for unit in sorted(named):
        try:
            found = places.members(unit) if places.members else ()
        except UsageError as error:
            raise UsageError(f"[policies.{named[unit]}] {error}") from error
        for account_id in found:
            units[account_id] = (*units.get(account_id, ()), unit)
    return units


def _planned(place: Place, terms: Terms, total: Total, units: tuple[str, ...]) -> Sweep:
    sweep = Sweep.of_all(
        place.open(read_only=terms.read_only),
        terms.rules,
        terms.bounds,
        Look(directly=terms.directly),
        terms.prefix,
        deadline=terms.deadline,
        units=units,
        total=total,
    )
    sweep.confirm(check=terms.check)
    return sweep


def _at_each(
    going: Sequence[Swept], do: Callable[[Sweep], object], slow: Slow
) -> Iterator[Done[None]]:
    """Do something to each sweep, many at once, in the scope that planned it."""
    sweeps = {(each.place.account_id, each.place.region): each.sweep for each in going}

    def done(place: Place) -> None:
        place.open(read_only=True)  # tells who waits for Ctrl-C of the scope
        with slow.at(place):
            do(sweeps[place.account_id, place.region])

    return everywhere([_reopened(each) for each in going], done, slow)


def _reopened(swept: Swept) -> Place:
    """Return the place whose scope is the one that planned."""
    return replace(swept.place, open=lambda **_: swept.sweep.scope)
