"""Whose address it was that could not be listened on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def binding(host: str, port: int) -> Iterator[None]:
    """Have an `OSError` from here name the address as its `filename`: `HOST:PORT`."""
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        raise OSError(number, os.strerror(number), f"{host}:{port}") from error
