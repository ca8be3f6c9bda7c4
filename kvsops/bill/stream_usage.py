"""The use of many streams, read from CloudWatch for as little as will do.

ListMetrics says first which streams have points of which metric in the last two weeks. What came
in is asked of every stream that may have taken in anything within its retention; what went out,
where it is listed, and, where the month reaches further back than that, of those that had taken in
anything by then: of the others there was nothing to read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from kvsops.aws import stream_activity
from kvsops.aws.metric_data import LISTED_FOR
from kvsops.aws.scope import Scope
from kvsops.aws.stream_activity import INGESTED, OUTGOING, Asked, Read, Window, window_of
from kvsops.bill.bill import window
from kvsops.core.cost import Month
from kvsops.core.rules.activity import METRICS_REACH
from kvsops.core.stream import Stream
from kvsops.core.stream_usage import Bytes, Item, StreamUsage
from kvsops.errors import AwsError
from kvsops.output.console import UNSEEN, Counter


@dataclass(slots=True)
class StreamsMetered:
    """What came in and went out, by stream name; what could not be told, and why.

    A name that is in neither had no use. `listed` are the names with points in the last two weeks,
    by metric; `seen_all` is False where they could not be read.
    """

    read: Read = field(default_factory=Read)
    windows: dict[str, Window] = field(default_factory=dict)
    listed: dict[str, set[str]] = field(default_factory=dict)
    seen_all: bool = True
    problems: list[str] = field(default_factory=list)

    @property
    def seen(self) -> set[str]:
        """All names that are listed, also of streams deleted since."""
        return set().union(*self.listed.values())

    def of(self, name: str) -> StreamUsage:
        """Return the use of a stream that was read; a part of it that is not known is None."""
        untold, told = self.read.untold.get(name, {}), self.read.outgoing.get(name, {})
        hidden = {OUTGOING[metric] for metric in untold if metric in OUTGOING}
        outgoing: dict[Item, Bytes | None] = {
            item: None if item in hidden else told.get(item, {}) for item in set(OUTGOING.values())
        }
        window, intake = self.windows[name], self.read.intakes.get(name)
        if intake is None and INGESTED not in untold:
            intake = window.empty()
        return StreamUsage(intake, outgoing, window.start)


def see(scope: Scope, found: StreamsMetered) -> None:
    """Learn from ListMetrics which streams have points of which metric."""
    metrics = (INGESTED, *OUTGOING)

    def ask(metric: str) -> set[str]:
        return stream_activity.names_listed(scope, metric)

    try:
        found.listed = dict(zip(metrics, scope.in_parallel(ask, metrics), strict=True))
    except AwsError as error:
        found.seen_all = False
        found.problems.append(f"{error}; deleted streams could not be looked for")


def read(
    scope: Scope,
    found: StreamsMetered,
    streams: Sequence[Stream],
    gone: Iterable[str],
    month: Month,
    *,
    now: datetime,
    counter: Counter = UNSEEN,
) -> None:
    """Read what the month of these streams is made of, and of those gone, by name."""
    start, end = window(month, now)
    kept_from, recent = now - METRICS_REACH, now - LISTED_FOR
    flows = window_of(start, end, kept_from)
    found.windows = dict.fromkeys(gone, flows)
    found.windows |= {
        each.stream_name: window_of(
            min(start, month.start - (each.retention or timedelta())), end, kept_from
        )
        for each in streams
    }
    names = [*found.windows]
    likely = [name for name in names if _may_have(found, INGESTED, name, recent)]
    counter.stage("streams' metrics", None)
    found.read.add(stream_activity.intakes(scope, [(name, found.windows[name]) for name in likely]))
    asked = [*_outgoing(found, names, since=flows.start, recent=recent)]
    found.read.add(stream_activity.outgoing(scope, asked, flows))
    found.problems += sorted({why for each in found.read.untold.values() for why in each.values()})


def _may_have(found: StreamsMetered, metric: str, name: str, recent: datetime) -> bool:
    """Whether the metric may have points of the stream within its window."""
    if not found.seen_all or name in found.listed[metric]:
        return True
    return found.windows[name].start < recent


def _outgoing(
    found: StreamsMetered, names: Iterable[str], *, since: datetime, recent: datetime
) -> Iterable[Asked]:
    """Yield what is to be asked of what went out."""
    for name in names:
        older = since < recent and _took_in_before(found, name, recent)
        for metric in OUTGOING:
            if not found.seen_all or older or name in found.listed[metric]:
                yield name, metric


def _took_in_before(found: StreamsMetered, name: str, recent: datetime) -> bool:
    """Whether the stream had, or may have had, anything to read before what is listed begins."""
    if INGESTED in found.read.untold.get(name, {}):
        return True
    intake = found.read.intakes.get(name)
    first = intake.first if intake else None
    return first is not None and first < recent
