"""Many calls at once, on threads."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS: Final = 32
"""As many calls are under way at once, at most: each client keeps so many connections."""


def in_parallel(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the function's results in the items' order; what has not begun ends with the caller."""
    executor = ThreadPoolExecutor(WORKERS)
    try:
        yield from executor.map(function, items)
    finally:
        executor.shutdown(cancel_futures=True)
