"""What streams could spare, as it is shown: columns, and what it rests on."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from kvsops.bill.advice import RETENTION_TAG, Advised, StreamAdvice
from kvsops.core.advice import Certainty, Kind
from kvsops.core.cost import known_sum
from kvsops.core.likeness import shown
from kvsops.core.text import age
from kvsops.output.figures import usd
from kvsops.output.rows import Column
from kvsops.output.text import count
from kvsops.reports.columns import UNKNOWN
from kvsops.reports.stream_columns import retention_text

RESTS: Final = {
    Certainty.UNCERTAIN: "no metric is known of what is read as images, so that somebody may read "
    "what seems unread",
    Certainty.LIKELY: "AWS does not document whether what a channel's storage session writes is "
    "counted, so that something may come in unseen",
}
"""Why an advice is not sure."""
_LIMITED_BY: Final = {"--max-retention": "limit", RETENTION_TAG: "its tag"}
_HOUR: Final = timedelta(hours=1)
_SECOND: Final = timedelta(seconds=1)


def advice_columns() -> list[Column[Advised]]:
    """Return the columns of advice; the keys are an interface.

    `keep_hours` is the retention that would do: null where nothing need be kept. `channel_name` is
    of the channel that records to it, null where none is known. `quiet_seconds` is for how long
    nothing came in, or nobody read, as far back as was looked; null where that is not what the
    advice rests on. `saving_usd` is a month's: null where a price is not known.
    """
    return [
        Column[Advised](
            "stream_name",
            "STREAM",
            lambda row: row.line.stream_name,
            lambda row: shown(row.line.stream_name),
            cut="middle",
        ),
        Column[Advised]("kind", "KIND", lambda row: row.advice.kind.value, shown=False),
        Column[Advised](
            "quiet_seconds",
            "WHY",
            lambda row: row.advice.quiet and row.advice.quiet // _SECOND,
            why,
            leaves=2,
        ),
        Column[Advised](
            "data_retention_hours",
            "KEPT",
            lambda row: _hours(row.line.settings.retention),
            lambda row: retention_text(row.line.settings.retention),
            align="right",
        ),
        Column[Advised]("keep_hours", "DO", lambda row: _hours(row.advice.keep), deed),
        Column[Advised]("channel_name", "CHANNEL", lambda row: row.channel_name, shown=False),
        Column[Advised](
            "limit_of",
            "LIMIT",
            lambda row: row.advice.limit and row.advice.limit.source,
            shown=False,
        ),
        Column[Advised](
            "saving_usd",
            "SAVES",
            lambda row: row.advice.saving,
            lambda row: usd(row.advice.saving),
            align="right",
        ),
        Column[Advised]("certainty", "SURE?", lambda row: row.advice.certainty.value, leaves=1),
    ]


def why(row: Advised) -> str:
    """Say what an advice rests on."""
    quiet, limit = row.advice.quiet, row.advice.limit
    if limit:
        return f"{_LIMITED_BY.get(limit.source, limit.source)} {retention_text(limit.most)}"
    if row.advice.kind is Kind.UNWRITTEN:
        unread = row.line.usage.last_read is None
        return f"{'unused' if unread else 'unwritten'} {_days(quiet)}"
    return f"unread {_days(quiet)}"


def deed(row: Advised) -> str:
    """Say what would spare it."""
    if row.advice.kind is Kind.UNWRITTEN:
        return "delete it"
    if row.advice.kind is Kind.RECORDED_UNREAD:
        return "unlink it"
    return f"keep {retention_text(row.advice.keep)}"


def advice_notes(advice: StreamAdvice) -> Iterator[str]:
    """Say what all of it would spare, and how sure that is."""
    if not advice.rows:
        return
    savings = advice.savings
    spared, unknown = known_sum(savings), savings.count(None)
    most = "how much could be spared is not known"
    if spared is not None:
        most = f"up to {usd(spared)} a month could be spared of what is kept and taken in now"
        most += f", and of {unknown:,} it is not known how much" if unknown else ""
    yield f"Advice on {count(len(savings), 'stream')}: {most}. kvsops changes no stream."
    given = {each.advice.certainty for each in advice.rows}
    for certainty, because in RESTS.items():
        if certainty in given:
            yield f"{certainty.value.capitalize()}: {because}."


def _days(span: timedelta | None) -> str:
    return age(timedelta(days=span.days)) if span else UNKNOWN


def _hours(span: timedelta | None) -> int | None:
    return None if span is None else span // _HOUR
