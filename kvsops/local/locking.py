"""Methods that one thread at a time may be in: the server has a thread for each connection."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar


class _Locked(Protocol):
    @property
    def lock(self) -> AbstractContextManager[object]: ...


P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=_Locked)


def locked(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Hold the object's `lock` while the method runs."""

    @wraps(method)
    def alone(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return alone
