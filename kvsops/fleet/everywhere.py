"""The same work in many places at once: one failure is told, and the others go on."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Generic, TypeVar

from kvsops.aws.scope import Scope
from kvsops.errors import AwsError, KvsopsError, RegionClosedError
from kvsops.fleet.place import Missed, Place
from kvsops.output.console import UNSEEN, Counter

Result = TypeVar("Result")

AT_ONCE: Final = 16
"""At most in so many places at once: what each may do there at once is bounded in turn."""


@dataclass(frozen=True)  # no slots: with them Python 3.11 fails on Done[Result](...)
class Done(Generic[Result]):
    """What came of the work in one place: its result, or why there is none."""

    place: Place
    result: Result | None = None
    failure: KvsopsError | None = None


def everywhere(
    places: Sequence[Place], work: Callable[[Place], Result], counter: Counter = UNSEEN
) -> Iterator[Done[Result]]:
    """Do the work in each place, many at once; yield what came of it in the places' order.

    An error is that place's failure alone. On Ctrl-C nothing more is begun, no read is waited for,
    and a write not for long; what came of all places is yielded still, and then Ctrl-C is raised.
    So does nothing more begin where the caller stops asking.
    """
    counter.stage("accounts and regions", len(places))
    under_way = _UnderWay(work, counter)
    executor = ThreadPoolExecutor(min(AT_ONCE, len(places)) or 1, "kvsops-place")
    waiting = deque((place, executor.submit(under_way.do, place)) for place in places)
    interrupt: KeyboardInterrupt | None = None
    try:
        while waiting:
            try:
                done = _came(*waiting[0])
            except KeyboardInterrupt as error:
                interrupt = error
                under_way.interrupt()
                executor.shutdown(wait=False, cancel_futures=True)
                continue
            waiting.popleft()
            yield done
    finally:
        if waiting:
            under_way.interrupt()
        executor.shutdown(cancel_futures=True)
    if interrupt is not None:
        raise interrupt


def missed(came: Sequence[Done[Result]]) -> tuple[Missed, ...]:
    """Tell the failures as what was missed.

    A region is believed to be not enabled, and so excused, only where the account's credentials
    worked in another: AWS answers the same to credentials that are not known at all.
    """
    worked = {each.place.account_id for each in came if each.failure is None}
    found = []
    for each in came:
        place, failure = each.place, each.failure
        if failure is None:
            continue
        excused = isinstance(failure, RegionClosedError) and place.account_id in worked
        why = "the region is not enabled for the account" if excused else str(failure)
        found.append(Missed(place.account_id, place.region, why, excused))
    return tuple(found)


def _came(place: Place, future: "Future[Done[Result]]") -> Done[Result]:
    """Wait for what comes of a place."""
    try:
        return future.result()
    except CancelledError:
        return Done(place, failure=AwsError("interrupted before it was begun", "Interrupted"))


class _UnderWay(Generic[Result]):
    """The work that is under way, and the scopes that were opened for it."""

    def __init__(self, work: Callable[[Place], Result], counter: Counter) -> None:
        self._work, self._counter = work, counter
        self._lock = threading.Lock()
        self._scopes: dict[Place, list[Scope]] = {}
        self._interrupted = False

    def do(self, place: Place) -> Done[Result]:
        """Do the work in a place, with scopes that Ctrl-C reaches."""

        def opened(*, read_only: bool, max_own_cost: Decimal | None = None) -> Scope:
            scope = place.open(read_only=read_only, max_own_cost=max_own_cost)
            with self._lock:
                self._scopes.setdefault(place, []).append(scope)
            if self._interrupted:
                scope.patience.interrupt()
            return scope

        try:
            return Done(place, self._work(replace(place, open=opened)))
        except KvsopsError as error:
            return Done(place, failure=error)
        except Exception as error:  # noqa: BLE001 - a defect here ends no other place's work
            said = f"a defect in kvsops: {type(error).__name__}: {error} (--debug shows where)"
            failure = KvsopsError(said)
            failure.__cause__ = error
            return Done(place, failure=failure)
        finally:
            with self._lock:
                self._scopes.pop(place, None)
            self._counter.advance()

    def interrupt(self) -> None:
        """Let the calls of all scopes, of those yet to be opened too, end soon."""
        with self._lock:
            self._interrupted = True
            scopes = [scope for opened in self._scopes.values() for scope in opened]
        for scope in scopes:
            scope.patience.interrupt()
