"""What each step of a deployed sweep does: the command line's own code, for one place at a time.

What one step tells the next goes through the bucket, under `runs/RUN/`; nothing depends on what a
function's memory or disk still holds.
"""

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kvsops.aws.objects import Bucket
from kvsops.aws.scope import Scope
from kvsops.core.policies import Rules
from kvsops.core.rules import completed
from kvsops.errors import KvsopsError, NotFoundError, RegionClosedError
from kvsops.fleet.deploy.kept import Kept
from kvsops.fleet.deploy.settings import Settings
from kvsops.sweep.fuse import Bounds, Fuse, Weight, blown_in_all
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.run import Sweep
from kvsops.sweep.terms import combined

Data = dict[str, Any]

SPARE_SECONDS: Final = 60.0
"""How long before a function's end its sweep stops, so that what came of it can be written down."""

SAID: Final = 50
"""So many failures are told at most: all are in the bucket."""

NO_ANSWER: Final = "its function gave no answer: it failed, or ran out of time; see its log"


@dataclass(frozen=True, slots=True)
class Hub:
    """Where the steps run: the bucket, who hears, how a place is opened, and how long is left.

    `open` opens the scope of a place by the role of that name, which may only read or not; `places`
    lists the places that the settings mean (`account_id`, `region`, the organizational `units` that
    policies name), and what of them is out of reach.
    """

    bucket: Bucket
    open: Callable[[Data, str, bool], Scope]
    places: Callable[[Settings], tuple[list[Data], list[Data]]]
    publish: Callable[[str, str], object]
    seconds_left: float = 900.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its name, what it goes by, and where its data are."""

    hub: Hub
    name: str
    settings: Settings

    @classmethod
    def of(cls, hub: Hub, event: Data) -> "Run":
        """Return the run that an event is of."""
        return cls(hub, event["run"], Settings.read(event["settings"]))

    def write(self, what: str, data: object) -> None:
        """Write data of the run."""
        self.hub.bucket.put(f"runs/{self.name}/{what}.json", json.dumps(data).encode())

    def read(self, what: str) -> Any:
        """Read data of the run; raises `NotFoundError`."""
        return json.loads(self.hub.bucket.get(f"runs/{self.name}/{what}.json"))

    def found(self, what: str) -> Any:
        """Read data of the run; None where there are none."""
        with suppress(NotFoundError):
            return self.read(what)
        return None

    def of_each(self, what: str, places: list[Data]) -> list[Data]:
        """Read what was written of each place; of one that nothing was, that it gave no answer."""

        def one(place: Data) -> Data:
            found: Data | None = self.found(f"{what}/{path_of(place)}")
            return found or place | {"failure": NO_ANSWER}

        return list(self.hub.bucket.scope.in_parallel(one, places))

    def sweep(self, place: Data, *, weighed: int | None = None) -> Sweep:
        """List and judge a place's channels, by the policy and within its fuse.

        It may only read, unless its plan was `weighed`: then no more than that many are deleted.
        """
        rules, bounds = terms(self.settings, place["account_id"])
        step = "plan" if weighed is None else "delete"
        scope = self.hub.open(place, self.settings.role_of(step), weighed is None)
        end = scope.clock() + max(self.hub.seconds_left - SPARE_SECONDS, 1)
        if weighed is not None:
            bounds = bounds.at_most(weighed)
        return Sweep.of_all(scope, rules, bounds, deadline=end, units=tuple(place["units"]))


def terms(settings: Settings, *account_ids: str) -> tuple[Rules, Bounds]:
    """Return what the settings say to sweep by, and within what; in these accounts alone."""
    fuse = Fuse.parse(settings.max_deletes) if settings.max_deletes else None
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "kvsops.toml")
        file.write_text(settings.policy, "utf-8")
        return combined(completed({"yes": True}), None, file, fuse, account_ids=account_ids)


def path_of(place: Data) -> str:
    """Return where a place's data are, under a step's."""
    return f"{place['account_id']}/{place['region']}"


def list_places(event: Data, hub: Hub) -> Data:
    """List the accounts and regions; write down the places, and what is out of reach."""
    run = Run.of(hub, event)
    found, missed = hub.places(run.settings)
    run.write("missed", missed)
    run.write("places", found)
    return {"places": len(found), "missed": len(missed)}


def plan(event: Data, hub: Hub) -> Data:
    """Plan one place; write down which channels would be deleted, marked or unmarked.

    A failure is that place's own, and written down like a plan.
    """
    run, place = Run.of(hub, event), event["place"]
    try:
        told = place | _planned(run.sweep(place))
    except KvsopsError as error:
        closed = isinstance(error, RegionClosedError)
        told = place | {"failure": str(error), "closed": closed}
    run.write(f"plans/{path_of(place)}", told)
    return short(told)


def _planned(sweep: Sweep) -> Data:
    sweep.confirm()
    plan, blown = sweep.plan, sweep.blown
    return {
        "listed": len(plan.items),
        "doomed": len(plan.doomed),
        "marking": len(plan.marking),
        "stale": len(plan.stale),
        "blown": blown,
        "problems": plan.problems + plan.undecided,
        "channels": [item.channel.channel_arn for item in plan.to_write],
    }


def fuse(event: Data, hub: Hub) -> Data:
    """Hold the total fuse; write down the places where something is to be done, if it holds.

    Where a place's own fuse blew nothing will be deleted there, so that it does not count. Whatever
    is doomed does, be it confirmed or not.
    """
    run = Run.of(hub, event)
    places = run.read("places")
    plans = run.of_each("plans", places)
    weights = [_weight(each) for each in plans if "failure" not in each]
    most = Fuse.parse(run.settings.max_deletes_total, "--max-deletes-total")
    blown = blown_in_all(most, weights)
    asked = zip(places, plans, strict=True)
    to_do = [] if blown else [place for place, told in asked if _is_to_do(told)]
    run.write("planned", [{**each, "channels": None} for each in plans])
    run.write("doomed", to_do)
    doomed = sum(weight.doomed for weight in weights)
    deletes = run.settings.deletes and bool(to_do)
    return {"delete": deletes, "blown": blown, "doomed": doomed, "places": len(to_do)}


def _is_to_do(told: Data) -> bool:
    return bool(told.get("channels")) and not told["blown"]


def _weight(told: Data) -> Weight:
    doomed = 0 if told["blown"] else told["doomed"]
    return Weight(told["listed"], doomed, doomed)


def delete(event: Data, hub: Hub) -> Data:
    """Carry out the plan of one place, as far as it still holds; keep its journal in the bucket.

    Nothing is done to a channel that the place's plan, which the total fuse let pass, has not. A
    place that came to an end in this run is not begun again.
    """
    run, place = Run.of(hub, event), event["place"]
    done: Data | None = run.found(f"outcomes/{path_of(place)}")
    if done:
        return short(done)
    try:
        told = place | _deleted(run, place)
    except KvsopsError as error:
        told = place | {"failure": str(error)}
    run.write(f"outcomes/{path_of(place)}", told)
    return short(told)


def short(told: Data) -> Data:
    """Return what a state machine may pass on, 256 KB at most: the rest is in the bucket.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    return {
        key: value[:SAID] if isinstance(value, list) else value
        for key, value in told.items()
        if key != "channels"
    }


def _deleted(run: Run, place: Data) -> Data:
    planned = run.read(f"plans/{path_of(place)}")
    sweep = run.sweep(place, weighed=planned["doomed"])
    sweep.plan.only(set(planned["channels"]))
    with Kept.of(run.hub.bucket, f"{run.name}/{path_of(place)}") as kept:
        sweep.run(kept.open)
        journal = kept.finish()
    items = sweep.plan.items
    if sweep.defect:
        raise sweep.defect
    return {
        "deleted": _count(items, Outcome.DELETED),
        "marked": sum(item.planned and item.outcome is Outcome.MARKED for item in items),
        "unmarked": _count(items, Outcome.UNMARKED),
        "left": _count(items, Outcome.LEFT),
        "blown": sweep.blown,
        "failed": [
            f"{item.channel.channel_arn}: {item.reason}"
            for item in items
            if item.planned and item.outcome in (Outcome.FAILED, Outcome.UNKNOWN)
        ],
        "problems": [*sweep.plan.problems, *filter(None, [sweep.why_stopped])],
        "journal": journal,
    }


def _count(items: list[Item], outcome: Outcome) -> int:
    return sum(item.outcome is outcome for item in items)
