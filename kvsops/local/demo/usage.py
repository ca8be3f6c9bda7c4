"""How the demonstration fleet was used: cameras daily, the others once, many never.

What is drawn depends on ages alone, never on the time of day or the calendar: the same seed has the
same use at any time.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random

from kvsops.local.demo.channel_usage import ChannelUsage, Used
from kvsops.local.kinesisvideo.channels import SignalingChannel

PAST = timedelta(days=60)
"""How far back the fleet's usage reaches."""

_SECONDS_A_DAY = 86_400
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

# Of a kind's channels, which part was used, and how.
_DAILY_CAMERAS, _STOPPED_CAMERAS = 0.25, 0.15
_USED_ONCE = {"ci": 0.30, "meeting": 0.50}
_ONLY_FAILED = 0.04
_ON_MOST_DAYS, _ONE_FAILED, _THROUGH_TURN = 0.9, 0.1, 0.33
_AGAIN, _AGAIN_FROM, _AGAIN_TO = 0.05, 2 * _DAY, 50 * _DAY


def lives(
    channels: Iterable[SignalingChannel], random: Random, now: datetime
) -> list[ChannelUsage]:
    """Say how each channel was used, and the forerunners of those made again."""
    found = []
    for channel in channels:
        name, created = channel.channel_name, channel.creation_time
        found.append(ChannelUsage(name, created, _life(name, created, random, now)))
        if _AGAIN_FROM < now - created < _AGAIN_TO and random.random() < _AGAIN:
            # A day apart: the metrics know the name only, by days at the coarsest.
            days = _daily(random, now - PAST, created - _between(random, 2, 3))
            found.append(ChannelUsage(name, None, days[-random.randint(1, 10) :]))
    return found


def ghosts(names: Iterable[str], random: Random, now: datetime) -> list[ChannelUsage]:
    """Say how channels that no longer exist were used.

    Every other one was last used within the two weeks that ListMetrics reaches back, less a day;
    the others a day or more before.
    """
    found = []
    for number, name in enumerate(names):
        recent = _HOUR * (13 * 24) ** random.random()
        last = now - (15 * _DAY + random.random() * 30 * _DAY if number % 2 else recent)
        days = [_session(random, last)]
        if name.startswith("cam-"):
            days = _daily(random, last - random.randint(3, 12) * _DAY, last - _DAY) + days
        found.append(ChannelUsage(name, None, days))
    return found


def _life(name: str, created: datetime, random: Random, now: datetime) -> list[Used]:
    """Say how a channel of that name was used."""
    kind = name.partition("-")[0]
    chance = random.random()
    if kind == "cam":
        since = max(created, now - PAST)
        if chance < _DAILY_CAMERAS:
            just_now = now - random.randint(2, 55) * _MINUTE  # no connection lives for an hour
            days = _daily(random, since, just_now - _DAY)
            return [*days, _session(random, just_now)] if just_now > since else days
        if chance < _DAILY_CAMERAS + _STOPPED_CAMERAS:
            return _daily(random, since, now - _between(random, 5, 55))
        return []
    at = created + random.randint(1, 15) * _MINUTE
    if chance > _USED_ONCE[kind] or at > now:
        return []
    if chance < _ONLY_FAILED:
        return [Used(at, failed=random.randint(1, 3))]
    return [_session(random, at, most_viewers=4 if kind == "meeting" else 1)]


def _daily(random: Random, since: datetime, last: datetime) -> list[Used]:
    """Say how a camera was used: on most days, at the time of day of the last possible use."""
    return [
        _session(random, last - ago * _DAY, masters=random.randint(1, 24))
        for ago in range((last - since) // _DAY, -1, -1)
        if last - ago * _DAY >= since + _MINUTE and random.random() < _ON_MOST_DAYS
    ]


def _between(random: Random, least: int, most: int) -> timedelta:
    """Return a duration of that many days, in whole seconds."""
    return timedelta(seconds=random.randint(least * _SECONDS_A_DAY, most * _SECONDS_A_DAY))


def _session(random: Random, at: datetime, masters: int = 1, most_viewers: int = 3) -> Used:
    """Say what one day's use was: it connected, exchanged messages, perhaps through TURN."""
    viewers = random.randint(1, most_viewers)
    return Used(
        at,
        masters=masters,
        viewers=viewers,
        failed=int(random.random() < _ONE_FAILED),
        messages=viewers * random.randint(6, 40),
        turn_minutes=random.randint(1, 45) if random.random() < _THROUGH_TURN else 0,
    )
