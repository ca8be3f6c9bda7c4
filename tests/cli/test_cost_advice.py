"""`kvsops cost`: what streams could spare, with what that rests on; it changes nothing."""

from pathlib import Path
from typing import Any

import pytest

from kvsops.core.stream_price import GB
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.bill.test_streams import every_hour, stream
from tests.cli.conftest import Ended, Kvsops
from tests.cli.costs import told
from tests.cli.recordings import NOW, arn_of
from tests.fleet import DAY, put
from tests.goldens import Golden

COST = ("cost", "-o", "json")
STOPPED = NOW - 10 * DAY


@pytest.fixture
def sown(emulator: LocalServer) -> LocalServer:
    """Return an emulator with a stream for each advice, and two of which there is none."""
    emulator.settings.clock = lambda: NOW
    door = put(emulator, "cam-door", 60 * DAY)
    long, recent = every_hour(NOW - 30 * DAY, NOW, GB), every_hour(NOW - 20 * DAY, NOW, GB)
    stream(emulator, "recorded", 24, age=60 * DAY, moved=recent)
    door.stream_arn = arn_of(emulator, "recorded")
    stream(emulator, "unread", 240, age=60 * DAY, moved=long)
    stream(emulator, "stopped", 720, age=60 * DAY, moved=every_hour(NOW - 12 * DAY, STOPPED, GB))
    read = every_hour(NOW - 20 * DAY, NOW, GB, by_hls=1)
    stream(emulator, "tagged", 168, age=60 * DAY, moved=read)
    stream(emulator, "read", 240, age=60 * DAY, moved=read)
    stream(emulator, "live", 0, age=60 * DAY, moved=recent)
    tag(emulator, "tagged", "48h")
    return emulator


def tag(emulator: LocalServer, name: str, retention: str) -> None:
    """Say by the stream's tag how long it is to keep."""
    tags = {"kvsops:retention": retention}
    emulator.backend().tag_stream(name, arn_of(emulator, name), tags)


def advised(ended: Ended) -> dict[tuple[str, str], dict[str, Any]]:
    """Answer the advice by stream and kind."""
    rows = told(ended)["advice"]["rows"]
    return {(row["stream_name"], row["kind"]): row for row in rows}


@pytest.mark.usefixtures("sown")
def test_table(kvsops: Kvsops, golden: Golden) -> None:
    """Each advice has its dollars and how sure it is; what that means is said below."""
    ended = kvsops("cost")
    golden(ended.out)
    assert ended.code == 0


def test_figures(kvsops: Kvsops, sown: LocalServer) -> None:
    """By hand: GB that need not be kept at $0.023, and a month of ingest at $0.0085."""
    before = {each.arn: each.data_retention_in_hours for each in sown.backend().streams.values()}
    found = advised(kvsops(*COST))
    sums = {key: (row["keep_hours"], row["certainty"]) for key, row in found.items()}
    assert sums == {
        ("stopped", "unwritten"): (None, "likely"),
        ("recorded", "recorded-unread"): (None, "uncertain"),
        ("unread", "unread"): (24, "uncertain"),
        ("tagged", "over-limit"): (48, "sure"),
    }
    saves = {key: row["saving_usd"] for key, row in found.items()}
    # 48 GB came in on two days, and nothing since.
    assert saves["stopped", "unwritten"] == pytest.approx(0.023 * 48)
    assert saves["unread", "unread"] == pytest.approx(0.023 * (240 - 24))
    assert saves["tagged", "over-limit"] == pytest.approx(0.023 * (168 - 48))
    taken = 468 * 744 / 468 * 0.0085  # a GB an hour: 744 in a month of 31 days
    assert saves["recorded", "recorded-unread"] == pytest.approx(taken + 0.023 * 24, rel=0.01)
    assert found["recorded", "recorded-unread"]["channel_name"] == "cam-door"
    assert found["tagged", "over-limit"]["limit_of"] == "kvsops:retention"
    whole = told(kvsops(*COST))["advice"]
    assert whole["saving_usd"] == pytest.approx(sum(saves.values()))
    after = {each.arn: each.data_retention_in_hours for each in sown.backend().streams.values()}
    assert (whole["streams"], after) == (4, before)


@pytest.mark.usefixtures("sown")
def test_a_policy(kvsops: Kvsops) -> None:
    """--max-retention is for those without a tag of their own."""
    found = advised(kvsops(*COST, "--max-retention", "5d"))
    over = {name: row["keep_hours"] for (name, kind), row in found.items() if kind == "over-limit"}
    assert over == {"unread": 120, "stopped": 120, "tagged": 48, "read": 120}
    assert found["read", "over-limit"]["limit_of"] == "--max-retention"
    assert found["read", "over-limit"]["saving_usd"] == pytest.approx(0.023 * 120)


@pytest.mark.usefixtures("sown")
def test_what_is_counted_once(kvsops: Kvsops) -> None:
    """A stream with two advices adds the larger of them to what all would spare."""
    whole = told(kvsops(*COST, "--max-retention", "5d"))["advice"]
    most: dict[str, float] = {}
    for row in whole["rows"]:
        name = row["stream_name"]
        most[name] = max(most.get(name, 0), row["saving_usd"])
    assert len(most) == whole["streams"] < len(whole["rows"])
    assert whole["saving_usd"] == pytest.approx(sum(most.values()))


@pytest.mark.usefixtures("sown")
def test_files(kvsops: Kvsops, tmp_path: Path) -> None:
    """The page and Markdown have it, too."""
    page = tmp_path / "bill.html"
    out = kvsops("cost", "-o", "markdown", "--html", str(page)).out
    assert "| tagged | its tag 2d | 7d | keep 2d |" in " ".join(out.split())
    text = page.read_text()
    assert "What streams could spare" in text
    assert "recorded by cam-door" in text
    assert '<td class="t">keep 2d</td><td class="n">$2.76</td><td class="t">sure</td>' in text


@pytest.mark.usefixtures("sown")
def test_an_earlier_month(kvsops: Kvsops) -> None:
    """It tells nothing of what is kept now."""
    assert told(kvsops(*COST, "--month", "2026-04"))["advice"] is None


# What is not known


@pytest.mark.parametrize(
    ("operation", "lacks"),
    [
        ("GetResources", {("tagged", "over-limit")}),
        ("DescribeMappedResourceConfiguration", {("recorded", "recorded-unread")}),
    ],
)
def test_a_look_that_is_denied(
    kvsops: Kvsops, sown: LocalServer, operation: str, lacks: set[tuple[str, str]]
) -> None:
    """Then there is less advice, which is told; the bill stands, and the exit code is 1."""
    before, bill = advised(kvsops(*COST)), told(kvsops(*COST))["in_all"]
    sown.settings.faults = (Fault(operation, "AccessDeniedException"),)
    ended = kvsops(*COST)
    assert (ended.code, told(ended)["in_all"]) == (1, bill)
    assert before.keys() - advised(ended).keys() == lacks
    assert f"{operation} denied" in ended.err


def test_metrics_that_are_not_told(kvsops: Kvsops, sown: LocalServer) -> None:
    """Then it is not known what is read; only a tag stands, and what that spares is not known."""
    sown.settings.faults = (Fault("GetMetricData", "AccessDeniedException"),)
    ended = kvsops(*COST)
    saves = {key: row["saving_usd"] for key, row in advised(ended).items()}
    assert (ended.code, saves) == (1, {("tagged", "over-limit"): None})


def test_a_tag_that_cannot_be_read(kvsops: Kvsops, sown: LocalServer) -> None:
    """A line says which, and how to write it."""
    tag(sown, "tagged", "two days")
    ended = kvsops(*COST)
    assert ended.code == 1
    assert "tagged: its kvsops:retention is 'two days': write it like 24h or 30d\n" in ended.err


@pytest.mark.parametrize("text", ["5", "0d", "-1d", "soon"])
def test_bad_input(kvsops: Kvsops, emulator: LocalServer, text: str) -> None:
    """A line, wrong usage, and nothing was asked."""
    ended = kvsops("cost", "--max-retention", text)
    assert (ended.code, ended.out, emulator.calls) == (2, "", {})
