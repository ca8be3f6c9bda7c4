"""Two reads at a time, where each has another pace to keep to."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from kvsops.aws.scope import Scope

Result = TypeVar("Result")


@contextmanager
def meanwhile(scope: Scope, read: Callable[[], Result]) -> Iterator[Future[Result]]:
    """Read in a thread of its own while the block runs.

    What the reading raises is raised at the block's end. Where the block ends with an error or
    Ctrl-C the reading is waited for no longer.
    """
    with ThreadPoolExecutor(1) as aside:
        try:
            reading = aside.submit(read)
            yield reading
            reading.result()
        except BaseException:
            scope.patience.interrupt()
            raise
