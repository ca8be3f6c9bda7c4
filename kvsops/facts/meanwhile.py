"""Two reads at a time, where each has another pace to keep to."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

from kvsops.aws.scope import Scope
from kvsops.aws.threads import THREADS

Result = TypeVar("Result")


@contextmanager
def meanwhile(scope: Scope, read: Callable[[], Result]) -> Iterator[Future[Result]]:
    """Read in a thread of its own while the block runs.

    What the reading raises is raised at the block's end. Where the block ends with an error or
    Ctrl-C the reading is waited for no longer.
    """
    reading = THREADS.submit(read)
    try:
        yield reading
        reading.result()
    except BaseException:
        scope.patience.interrupt()
        raise
