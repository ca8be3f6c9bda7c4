"""One fuse for the sweeps of many scopes: all are planned and weighed before any deletes."""

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from kvsops.sweep.fuse import Bounds, Fuse, Weight, blown_in_all
from kvsops.sweep.plan import by_age, leave

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.sweep.run import Sweep

UNWEIGHED: Final = "the scopes were not weighed together"

Each = Callable[[Callable[["Sweep"], object], Sequence["Sweep"]], object]
"""Does something to each sweep, many at once; what fails with one fails with that one alone."""


class Total:
    """What the sweeps of many scopes share: one fuse and one limit over all, and when they began.

    Each sweep that is made with it is one of them. Until all are weighed, each of them says that
    its fuse blew, and so deletes nothing.
    """

    def __init__(self, bounds: Bounds, now: datetime) -> None:
        self.bounds, self._now = bounds, now
        self.sweeps: list[Sweep] = []
        self.blown = UNWEIGHED

    def add(self, sweep: "Sweep") -> None:
        """Take one more, from any thread; what was weighed before does not count any more."""
        self.blown = UNWEIGHED
        self.sweeps.append(sweep)

    @property
    def run(self) -> str:
        """The name of the whole run."""
        return run_name(self._now)

    def name(self, scope: "Scope") -> str:
        """Name the run of one scope, which is that of its journal."""
        return run_name(self._now, f"{scope.account_id}-{scope.region}")

    @property
    def names(self) -> str:
        """What the names of all scopes' runs match."""
        return run_name(self._now, "*")

    def weigh(self, each: Each) -> None:
        """Read directly what fuse and limit rest on, leave what is beyond the limit, and weigh.

        A scope whose own fuse blew deletes nothing, and adds nothing.
        """
        going = [sweep for sweep in self.sweeps if not sweep.bounds.blown(sweep.plan)]
        if self.bounds.limit is not None:
            self._leave(going, self.bounds.limit, each)
        fuse = self.bounds.total
        self.blown = blown_in_all(fuse, self._weights(fuse, going, each)) if fuse else ""

    def _leave(self, going: "Sequence[Sweep]", limit: int, each: Each) -> None:
        """Leave all but the oldest that direct reads confirmed, of whichever scope."""
        each(lambda sweep: sweep.confirm_more(limit), going)
        confirmed = [item for sweep in going for item in sweep.plan.doomed if item.confirmed]
        oldest = {id(item) for item in sorted(confirmed, key=by_age)[:limit]}
        for sweep in going:
            leave((item for item in sweep.plan.doomed if id(item) not in oldest), limit)

    def _weights(self, fuse: Fuse, going: "Sequence[Sweep]", each: Each) -> list[Weight]:
        weights = [sweep.bounds.weight(sweep.plan) for sweep in self.sweeps]
        most = fuse.most(sum(weight.listed for weight in weights))
        if sum(weight.doomed for weight in weights) <= most:
            return weights
        each(lambda sweep: sweep.confirm_more(most + 1), going)
        return [_weight(sweep, most + 1) for sweep in self.sweeps]


def run_name(now: datetime, place: str = "") -> str:
    """Name a run by when it began, where, and the process; of many places, by two names alike."""
    return "-".join(filter(None, (f"{now:%Y%m%dT%H%M%SZ}", place, str(os.getpid()))))


def _weight(sweep: "Sweep", wanted: int) -> Weight:
    """Return its weight; where the direct reads came to no end, all its candidates count."""
    weight = sweep.bounds.weight(sweep.plan)
    if weight.confirmed >= min(wanted, weight.doomed):
        return weight
    return Weight(weight.listed, weight.doomed, weight.doomed)
