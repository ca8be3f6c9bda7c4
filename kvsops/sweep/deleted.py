"""Which channels were deleted, by the journals that tell of it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from kvsops.sweep import entries
from kvsops.sweep.journal import kept_in_state


def names_deleted(
    given: Sequence[Path], region: str, since: datetime, account_id: str | None
) -> tuple[set[str], list[str]]:
    """Return the names that journals say were deleted since then, and what could not be read.

    The journals are those given and those in the state directory. None is any account's. Raises
    `UsageError` where one of the given is no journal.
    """
    found, problems = entries.found(kept_in_state())
    journals = [*map(entries.read, given), *found]
    problems += [f"the journal {each.path}: {line}" for each in journals for line in each.bad]
    names = {
        entry.arn.channel_name
        for each in journals
        for entry in each.entries
        if entry.arn.region == region and entry.time >= since
        if account_id in (None, entry.arn.account_id)
    }
    return names, problems
