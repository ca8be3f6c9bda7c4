"""`--html`: the cost report as one page that needs nothing else, to send to whoever pays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar

from kvsops.bill.bill import Line
from kvsops.core.cost import ZERO, Basis, Cost, Projection, known_sum
from kvsops.output.figures import NOT_KNOWN, day, moment, number, percent, usd
from kvsops.output.text import count, safe
from kvsops.reports.advice import advice_notes, deed, why
from kvsops.reports.bill import SWEEPING_SAVES, BillReport, Group
from kvsops.reports.bill_said import LOWER_BOUND, PROJECTED
from kvsops.reports.charts import Bar, by_day, by_group, short
from kvsops.reports.files import ANY, Kind, ReportFiles
from kvsops.reports.stream_columns import retention_text
from kvsops.reports.stream_said import ITEMS, stream_notes, stream_parts_of

CHANNELS: Final = 500
"""At most 500 channels are in the table: more than anybody reads, and the page stays light."""
GROUPS: Final = 500
STREAMS: Final = 200
ADVICE: Final = 100
PROBLEMS: Final = 50

# With the counts above they hold the page under 1 MB, whatever the names and tags are.
_CHANNELS_BYTES: Final = 350_000
_GROUPS_BYTES: Final = 100_000
_STREAMS_BYTES: Final = 60_000
_ADVICE_BYTES: Final = 30_000
_PROBLEMS_BYTES: Final = 30_000

_TAGS_CHARACTERS: Final = 200

Row = TypeVar("Row")


def page(report: BillReport) -> str:
    """Make the page.

    It loads nothing and runs nothing, and its policy forbids both; everything in the report is
    shown as text.
    """
    return rendered(view_of(report))


def rendered(view: Mapping[str, object]) -> str:
    """Make the page of what the template is given."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("kvsops", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "usd": partial(usd, unknown=NOT_KNOWN),
        "at_least": _at_least,
        "number": number,
        "day": day,
        "moment": moment,
        "percent": percent,
        "count": count,
        "tags": _tags,
        "retention": retention_text,
        "label": _label,
        "why": why,
        "deed": deed,
    }
    return environment.get_template("bill_page.html.j2").render(view)


HTML: Final[ReportFiles[BillReport]] = ReportFiles(
    "--html", {ANY: Kind(lambda report, _: page(report).encode(), "jinja2")}, what="page"
)


def _shown(value: object) -> object:
    """Make the control characters of a text visible; what is markup already stays."""
    return safe(value) if type(value) is str else value


def view_of(report: BillReport) -> dict[str, object]:
    """Give the template the report, and what is computed from it."""
    bill, by = report.bill, f"tag {report.by[4:]}" if report.by.startswith("tag:") else report.by
    known = [row for row in report.groups if _value(row) is not None]
    days = [each for each in report.days if each.in_all is not None]
    lines = sorted(bill.dearest_first, key=lambda line: _value(line.cost) or ZERO, reverse=True)
    groups = _fitting(report.groups, GROUPS, _GROUPS_BYTES, lambda group: group.name or "")
    channels = _fitting(lines, CHANNELS, _CHANNELS_BYTES, _channel_text)
    return {
        "report": report,
        "bill": bill,
        "total": report.total,
        "prices": bill.prices,
        "month_name": f"{bill.month.start:%B %Y}",
        "rests": [*_rests(report)],
        "problems": fitting_problems(report.problems),
        "by": by,
        "by_short": short(by, 40),
        "group_chart": by_group(
            [Bar(_label(row.name), _value(row)) for row in known], short(by, 40)
        ),
        "undrawn": len(report.groups) - len(known),
        "groups": groups,
        "other_groups": _sums(groups.rest),
        "day_chart": by_day({each.day: each.in_all or ZERO for each in days}, bill.month),
        "dearest_day": max(days, key=lambda each: each.in_all or ZERO, default=None),
        "channels": channels,
        "other_channels": _sums([line.cost for line in channels.rest]),
        "tagged": any(line.tags is not None for line in lines),
        "sweeping_saves": SWEEPING_SAVES,
        "scopes": [],
        "place_of": lambda _: "",
        **_streams(report),
    }


def fitting_problems(problems: Sequence[str]) -> "Part[str]":
    """Give the problems that there is room for."""
    return _fitting(problems, PROBLEMS, _PROBLEMS_BYTES, str)


def _streams(report: BillReport) -> dict[str, object]:
    """Give what is told of streams."""
    part = report.streams
    bill = part.bill
    parts = [each for each in stream_parts_of(bill) if each.quantity] if bill else []
    return {
        "streams": part,
        "in_all": report.in_all,
        "stream_notes": [*stream_notes(bill)] if bill else [],
        "stream_parts": [
            {
                "name": ITEMS[each.item].capitalize(),
                "gb": f"{each.quantity:,.1f}",
                "spent": each.spent,
                "estimated": each.estimated,
                "lower_bound": each.lower_bound,
            }
            for each in parts
        ],
        "stream_lines": _fitting(
            bill.dearest_first if bill else [],
            STREAMS,
            _STREAMS_BYTES,
            lambda line: line.stream_name,
        ),
        **_advice(report),
    }


def _advice(report: BillReport) -> dict[str, object]:
    """Give what streams could spare."""
    advice = report.advice
    rows = advice.rows if advice else []
    shown = _fitting(rows, ADVICE, _ADVICE_BYTES, lambda row: row.line.stream_name)
    return {
        "advice_rows": shown.shown,
        "advice_rest": len(shown.rest),
        "advice_notes": [*advice_notes(advice)] if advice else [],
    }


# What is said in words


_BASES: Final = {
    Basis.MEASURED: "Nothing is estimated: the figures are what was used.",
    Basis.ASSUMED: (
        "The estimate is assumed, an upper bound of the fees: use was not read, and every channel"
        " counts as if it were used. Messages and TURN minutes are not in it."
    ),
    Basis.UNKNOWN: "The estimate could not be told: the use of the channels could not be read.",
}


def _rests(report: BillReport) -> Iterator[str]:
    """Tell what the totals rest on, and what is not in them."""
    total, prices = report.total, report.bill.prices
    if total.lower_bound:
        yield LOWER_BOUND
    if total.unknown:
        yield (
            f"The cost of {count(total.unknown, 'channel')} could not be told and is not in"
            " the totals."
        )
    if prices.assumed_from:
        yield (
            f"No prices are known for {prices.region}: those of {prices.assumed_from} were"
            " assumed, and its own may differ."
        )
    rests = PROJECTED[total.projection or Projection.ELAPSED]
    yield _BASES.get(total.basis, f"The estimate is {rests}.")


def _at_least(amount: Decimal | None, lower_bound: bool) -> str:  # noqa: FBT001 - the figure's own
    """Tell an amount, and whether it may be more."""
    more = " or more" if lower_bound and amount is not None else ""
    return usd(amount, unknown=NOT_KNOWN) + more


def _label(group: str | None) -> str:
    return "(none)" if group is None else group


def _tags(tags: Mapping[str, str] | None) -> str:
    """Tell a channel's tags, as much of them as a table has room for."""
    if tags is None:
        return "tags not known"
    text = ", ".join(f"{key}={value}" for key, value in tags.items())
    return text if len(text) <= _TAGS_CHARACTERS else text[: _TAGS_CHARACTERS - 1] + "…"


def _channel_text(line: Line) -> str:
    return f"{line.channel_name}{_tags(line.tags)}"


# What of many rows is shown


def _value(row: Group | Cost) -> Decimal | None:
    """Give what rows are ordered by: the whole month's estimate, else what is known so far."""
    return row.month_to_date if row.estimated_month is None else row.estimated_month


class Sums(NamedTuple):
    """What rows come to; None where none of them is known."""

    rows: int
    unknown: int
    month_to_date: Decimal | None
    estimated_month: Decimal | None


def _sums(rows: Sequence[Group | Cost]) -> Sums:
    return Sums(
        rows=len(rows),
        unknown=sum(_value(row) is None for row in rows),
        month_to_date=known_sum([row.month_to_date for row in rows]),
        estimated_month=known_sum([row.estimated_month for row in rows]),
    )


@dataclass(frozen=True)  # no slots: with them Python 3.11 fails on Part[Row](...)
class Part(Generic[Row]):
    """The rows that are shown, and those that are not."""

    shown: Sequence[Row]
    rest: Sequence[Row]


def _fitting(
    rows: Sequence[Row], most: int, most_bytes: int, text: Callable[[Row], str]
) -> Part[Row]:
    """Part the first rows, as many as there is room for once their text is escaped."""
    from markupsafe import escape

    room = most_bytes
    for index, row in enumerate(rows[:most]):
        room -= len(escape(safe(text(row))).encode())
        if room < 0:
            return Part(rows[:index], rows[index:])
    return Part(rows[:most], rows[most:])
