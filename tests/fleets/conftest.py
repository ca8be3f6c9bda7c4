"""An organization before the emulator, and what finds places in it."""

from collections.abc import Iterator
from typing import Any

import pytest

from kvsops.fleet.opening import Surroundings
from tests.between import between
from tests.fleet import Time
from tests.organization import Fleet, Organization
from tests.retries import retries_at_once

_retry_at_once = retries_at_once(3)


@pytest.fixture
def organization() -> Organization:
    """Return an organization without accounts; it may be changed at any time."""
    return Organization()


@pytest.fixture
def find(organization: Organization, environment: dict[str, str], time: Time) -> Iterator[Fleet]:
    """Yield what finds places by way of the organization, at a time that only sleeping moves."""
    with between(environment["AWS_ENDPOINT_URL"], organization.change) as url:
        endpoints = dict.fromkeys(("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS_VIDEO"), url)
        by: dict[str, Any] = {"clock": time.clock, "sleep": time.sleep, "now": time.now}
        yield Fleet(Surroundings(environ=environment | endpoints, **by))
