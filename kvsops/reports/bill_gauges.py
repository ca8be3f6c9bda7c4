"""`--open-metrics`: the cost report's totals as gauges, for Prometheus's textfile collector."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kvsops.core.cost import ZERO
from kvsops.output.files import FOR_ALL
from kvsops.output.gauges import exposition, gauge
from kvsops.output.text import safe
from kvsops.reports.bill import BillReport, Group, Total
from kvsops.reports.files import ANY, Kind, ReportFiles
from kvsops.reports.stream_said import stream_parts_of

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

GROUPS: Final = 100
"""At most 100 groups are told apart, so that an owner for each run doesn't flood the store."""

# No tag, owner or prefix can hold a parenthesis, so neither is taken for a group's name.
# Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_Tag.html
NONE: Final = "(none)"
OTHER: Final = "(other)"


def _open_metrics(report: BillReport, _: Path) -> bytes:
    """Make the text; a value that is not known is left out. The collector takes `*.prom`."""
    return exposition(lambda: gauges_of(report, {"region": report.region}))


def gauges_of(
    report: BillReport, here: Mapping[str, str], *, groups: bool = True
) -> Iterator["GaugeMetricFamily"]:
    """Give the gauges; what is money has the month, which the others would only change with."""
    month = {**here, "month": str(report.bill.month)}
    yield from _totals(report.total, month)
    if groups:
        yield from groups_of(report, month)
    yield from _streams(report, month)
    total, quota, made = report.total, report.quota, report.bill.now.timestamp()
    for name, text, labels, value in (
        # The total has deleted ones, too.
        ("channels", "Channels that there are.", here, quota.channels),
        ("channels_used", "Channels used in the month.", month, total.used),
        ("channels_unknown", "Channels whose cost could not be told.", month, total.unknown),
        (
            "channel_quota_share",
            "Share of the channel quota in use, from 0 to 1.",
            here,
            quota.share,
        ),
        (
            "ghosts",
            "Deleted channels that are still on the month's bill.",
            month,
            report.ghosts.channels,
        ),
        (
            "own_cost_dollars",
            "US dollars that this report itself cost.",
            here,
            report.own_cost.spent,
        ),
        (
            "cost_last_run_timestamp_seconds",
            "When the report was made, in seconds since 1970.",
            here,
            made,
        ),
    ):
        yield from gauge(f"kvsops_{name}", text, [(labels, value)])


def _totals(total: Total, month: Mapping[str, str]) -> Iterator["GaugeMetricFamily"]:
    yield from gauge(
        "kvsops_cost_month_to_date_dollars",
        "US dollars used so far in the month.",
        [(month, total.month_to_date)],
    )
    yield from gauge(
        "kvsops_cost_estimated_month_dollars",
        "US dollars that the whole month will come to.",
        [(month, total.estimated_month)],
    )
    parts = {"fee": total.fee, "messages": total.messages, "turn": total.turn}
    yield from gauge(
        "kvsops_cost_part_dollars",
        "US dollars used so far in the month, by what they are for.",
        [({**month, "part": part}, spent) for part, spent in parts.items()],
    )
    yield from gauge(
        "kvsops_cost_lower_bound",
        "1 if the totals leave out what could not be read or found, else 0.",
        [(month, total.lower_bound or total.unknown > 0)],
    )


def _streams(report: BillReport, month: Mapping[str, str]) -> Iterator["GaugeMetricFamily"]:
    """Give what both come to, and streams, where there are any or it could not be told."""
    part, whole = report.streams, report.in_all
    of_streams = (
        ("streams", "Streams on the month's bill.", len(part.lines) if part.bill else None),
        (
            "streams_cost_month_to_date_dollars",
            "US dollars that streams cost so far in the month.",
            part.month_to_date,
        ),
        (
            "streams_cost_estimated_month_dollars",
            "US dollars that streams will cost in the whole month.",
            part.estimated_month,
        ),
        (
            "streams_cost_lower_bound",
            "1 if what streams cost leaves out what is not known, else 0.",
            part.lower_bound,
        ),
    )
    of_both = (
        (
            "cost_in_all_month_to_date_dollars",
            "US dollars used so far in the month by channels and streams.",
            whole.month_to_date,
        ),
        (
            "cost_in_all_estimated_month_dollars",
            "US dollars that channels and streams will come to in the month.",
            whole.estimated_month,
        ),
    )
    for name, text, value in (*of_both, *(of_streams if part.told else ())):
        yield from gauge(f"kvsops_{name}", text, [(month, value)])
    if part.bill and part.told:
        yield from gauge(
            "kvsops_streams_cost_part_dollars",
            "US dollars that streams cost so far in the month, by what they are for.",
            [
                ({**month, "part": each.item.value}, each.spent)
                for each in stream_parts_of(part.bill)
            ],
        )


_OF_GROUPS: Final[tuple[tuple[str, str, Callable[[Group], Decimal | None]], ...]] = (
    ("month_to_date", "used so far in the month", lambda group: group.month_to_date),
    ("estimated_month", "that the whole month will come to", lambda group: group.estimated_month),
)


def groups_of(report: BillReport, month: Mapping[str, str]) -> Iterator["GaugeMetricFamily"]:
    """Give the dearest groups, and all others as one.

    They have names of their own, so that a sum over a name never counts a dollar twice.
    """
    for name, text, spent in _OF_GROUPS:
        values: dict[str, list[Decimal | None]] = {}
        for group in report.groups[:GROUPS]:
            # Two may look the same once made safe, and the collector refuses to read one twice.
            shown = NONE if group.name is None else safe(group.name)
            values.setdefault(shown, []).append(spent(group))
        values[OTHER] = [spent(group) for group in report.groups[GROUPS:]]
        yield from gauge(
            f"kvsops_cost_group_{name}_dollars",
            f"US dollars {text}, by group; no more than the dearest {GROUPS} apart.",
            [
                ({**month, "by": report.by, "group": group}, _sum(same))
                for group, same in values.items()
            ],
        )


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    """Add up; the sum of nothing, or with something that is not known, is not known."""
    known = [value for value in values if value is not None]
    return sum(known, ZERO) if known and len(known) == len(values) else None


OPEN_METRICS: Final = ReportFiles(
    "--open-metrics", {ANY: Kind(_open_metrics, "prometheus_client", FOR_ALL)}, what="metrics"
)
