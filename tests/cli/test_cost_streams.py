"""`kvsops cost` with streams: beside channels, in all, by day, by group, and what is not known."""

import json
from pathlib import Path
from typing import Any

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.cli.costs import FREE_USE, told
from tests.cli.recordings import sow_recordings
from tests.goldens import Golden

COST = ("cost", "-o", "json")
PARTS = ("ingested", "consumed", "consumed_by_hls", "clips", "stored")


@pytest.fixture
def sown(emulator: LocalServer) -> LocalServer:
    """Return an emulator with a channel that records, its stream and two others, all used."""
    return sow_recordings(emulator)


@pytest.mark.usefixtures("sown")
def test_table(kvsops: Kvsops, golden: Golden) -> None:
    """What both come to stands first, then each; the streams have a table of their own."""
    ended = kvsops("cost")
    golden(ended.out)
    assert ended.code == 0


@pytest.mark.usefixtures("sown")
def test_markdown(kvsops: Kvsops) -> None:
    """Markdown has the same tables."""
    out = kvsops("cost", "-o", "markdown").out
    assert "| STREAM | DELETED | STATUS |" in out
    assert "channels and streams together" in out


@pytest.mark.usefixtures("sown")
def test_figures(kvsops: Kvsops) -> None:
    """By hand: 240 GB and 24 GB came in, 24 GB went out by HLS and 24 otherwise."""
    found = told(kvsops(*COST))
    parts = {part["item"]: part for part in found["streams"]["parts"]}
    assert list(parts) == [*PARTS]
    assert (parts["ingested"]["gb"], parts["ingested"]["month_to_date_usd"]) == (264, 2.244)
    assert parts["consumed"]["month_to_date_usd"] == pytest.approx(0.204)
    assert parts["consumed_by_hls"]["month_to_date_usd"] == pytest.approx(0.2856)
    # A GB an hour for 24 hours: 288 GB-hours of the month's 744.
    assert parts["stored"]["gb"] == pytest.approx(288 / 744)
    assert parts["stored"]["month_to_date_usd"] == pytest.approx(0.023 * 288 / 744)
    total = found["streams"]["total"]
    assert (total["streams"], total["unknown"], total["basis"]) == (3, 0, "projected")
    assert found["in_all"]["month_to_date_usd"] == pytest.approx(
        found["total"]["month_to_date_usd"] + total["month_to_date_usd"]
    )


@pytest.mark.usefixtures("sown")
@pytest.mark.parametrize("by", ["prefix", "owner", "tag:team", "tag:none", "region"])
def test_parts_add_up(kvsops: Kvsops, by: str) -> None:
    """Under every grouping groups come to all, and days and items to what streams cost."""
    found = told(kvsops(*COST, "--group-by", by))
    whole, streams = found["in_all"], found["streams"]
    for key in ("month_to_date_usd", "estimated_monthly_usd"):
        rows = found["groups"]["rows"]
        assert sum(row[key] for row in rows) == pytest.approx(whole[key])
        assert sum(row[f"streams_{key}"] for row in rows) == pytest.approx(streams["total"][key])
        assert sum(part[key] for part in streams["parts"]) == pytest.approx(streams["total"][key])
    assert sum(row["streams"] for row in found["groups"]["rows"]) == 3
    days = sum(day["streams_usd"] for day in found["days"])
    assert days == pytest.approx(streams["total"]["month_to_date_usd"])


@pytest.mark.usefixtures("sown")
def test_a_streams_group(kvsops: Kvsops, emulator: LocalServer) -> None:
    """It is that of its own tag, else of the channel that records to it, else none."""
    rows = told(kvsops(*COST, "--group-by", "tag:team"))["groups"]["rows"]
    groups = {row["group"]: (row["channels"], row["streams"]) for row in rows}
    assert groups == {"door": (1, 1), "yard": (1, 1), None: (0, 1)}
    # … and links are read only of streams without the tag.
    assert emulator.calls["DescribeMappedResourceConfiguration"] == 2
    emulator.settings.faults = (
        Fault("DescribeMappedResourceConfiguration", "AccessDeniedException"),
    )
    ended = kvsops(*COST, "--group-by", "tag:team")
    rows = told(ended)["groups"]["rows"]
    assert {row["group"]: row["streams"] for row in rows} == {"door": 0, "yard": 1, "unknown": 2}
    assert ended.code == 1


@pytest.mark.usefixtures("sown")
def test_narrowing(kvsops: Kvsops) -> None:
    """The same names choose channels and streams."""
    found = told(kvsops(*COST, "--prefix", "ha"))
    assert [row["stream_name"] for row in found["streams"]["streams"]] == ["hall"]
    assert found["channels"] == []


# Budgets


@pytest.mark.usefixtures("sown")
def test_the_budget_is_of_both(kvsops: Kvsops) -> None:
    """Channels alone would pass."""
    ended = kvsops("cost", "--fail-over", "1")
    assert ended.code == 3
    assert "the month will come to at least $" in ended.err
    assert kvsops("cost", "--fail-over", "100").code == 0


@pytest.mark.usefixtures("sown")
def test_a_baseline(kvsops: Kvsops, tmp_path: Path) -> None:
    """Like is compared with like: an output that tells nothing of streams, with channels alone."""
    file = tmp_path / "before.json"
    file.write_text(kvsops(*COST).out)
    same = kvsops("cost", "--baseline", str(file), "--max-growth", "0%")
    assert same.code == 0
    before: dict[str, Any] = told(kvsops(*COST))
    del before["streams"], before["in_all"]
    file.write_text(json.dumps(before))
    assert kvsops("cost", "--baseline", str(file), "--max-growth", "0%").code == 0
    before["streams"] = {"total": {"lower_bound": False}}
    before["in_all"] = {"estimated_monthly_usd": 1}
    file.write_text(json.dumps(before))
    assert kvsops("cost", "--baseline", str(file), "--max-growth", "10%").code == 3


# Files


@pytest.mark.usefixtures("sown")
def test_files(kvsops: Kvsops, tmp_path: Path) -> None:
    """The page and the metrics tell of streams, too."""
    page, metrics = tmp_path / "bill.html", tmp_path / "bill.prom"
    ended = kvsops("cost", "--html", str(page), "--open-metrics", str(metrics))
    assert ended.code == 0
    text = page.read_text()
    assert "Streams, and all in all" in text
    assert '<th scope="row">Ingested</th><td class="n">264.0</td><td class="n">$2.24</td>' in text
    assert ">hall</th>" in text
    # By day, too: from the 11th to the 18th 24 GB came into film, $0.204, and no more.
    assert "US dollars, channels' and streams', by day of May 2026 (UTC)" in text
    assert text.count('<td class="n">$0.20</td><td class="n">$0.20</td></tr>') == 8
    gauges = metrics.read_text()
    assert 'kvsops_streams{month="2026-05",region="us-east-1"} 3.0' in gauges
    part = 'kvsops_streams_cost_part_dollars{month="2026-05",part="ingested",region="us-east-1"}'
    assert f"{part} 2.244" in gauges
    assert "kvsops_cost_in_all_estimated_month_dollars" in gauges


@pytest.mark.usefixtures("sown")
def test_nothing_is_asked_twice(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Each look is one call; a tier of each that took in something, a link of what nobody reads."""
    assert kvsops(*COST).code == 0
    assert emulator.calls == {
        "ListSignalingChannels": 1,
        "ListStreams": 1,
        "ListMetrics": 3 + 6,
        # Channels' and, of streams, what came in and went out.
        "GetMetricData": 1 + 2,
        "DescribeStreamStorageConfiguration": 2,
        "DescribeMappedResourceConfiguration": 1,
        "GetResources": 1,
    }


# What cannot be told


@pytest.mark.usefixtures("sown")
def test_denied_streams(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """They are unknown then, and the channels' figures stand."""
    before = told(kvsops(*COST))["total"]
    emulator.settings.faults = (Fault("ListStreams", "AccessDeniedException"),)
    ended = kvsops(*COST)
    found = told(ended)
    assert (ended.code, found["streams"], found["total"]) == (1, None, before)
    assert found["in_all"]["lower_bound"] is True
    assert {day["streams_usd"] for day in found["days"]} == {None}
    assert "ListStreams denied" in ended.err
    page = tmp_path / "bill.html"
    out = kvsops("cost", "--html", str(page)).out
    assert "us-east-1: what streams cost is not known." in out
    assert "The streams could not be listed" in page.read_text()


@pytest.mark.usefixtures("sown")
@pytest.mark.parametrize("operation", ["GetMetricData", "DescribeStreamStorageConfiguration"])
def test_denied_reads(kvsops: Kvsops, emulator: LocalServer, operation: str) -> None:
    """The part that is denied is unknown, never a smaller bill: exit code 1."""
    emulator.settings.faults = (Fault(operation, "AccessDeniedException"),)
    ended = kvsops(*COST)
    found = told(ended)["streams"]
    assert ended.code == 1
    assert found["total"]["lower_bound"] is True
    assert {part["month_to_date_usd"] for part in found["parts"] if part["item"] == "ingested"} == {
        None
    }
    assert f"{operation} denied" in ended.err


@pytest.mark.usefixtures("sown")
def test_prices_without_those_of_streams(kvsops: Kvsops, tmp_path: Path) -> None:
    """Streams are unknown then, which is said once; the channels' figures stand."""
    file = tmp_path / "prices.toml"
    file.write_text(FREE_USE)
    ended = kvsops("cost", "--prices", str(file))
    assert ended.out.count("Prices of streams' data are not known: ") == 1
    assert "fees $0.03" in ended.out
    assert "3 streams: ? to date, ? for the month" in ended.out
    rows = told(kvsops(*COST, "--prices", str(file)))["groups"]["rows"]
    groups = {row["group"]: (row["month_to_date_usd"], row["lower_bound"]) for row in rows}
    unknown = (None, True)
    assert groups == {"cam": (0.03, False), "film": unknown, "hall": unknown, "wall": unknown}
    # … and a budget that holds for what is known alone is no budget that holds.
    ended = kvsops("cost", "--prices", str(file), "--fail-over", "100")
    assert ended.code == 1
    assert "budget is not known: prices of streams' data are not" in ended.err


@pytest.mark.usefixtures("sown")
def test_a_ghost(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A stream deleted since is on the bill."""
    backend = emulator.backend()
    wall = next(each for each in backend.streams.values() if each.stream_name == "wall")
    backend.delete_stream(wall.arn)
    rows = told(kvsops(*COST))["streams"]["streams"]
    assert {row["stream_name"]: row["ghost"] for row in rows}["wall"] is True


@pytest.mark.usefixtures("sown")
def test_the_budget_of_asking(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What may cost more than --max-own-cost is refused before anything is asked."""
    ended = kvsops("cost", "--max-own-cost", "0.0002")
    assert ended.code == 3
    assert "metrics of 5 channels and streams may cost" in ended.err
    assert "GetMetricData" not in emulator.calls
