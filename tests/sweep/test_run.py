"""A run as whoever begins it sees it: what ends it before all is done, and the look after it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from kvsops.aws.scope import Scope
from kvsops.core.policies import Rules, sweep_rules
from kvsops.core.reach import Reach
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.sweep.fuse import Bounds, Fuse
from kvsops.sweep.journal import Journal
from kvsops.sweep.run import Sweep
from tests.counting import Counted, Raising
from tests.fleet import From, Time, names, put, put_many
from tests.sweep.runs import DELETE, DENIED, METRICS, OLD, STORAGE

RULES, BOUNDS = sweep_rules(OLD), Bounds(Fuse.parse("100%"))
WAITING = "waiting until they are gone"


@pytest.fixture
def opener(path: Path) -> Callable[[str], Journal]:
    """Return what opens the journal of a run."""
    return lambda run: Journal(path, run)


class At(Counted):
    """Does something as soon as a stage begins."""

    def __init__(self, what: str, do: Callable[[], object]) -> None:
        super().__init__()
        self._what, self._do = what, do

    def stage(self, what: str, total: int | None) -> None:
        """Begin the next."""
        super().stage(what, total)
        if what == self._what:
            self._do()


def raising(error: BaseException) -> Callable[[], object]:
    """Return what raises it."""

    def do() -> object:
        raise error

    return do


@pytest.mark.parametrize(
    ("error", "why"),
    [(KeyboardInterrupt(), "interrupted"), (ZeroDivisionError(), "ZeroDivisionError()")],
)
def test_what_comes_after_the_deletes_is_held(
    scope: Scope,
    emulator: LocalServer,
    opener: Callable[[str], Journal],
    path: Path,
    *,
    error: BaseException,
    why: str,
) -> None:
    """Once anything is in the journal nothing is raised; before that, all is."""
    put(emulator, "a")
    sweep = Sweep.of_all(scope, RULES, BOUNDS)
    with pytest.raises(type(error)):
        sweep.run(lambda _: raising(error)())  # type: ignore[arg-type, return-value]
    assert (sweep.journal, names(emulator)) == (None, {"a"})
    sweep.run(opener, At(WAITING, raising(error)))
    assert (sweep.journal, names(emulator)) == (path, set())
    assert (sweep.why_stopped, sweep.defect) == (why, error if why != "interrupted" else None)


def test_nobody_waits_after_ctrl_c(
    brisk: Scope, emulator: LocalServer, opener: Callable[[str], Journal]
) -> None:
    """What was deleted is told at once: that it is gone is not looked for."""
    put_many(emulator, [f"ci-{n:03}" for n in range(60)])
    counter = Raising(KeyboardInterrupt)
    sweep = Sweep.of_all(brisk, RULES, BOUNDS)
    sweep.run(opener, counter)
    assert (sweep.interrupted, sweep.why_stopped) == (True, "interrupted")
    assert sweep.journal
    assert WAITING not in [what for what, *_ in counter.stages]


def test_ctrl_c_while_the_metrics_are_read(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal]
) -> None:
    """Nothing was begun: all is left."""
    put_many(emulator, ["a", "b"])
    sweep = Sweep.of_all(scope, RULES, BOUNDS)
    sweep.run(opener, At("metrics", raising(KeyboardInterrupt())))
    left = [(item.outcome.value, item.reason) for item in sweep.plan.items]
    assert left == [("left", "interrupted")] * 2
    assert (sweep.journal, sweep.why_stopped) == (None, "interrupted")


def test_a_deadline_while_the_metrics_are_read(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal], time: Time
) -> None:
    """They are not asked for any more, and nothing is begun."""
    put(emulator, "a")
    sweep = Sweep.of_all(scope, RULES, BOUNDS, deadline=time.clock() + 600)
    asked = emulator.calls[METRICS]
    sweep.run(opener, At("metrics", lambda: time.sleep(600)))
    (item,) = sweep.plan.items
    assert (item.outcome.value, item.reason) == ("left", "the deadline passed")
    assert emulator.calls[METRICS] == asked


@pytest.mark.parametrize(
    ("interrupted", "why"),
    [(False, "whether the deleted are gone was not seen: ListSigna"), (True, "interrupted")],
)
def test_a_last_look_that_fails(
    scope: Scope,
    emulator: LocalServer,
    opener: Callable[[str], Journal],
    *,
    interrupted: bool,
    why: str,
) -> None:
    """They are deleted all the same; that Ctrl-C ended the look is said as such."""
    put(emulator, "a")

    def fail() -> None:
        emulator.settings.faults = (Fault("ListSignalingChannels", DENIED),)
        if interrupted:
            scope.patience.interrupt()

    sweep = Sweep.of_all(scope, RULES, BOUNDS)
    sweep.run(opener, At(WAITING, fail))
    assert [item.outcome.value for item in sweep.plan.items] == ["deleted"]
    assert sweep.why_stopped.startswith(why)


@pytest.mark.parametrize("defect", [None, ZeroDivisionError()])
def test_the_first_reason_is_told(
    scope: Scope,
    emulator: LocalServer,
    opener: Callable[[str], Journal],
    defect: Exception | None,
) -> None:
    """What ended the deletes is not covered by what happens in the last look."""
    put(emulator, "a")
    sweep = Sweep.of_all(scope, RULES, BOUNDS)

    def fail() -> None:
        sweep.why_stopped = "the deadline passed"
        emulator.settings.faults = (Fault("ListSignalingChannels", DENIED),)
        if defect:
            raise defect

    sweep.run(opener, At(WAITING, fail))
    assert (sweep.why_stopped, sweep.defect) == ("the deadline passed", defect)


def test_what_the_last_look_writes_down(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal], path: Path
) -> None:
    """A line for what is there again, with its reason, and none more for what failed before."""
    put_many(emulator, ["a", "b"])
    backend = emulator.backend()

    def forget() -> None:
        backend._leaving.clear()
        for channel in backend.channels.values():
            channel.gone_from = None

    emulator.settings.faults = (From(DELETE, DENIED, first=2),)
    emulator.settings.state_delay = timedelta(hours=1)
    Sweep.of_all(scope, RULES, BOUNDS).run(opener, At(WAITING, forget))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    failed = [line["reason"] for line in lines if line["event"] == "failed"]
    assert len(failed) == 2
    assert len({line["run"] for line in lines}) == 1
    assert failed[0].startswith(f"{DELETE} denied: ")
    assert failed[1] == "still listed as ACTIVE after 60 s"


def test_a_deadline_leaves_time_to_see_them_gone(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal], time: Time
) -> None:
    """The last look goes on as long as the deadline is ahead, and is told of as the deeds are."""
    put_many(emulator, ["a", "b"])
    emulator.settings.state_delay = timedelta(seconds=1)
    counter = Counted()
    sweep = Sweep.of_all(scope, RULES, BOUNDS, deadline=time.clock() + 600)
    sweep.run(opener, counter)
    assert counter.stages == [("metrics", 2, 2), ("deleting", 2, 2), (WAITING, None, 0)]
    assert [item.reason for item in sweep.plan.items] == ["1d old"] * 2
    assert emulator.backend().channels == {}


def test_a_delete_is_not_waited_for_long_after_the_deadline(
    scope: Scope, emulator: LocalServer, opener: Callable[[str], Journal], time: Time
) -> None:
    """Whether it was carried out is then not known."""
    over = Event()

    class Hanging(Fault):
        def strikes(self, operation: str, _random: object) -> bool:
            if operation == self.operation:
                time.sleep(60)
                over.wait(30)
            return False

    put(emulator, "a")
    emulator.settings.faults = (Hanging(DELETE, DENIED),)
    sweep = Sweep.of_all(scope, RULES, BOUNDS, deadline=time.clock() + 10)
    sweep.run(opener)
    over.set()
    (item,) = sweep.plan.items
    assert (item.outcome.value, item.lost) == ("unknown", True)
    assert f"the deadline passed before {DELETE} was answered" in item.reason


@pytest.mark.parametrize(
    "confirm", [Sweep.confirm, lambda sweep, **of: sweep.confirm_more(2, **of)]
)
def test_a_deadline_while_confirming(
    scope: Scope, emulator: LocalServer, time: Time, confirm: Callable[..., object]
) -> None:
    """What cannot be read in time is not known, and not condemned; what is read is counted."""
    put_many(emulator, ["a", "b"])
    bounds = Bounds(Fuse.parse("1"))
    counter = Counted()
    confirm(Sweep.of_all(scope, RULES, bounds), counter=counter)
    assert counter.stages == [("storage links", 2, 2), ("metrics", 2, 2)]
    read = emulator.calls[STORAGE]
    late = Sweep.of_all(scope, RULES, bounds, deadline=time.clock() + 600)
    time.sleep(600)
    confirm(late)
    assert [item.outcome.value for item in late.plan.items] == ["unknown"] * 2
    assert emulator.calls[STORAGE] == read


@pytest.mark.parametrize(("late", "told"), [(0, "5"), (10, "0")])
def test_the_last_look_keeps_to_the_deadline(
    scope: Scope,
    emulator: LocalServer,
    time: Time,
    opener: Callable[[str], Journal],
    *,
    late: float,
    told: str,
) -> None:
    """It ends by then, and once that has passed looks but once."""
    emulator.settings.state_delay = timedelta(hours=1)
    put(emulator, "a")
    sweep = Sweep.of_all(scope, RULES, BOUNDS, deadline=time.clock() + 5)
    sweep.run(opener, At(WAITING, lambda: time.sleep(late)))
    (item,) = sweep.plan.items
    assert item.outcome.value == "deleted"
    assert item.reason.endswith(f"; still DELETING after {told} s")


@pytest.mark.parametrize(("accounts", "doomed"), [(("123456789012",), 1), (("1" * 12,), 0)])
def test_a_policy_of_some_accounts(
    scope: Scope, emulator: LocalServer, *, accounts: tuple[str, ...], doomed: int
) -> None:
    """It holds in these alone, be there one scope only."""
    put(emulator, "a")
    (policy,) = RULES.policies
    rules = Rules((replace(policy, reach=Reach(accounts=accounts)),))
    assert len(Sweep.of_all(scope, rules, BOUNDS).plan.doomed) == doomed
