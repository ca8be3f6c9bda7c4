"""Retries that do not wait."""

from collections.abc import Iterator
from typing import Any

import pytest
import stamina


def retry_at_once(attempts: int) -> Any:
    """Return an automatic fixture that leaves out the waits between retries, and nothing else.

    No call is tried more often than `attempts` times.
    """

    @pytest.fixture(autouse=True)
    def at_once() -> Iterator[None]:
        with stamina.set_testing(True, attempts=attempts, cap=True):
            yield

    return at_once
