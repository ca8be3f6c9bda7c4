"""The columns of streams, and of what they cost."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from kvsops.bill.streams import StreamBill, StreamLine
from kvsops.core.likeness import shown
from kvsops.core.stream_price import gb
from kvsops.core.stream_usage import Item
from kvsops.core.text import age
from kvsops.output.figures import usd
from kvsops.output.rows import Column
from kvsops.output.screen import Outcome
from kvsops.reports.columns import UNKNOWN
from kvsops.reports.stream_said import ITEMS, least


# Over 40 lines, for it is the declaration of every column, and nothing else.
def stream_columns(
    bill: StreamBill, *, tags: bool, verbose: bool = False
) -> list[Column[StreamLine]]:
    """Return the columns of streams; `verbose` shows people each item's dollars, too.

    The keys are an interface: null is what is not known, times are ISO 8601 UTC. `last_written` is
    the start of the last hour (or six, where it is kept long) in which anything came in, and
    `last_read` the last day, both as far back as was read. Quantities are this month's, in GB of
    2**30 bytes; `stored_gb` is what is kept now, reckoned from what came in.
    """
    return [
        Column[StreamLine](
            "stream_name",
            "STREAM",
            lambda line: line.stream_name,
            lambda line: shown(line.stream_name),
            cut="middle",
        ),
        Column[StreamLine](
            "status",
            "STATUS",
            lambda line: line.stream and line.stream.status,
            shared="status {}".format,
            leaves=9,
            outcome=lambda line: None if _active(line) else Outcome.DOUBTFUL,
        ),
        Column[StreamLine](
            "creation_time",
            "CREATED",
            lambda line: line.stream and line.stream.creation_time,
            lambda line: _ago(line.stream.creation_time if line.stream else None, bill.now),
            align="right",
            shown=verbose,
            leaves=8,
        ),
        Column[StreamLine](
            "data_retention_hours",
            "KEPT",
            lambda line: line.stream and line.stream.data_retention_hours,
            lambda line: retention_text(line.settings.retention),
            align="right",
            shared="kept {}".format,
        ),
        Column[StreamLine](
            "storage_tier",
            "TIER",
            lambda line: line.settings.tier and line.settings.tier.value,
            shown=verbose,
            leaves=7,
        ),
        Column[StreamLine](
            "link",
            "CHANNEL",
            lambda line: line.link and {"channel_arn": line.link.channel_arn},
            _link_text,
            cut="middle",
            leaves=2,
        ),
        Column[StreamLine](
            "last_written",
            "WRITTEN",
            lambda line: line.usage.last_written,
            lambda line: _written_text(line, bill.now),
            align="right",
            leaves=3,
        ),
        Column[StreamLine](
            "last_read",
            "READ",
            lambda line: _midnight(line.usage.last_read),
            lambda line: _read_text(line, bill.now),
            align="right",
            leaves=4,
        ),
        Column[StreamLine](
            "stored_gb",
            "GB AT END" if bill.now >= bill.month.end else "GB NOW",
            lambda line: stored_gb(line, bill),
            lambda line: _gb_text(stored_gb(line, bill)),
            align="right",
            leaves=6,
        ),
        *(column for item in Item for column in _item_columns(item, bill, verbose=verbose)),
        _dollars("month_to_date_usd", "TO DATE", lambda line: line.cost.month_to_date),
        _dollars("estimated_monthly_usd", "MONTH", lambda line: line.cost.estimated_month),
        Column[StreamLine](
            "lower_bound", "AT LEAST", lambda line: line.cost.lower_bound, shown=False
        ),
        Column[StreamLine]("basis", "BASIS", lambda line: line.cost.basis.value, shown=False),
        Column[StreamLine](
            "stream_arn", "ARN", lambda line: line.stream and line.stream.stream_arn, shown=False
        ),
        Column[StreamLine](
            "tags", "TAGS", lambda line: line.tags, _tags_text, shown=tags, cut="end"
        ),
    ]


def _item_columns(item: Item, bill: StreamBill, *, verbose: bool) -> list[Column[StreamLine]]:
    """Return an item's quantity, which only JSON and CSV have, and its dollars to date."""
    unit = "gb_months" if item is Item.STORED else "gb"
    month = bill.month if item is Item.STORED else None

    def quantity(line: StreamLine) -> Decimal | None:
        told = line.cost.quantities.get(item)
        return None if told is None else gb(told, month)

    def dollars(line: StreamLine) -> Decimal | None:
        return line.cost.spent.get(item)

    header = ITEMS[item].removeprefix("consumed by ").upper()
    return [
        Column[StreamLine](f"{item}_{unit}", f"GB {header}", quantity, shown=False),
        Column[StreamLine](
            f"{item}_usd",
            header,
            dollars,
            lambda line: usd(dollars(line)),
            align="right",
            shown=verbose,
            leaves=5,
        ),
    ]


def _dollars(
    key: str, header: str, of: Callable[[StreamLine], Decimal | None]
) -> Column[StreamLine]:
    """Return a column of dollars; those that are less than the truth say so."""

    def text(line: StreamLine) -> str:
        return least(of(line), line.cost.lower_bound)

    return Column[StreamLine](key, header, of, text, align="right")


def retention_text(retention: timedelta | None) -> str:
    """Say how long a stream keeps what it takes in."""
    if retention is None:
        return UNKNOWN
    return age(retention) if retention else "0h"


def stored_gb(line: StreamLine, bill: StreamBill) -> Decimal | None:
    """Return how much a stream keeps now; None where that is not known."""
    retention, intake = line.settings.retention, line.usage.intake
    if line.ghost or retention is None or (intake is None and retention):
        return None
    return gb(intake.kept_at(retention, min(bill.now, bill.month.end)) if intake else 0)


def _gb_text(amount: Decimal | None) -> str:
    return UNKNOWN if amount is None else f"{amount:,.1f}"


def _active(line: StreamLine) -> bool:
    return line.stream is not None and line.stream.status == "ACTIVE"


def _link_text(line: StreamLine) -> str:
    return UNKNOWN if line.link is None else shown(line.link.channel_name or "-")


def _ago(time: datetime | None, now: datetime) -> str:
    """Say how long ago a time is: in days, or of today in hours and minutes."""
    if time is None:
        return UNKNOWN
    ago = max(now - time, timedelta())
    return f"{ago.days}d ago" if ago.days else f"{age(ago)} ago"


def _written_text(line: StreamLine, now: datetime) -> str:
    if line.usage.intake is None:
        return UNKNOWN
    last = line.usage.last_written
    if last is None:
        return "-"
    ago = max(now - last, timedelta())
    hours = ago // timedelta(hours=1)  # the metrics tell no finer
    return f"{ago.days}d ago" if ago.days else f"{hours}h ago" if hours else "now"


def _read_text(line: StreamLine, now: datetime) -> str:
    last = line.usage.last_read
    if last is None:
        return UNKNOWN if None in line.usage.outgoing.values() else "-"
    ago = (now.astimezone(UTC).date() - last).days
    return "today" if ago == 0 else f"{ago}d ago"


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _tags_text(line: StreamLine) -> str:
    tags: Mapping[str, str] | None = line.tags
    if tags is None:
        return UNKNOWN
    return " ".join(f"{shown(key)}={tags[key]}" for key in sorted(tags)) or "-"


def bill_stream_columns(bill: StreamBill) -> list[Column[StreamLine]]:
    """Return the columns of `cost`: no links, which it reads of few; `ghost`: deleted since."""
    name, *rest = [each for each in stream_columns(bill, tags=False) if each.key != "link"]
    ghost = Column[StreamLine](
        "ghost",
        "DELETED",
        lambda line: line.ghost,
        shared=lambda deleted: "deleted since" if deleted == "yes" else "",
    )
    return [name, ghost, *rest]
