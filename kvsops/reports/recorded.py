"""What the streams cost that listed channels record to: columns of a list, and lines below it."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from kvsops.bill.bill import Bill, Line
from kvsops.bill.recordings import NOTHING, Recorded, Recordings
from kvsops.core.cost import known_sum
from kvsops.output.figures import usd
from kvsops.output.rows import Column
from kvsops.output.text import count
from kvsops.reports.bill_said import on_deleted, totals
from kvsops.reports.columns import UNKNOWN
from kvsops.reports.stream_said import least, told


def recorded_columns(bill: Bill, recordings: Recordings | None) -> list[Column[Line]]:
    """Return what a channel's stream is and costs; `recordings` None: nobody asked.

    The keys are an interface. Null is what is not known; a channel that records to no stream has an
    object whose members are null, and no dollars. People see the month, where there is any.
    """

    def of(line: Line) -> Recorded | None:
        return recordings.of(line) if recordings else None

    def dollars(key: str, amount: Callable[[Recorded], Decimal | None]) -> Column[Line]:
        def value(line: Line) -> Decimal | None:
            found = of(line)
            return amount(found) if found else None

        return Column[Line](key, "STREAM", value, shown=False)

    return [
        Column[Line]("stream", "STREAM NAME", lambda line: _names(of(line)), shown=False),
        dollars("stream_month_to_date_usd", lambda each: each.month_to_date),
        Column[Line](
            "stream_estimated_monthly_usd",
            "STREAM",
            lambda line: found.estimated_month if (found := of(line)) else None,
            lambda line: _month_text(of(line)),
            align="right",
            shown=bool(recordings and recordings.told_of(bill.lines)),
        ),
        Column[Line](
            "stream_lower_bound",
            "STREAM AT LEAST",
            lambda line: found.lower_bound if (found := of(line)) else None,
            shown=False,
        ),
    ]


def _names(recorded: Recorded | None) -> dict[str, str | None] | None:
    if recorded is None:
        return None
    arn = recorded.stream_arn
    return {"stream_name": arn and arn.split("/")[1], "stream_arn": arn}


def _month_text(recorded: Recorded | None) -> str:
    if recorded is NOTHING:
        return "-"
    return UNKNOWN if recorded is None else least(recorded.estimated_month, recorded.lower_bound)


def list_totals(bill: Bill, recordings: Recordings | None, place: str) -> list[str]:
    """Say what a list comes to: what stands on its bill, and what does not."""
    said = [f"{place}: {totals(bill)}.", *on_deleted(bill)]
    if recordings is None:
        return [*said, "Not counted: what the channels' streams cost."]
    if not recordings.told_of(bill.lines):
        return said
    return [*said, *_on_streams(bill, recordings)]


def _on_streams(bill: Bill, recordings: Recordings) -> Iterator[str]:
    """Say what all comes to; `kvsops cost` tells its parts, and what they rest on."""
    streams = recordings.bill
    living = [line for line in bill.lines if not line.ghost]
    yield from (told(each) for each in (streams.caveats if streams else ()) if each.mendable)
    if unknown := sum(recordings.of(line) is None for line in living):
        yield f"What {count(unknown, 'channel')} record to is not known."
    costs = [line.cost.estimated_month for line in bill.lines]
    month = known_sum([*costs, streams.estimated_month if streams else None])
    at_least = None in costs or not recordings.all_known(living)
    at_least = at_least or bool(streams and streams.lower_bound)
    recorded = f"the {count(len(streams.lines), 'stream')}" if streams else "what"
    comes = f"{'at least ' if at_least and month is not None else ''}{usd(month)}"
    yield f"With {recorded} they record to: {comes} for the month (kvsops cost)."
