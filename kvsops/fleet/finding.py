"""Finding places while work in those that are found has begun: what is slow delays itself alone."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from kvsops.aws.scope import Scope
from kvsops.fleet.accounts import Owner
from kvsops.fleet.place import Members, Missed, Place

Item = TypeVar("Item")
Result = TypeVar("Result")
Account = Owner | Missed


class Finding:
    """Places as they are found: an account's as soon as it is listed and its role assumed.

    Nothing may be changed anywhere before `found` has come to its end: only then is it known that
    no place is lacking, and are those in `missed` all. `members` is as that of `Places`.
    """

    def __init__(
        self,
        home: Scope,
        accounts: Iterator[Account],
        opened: Callable[[Account], tuple[Place, ...] | Missed],
        members: Members | None,
    ) -> None:
        self.members = members
        self.missed: list[Missed] = []
        self._home, self._accounts, self._opened = home, accounts, opened
        self._listed = self._assumed = 0
        self._whole = False

    @property
    def found(self) -> Iterator[Place]:
        """Yield each once; raises `KvsopsError` where the organization cannot be listed whole."""
        for came in as_they_come(self._home, self._opened, self._counted()):
            self._assumed += 1
            if isinstance(came, Missed):
                self.missed.append(came)
            else:
                yield from came
        self.missed.sort(key=lambda each: (not each.excused, str(each.account_id)))

    def said(self) -> str:
        """Say what is still to be found."""
        if not self._whole:
            return "listing accounts" + (f", {self._listed:,} so far" if self._listed else "")
        left = self._listed - self._assumed
        return f"assuming roles, {left:,} to go" if left else ""

    def _counted(self) -> Iterator[Account]:
        for each in self._accounts:
            self._listed += 1
            yield each
        self._whole = True


def as_they_come(
    scope: Scope, function: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result]:
    """Yield the function's results, whichever is there first; the items are waited for beside.

    What an item or a result raises is raised as soon as it is known. On Ctrl-C, or where the caller
    stops asking, no more is begun, and what is under way does not go on for long.
    """
    came: SimpleQueue[Future[Result] | None] = SimpleQueue()
    executor = ThreadPoolExecutor(scope.workers + 1)

    def take() -> int:
        number = 0
        for item in items:
            executor.submit(function, item).add_done_callback(came.put)
            number += 1
        return number

    try:
        taking = executor.submit(take)
        taking.add_done_callback(lambda _: came.put(None))
        got, due = 0, -1
        while got != due:
            result = came.get()
            if result is None:
                due = taking.result()
            else:
                got += 1
                yield result.result()
    except BaseException:
        scope.patience.interrupt()
        raise
    finally:
        executor.shutdown(cancel_futures=True)
