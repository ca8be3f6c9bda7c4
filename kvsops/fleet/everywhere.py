"""The same work in many places at once: one failure is told, and the others go on."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
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
    under_way = _UnderWay(places, work, counter)
    interrupt: KeyboardInterrupt | None = None
    at = 0
    try:
        while at < len(places):
            try:
                under_way.start()
                done = under_way.came[at].result()
            except KeyboardInterrupt as error:
                interrupt = error
                under_way.interrupt()
                continue
            at += 1
            yield done
    finally:
        if at < len(places):
            under_way.interrupt()
        under_way.join()
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


class _UnderWay(Generic[Result]):
    """The work that is under way in threads, and the scopes that were opened for it."""

    def __init__(
        self, places: Sequence[Place], work: Callable[[Place], Result], counter: Counter
    ) -> None:
        self.came: list[Future[Done[Result]]] = [Future() for _ in places]
        self._work, self._counter = work, counter
        self._lock = threading.Lock()
        self._next = iter([*zip(places, self.came, strict=True)])
        self._threads: list[threading.Thread] = []
        self._scopes: dict[Place, list[Scope]] = {}
        self._interrupted = False

    def start(self) -> None:
        """Start what threads are missing."""
        while len(self._threads) < min(AT_ONCE, len(self.came)):
            thread = threading.Thread(target=self._do_next, name="kvsops-place", daemon=True)
            self._threads.append(thread)
            thread.start()

    def join(self) -> None:
        """Wait until nothing is under way."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def interrupt(self) -> None:
        """Let the calls of all scopes end soon, and what is not begun be told so."""
        with self._lock:
            self._interrupted = True
            scopes = [scope for opened in self._scopes.values() for scope in opened]
        for scope in scopes:
            scope.patience.interrupt()
        self._do_next()

    def _do_next(self) -> None:
        """Do the work in one place after another, as long as there are any."""
        while True:
            with self._lock:
                place, came = next(self._next, (None, None))
            if place is None or came is None:
                return
            came.set_result(self._do(place))

    def _do(self, place: Place) -> Done[Result]:
        if self._interrupted:
            said = "interrupted before it was begun"
            return Done(place, failure=AwsError(said, "Interrupted"))
        try:
            return Done(place, self._work(replace(place, open=partial(self._opened, place))))
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

    def _opened(
        self, place: Place, *, read_only: bool, max_own_cost: Decimal | None = None
    ) -> Scope:
        """Open a scope that Ctrl-C reaches."""
        scope = place.open(read_only=read_only, max_own_cost=max_own_cost)
        with self._lock:
            self._scopes.setdefault(place, []).append(scope)
        if self._interrupted:
            scope.patience.interrupt()
        return scope
