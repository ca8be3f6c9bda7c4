"""The demonstration fleet's streams: what came in and went out, and how long it is kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from kvsops.local.cloudwatch.index import MetricIndex, Point
from kvsops.local.cloudwatch.models import metrics
from kvsops.local.kinesisvideo.models import KinesisVideoBackend
from kvsops.local.kinesisvideo.streams import Stream

PAST = timedelta(days=40)
"""How far back what came in reaches."""

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_MEGABYTES_AN_HOUR = (45, 450)  # 100 kbps to 1 Mbps
_GHOSTS = 2


class Moved(NamedTuple):
    """What came into a stream and went out of it, all in the minute of `at`; in bytes."""

    at: datetime
    ingested: int = 0
    consumed: int = 0
    """By GetMedia."""
    listed: int = 0
    """By GetMediaForFragmentList."""
    by_hls: int = 0
    """In MP4 fragments."""
    clipped: int = 0
    """By GetClip."""


@dataclass(frozen=True)
class StreamUse:
    """The truth about one stream, oldest first; no creation time: it was deleted since."""

    stream_name: str
    creation_time: datetime | None
    data_retention_hours: int
    moved: Sequence[Moved] = ()


@dataclass(frozen=True)
class Life:
    """How streams of a kind are used.

    It takes in on `hours` of each day, until `stopped` ago, and what it takes in is read as often
    as each of `read` says, a field of `Moved`.
    """

    name: str
    retention_hours: int
    hours: int = 24
    stopped: timedelta = timedelta()
    read: tuple[tuple[str, float], ...] = ()
    tier: str = "HOT"
    age: timedelta = 90 * _DAY


LINKED = (
    Life("", 24, hours=9, read=(("by_hls", 0.5),)),
    Life("", 720, hours=24),
    Life("", 168, hours=6, read=(("consumed", 1.0), ("clipped", 0.02))),
    Life("", 24, hours=2, stopped=3 * _DAY),
)
"""How the streams are used that channels record to, one after the other."""
ALONE = (
    Life("live-{site}-{number}", 0, hours=10, read=(("consumed", 2.0),)),
    Life("wall-{site}-{number}", 24, read=(("by_hls", 1.5),), age=20 * _DAY),
    Life("archive-{site}-{number}", 87_600, hours=12),
    Life("unwritten-{site}-{number}", 1_440, stopped=16 * _DAY, read=(("listed", 0.1),)),
    Life("motion-{site}-{number}", 1, hours=3, read=(("clipped", 0.2),)),
    Life("vault-{site}-{number}", 2_160, hours=4, tier="WARM"),
)
"""The streams that no channel records to."""


def sow_streams(
    backend: KinesisVideoBackend, count: int, random: Random, now: datetime, sites: Sequence[str]
) -> list[StreamUse]:
    """Use the streams that channels are linked to, and put `count` others beside them, and ghosts.

    Returns how each was used, those deleted since too.
    """
    found = []
    linked = [each for each in backend.channels.values() if each.stream_arn]
    for at, channel in enumerate(linked):
        life, name = LINKED[at % len(LINKED)], f"{channel.channel_name}-media"
        del backend.streams[channel.stream_arn or ""]  # as it was made with the channel
        found.append(_use(life, name, channel.creation_time, random, now))
        channel.stream_arn = _put(backend, life, name, channel.creation_time).arn
    for at in range(count):
        life = ALONE[at % len(ALONE)]
        name, created = _name(life, random, sites), now - life.age
        found.append(_use(life, name, created, random, now))
        _put(backend, life, name, created)
    for _ in range(_GHOSTS if count else 0):
        life = ALONE[1]
        name, ended = _name(life, random, sites), now - 4 * _DAY
        gone = _use(life, name, ended - 10 * _DAY, random, ended)
        found.append(replace(gone, creation_time=None))
    record(metrics(backend.account_id, backend.region_name), found)
    return found


def record(index: MetricIndex, uses: Iterable[StreamUse]) -> None:
    """Put all of it into the metrics."""
    for use in uses:
        dimensions = {"StreamName": use.stream_name}
        for metric, field in _METRICS.items():
            points: list[Point] = [
                (moved.at, float(count), 1)
                for moved in use.moved
                if (count := getattr(moved, field))
            ]
            index.record(metric, dimensions, points)


_METRICS = {
    "PutMedia.IncomingBytes": "ingested",
    "GetMedia.OutgoingBytes": "consumed",
    "GetMediaForFragmentList.OutgoingBytes": "listed",
    "GetMP4MediaFragment.OutgoingBytes": "by_hls",
    "GetClip.OutgoingBytes": "clipped",
}
"""Which field of `Moved` each metric has."""


def _name(life: Life, random: Random, sites: Sequence[str]) -> str:
    return life.name.format(site=random.choice(sites), number=f"{random.randrange(16**5):05x}")


def _put(backend: KinesisVideoBackend, life: Life, name: str, created: datetime) -> Stream:
    stream = Stream(
        backend.account_id,
        backend.region_name,
        name,
        created,
        data_retention_in_hours=life.retention_hours,
        tags={"team": "field"} if life.hours > _DAY // _HOUR // 2 else {},
        media_type="video/h264",
    )
    stream.default_storage_tier = life.tier
    return backend.put_stream(stream)


def _use(life: Life, name: str, created: datetime, random: Random, now: datetime) -> StreamUse:
    """Say what came in, three hours' at a time, in their middle."""
    at_a_time = 3 * random.randint(*_MEGABYTES_AN_HOUR) * 2**20
    first = max(created + _HOUR, now - PAST).replace(minute=30, second=0, microsecond=0)
    last = now - life.stopped
    moved = []
    for number in range(max((last - first) // _HOUR + 1, 0)):
        at = first + number * _HOUR
        if at.hour - 1 < life.hours and at.hour % 3 == 1 and created < at <= last:
            out = {field: round(at_a_time * share) for field, share in life.read}
            moved.append(Moved(at, at_a_time, **out))
    return StreamUse(name, created, life.retention_hours, moved)
