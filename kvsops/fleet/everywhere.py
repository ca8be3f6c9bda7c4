"""The same work in many places at once: one failure is told, and the others go on."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from kvsops.errors import KvsopsError
from kvsops.fleet.place import Place
from kvsops.output.console import UNSEEN, Counter

Result = TypeVar("Result")


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

    A `KvsopsError` is that place's failure alone. On Ctrl-C nothing more is begun.
    """
    raise NotImplementedError
