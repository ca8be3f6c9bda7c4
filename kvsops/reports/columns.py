"""The columns of channels: what lists, descriptions and creations show of each."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from kvsops.core.channel import EXPIRES_AT_TAG, Channel, StorageLink
from kvsops.core.facts import Facts
from kvsops.core.likeness import likeness, shown
from kvsops.core.mark import Mark
from kvsops.core.text import age, moment, parsed_moment
from kvsops.output.rows import Column
from kvsops.output.screen import Outcome

UNKNOWN = "?"


# Over 40 lines, for it is the declaration of every column, and nothing else.
def channel_columns(
    now: datetime,
    *,
    tags: bool,
    storage: bool = False,
    brief: bool = False,
    verbose: bool = False,
    about: Collection[str] = (),
) -> list[Column[Facts]]:
    """Return a channel's columns; `tags` and `storage` say which are shown beside the listing's.

    A person sees the creation time only if it is to be `verbose`, and the message TTL unless it is
    to be `brief`. `about` are the options by which the channels were chosen or sorted: the columns
    of these are shown, whatever the width.

    The keys are an interface: times are ISO 8601 UTC, `age_seconds` whole seconds, and null is
    what is not known: for `tags`, that they could not be read, or are not in the tag index.
    """
    columns = [
        Column[Facts](
            "channel_name",
            "CHANNEL",
            lambda row: row.channel.channel_name,
            lambda row: shown(row.channel.channel_name),
            cut="middle",
        ),
        Column[Facts](
            "status",
            "STATUS",
            lambda row: row.channel.status,
            shared="status {}".format,
            leaves=0 if {"status"} & {*about} else 2,
            outcome=lambda row: None if row.channel.status == "ACTIVE" else Outcome.DOUBTFUL,
        ),
        Column[Facts](
            "age_seconds",
            "AGE",
            lambda row: _age_seconds(row.channel, now),
            lambda row: age_text(row.channel, now),
            align="right",
            leaves=0 if _OF_AGE & {*about} else 7,
        ),
        Column[Facts](
            "creation_time",
            "CREATED",
            lambda row: row.channel.creation_time,
            lambda row: _moment_text(row.channel.creation_time),
            shown=verbose,
            leaves=8,
        ),
        Column[Facts](
            "message_ttl_seconds",
            "MESSAGE TTL",
            lambda row: row.channel.message_ttl_seconds,
            align="right",
            shown=not brief,
            shared=lambda seconds: f"message TTL {seconds}{'' if seconds == '-' else ' s'}",
            leaves=9,
        ),
        Column[Facts]("version", "VERSION", lambda row: row.channel.version, shown=False),
        Column[Facts]("channel_arn", "ARN", lambda row: row.channel.channel_arn, shown=False),
        Column[Facts]("doomed_at", "DOOMED", _doomed_at, shown=False),
        Column[Facts]("tags", "TAGS", lambda row: row.known_tags, tags_text, shown=tags, cut="end"),
    ]
    if _OF_USE & {*about}:
        columns.insert(
            3,
            Column[Facts](
                "last_used",
                "LAST USED",
                lambda row: row.use and row.use.last_used,
                lambda row: last_used_text(row, now),
                align="right",
            ),
        )
    if "expired" in about:
        columns.insert(
            3,
            Column[Facts](
                "expires_at",
                "EXPIRED",
                expires_at,
                lambda row: ago_text(expires_at(row), now),
                align="right",
            ),
        )
    if storage:
        columns.append(Column[Facts]("storage", "STORAGE", _storage, _storage_text))
    return columns


_OF_AGE: Final = {"age", "older-than", "younger-than"}
_OF_USE: Final = {"active", "idle-for", "never-used"}


def last_used_text(facts: Facts, now: datetime) -> str:
    """Say how long ago it was last used, at most; of silence, how far back was looked."""
    use, created = facts.use, facts.channel.creation_time
    if use is None or (use.last_used is None and use.since is None):
        return UNKNOWN
    if use.last_used is not None or use.since is None:
        return ago_text(use.last_used, now)
    return "never" if created and use.since <= created else f"not in {age(now - use.since)}"


def ago_text(time: datetime | None, now: datetime) -> str:
    """Say how long ago a time is; of one that a period may reach beyond: now."""
    return UNKNOWN if time is None else f"{age(max(now - time, timedelta()))} ago"


def expires_at(facts: Facts) -> datetime | None:
    """Return when its lease ends, where its tag tells."""
    return parsed_moment((facts.known_tags or {}).get(EXPIRES_AT_TAG, ""))


def age_text(channel: Channel, now: datetime) -> str:
    """Say a channel's age, or that it is not known."""
    return UNKNOWN if channel.creation_time is None else age(now - channel.creation_time)


def _age_seconds(channel: Channel, now: datetime) -> int | None:
    created = channel.creation_time
    return None if created is None else (now - created) // timedelta(seconds=1)


def tags_text(facts: Facts, only: Sequence[str] | None = None) -> str:
    """Say the tags (of keys like these only), `?` where they are not known."""
    tags = facts.known_tags
    if tags is None:
        return UNKNOWN
    alike = None if only is None else set(map(likeness, only))
    cells = {
        shown(key): tags[key] for key in sorted(tags) if alike is None or likeness(key) in alike
    }
    return " ".join(f"{key}={value}" if value else key for key, value in cells.items()) or "-"


def _doomed_at(facts: Facts) -> datetime | None:
    """Return since when a policy's mark spares the channel no longer than its grace."""
    mark = Mark.read(facts.known_tags or {})
    return mark.time if mark else None


def _storage(facts: Facts) -> dict[str, str | None] | None:
    link = facts.storage_link
    return None if link is None else {"status": link.status, "stream_arn": link.stream_arn}


def _storage_text(facts: Facts) -> str:
    link = facts.storage_link
    return UNKNOWN if link is None else link_text(link)


def link_text(link: StorageLink) -> str:
    """Say a storage link's status, and its stream where it names one."""
    return f"{link.status} {link.stream_arn or ''}".rstrip()


def _moment_text(time: datetime | None) -> str:
    return UNKNOWN if time is None else moment(time)
