"""Making again what a journal says was deleted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.channel import EXPIRES_AT_TAG, Channel, StorageLink
from kvsops.core.mark import DOOMED_TAG
from kvsops.errors import AwsError, CredentialsError, KvsopsError, NotFoundError, UsageError
from kvsops.sweep.entries import MAY_BE_GONE, Entry, Journalled

NOT_RESTORED: Final = (EXPIRES_AT_TAG, DOOMED_TAG)
"""Tags that are left off: with its old expiry or mark the channel would be swept at once."""


class Outcome(StrEnum):
    """What became of a channel that a journal tells of."""

    WOULD_CREATE = "would-create"
    CREATED = "created"
    EXISTS = "exists"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Restored:
    """A channel of the journal, and what became of it; `channel_arn` is its new one, if any."""

    entry: Entry
    outcome: Outcome
    reason: str = ""
    channel_arn: str | None = None


def restorable(scope: Scope, entries: Sequence[Entry]) -> tuple[list[Entry], list[str]]:
    """Return what may be gone, of channels that had the same name one after the other the last.

    Beside them what is said of other accounts' and regions' channels, which are left out. Raises
    `UsageError` where all are.
    """
    here = [entry for entry in entries if _elsewhere(scope, entry) is None]
    elsewhere = Counter(why for entry in entries if (why := _elsewhere(scope, entry)))
    if elsewhere and not here:
        raise UsageError(f"the journal is {next(iter(elsewhere))}")
    return last_gone(here), [f"{number:,} left out: {why}" for why, number in elsewhere.items()]


def last_gone(entries: Sequence[Entry]) -> list[Entry]:
    """Return what may be gone, of one account and region: of each name the last channel."""
    gone = [entry for entry in entries if entry.last_event in MAY_BE_GONE]
    last: dict[str, Entry] = {}
    for entry in sorted(gone, key=lambda entry: entry.arn.creation_ms):
        last[entry.arn.channel_name] = entry
    return [entry for entry in gone if entry is last[entry.arn.channel_name]]


def _elsewhere(scope: Scope, entry: Entry) -> str | None:
    if entry.arn.region != scope.region:
        return f"of region {entry.arn.region}, not {scope.region}: give --region"
    if entry.arn.account_id != scope.account_id:
        return f"of account {entry.arn.account_id}, not {scope.account_id}"
    return None


def missing(scope: Scope, runs: Sequence[Journalled]) -> list[int | None]:
    """Return how many channels of each run are not there any more; None where that is elsewhere.

    A channel that was made again since, by whomever, is there.
    """
    there = {
        channel.channel_name
        for channel in channels.each_listed(scope)
        if channel.status != "DELETING"
    }

    def of(run: Journalled) -> int | None:
        if all(_elsewhere(scope, entry) for entry in run.entries):
            return None
        wanted, _ = restorable(scope, run.entries)
        return sum(entry.arn.channel_name not in there for entry in wanted)

    return [of(each) for each in runs]


def restore(scope: Scope, entry: Entry) -> Restored:
    """Make the channel again unless one of its name exists; a read-only scope only looks."""
    try:
        existing = _existing(scope, entry.arn.channel_name)
        if existing is None and scope.read_only:
            return Restored(entry, Outcome.WOULD_CREATE, _what(entry))
        if existing is None:
            return _create(scope, entry)
        if existing.status == "DELETING":
            why = "it is still being deleted: try again later"
            return Restored(entry, Outcome.FAILED, why, existing.channel_arn)
        return _leave(scope, entry, existing)
    except (AwsError, CredentialsError) as error:  # the latter may end after others were made
        return Restored(entry, Outcome.FAILED, str(error))


def _existing(scope: Scope, name: str) -> Channel | None:
    """Return the channel of that name; one that is being deleted is waited for until it is gone."""
    try:
        channel = channels.described(scope, name)
    except NotFoundError:
        return None
    deleting = channel.status == "DELETING"
    if deleting and (scope.read_only or channels.wait_until_gone(scope, channel.channel_arn)):
        return None
    return channel


def _create(scope: Scope, entry: Entry) -> Restored:
    arn = channels.create(scope, entry.arn.channel_name, _tags(entry), entry.message_ttl_seconds)
    try:
        channels.wait_until_active(scope, arn)
        if entry.storage:
            _link(scope, arn, entry.storage)
    except KvsopsError as error:
        return Restored(entry, Outcome.FAILED, f"created, but not as it was: {error}", arn)
    return Restored(entry, Outcome.CREATED, _what(entry), arn)


def _leave(scope: Scope, entry: Entry, channel: Channel) -> Restored:
    """Leave what exists; the very channel, if it lost its storage link, gets it back."""
    if channel.channel_arn != str(entry.arn):
        return Restored(entry, Outcome.EXISTS, "a channel has its name", channel.channel_arn)
    if not entry.storage or channels.storage_link_of(scope, channel.channel_arn).linked:
        return Restored(entry, Outcome.EXISTS, "it was not deleted", channel.channel_arn)
    if scope.read_only:
        return Restored(entry, Outcome.EXISTS, "would be linked to its stream", channel.channel_arn)
    _link(scope, channel.channel_arn, entry.storage)
    return Restored(entry, Outcome.EXISTS, "linked to its stream again", channel.channel_arn)


def _link(scope: Scope, channel_arn: str, link: StorageLink) -> None:
    """Link the channel to its stream; what is not found then is the stream."""
    try:
        channels.set_storage_link(scope, channel_arn, link)
    except NotFoundError as error:
        raise AwsError(f"no such stream: {link.stream_arn}", error.code) from error


def _tags(entry: Entry) -> dict[str, str]:
    """Return the tags to set: not the old expiry, nor AWS's own, which nobody else can set."""
    kept = entry.tags.items()
    return {
        key: value
        for key, value in kept
        if key not in NOT_RESTORED and not key.lower().startswith("aws:")
    }


def _what(entry: Entry) -> str:
    left_off = sorted(entry.tags.keys() - _tags(entry).keys())
    return f"without {', '.join(left_off)}" if left_off else ""
