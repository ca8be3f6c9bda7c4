"""How a restoration is told, and the runs whose deletions could be restored."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from kvsops.aws.scope import Scope
from kvsops.core.text import age
from kvsops.output.fit import wrapped
from kvsops.output.rows import Column, screen_table
from kvsops.output.screen import Outcome as Colour
from kvsops.output.screen import Screen
from kvsops.output.text import count
from kvsops.reports.located import extent
from kvsops.reports.place import place_line
from kvsops.sweep.entries import MAY_BE_GONE, Journalled
from kvsops.sweep.restore import Outcome, Restored

Row = TypeVar("Row")

_WORDS: Final = {
    Outcome.WOULD_CREATE: "would be made again",
    Outcome.CREATED: "made again",
    Outcome.EXISTS: "already there",
    Outcome.FAILED: "failed",
}
_AROUND: Final = 11
"""Lines around the rows: what is said above and below, and the prompt."""
_FEWEST: Final = 5
NOTHING: Final = "Nothing to restore.\n"


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
        Column[DeletingRun]("run", "RUN", lambda row: row.run, cut="middle"),
        Column[DeletingRun](
            "time",
            "AGE",
            lambda row: row.told.latest.time,
            lambda row: age(now - row.told.latest.time),
            align="right",
        ),
        Column[DeletingRun](
            "account_id",
            "ACCOUNT",
            lambda row: row.told.latest.arn.account_id,
            shared="account {}".format,
        ),
        Column[DeletingRun](
            "region", "REGION", lambda row: row.told.latest.arn.region, shared="region {}".format
        ),
        Column[DeletingRun]("deleted", "DELETED", lambda row: row.deleted, shown=False),
        Column[DeletingRun](
            "missing",
            "MISSING",
            lambda row: row.missing,
            lambda row: f"{'?' if row.missing is None else f'{row.missing:,}'} of {row.deleted:,}",
            outcome=lambda row: Colour.DOUBTFUL if row.missing else None,
        ),
        Column[DeletingRun]("journal", "JOURNAL", lambda row: str(row.told.path), shown=False),
    ]


def runs_screen(rows: Sequence[DeletingRun], now: datetime, screen: Screen) -> str:
    """Say how many runs deleted and of how many anything is missing; then which, latest first."""
    if not rows:
        return "No journals: nothing was deleted from here.\n"
    head = f"{count(len(rows), 'run')} deleted channels; {_lacking(rows)}"
    return f"{wrapped(head, screen)}\n{_screenful(rows, run_columns(now), screen, 'run')}"


def _lacking(rows: Sequence[DeletingRun]) -> str:
    """Say of how many runs anything is missing, as far as anybody looked."""
    known = [row.missing for row in rows if row.missing is not None]
    if not known:
        return "what of them is missing is not known"
    lacking = sum(map(bool, known))
    what = f"{lacking:,} of them {'has' if lacking == 1 else 'have'} channels that are missing"
    partly = ", as far as is known" if len(known) < len(rows) else ""
    return (what if lacking else "none is missing") + partly


def _screenful(
    rows: Sequence[Row], columns: Sequence[Column[Row]], screen: Screen, noun: str
) -> str:
    """Show the first rows, as many as a terminal has room for."""
    room = len(rows) if screen.height is None else max(_FEWEST, screen.height - _AROUND)
    hidden = len(rows) - room if len(rows) > room + 1 else 0
    shown = rows[:room] if hidden else rows
    more = f"… and {hidden:,} more: -o json has them\n" if hidden else ""
    return screen_table(shown, columns, screen, noun) + more


def restored_columns(*, many: bool = False) -> Sequence[Column[Restored]]:
    """Return the columns of what was restored, in many places also where; keys are an interface."""
    where = [
        Column[Restored](
            "account_id",
            "ACCOUNT",
            lambda row: row.entry.arn.account_id,
            shared="account {}".format,
        ),
        Column[Restored](
            "region", "REGION", lambda row: row.entry.arn.region, shared="region {}".format
        ),
    ]
    return [
        *(where if many else []),
        Column[Restored](
            "channel_name", "CHANNEL", lambda row: row.entry.arn.channel_name, cut="middle"
        ),
        Column[Restored](
            "outcome",
            "OUTCOME",
            lambda row: row.outcome.value,
            shared=lambda _: "",  # the line above the table says it
            outcome=lambda row: Colour.BAD if row.outcome is Outcome.FAILED else None,
        ),
        Column[Restored]("reason", "REASON", lambda row: row.reason, cut="end", shared="{}".format),
        Column[Restored](
            "channel_arn",
            "ARN",
            lambda row: row.channel_arn,
            shared=lambda text: "" if text == "-" else text,
            leaves=1,
        ),
        Column[Restored](
            "former_channel_arn", "FORMER ARN", lambda row: str(row.entry.arn), shown=False
        ),
    ]


def restored_in(rows: Sequence[Restored], scope: Scope, screen: Screen) -> str:
    """Make the screen of a restoration in one account and region."""
    if not rows:
        return NOTHING
    place = place_line(scope, str(rows[0].entry.arn))
    return restored_screen(rows, place, screen, read_only=scope.read_only)


def restored_everywhere(rows: Sequence[Restored], screen: Screen, *, read_only: bool) -> str:
    """Make the screen of a restoration in many accounts and regions."""
    if not rows:
        return NOTHING
    where = extent((row.entry.arn.account_id, row.entry.arn.region) for row in rows)
    place = f"{'Dry run' if read_only else 'Carried out'} in {where}"
    return restored_screen(rows, place, screen, read_only=read_only, many=True)


def restored_screen(
    rows: Sequence[Restored], place: str, screen: Screen, *, read_only: bool, many: bool = False
) -> str:
    """Say how many of how many are made again; then which, and why others are not."""
    outcomes = Counter(row.outcome for row in rows)
    first = Outcome.WOULD_CREATE if read_only else Outcome.CREATED
    of = f"{outcomes[first] or 'None'} of {count(len(rows), 'channel')}"
    said = [f"{of} {_WORDS[first]}"]
    said += [f"{outcomes[each]:,} {_WORDS[each]}" for each in outcomes if each is not first]
    failed_first = sorted(
        rows, key=lambda row: (row.outcome is not Outcome.FAILED, row.entry.arn.channel_name)
    )
    columns = restored_columns(many=many)
    if read_only and screen.width is not None:  # none has its new ARN yet
        columns = [column for column in columns if column.key != "channel_arn"]
    table = _screenful(failed_first, columns, screen, "channel")
    colour = Colour.BAD if outcomes[Outcome.FAILED] else Colour.GOOD
    told = wrapped(", ".join(said), screen).splitlines()
    return (
        wrapped(place, screen)
        + "".join(f"{screen.mark(line, colour)}\n" for line in told)
        + f"\n{table}"
    )
