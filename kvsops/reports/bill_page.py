"""`--html`: the cost report as one page that needs nothing else, to send to whoever pays."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from kvsops.errors import UsageError
from kvsops.output.figures import ZERO, day, decimal, moment, number, percent, usd
from kvsops.output.text import count, safe
from kvsops.reports.charts import Bar, by_day, by_group, load, short

CHANNELS: Final = 500
"""So many channels are in the table: more than anybody reads, and the page stays light."""
GROUPS: Final = 500
PROBLEMS: Final = 50

# With the counts above they hold the page under 1 MB, whatever the names and tags are.
_CHANNELS_BYTES: Final = 350_000
_GROUPS_BYTES: Final = 100_000
_PROBLEMS_BYTES: Final = 30_000

_TAGS_CHARACTERS: Final = 200

Row = Mapping[str, Any]


def page(report: Mapping[str, Any]) -> str:
    """Make the page from what `kvsops cost -o json` gives.

    It loads nothing and runs nothing, and its policy forbids both; everything in the report is
    shown as text. Raises UsageError when the extra is missing.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined

        load()
    except ImportError as error:
        raise UsageError("--html needs pip install 'kvsops[report]'") from error

    environment = Environment(
        loader=PackageLoader("kvsops", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    told = (usd, number, day, moment, percent, count)
    environment.filters |= {function.__name__: function for function in told} | {"tags": _tags}
    return environment.get_template("bill_page.html.j2").render(_view(report))


def _shown(value: object) -> object:
    """Make the control characters of a text visible; what is markup already stays."""
    return safe(value) if type(value) is str else value


def _view(report: Mapping[str, Any]) -> dict[str, object]:
    """Give the template the report, and what is computed from it."""
    groups = report["groups"]
    by = short(_by(groups["by"]), 40)
    known = [row for row in groups["rows"] if _value(row) is not None]
    days = [row for row in report["days"] if row["usd"] is not None]
    channels = sorted(report["channels"], key=lambda row: _value(row) or ZERO, reverse=True)
    return {
        **report,
        "month_name": f"{date.fromisoformat(report['month'] + '-01'):%B %Y}",
        "over": report["as_of"][:7] > report["month"],
        "rests": _rests(report),
        "by": _by(groups["by"]),
        "by_short": by,
        "group_charts": by_group([Bar(_label(row["group"]), _value(row)) for row in known], by),
        "undrawn": len(groups["rows"]) - len(known),
        "group_rows": _fitting(groups["rows"], GROUPS, _GROUPS_BYTES, lambda row: row["group"]),
        "label": _label,
        "day_charts": by_day({row["day"]: decimal(row["usd"]) for row in days}, report["month"]),
        "dearest_day": max(days, key=lambda row: decimal(row["usd"]), default=None),
        "channel_rows": _fitting(channels, CHANNELS, _CHANNELS_BYTES, _channel_text),
        "tagged": any(row["tags"] is not None for row in channels),
        "problems": _fitting(report["problems"], PROBLEMS, _PROBLEMS_BYTES, str),
    }


# What is said in words


_BASES: Final = {
    "measured": "Nothing is estimated: the figures are what was used.",
    "assumed": (
        "The estimate is assumed, an upper bound of the fees: use was not read, and every channel"
        " counts as if it were used. Messages and TURN minutes are not in it."
    ),
    "unknown": "The estimate could not be told: the use of the channels could not be read.",
}


def _rests(report: Mapping[str, Any]) -> list[str]:
    """Tell what the totals rest on, and what is not in them."""
    total, prices = report["total"], report["prices"]
    told = []
    if total["lower_bound"]:
        told.append(
            "The totals are a lower bound, the bill may be higher: what could not be read, or was"
            " deleted too long ago to be found, is not in them."
        )
    if total["unknown"]:
        told.append(
            f"The cost of {count(total['unknown'], 'channel')} could not be told and is not in"
            " the totals."
        )
    if prices["assumed_from"]:
        told.append(
            f"No prices are known for {prices['region']}: those of {prices['assumed_from']} were"
            " assumed, and its own may differ."
        )
    projected = f"The estimate is projected from {total['projection'] or 'the use so far'}."
    told.append(_BASES.get(total["basis"], projected))
    return told


def _by(by: str) -> str:
    return f"tag {by[4:]}" if by.startswith("tag:") else by


def _label(group: str | None) -> str:
    return "(none)" if group is None else group


def _tags(tags: Mapping[str, str] | None) -> str:
    """Tell a channel's tags, so much of them as a table has room for."""
    if tags is None:
        return "tags not known"
    text = ", ".join(f"{key}={value}" for key, value in tags.items())
    return text if len(text) <= _TAGS_CHARACTERS else text[: _TAGS_CHARACTERS - 1] + "…"


def _channel_text(row: Row) -> str:
    return f"{row['channel_name']}{_tags(row['tags'])}"


# What of many rows is shown


def _value(row: Row) -> Decimal | None:
    """Give what rows are ordered by: the whole month's estimate, else what is known so far."""
    known = row["estimated_monthly_usd"]
    known = row["month_to_date_usd"] if known is None else known
    return None if known is None else decimal(known)


class Sums(NamedTuple):
    """What rows come to; None where none of them is known."""

    rows: int
    unknown: int
    month_to_date_usd: Decimal | None
    estimated_monthly_usd: Decimal | None


def _sums(rows: Sequence[Row]) -> Sums:
    def known(key: str) -> list[Decimal]:
        return [decimal(row[key]) for row in rows if row[key] is not None]

    to_date, estimated = known("month_to_date_usd"), known("estimated_monthly_usd")
    return Sums(
        rows=len(rows),
        unknown=sum(_value(row) is None for row in rows),
        month_to_date_usd=sum(to_date, ZERO) if to_date else None,
        estimated_monthly_usd=sum(estimated, ZERO) if estimated else None,
    )


class Part(NamedTuple):
    """The rows that are shown, and those that are not."""

    shown: Sequence[Any]
    rest: Sequence[Any]

    @property
    def sums(self) -> Sums:
        """What the rest comes to."""
        return _sums(self.rest)


def _fitting(
    rows: Sequence[Any], most: int, most_bytes: int, text: Callable[[Any], str | None]
) -> Part:
    """Part the first rows, as many as there is room for once their text is escaped."""
    from markupsafe import escape

    room = most_bytes
    for index, row in enumerate(rows[:most]):
        room -= len(escape(safe(text(row) or "")).encode())
        if room < 0:
            return Part(rows[:index], rows[index:])
    return Part(rows[:most], rows[most:])
