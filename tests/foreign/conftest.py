"""What the tests with foreign peers share."""

import os
from typing import NoReturn

import pytest

REQUIRED = os.environ.get("FOREIGN") == "required"
"""Whether a client that cannot be had is a failure, as in `.ci/run`."""


def unavailable(why: str) -> NoReturn:
    """Skip the test with the reason, or fail where nothing may be left out."""
    if REQUIRED:
        pytest.fail(f"not to be had: {why}", pytrace=False)
    pytest.skip(f"not to be had: {why}")
