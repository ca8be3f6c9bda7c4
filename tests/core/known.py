"""A channel, and what may be known of it: facts for the judgement's tests."""

from datetime import UTC, datetime, timedelta

from kvsops.core.channel import Channel, StorageLink
from kvsops.core.facts import Activity, Fact, Source, Unknown

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3_600, 86_400))
LINKED = StorageLink("ENABLED", "arn:aws:kinesisvideo:us-east-1:123456789012:stream/s/1")
UNLINKED = StorageLink("DISABLED", None)
KEEP = {"kvsops:keep": ""}
DENIED = Unknown("denied", NOW)

Tags = Fact[dict[str, str]] | Unknown | None
Storage = Fact[StorageLink] | Unknown | None
Use = Fact[Activity] | Unknown | None


def channel(
    name: str = "ci-1", status: str | None = "ACTIVE", age: timedelta | None = DAY
) -> Channel:
    """Make a channel as the listing tells of it."""
    arn = f"arn:aws:kinesisvideo:us-east-1:123456789012:channel/{name}/1"
    return Channel(name, arn, status, None if age is None else NOW - age, "v1")


def indexed(**tags: str) -> Tags:
    """Make tags that the index told."""
    return Fact(tags, Source.INDEX, NOW)


def read(tags: dict[str, str] | None = None) -> Tags:
    """Make tags that were read directly."""
    return Fact(tags or {}, Source.DIRECT, NOW)


def link(storage: StorageLink = UNLINKED) -> Storage:
    """Make a storage link that was read directly."""
    return Fact(storage, Source.DIRECT, NOW)


def use(ago: timedelta | None = None, *, witnessed: bool = True) -> Use:
    """Make what the metrics told: when it was last used, if ever."""
    last_used = None if ago is None else NOW - ago
    return Fact(Activity(last_used, NOW - 400 * DAY, witnessed), Source.DIRECT, NOW)


ABSENT: Tags = Fact({}, Source.NOT_INDEXED, NOW)
HINTED: Use = Fact(Activity(NOW - 3 * HOUR, None), Source.INDEX, NOW)
NOT_HINTED: Use = Fact(Activity(None, None), Source.NOT_INDEXED, NOW)
UNHEARD: Use = Fact(Activity(None, None), Source.INDEX, NOW)
