"""How a restoration is told, and the runs whose deletions could be restored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kvsops.core.text import age
from kvsops.output.rows import Column
from kvsops.sweep.entries import MAY_BE_GONE, Journalled
from kvsops.sweep.restore import Restored


@dataclass(frozen=True, slots=True)
class DeletingRun:
    """A run that deleted, and how many of its channels are missing: None where nobody looked."""

    run: str
    told: Journalled
    missing: int | None

    @property
    def deleted(self) -> int:
        """How many channels it deleted, or may have."""
        return sum(entry.last_event in MAY_BE_GONE for entry in self.told.entries)


def run_columns(now: datetime) -> Sequence[Column[DeletingRun]]:
    """Return the columns of the runs; the keys are an interface."""
    return [
        Column[DeletingRun]("run", "RUN", lambda row: row.run),
        Column[DeletingRun](
            "time",
            "AGE",
            lambda row: row.told.latest.time,
            lambda row: age(now - row.told.latest.time),
            align="right",
        ),
        Column[DeletingRun]("account_id", "ACCOUNT", lambda row: row.told.latest.arn.account_id),
        Column[DeletingRun]("region", "REGION", lambda row: row.told.latest.arn.region),
        Column[DeletingRun]("deleted", "DELETED", lambda row: row.deleted, shown=False),
        Column[DeletingRun](
            "missing",
            "MISSING",
            lambda row: row.missing,
            lambda row: f"{'?' if row.missing is None else row.missing} of {row.deleted}",
        ),
        Column[DeletingRun]("journal", "JOURNAL", lambda row: str(row.told.path), shown=False),
    ]


def restored_columns() -> Sequence[Column[Restored]]:
    """Return the columns of what was restored; the keys are an interface."""
    return [
        Column[Restored]("channel_name", "CHANNEL", lambda row: row.entry.arn.channel_name),
        Column[Restored]("outcome", "OUTCOME", lambda row: row.outcome.value),
        Column[Restored]("reason", "REASON", lambda row: row.reason),
        Column[Restored]("channel_arn", "ARN", lambda row: row.channel_arn),
        Column[Restored](
            "former_channel_arn", "FORMER ARN", lambda row: str(row.entry.arn), shown=False
        ),
    ]
