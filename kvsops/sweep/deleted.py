"""Which channels were deleted, by the journals that tell of it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from kvsops.errors import UsageError
from kvsops.output.places import state_directory
from kvsops.sweep import journal


def names_deleted(
    given: Sequence[Path], region: str, since: datetime, account_id: str | None
) -> tuple[set[str], list[str]]:
    """Return the names that journals say were deleted since then, and what could not be read.

    The journals are those given and those in the state directory. None is any account's. Raises
    `UsageError` where one of the given is no journal.
    """
    kept = state_directory()
    names: set[str] = set()
    problems: list[str] = []
    # An empty one is of a run that deleted nothing.
    found = sorted(kept.glob("journals/*.jsonl")) if kept else ()
    own = [path for path in found if path.stat().st_size]
    for path in (*given, *own):
        try:
            entries = journal.read(path)
        except UsageError as error:
            if path in given:
                raise
            problems.append(str(error))
            continue
        names |= {
            entry.arn.channel_name
            for entry in entries
            if entry.arn.region == region and entry.time >= since
            if account_id in (None, entry.arn.account_id)
        }
    return names, problems
