"""The columns of streams and what they cost, and the words of their bill's totals."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from kvsops.bill.streams import StreamBill, StreamLine
from kvsops.core.cost import Basis, known_sum, total
from kvsops.core.likeness import shown
from kvsops.core.stream_cost import gb
from kvsops.core.stream_usage import Item
from kvsops.core.text import age
from kvsops.output.figures import usd
from kvsops.output.fit import wrapped
from kvsops.output.rows import Column, Output
from kvsops.output.screen import Outcome, Screen
from kvsops.output.text import count, markdown_safe
from kvsops.reports.bill_columns import PROJECTED
from kvsops.reports.columns import UNKNOWN

ITEMS: Final = {
    Item.INGESTED: "ingested",
    Item.CONSUMED: "consumed",
    Item.CONSUMED_BY_HLS: "consumed by HLS",
    Item.CLIPS: "clips",
    Item.STORED: "stored",
}
"""What each item is called."""
DELETED_EARLIER: Final = (
    "A lower bound: streams deleted more than two weeks ago may have cost something this month."
)


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
            "GB NOW",
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
        amount = of(line)
        if not line.cost.lower_bound or amount is None:
            return usd(amount)
        return f"{usd(amount)}+" if amount else UNKNOWN

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
    return "-" if line.usage.last_written is None else _ago(line.usage.last_written, now)


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


# What is said of all


def stream_totals(bill: StreamBill) -> str:
    """Say what the streams come to, and what that rests on."""
    rests = PROJECTED[bill.projection] if bill.projection else bill.basis.value
    assumed = bill.prices.assumed_from
    at = f"; at {assumed}'s prices" if assumed else ""
    return (
        f"{count(len(bill.lines), 'stream')}: {sum_of(bill, bill.month_to_date)} to date, "
        f"{sum_of(bill, bill.estimated_month)} for the month ({rests}{at})"
    )


def sum_of(bill: StreamBill, amount: Decimal) -> str:
    """Say a sum of the bill's: at least so much, or where nothing is known, that it is not."""
    if bill.lines and all(line.cost.basis is Basis.UNKNOWN for line in bill.lines):
        return UNKNOWN
    return f"{'at least ' if bill.lower_bound else ''}{usd(amount)}"


@dataclass(frozen=True, slots=True)
class Part:
    """What an item came to, as far as it is known; `quantity` in GB, of storage in GB-months.

    A sum of which nothing is known is None.
    """

    item: Item
    quantity: Decimal | None
    spent: Decimal | None
    estimated: Decimal | None
    lower_bound: bool

    @property
    def text(self) -> str:
        """Say it."""
        # At least nothing tells nothing.
        hidden = self.spent is None or (self.lower_bound and not self.spent)
        amount = UNKNOWN if hidden else usd(self.spent)
        least = "at least " if self.lower_bound and not hidden else ""
        unit = "GB-months, reckoned" if self.item is Item.STORED else "GB"
        number = UNKNOWN if self.quantity is None else f"{self.quantity:,.1f}"
        return f"{ITEMS[self.item]} {least}{amount} ({number} {unit})"


def stream_parts_of(bill: StreamBill) -> list[Part]:
    """Return what each item came to."""
    return [_part(item, bill) for item in Item]


def _part(item: Item, bill: StreamBill) -> Part:
    costs = [line.cost for line in bill.lines]
    told = [cost.quantities.get(item) for cost in costs]
    known = [each for each in told if each is not None]
    # What there was nothing of costs nothing: that tells nothing of the rest.
    used = [cost for cost, each in zip(costs, told, strict=True) if each != 0]
    spent = [cost.spent.get(item) for cost in used]
    return Part(
        item,
        gb(sum(known), bill.month if item is Item.STORED else None) if known or not told else None,
        known_sum(spent),
        known_sum([cost.estimated.get(item) for cost in used]),
        None in spent,
    )


def stream_parts(bill: StreamBill) -> str:
    """Say what each item came to so far, with its quantity, where there is any."""
    parts = [part for part in stream_parts_of(bill) if part.quantity or part.lower_bound]
    return f"To date: {', '.join(part.text for part in parts) or 'nothing'}."


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


def stream_notes(bill: StreamBill) -> Iterator[str]:
    """Say what is not known, and what the rest rests on, each once."""
    for caveat in bill.caveats:
        yield f"{caveat.value[0].upper()}{caveat.value[1:]}."
    if bill.missing:
        yield DELETED_EARLIER


def listing_total(
    bill: StreamBill, place: str, output: Output, screen: Screen, *, with_deleted: bool
) -> str:
    """Make the lines under a list for people; JSON and CSV have none."""
    ghosts = [line.cost for line in bill.lines if line.ghost]
    lines = [f"{place}: {stream_totals(bill)}.", stream_parts(bill)]
    if not with_deleted:
        lines.append("Not counted: streams deleted since, of which only the name is known.")
    elif ghosts:
        month = usd(total(cost.estimated_month for cost in ghosts))
        deleted = count(len(ghosts), "stream")
        are = "is" if len(ghosts) == 1 else "are"
        lines.append(f"{month} of that is for {deleted} deleted since, which {are} not listed.")
    lines += stream_notes(bill)
    if output == "table":
        return "\n" + "".join(wrapped(line, screen) for line in lines)
    text = "  \n".join(map(markdown_safe, lines))
    return f"\n{text}\n" if output == "markdown" else ""
