"""Counts of calls and messages on the data plane: in the emulator's log and its metrics."""

from time import perf_counter
from typing import Final

from kvsops.local.faults import SENDS
from kvsops.local.middleware import Middleware
from kvsops.local.signaling.admission import Place

OK: Final = "ok"
DISPLACED: Final = "displaced"
"""The outcome of a Disconnect whose place another connection had taken: no failure."""
_MILLISECONDS = 1_000


class Counters:
    """Counts calls and messages of one emulator."""

    def __init__(self, middleware: Middleware) -> None:
        self._middleware = middleware

    def call(self, operation: str, place: Place | None, began: float, outcome: str = OK) -> None:
        """Count a call that began then (`perf_counter`); `outcome` as in the middleware's log.

        Without a channel there is nothing that the metrics could be about. Messages are too many
        for the log.
        """
        self._middleware.count(operation, outcome, logged=operation not in SENDS)
        if place is None:
            return
        at = self._middleware.settings.clock()
        dimensions = {"Operation": operation, "SignalingChannelName": place.name}
        taken = (perf_counter() - began) * _MILLISECONDS
        place.index.record("Failure", dimensions, [(at, float(outcome not in (OK, DISPLACED)), 1)])
        place.index.record("Latency", dimensions, [(at, taken, 1)])

    def message(self, place: Place) -> None:
        """Count a message that was sent to the service, or by it."""
        place.index.messages(place.name, self._middleware.settings.clock(), 1)

    def turn_minute(self, place: Place) -> None:
        """Count a minute in which an allocation relayed data."""
        place.index.turn_minutes(place.name, self._middleware.settings.clock(), 1)
