"""The metrics of signaling channels for tests: to record into, and to read through a client."""

from datetime import timedelta
from typing import Any

import pytest

from kvsops.local.accounts import ACCOUNT_ID
from kvsops.local.cloudwatch.index import MetricIndex
from kvsops.local.cloudwatch.models import metrics
from tests.local.conftest import Emulator


@pytest.fixture
def cloudwatch(emulator: Emulator) -> Any:
    """Make a CloudWatch client, of either way to reach the emulator."""
    return emulator.client("cloudwatch")


@pytest.fixture
def index(emulator: Emulator) -> MetricIndex:
    """Return the metrics to record into."""
    assert emulator.settings.metrics_lag == timedelta()
    return metrics(ACCOUNT_ID, "us-east-1")
