"""The same work in many places at once: one failure is told, and the others go on."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

from kvsops.aws.scope import Scope
from kvsops.aws.threads import unhurried
from kvsops.errors import AwsError, KvsopsError, RegionClosedError
from kvsops.fleet.place import Missed, Place
from kvsops.output.console import UNSEEN, Counter

Result = TypeVar("Result")

AT_ONCE: Final = 48
"""At most in so many places at once: what each may do there at once is bounded in turn."""


@dataclass(frozen=True)  # no slots: with them Python 3.11 fails on Done[Result](...)
class Done(Generic[Result]):
    """What came of the work in one place: its result, or why there is none."""

    place: Place
    result: Result | None = None
    failure: KvsopsError | None = None


def everywhere(
    places: Iterable[Place], work: Callable[[Place], Result], counter: Counter = UNSEEN
) -> Iterator[Done[Result]]:
    """Do the work in each place, many at once; yield what came of it in the places' order.

    Places that are still being found are begun as they come; then nothing is yielded before all
    are found, and what the finding raises ends all the work.

    An error is that place's failure alone. On Ctrl-C nothing more is begun, no read is waited for,
    and a write not for long; what came of all places is yielded still, and then Ctrl-C is raised.
    So does nothing more begin where the caller stops asking.
    """
    under_way = _UnderWay(places, work, counter)
    with unhurried():
        yield from _each(under_way)


def _each(under_way: "_UnderWay[Result]") -> Iterator[Done[Result]]:
    """Yield what comes, and leave nothing under way, whatever ends it."""
    interrupt: KeyboardInterrupt | None = None
    whole, at = False, 0
    try:
        while not whole or at < len(under_way.came):
            try:
                under_way.start()
                if not whole:
                    whole = not under_way.take()
                    continue
                done = under_way.came[at].result()
            except KeyboardInterrupt as error:
                interrupt, whole = error, True
                under_way.interrupt()
                continue
            at += 1
            yield done
    finally:
        under_way.give_up()
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
        self, places: Iterable[Place], work: Callable[[Place], Result], counter: Counter
    ) -> None:
        self.came: list[Future[Done[Result]]] = []
        self._work, self._counter = work, counter
        self._lock = threading.Lock()
        self._waiting: SimpleQueue[tuple[Place, Future[Done[Result]]] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._scopes: dict[Place, list[Scope]] = {}
        self._interrupted = False
        known = places if isinstance(places, Sequence) else None
        for place in known or ():
            self._add(place)
        self._coming = iter(places if known is None else ())
        counter.stage("accounts and regions", None if known is None else len(known))

    def take(self) -> bool:
        """Wait for one more place that is found, and take it; return whether there was any."""
        place = next(self._coming, None)
        if place is None:
            self._counter.of(len(self.came))
            return False
        self._add(place)
        return True

    def _add(self, place: Place) -> None:
        came: Future[Done[Result]] = Future()
        self._waiting.put((place, came))
        self.came.append(came)

    def start(self) -> None:
        """Start what threads are missing."""
        while len(self._threads) < min(AT_ONCE, len(self.came)):
            thread = threading.Thread(target=self._do_next, name="kvsops-place", daemon=True)
            self._threads.append(thread)
            thread.start()

    def join(self) -> None:
        """Wait until all that was taken is done."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def interrupt(self) -> None:
        """Let the calls of all scopes end soon, as a person waits, and begin nothing more."""
        for scope in self._stopped():
            scope.patience.interrupt()

    def give_up(self) -> None:
        """Do the same where nobody wants what comes of it."""
        for scope in self._stopped():
            scope.patience.give_up()

    def _stopped(self) -> list[Scope]:
        with self._lock:
            self._interrupted = True
            return [scope for opened in self._scopes.values() for scope in opened]

    def _do_next(self) -> None:
        """Do the work in one place after another, until there are no more."""
        while (following := self._waiting.get()) is not None:
            place, came = following
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
