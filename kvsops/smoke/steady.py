"""The measurement of a test: taken to its end, or until signaling is lost."""

from collections.abc import Callable

from kvsops.errors import PeerError
from kvsops.peers.meeting import Meeting
from kvsops.peers.pair import Pair
from kvsops.smoke.measurement import Measurement
from kvsops.smoke.plan import Wanted
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.stops import moment, oddities, stops


async def steady(
    meeting: Meeting, wanted: Wanted, report: SmokeReport, clock: Callable[[], float]
) -> list[str]:
    """Measure what flows, and put it in the report; return why it does not pass, if it does not."""
    measurement = Measurement(meeting.calls, wanted.duration, wanted.max_freeze, clock)
    lost = await _signaling_lost(meeting, measurement)
    report.media = measurement.figures()
    report.selected_pair = pair_in_use(meeting) or report.selected_pair
    report.notes += oddities(measurement)
    return [*stops(measurement), *lost]


def pair_in_use(meeting: Meeting) -> Pair | None:
    """Return the first end's pair, by the packets so far; None where its connection is lost."""
    return meeting.ends[0].pair if meeting.ends else None


async def _signaling_lost(meeting: Meeting, measurement: Measurement) -> list[str]:
    """Measure; return what ended that early, and when, if anything did."""
    try:
        await meeting.watched(measurement.run())
    except PeerError as error:
        span = measurement.span
        return [str(error) if span is None else f"{error}, {moment(span, span.ended)}"]
    return []
