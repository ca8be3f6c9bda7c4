"""Retries that do not wait."""

from collections.abc import Iterator
from typing import Any

import pytest
import stamina


def retries_at_once(attempts: int) -> Any:
    """Return a fixture for a whole module or folder, under which a retry comes at once.

    Nothing else of the retries is left out, but that there are at most this many attempts.
    """

    @pytest.fixture(autouse=True)
    def _retry_at_once() -> Iterator[None]:
        with stamina.set_testing(True, attempts=attempts, cap=True):
            yield

    return _retry_at_once
