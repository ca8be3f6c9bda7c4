"""A channel for the tests of the data plane."""

import pytest

from tests.local.conftest import Emulator


@pytest.fixture
def arn(over_http: Emulator) -> str:
    """Make a channel."""
    return over_http.active("front-door")
