"""`kvsops streams`: what streams cost, how they are chosen and ordered, and how it ends."""

import csv
import io
import json
from pathlib import Path

import pytest

from kvsops.core.stream_price import GB
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.bill.test_streams import every_hour, stream
from tests.cli.conftest import Kvsops, Screens
from tests.cli.costs import FREE_USE, told
from tests.fleet import DAY, NOON, put
from tests.goldens import Golden


@pytest.fixture
def sown(emulator: LocalServer) -> LocalServer:
    """Return an emulator at noon of 2026-05-20 with streams of every kind, one linked."""
    now = NOON + 19 * DAY
    emulator.settings.clock = lambda: now
    channel = put(emulator, "cam-door", 30 * DAY, stored=True)
    backend = emulator.backend()
    linked = backend.streams[channel.stream_arn or ""]
    linked.data_retention_in_hours = 24
    month = every_hour(now - 10 * DAY, now, GB)
    stream(emulator, "hall", 720, age=100 * DAY, moved=month)
    watched = every_hour(now - DAY, now, GB // 4, by_hls=GB)
    stream(emulator, "wall", 0, age=20 * DAY, moved=watched)
    stream(emulator, "vault", 24, age=50 * DAY, moved=watched, tier="WARM")
    made = next(each for each in backend.streams.values() if each.stream_name == "hall")
    backend.tag_stream("hall", made.arn, {"team": "door"})
    return emulator


@pytest.mark.usefixtures("sown")
def test_table(kvsops: Kvsops, golden: Golden) -> None:
    """The dearest first, a + where something is not known; the totals, and what they rest on."""
    ended = kvsops("streams")
    golden(ended.out)
    assert ended.code == 0
    assert ended.err.startswith("own cost: ")


@pytest.mark.usefixtures("sown")
def test_screen(on_screen: Screens, golden: Golden) -> None:
    """On 80 columns it fits; what is alike in all rows is said once."""
    golden(on_screen(80, "streams", "-v"))


@pytest.mark.usefixtures("sown")
def test_json(kvsops: Kvsops, golden: Golden) -> None:
    """The keys are an interface, the figures exact: 1 GB an hour, stored as it came in."""
    rows = {row["stream_name"]: row for row in told(kvsops("streams", "-o", "json"))}
    (keys,) = {"".join(f"{key}\n" for key in row) for row in rows.values()}
    golden(keys)
    hall = rows["hall"]
    assert (hall["data_retention_hours"], hall["storage_tier"]) == (720, "HOT")
    assert (hall["ingested_gb"], hall["ingested_usd"]) == (240, 2.04)
    # 240 hours' GB lie for 239.5 hours down to half an hour: 28,800 GB-hours of 744 a month.
    assert hall["stored_gb_months"] == pytest.approx(28_800 / 744)
    assert hall["stored_usd"] == pytest.approx(0.023 * 28_800 / 744)
    assert (hall["stored_gb"], hall["tags"]) == (240, {"team": "door"})
    assert (hall["last_written"], hall["last_read"]) == ("2026-05-20T11:00:00Z", None)
    wall = rows["wall"]
    assert (wall["stored_gb"], wall["stored_usd"], wall["consumed_by_hls_gb"]) == (0, 0, 24)
    assert wall["last_read"] == "2026-05-20T00:00:00Z"
    vault = rows["vault"]
    assert (vault["ingested_usd"], vault["stored_usd"]) == (None, None)
    assert (vault["lower_bound"], vault["storage_tier"]) == (True, "WARM")
    assert rows["cam-door-media"]["link"]["channel_arn"].split("/")[1] == "cam-door"
    assert hall["link"] == {"channel_arn": None}


@pytest.mark.usefixtures("sown")
def test_csv(kvsops: Kvsops) -> None:
    """CSV has the same rows in the same order, and no total."""
    rows = [*csv.DictReader(io.StringIO(kvsops("streams", "-o", "csv").out))]
    assert [row["stream_name"] for row in rows] == ["hall", "wall", "vault", "cam-door-media"]


@pytest.mark.usefixtures("sown")
@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("", ["hall", "wall", "vault", "cam-door-media"]),
        ("--reverse --limit 2", ["cam-door-media", "vault"]),
        ("--sort name", ["cam-door-media", "hall", "vault", "wall"]),
        ("--sort age --limit 1", ["hall"]),
        ("--sort written --limit 1", ["cam-door-media"]),
        ("--prefix cam", ["cam-door-media"]),
        ("--match *l*", ["hall", "wall", "vault"]),
        ("--tag team", ["hall"]),
        ("--without-tag team", ["wall", "vault", "cam-door-media"]),
        ("--older-than 60d", ["hall"]),
        ("--younger-than 25d", ["wall", "cam-door-media"]),
        ("--status deleting", []),
    ],
)
def test_choice(kvsops: Kvsops, options: str, names: list[str]) -> None:
    """Filters are those of list, as far as streams have what they look at."""
    ended = kvsops("streams", *options.split(), "-o", "json")
    assert [row["stream_name"] for row in told(ended)] == names
    assert ended.code == 0


@pytest.mark.usefixtures("sown")
def test_a_filter_leaves_the_deleted_out(kvsops: Kvsops, emulator: LocalServer) -> None:
    """One deleted since is in the total if names alone choose; else it is said that none is."""
    backend = emulator.backend()
    hall = next(each for each in backend.streams.values() if each.stream_name == "hall")
    backend.delete_stream(hall.arn)
    out = kvsops("streams", "--prefix", "hall").out
    assert "\n$2.04 of that is for 1 stream deleted since, which is not listed.\n" in out
    out = kvsops("streams", "--older-than", "1d").out
    assert "\nNot counted: streams deleted since, of which only the name is known.\n" in out


def test_no_streams(kvsops: Kvsops) -> None:
    """An account without streams costs nothing."""
    ended = kvsops("streams")
    assert ended.out.startswith("No streams in us-east-1, account 123456789012.\n\n")
    assert "0 streams: " in ended.out
    assert ended.code == 0
    assert json.loads(kvsops("streams", "-o", "json").out) == []


# What cannot be told


@pytest.mark.usefixtures("sown")
@pytest.mark.parametrize(
    ("operation", "keys"),
    [
        ("GetMetricData", {"ingested_usd", "consumed_usd", "stored_gb", "last_written"}),
        ("DescribeStreamStorageConfiguration", {"storage_tier", "ingested_usd", "stored_usd"}),
        ("DescribeMappedResourceConfiguration", {"link"}),
        ("ListTagsForStream", set()),
    ],
)
def test_denied(kvsops: Kvsops, emulator: LocalServer, operation: str, keys: set[str]) -> None:
    """What is denied is null, never nothing; why is said, and the exit code is 1."""
    emulator.settings.faults = (Fault(operation, "AccessDeniedException"),)
    ended = kvsops("streams", "-o", "json", "--sort", "name")
    assert ended.code == 1
    assert f"{operation} denied" in ended.err
    hall = told(ended)[1]
    assert hall["stream_name"] == "hall"
    assert {key for key in keys if hall[key] is not None} == set()
    assert [row["tags"] for row in told(ended)].count(None) == (
        3 if operation == "ListTagsForStream" else 0
    )


def test_a_denied_listing(kvsops: Kvsops, emulator: LocalServer) -> None:
    """It is no empty account."""
    emulator.settings.faults = (Fault("ListStreams", "AccessDeniedException"),)
    ended = kvsops("streams")
    assert (ended.code, ended.out) == (1, "")
    assert "ListStreams denied" in ended.err


@pytest.mark.usefixtures("sown")
def test_prices_without_those_of_streams(kvsops: Kvsops, tmp_path: Path) -> None:
    """Then nothing that was used is priced, which is said once; it is no failure."""
    file = tmp_path / "prices.toml"
    file.write_text(FREE_USE)
    ended = kvsops("streams", "--prices", str(file))
    assert ended.out.count("Prices of streams' data are not known: ") == 1
    assert ended.code == 0
    rows = told(kvsops("streams", "--prices", str(file), "-o", "json", "--sort", "name"))
    assert (rows[1]["ingested_gb"], rows[1]["ingested_usd"]) == (240, None)


@pytest.mark.usefixtures("sown")
def test_the_budget_of_asking(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What may cost more than --max-own-cost is not asked."""
    ended = kvsops("streams", "--max-own-cost", "0.00001")
    assert ended.code == 3
    assert "metrics of 4 streams may cost" in ended.err
    assert "GetMetricData" not in emulator.calls


def test_a_contradiction(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Filters that leave nothing are refused before anything is asked."""
    ended = kvsops("streams", "--older-than", "2d", "--younger-than", "1d")
    assert ended.code == 2
    assert emulator.calls == {}
