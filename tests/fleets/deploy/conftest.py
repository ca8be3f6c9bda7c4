"""Retries without waiting, and so many that a throttle of a third of all calls stops none."""

from tests.retries import retries_at_once

_retry_at_once = retries_at_once(20)
