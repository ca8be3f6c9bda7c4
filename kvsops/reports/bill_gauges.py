"""`--open-metrics`: the cost report's totals as gauges, for Prometheus's textfile collector."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kvsops.errors import KvsopsError
from kvsops.output.files import FOR_ALL, replace
from kvsops.output.gauges import exposition, gauge
from kvsops.output.text import safe

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

GROUPS: Final = 100
"""So many groups are told apart, so that an owner for each run doesn't flood the store."""

# No tag, owner or prefix can hold a parenthesis, so neither is taken for a group's name.
# Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_Tag.html
NONE: Final = "(none)"
OTHER: Final = "(other)"


def write(report: Mapping[str, Any], path: Path) -> None:
    """Write what `kvsops cost -o json` gives to a file, all of it or nothing.

    The collector takes files named `*.prom`. A value that is not known is left out. Raises
    KvsopsError where the file cannot be written, UsageError when the extra is missing.
    """
    text = exposition(lambda: _gauges(report), "--open-metrics")
    try:
        replace(path, text, FOR_ALL)
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = getattr(error, "strerror", None) or error
        raise KvsopsError(
            f"the metrics cannot be written to {safe(str(path))} (--open-metrics): {reason}"
        ) from error


def _gauges(report: Mapping[str, Any]) -> Iterator["GaugeMetricFamily"]:
    """Give the gauges; what is money has the month, which the others would only change with."""
    total = report["total"]
    here = {"region": report["region"]}
    month = here | {"month": report["month"]}

    yield from gauge(
        "kvsops_cost_month_to_date_dollars",
        "US dollars used so far in the month.",
        [(month, total["month_to_date_usd"])],
    )
    yield from gauge(
        "kvsops_cost_estimated_month_dollars",
        "US dollars that the whole month will come to.",
        [(month, total["estimated_monthly_usd"])],
    )
    yield from gauge(
        "kvsops_cost_part_dollars",
        "US dollars used so far in the month, by what they are for.",
        [(month | {"part": part}, total[f"{part}_usd"]) for part in ("fee", "messages", "turn")],
    )
    yield from gauge(
        "kvsops_cost_lower_bound",
        "1 if the totals leave out what could not be read or found, else 0.",
        [(month, total["lower_bound"] or total["unknown"] > 0)],
    )
    yield from _groups(report["groups"], month)
    there = report["quota"]["channels"]  # the total has deleted ones, too
    yield from gauge("kvsops_channels", "Channels that there are.", [(here, there)])
    yield from gauge(
        "kvsops_channels_used", "Channels used in the month.", [(month, total["used"])]
    )
    yield from gauge(
        "kvsops_channels_unknown",
        "Channels whose cost could not be told.",
        [(month, total["unknown"])],
    )
    yield from gauge(
        "kvsops_channel_quota_share",
        "Share of the channel quota in use, from 0 to 1.",
        [(here, report["quota"]["share"])],
    )
    yield from gauge(
        "kvsops_ghosts",
        "Deleted channels that are still on the month's bill.",
        [(month, report["ghosts"]["channels"])],
    )
    yield from gauge(
        "kvsops_own_cost_dollars",
        "US dollars that this report itself cost.",
        [(here, report["own_cost"]["usd"])],
    )
    yield from gauge(
        "kvsops_cost_last_run_timestamp_seconds",
        "When the report was made, in seconds since 1970.",
        [(here, datetime.fromisoformat(report["as_of"]).timestamp())],
    )


def _groups(groups: Mapping[str, Any], month: Mapping[str, str]) -> Iterator["GaugeMetricFamily"]:
    """Give the dearest groups, and all others as one.

    They have names of their own, so that a sum over a name never counts a dollar twice.
    """
    rows, rest = groups["rows"][:GROUPS], groups["rows"][GROUPS:]
    for name, key, text in (
        ("month_to_date", "month_to_date_usd", "used so far in the month"),
        ("estimated_month", "estimated_monthly_usd", "that the whole month will come to"),
    ):
        values: dict[str, list[float | None]] = {}
        for row in rows:
            group = NONE if row["group"] is None else safe(row["group"])
            # Two may look the same once made safe, and the collector refuses to read one twice.
            values.setdefault(group, []).append(row[key])
        values[OTHER] = [row[key] for row in rest]
        yield from gauge(
            f"kvsops_cost_group_{name}_dollars",
            f"US dollars {text}, by group; no more than the dearest {GROUPS} apart.",
            [
                ({**month, "by": groups["by"], "group": group}, _sum(same))
                for group, same in values.items()
            ],
        )


def _sum(values: Sequence[float | None]) -> float | None:
    """Add up; the sum of nothing, or with something that is not known, is not known."""
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None
