"""`kvsops list --cost`: what the streams cost that the channels record to."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.cli.costs import FREE_USE, told, written
from tests.cli.recordings import sow_recordings
from tests.fleet import DAY, put
from tests.goldens import Golden

LIST = ("list", "--cost")
JSON = (*LIST, "-o", "json")
DENIED = "AccessDeniedException"
NONE = {"stream_name": None, "stream_arn": None}


@pytest.fixture
def sown(emulator: LocalServer) -> LocalServer:
    """Return an emulator with a channel that records, one that does not, and three streams."""
    return sow_recordings(emulator)


def rows_of(found: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Answer, by channel, its stream's name, month in dollars, and whether it may be more."""
    keys = ("stream_estimated_monthly_usd", "stream_lower_bound")
    return {
        row["channel_name"]: (
            row["stream"] and row["stream"]["stream_name"],
            *(row[key] for key in keys),
        )
        for row in found
    }


@pytest.mark.usefixtures("sown")
def test_table(kvsops: Kvsops, golden: Golden) -> None:
    """A column has the stream's month, the dearest first; below is what both come to."""
    ended = kvsops(*LIST)
    golden(ended.out)
    assert ended.code == 0


@pytest.mark.usefixtures("sown")
def test_figures(kvsops: Kvsops) -> None:
    """240 GB came in to film on 10 of 20 days: $2.04 to date, for the month 744/468 of it."""
    rows = told(kvsops(*JSON))
    assert rows_of(rows) == {
        "cam-door": ("film", pytest.approx(2.04 * 744 / 468), False),
        "cam-yard": (None, 0, False),
    }
    assert rows[0]["stream_month_to_date_usd"] == pytest.approx(2.04)
    assert rows[1]["stream"] == NONE
    (door, yard) = csv.DictReader(io.StringIO(kvsops(*LIST, "-o", "csv").out))
    assert (door["stream_month_to_date_usd"], yard["stream_month_to_date_usd"]) == ("2.04", "0")
    assert "| STREAM |" in kvsops(*LIST, "-o", "markdown").out


@pytest.mark.usefixtures("sown")
def test_the_same_as_cost(kvsops: Kvsops) -> None:
    """Both commands tell the same of a stream."""
    (row, _) = told(kvsops(*JSON))
    streams = told(kvsops("cost", "-o", "json"))["streams"]["streams"]
    film = next(each for each in streams if each["stream_name"] == "film")
    assert row["stream_estimated_monthly_usd"] == film["estimated_monthly_usd"]


def test_the_dearest_first(kvsops: Kvsops, sown: LocalServer) -> None:
    """A channel that costs nothing by itself is dear by what it records."""
    backend = sown.backend()
    first, second = (backend.channels[name] for name in ("cam-door", "cam-yard"))
    first.stream_arn, second.stream_arn = None, first.stream_arn
    assert [row["channel_name"] for row in told(kvsops(*JSON))] == ["cam-yard", "cam-door"]


# What is asked


@pytest.mark.parametrize(
    ("options", "operation", "calls"),
    [
        ((), "DescribeMappedResourceConfiguration", 3),
        (("--prefix", "cam-d"), "DescribeMediaStorageConfiguration", 1),
        (("--sort", "name", "--limit", "1"), "DescribeMediaStorageConfiguration", 1),
    ],
)
def test_links_are_read_of_whichever_are_fewer(
    kvsops: Kvsops, sown: LocalServer, options: tuple[str, ...], operation: str, calls: int
) -> None:
    """Three streams, or one channel; and metrics of the one stream that is recorded to."""
    for number in range(3):
        put(sown, f"room-{number}", 30 * DAY)
    rows = rows_of(told(kvsops(*JSON, *options)))
    assert rows["cam-door"][0] == "film"
    assert sown.calls[operation] == calls
    assert sown.calls["DescribeStreamStorageConfiguration"] == 1


def test_nothing_is_asked_where_there_are_no_streams(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Then nothing is recorded, and nothing shown."""
    put(emulator, "cam-door", 30 * DAY)
    ended = kvsops(*LIST)
    assert "STREAM" not in ended.out
    assert ended.code == 0
    asked = {"DescribeMappedResourceConfiguration", "DescribeMediaStorageConfiguration"}
    assert not asked & emulator.calls.keys()
    assert emulator.calls["ListMetrics"] == 3


def test_without_metrics(kvsops: Kvsops, sown: LocalServer) -> None:
    """Nothing is asked of streams, and nothing known."""
    rows = rows_of(told(kvsops(*JSON, "--no-metrics")))
    assert rows == {"cam-door": (None,) * 3, "cam-yard": (None,) * 3}
    assert "Not counted: what the channels' streams cost." in kvsops(*LIST, "--no-metrics").out
    assert "ListStreams" not in sown.calls


def test_the_budget_of_asking(kvsops: Kvsops, sown: LocalServer) -> None:
    """What may cost more than --max-own-cost is refused before anything is asked."""
    ended = kvsops(*LIST, "--max-own-cost", "0.00017")
    assert ended.code == 3
    assert "metrics of 3 channels and streams may cost $0.0002" in ended.err
    assert "GetMetricData" not in sown.calls
    assert kvsops(*LIST, "--max-own-cost", "0.00018").code == 0  # 3 x 6 x 0.00001


# Budgets


@pytest.mark.usefixtures("sown")
@pytest.mark.parametrize(("budget", "code"), [("3", 3), ("4", 0)])
def test_the_budget_is_of_both(kvsops: Kvsops, budget: str, code: int) -> None:
    """$0.03 for the channel, and $3.24 for what it records to; not of the other streams."""
    assert kvsops(*LIST, "--fail-over", budget).code == code


@pytest.mark.usefixtures("sown")
def test_its_own_output_is_a_baseline(kvsops: Kvsops, tmp_path: Path) -> None:
    """Streams are compared with streams: nothing grew, or what they added did."""
    rows = told(kvsops(*JSON))
    same = written(tmp_path, "same.json", rows)
    assert kvsops(*LIST, "--baseline", same, "--max-growth", "0").code == 0
    rows[0]["stream_estimated_monthly_usd"] = 1
    less = written(tmp_path, "less.json", rows)
    ended = kvsops(*LIST, "--baseline", less, "--max-growth", "2")
    assert ended.code == 3
    assert f"{less} had $1.0" in ended.err


@pytest.mark.usefixtures("sown")
@pytest.mark.parametrize("kind", ["cost", "older", "unknown"])
def test_an_output_of_other_streams_is_compared_with_channels_alone(
    kvsops: Kvsops, tmp_path: Path, kind: str
) -> None:
    """That of cost is of all streams, an older list's of none, and one may not have known."""
    rows = told(kvsops("cost", "-o", "json") if kind == "cost" else kvsops(*JSON))
    for row in rows if kind != "cost" else ():
        row["stream_estimated_monthly_usd"] = None
        if kind == "older":
            del row["stream_estimated_monthly_usd"], row["stream_lower_bound"]
    ended = kvsops(*LIST, "--baseline", written(tmp_path, "x.json", rows), "--max-growth", "0")
    assert ended.code == 0
    assert "x.json had $0.03, channels alone\n" in ended.err


@pytest.mark.usefixtures("sown")
def test_a_list_is_no_baseline_for_the_streams_of_cost(kvsops: Kvsops, tmp_path: Path) -> None:
    """Nor the other way round."""
    file = written(tmp_path, "list.json", told(kvsops(*JSON)))
    ended = kvsops("cost", "--baseline", file, "--max-growth", "0")
    assert ended.code == 0
    assert "list.json had $0.03, channels alone\n" in ended.err


# What cannot be told


@pytest.mark.parametrize(
    ("operation", "known"),
    [
        ("ListStreams", {"cam-door": (None,) * 3, "cam-yard": (None,) * 3}),
        (
            "DescribeStreamStorageConfiguration",
            {"cam-door": ("film", None, True), "cam-yard": (None, 0, False)},
        ),
        (
            "DescribeMediaStorageConfiguration",
            {"cam-door": (None,) * 3, "cam-yard": (None,) * 3},
        ),
    ],
)
def test_denied(
    kvsops: Kvsops, sown: LocalServer, operation: str, known: dict[str, tuple[Any, ...]]
) -> None:
    """What could not be read is unknown, told, and no smaller bill: exit code 1."""
    sown.settings.faults = (Fault(operation, DENIED),)
    ended = kvsops(*JSON)
    assert rows_of(told(ended)) == known
    assert ended.code == 1
    assert f"{operation} denied" in ended.err
    assert kvsops(*LIST, "--fail-over", "100").code == 1
    assert "at least $0.03 for the month" in kvsops(*LIST).out


def test_links_of_streams_denied(kvsops: Kvsops, sown: LocalServer) -> None:
    """Where one stream's is not told, any channel may be what records to it."""
    for number in range(3):
        put(sown, f"room-{number}", 30 * DAY)
    sown.settings.faults = (Fault("DescribeMappedResourceConfiguration", DENIED),)
    ended = kvsops(*LIST)
    assert ended.code == 1
    assert "What 5 channels record to is not known." in ended.out


def test_a_stream_that_is_not_listed(kvsops: Kvsops, sown: LocalServer) -> None:
    """What it costs is not known, and it is no channel that records to nothing."""
    channel = sown.backend().channels["cam-door"]
    channel.stream_arn = str(channel.stream_arn).replace("/film/", "/away/")
    ended = kvsops(*JSON, "--prefix", "cam-")
    assert rows_of(told(ended))["cam-door"] == ("away", None, True)


@pytest.mark.usefixtures("sown")
def test_prices_without_those_of_streams(kvsops: Kvsops, tmp_path: Path) -> None:
    """Streams are unknown then, which is said once; the channels' figures stand."""
    file = tmp_path / "prices.toml"
    file.write_text(FREE_USE)
    ended = kvsops(*LIST, "--prices", str(file))
    assert ended.out.count("Prices of streams' data are not known: ") == 1
    (row, _) = json.loads(kvsops(*JSON, "--prices", str(file)).out)
    assert (row["estimated_monthly_usd"], row["stream_lower_bound"]) == (0.03, True)
