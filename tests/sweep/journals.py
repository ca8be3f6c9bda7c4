"""Journals to write and to read: a channel, its line, what is read of it, and a full disk."""

import json
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kvsops.core.channel import Channel, ChannelArn, StorageLink
from kvsops.sweep import entries
from kvsops.sweep.entries import Entry

NOW = datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC)
UNLINKED = StorageLink("DISABLED", None)
LINKED = StorageLink("ENABLED", "arn:aws:kinesisvideo:us-east-1:123456789012:stream/s/1")
CUT = "it is cut short"


def arn_of(name: str) -> str:
    """Return the ARN of the channel of that name."""
    return f"arn:aws:kinesisvideo:us-east-1:123456789012:channel/{name}/1700000000000"


def channel(name: str = "a") -> Channel:
    """Make a channel."""
    made = datetime(2026, 11, 20, tzinfo=UTC)
    return Channel(name, arn_of(name), "ACTIVE", made, "v1", "SINGLE_MASTER", 60)


def entry(name: str, last_event: str, **changed: Any) -> Entry:
    """Make the entry of an untagged channel."""
    known: dict[str, Any] = {
        "time": NOW.replace(microsecond=0),
        "message_ttl_seconds": 60,
        "tags": {},
        "storage": None,
        "run": "run-1",
        "runs": frozenset({"run-1"}),
    }
    return Entry(ChannelArn.parse(arn_of(name)), last_event, **known | changed)


def read(path: Path) -> list[Entry]:
    """Return the channels that a sound journal tells of."""
    told = entries.read(path)
    assert (told.torn, told.bad) == ([], [])
    return told.entries


def line(event: Any = "deleting", **changed: Any) -> str:
    """Return a line; what is `...` here is left out."""
    whole = {
        "journal": 1,
        "event": event,
        "time": "2026-11-22T10:00:00Z",
        "run": "r",
        "channel_arn": arn_of("a"),
        "channel_name": "a",
        "channel_type": "SINGLE_MASTER",
        "message_ttl_seconds": 60,
        "creation_time": None,
        "version": "v",
        "tags": {},
        "storage": None,
        "reason": "old",
    }
    kept = {key: value for key, value in (whole | changed).items() if value is not ...}
    return json.dumps(kept) + "\n"


@contextmanager
def growing_no_more_than(size: int) -> Iterator[None]:
    """Let no file grow beyond this size, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
