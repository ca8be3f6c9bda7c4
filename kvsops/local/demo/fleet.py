"""The demonstration fleet: channels as they pile up in an account that is in use."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import NamedTuple

from kvsops.local import settings
from kvsops.local.cloudwatch.models import metrics
from kvsops.local.demo.channel_usage import ChannelUsage, record
from kvsops.local.demo.streams import ALONE, sow_streams
from kvsops.local.demo.usage import ghosts, lives
from kvsops.local.kinesisvideo.channels import SignalingChannel
from kvsops.local.kinesisvideo.models import KinesisVideoBackend

DEFAULT_SEED = 7
IN_TRANSITION = timedelta(minutes=5)
"""How long the fleet's CREATING and DELETING channels stay so: long enough to be looked at."""

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

_JOBS = ("e2e", "ice", "media", "smoke", "turn")
_SITES = ("berlin", "dock", "gate", "lab", "lobby", "roof", "yard")
_TEAMS = ("doorbell", "field", "media", "platform")
_TOPICS = ("checkup", "demo", "interview", "review", "standup")
_UNREADABLE_TIMES = ("", "never", "next friday", "2026-02-30T10:00:00Z", "1700000000")

Tags = dict[str, str]
Tagger = Callable[[Random, datetime, datetime], Tags]
"""Draws the tags of a channel made at the first time; the second is now."""


def _none(_random: Random, _created: datetime, _now: datetime) -> Tags:
    return {}


def _owned(random: Random, _created: datetime, _now: datetime) -> Tags:
    return {"kvsops:owner": "github-actions", "team": random.choice(_TEAMS), "env": "ci"}


def _team(random: Random, _created: datetime, _now: datetime) -> Tags:
    return {"team": random.choice(_TEAMS), "site": random.choice(_SITES)}


def _kept(random: Random, created: datetime, now: datetime) -> Tags:
    return {"kvsops:keep": random.choice(("", "true", "on site until May"))} | _team(
        random, created, now
    )


def _expired(random: Random, created: datetime, now: datetime) -> Tags:
    ago = _between(random, 10 * _MINUTE, min(14 * _DAY, now - created - 5 * _MINUTE))
    return {"kvsops:expires-at": _written(now - ago)} | _owned(random, created, now)


def _unexpired(random: Random, created: datetime, now: datetime) -> Tags:
    ahead = _between(random, _HOUR, 7 * _DAY)
    return {"kvsops:expires-at": _written(now + ahead)} | _owned(random, created, now)


def _unreadable(random: Random, created: datetime, now: datetime) -> Tags:
    return {"kvsops:expires-at": random.choice(_UNREADABLE_TIMES)} | _owned(random, created, now)


def _of_stack(random: Random, _created: datetime, _now: datetime) -> Tags:
    stack = f"doorbell-{random.choice(_SITES)}"
    return {"aws:cloudformation:stack-name": stack, "aws:cloudformation:logical-id": "Channel"}


@dataclass(frozen=True)
class Kind:
    """One kind of channel: how many of a hundred, its name, its ages, its tags."""

    share: float
    name: str
    youngest: timedelta
    oldest: timedelta
    tags: Tagger = _none
    status: str = "ACTIVE"
    stored: bool = False


KINDS = (
    Kind(18, "ci-{run}-{job}", 3 * _MINUTE, 60 * _DAY),
    Kind(12, "ci-{run}-{job}", 3 * _MINUTE, 45 * _DAY, _owned),
    Kind(7, "ci-{run}-{job}", _DAY, 30 * _DAY, _expired),
    Kind(4, "ci-{run}-{job}", 5 * _MINUTE, 3 * _DAY, _unexpired),
    Kind(1, "ci-{run}-{job}", _HOUR, 20 * _DAY, _unreadable),
    Kind(14, "cam-{site}-{number}", 5 * _DAY, 400 * _DAY),
    Kind(14, "cam-{site}-{number}", 5 * _DAY, 400 * _DAY, _team),
    Kind(5, "cam-{site}-{number}", 5 * _DAY, 400 * _DAY, _kept),
    Kind(4, "cam-{site}-{number}", 10 * _DAY, 300 * _DAY, _of_stack),
    Kind(2, "cam-{site}-{number}", _DAY, 200 * _DAY, _team, stored=True),
    Kind(1, "ci-{run}-{job}", _DAY, 20 * _DAY, _owned, stored=True),
    Kind(8, "meeting-{topic}-{number}", 2 * _MINUTE, 10 * _DAY),
    Kind(4, "meeting-{topic}-{number}", 20 * _MINUTE, 10 * _DAY, _expired),
    Kind(4, "meeting-{topic}-{number}", 2 * _MINUTE, _HOUR, _unexpired),
    Kind(1, "ci-{run}-{job}", timedelta(seconds=1), timedelta(seconds=30), _owned, "CREATING"),
    Kind(1, "ci-{run}-{job}", _DAY, 30 * _DAY, _owned, "DELETING"),
)
"""What the fleet is made of. A fleet of this many channels or more has one of each kind."""


def sow(
    backend: KinesisVideoBackend,
    count: int,
    *,
    seed: int | str = DEFAULT_SEED,
    now: datetime | None = None,
) -> list[ChannelUsage]:
    """Put a demonstration fleet of `count` channels into the backend, with usage.

    The same seed and count give the same names, tags, ages and usage, relative to `now` (aware;
    the settings' clock if not given). Quotas are ignored. Returns how the channels were
    used: each of them, their forerunners, and others since deleted. Streams are there, too: those
    that channels record to, and others.
    """
    random = Random(seed)  # noqa: S311 - the fleet must repeat; nothing is kept secret
    now = now or settings.active().clock()
    channels = [_put(backend, kind, random, now) for kind in islice(_kinds(random), count)]
    of_usage = Random(f"usage {seed}")  # noqa: S311 - as above, and leaves the channels as they are
    names = _ghost_names(backend, count, of_usage)
    used = lives(channels, of_usage, now) + ghosts(names, of_usage, now)
    record(metrics(backend.account_id, backend.region_name), used)
    of_streams = Random(f"streams {seed}")  # noqa: S311 - as above
    alone = count // 50 + (len(ALONE) if count >= len(KINDS) else 0)
    sow_streams(backend, alone, of_streams, now, _SITES)
    return used


class Sown(NamedTuple):
    """What was put into one account and region: so many channels, used like that."""

    account_id: str
    region: str
    channels: int
    usages: list[ChannelUsage]


def sow_widely(
    backends: Sequence[KinesisVideoBackend],
    count: int,
    *,
    seed: int = DEFAULT_SEED,
    now: datetime | None = None,
) -> list[Sown]:
    """Spread a fleet of `count` channels over accounts and regions: some get many, some a few.

    The same seed, count, accounts and regions give the same fleets. Where there is one backend
    alone, it is that of `sow`. Returns the truth about each, in their order.
    """
    seeds: list[int | str] = [
        seed,
        *(f"{seed} {each.account_id} {each.region_name}" for each in backends[1:]),
    ]
    return [
        Sown(
            backend.account_id,
            backend.region_name,
            share,
            sow(backend, share, seed=own, now=now) if share else [],
        )
        for backend, share, own in zip(
            backends, shares(len(backends), count, seed), seeds, strict=True
        )
    ]


def shares(places: int, count: int, seed: int) -> list[int]:
    """Divide the channels over so many places at random; the first gets about the average."""
    random = Random(f"places {seed}")  # noqa: S311 - as in sow
    weights = [0.5, *(random.random() for _ in range(places - 1))]
    drawn = Counter(random.choices(range(places), weights, k=count))
    return [drawn[place] for place in range(places)]


def _ghost_names(backend: KinesisVideoBackend, count: int, random: Random) -> list[str]:
    """Name deleted channels, one for every twenty that exist: most were CI's."""
    kinds = ("ci-{run}-{job}", "cam-{site}-{number}", "ci-{run}-{job}", "meeting-{topic}-{number}")
    number = count // 20 + (2 if count >= len(KINDS) else 0)
    drawn = (_name(backend, kinds[at % len(kinds)], random) for at in range(number))
    return list(dict.fromkeys(drawn))


def _kinds(random: Random) -> Iterator[Kind]:
    """One of each kind first, so that a small fleet shows them all; then by their shares."""
    yield from KINDS
    shares = [kind.share for kind in KINDS]
    while True:
        yield from random.choices(KINDS, shares, k=100)


def _put(
    backend: KinesisVideoBackend, kind: Kind, random: Random, now: datetime
) -> SignalingChannel:
    created = now - _between(random, kind.youngest, kind.oldest)
    active_from = now + IN_TRANSITION if kind.status == "CREATING" else created
    name = _name(backend, kind.name, random)
    channel = backend.put_channel(name, created, active_from, tags=kind.tags(random, created, now))
    if kind.status == "DELETING":
        backend.remove_channel(channel, now + IN_TRANSITION)
    if kind.stored:
        backend.store_media(channel)
    return channel


def _name(backend: KinesisVideoBackend, pattern: str, random: Random) -> str:
    """Return a name of that pattern that no channel has yet."""
    while True:
        name = pattern.format(
            job=random.choice(_JOBS),
            number=f"{random.randrange(16**5):05x}",
            run=random.randrange(10**9, 10**10),
            site=random.choice(_SITES),
            topic=random.choice(_TOPICS),
        )
        if name not in backend.channels:
            return name


def _between(random: Random, shortest: timedelta, longest: timedelta) -> timedelta:
    """Return a duration in whole seconds, drawn so that short ones are as likely as long ones."""
    ratio = longest / shortest
    return timedelta(seconds=round((shortest * ratio ** random.random()).total_seconds()))


def _written(time: datetime) -> str:
    """Write a time as the `kvsops:expires-at` tag has it: ISO 8601, UTC, whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
