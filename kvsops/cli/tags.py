"""The tags on a command line: a key that is nearly one of ours does not pass unnoticed."""

from typing import Final

from kvsops.core.channel import EXPIRES_AT_TAG, KEEP_TAG, OWNER_TAG
from kvsops.core.likeness import closest, likeness, shown
from kvsops.core.mark import DOOMED_TAG
from kvsops.core.text import parsed_moment
from kvsops.errors import UsageError

SMOKE_TAG: Final = "kvsops:smoke"
"""Tells that smoke made the channel, so that no camera can be there."""
OURS: Final = (KEEP_TAG, OWNER_TAG, EXPIRES_AT_TAG, DOOMED_TAG, SMOKE_TAG)
_PREFIX: Final = "kvsops:"
_NEAR: Final = 0.75  # so that ops:keep and kvsops:team are what they are


def meant_by(key: str) -> str | None:
    """Return which of our keys was most likely meant by another: kvsops:keep by kvsops:keeep."""
    if key in OURS:
        return None
    prefix, parted, rest = likeness(key).rpartition(":")
    if not parted or closest(prefix, (_PREFIX[:-1],), _NEAR) is None:
        return None
    near = closest(rest, (each.removeprefix(_PREFIX) for each in OURS), _NEAR)
    return near and _PREFIX + near


def tags_by_key(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the tags to set; raises `UsageError` where one is given twice, or would mislead."""
    tags: dict[str, str] = {}
    for key, value in pairs:
        _check(key, value)
        if tags.setdefault(key, value) != value:
            raise UsageError(f"the tag {key} is given twice: drop one")
    return tags


def _check(key: str, value: str) -> None:
    """Refuse a key that protects nothing, though it was meant to, and a lease no sweep can read."""
    meant = meant_by(key)
    if meant is not None:
        if likeness(key) == meant:
            raise UsageError(f"the tag {shown(key)} only looks like {meant}: write it so")
        raise UsageError(f"the tag {shown(key)} means nothing to kvsops: did you mean {meant}?")
    if key == EXPIRES_AT_TAG and parsed_moment(value) is None:
        said = f"{EXPIRES_AT_TAG}={value!r} is not a time like 2026-11-22T10:00:00Z"
        raise UsageError(f"{said}; for a time from now give kvsops create or exec --ttl, like 1h")
