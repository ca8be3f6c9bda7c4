"""`kvsops prices`: what applies, whence, and how it is refreshed."""

import json
from pathlib import Path

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.aws.test_prices import BAD, ROW
from tests.cli.conftest import Kvsops
from tests.goldens import Golden

NORTH = ROW.replace("as_of = 2026-05-01", 'as_of = "2026-05-01"')


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where an emulator's refreshed prices are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kvsops" / "emulated-prices.toml"


@pytest.mark.usefixtures("cache")
def test_table(kvsops: Kvsops, emulator: LocalServer, golden: Golden) -> None:
    """The shipped prices, their dates and sources; nothing is asked."""
    ended = kvsops("prices")
    golden(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert emulator.calls == {}


@pytest.mark.usefixtures("cache")
def test_without_a_region(kvsops: Kvsops, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shipped can be shown without any account."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name)
    assert kvsops("prices").code == 0


@pytest.mark.usefixtures("cache")
def test_of_a_region_that_is_not_known(kvsops: Kvsops) -> None:
    """That none apply to it is an error, with how to give some, after those that are known."""
    ended = kvsops("prices", "--region", "eu-nowhere-1")
    assert (ended.code, ended.out) == (2, kvsops("prices", "--region", "us-east-1").out)
    assert ended.err.startswith(
        "error: no prices are known for eu-nowhere-1: read them with kvsops"
    )


@pytest.mark.usefixtures("cache")
def test_json(kvsops: Kvsops, tmp_path: Path) -> None:
    """The keys are an interface; the prices are numbers."""
    file = tmp_path / "ours.toml"
    file.write_text(NORTH)
    rows = json.loads(kvsops("prices", "--prices", str(file), "-o", "json").out)
    regions = [row["region"] for row in rows]
    assert regions == sorted({"ap-southeast-2", "us-east-1", "eu-nowhere-1", *regions})
    assert rows[regions.index("eu-nowhere-1")] == {
        "region": "eu-nowhere-1",
        "channel_month": 0.04,
        "million_messages": 3,
        "thousand_turn_minutes": 0.15,
        "gb_ingested": None,
        "gb_consumed": None,
        "gb_consumed_by_hls": None,
        "gb_month_stored": None,
        "as_of": "2026-05-01",
        "origin": str(file),
        "source": "our contract",
    }


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(("text", "said"), BAD)
def test_a_bad_file(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, text: str, said: str
) -> None:
    """Every command refuses it in one line, before anything is asked."""
    file = tmp_path / "bad.toml"
    file.write_text(text)
    for command in (("prices",), ("cost",), ("list", "--cost")):
        ended = kvsops(*command, "--prices", str(file))
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err
        assert ended.err.count("\n") == 1
    assert emulator.calls == {}


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("name", "why"),
    [("missing.toml", "No such file or directory"), (".", "is a directory")],
)
def test_an_unreadable_file(kvsops: Kvsops, tmp_path: Path, name: str, why: str) -> None:
    """A file that is not there, or a directory, is wrong usage."""
    ended = kvsops("prices", "--prices", str(tmp_path / name))
    assert (ended.code, ended.out) == (2, "")
    assert why in ended.err


def test_refresh(kvsops: Kvsops, emulator: LocalServer, cache: Path) -> None:
    """What AWS's list says is kept, shown with its date, and goes before the shipped."""
    ended = kvsops("prices", "--refresh", "-o", "json")
    assert ended.code == 0
    assert ended.err == f"the prices of us-east-1 are kept in {cache}\n"
    (row,) = (row for row in json.loads(ended.out) if row["region"] == "us-east-1")
    assert row["origin"] == "refreshed"
    assert (row["channel_month"], row["million_messages"]) == (0.03, 2.25)
    assert emulator.calls == {"GetProducts": 1}
    # … and it goes on to apply
    assert row in json.loads(kvsops("prices", "-o", "json").out)
    assert emulator.calls == {"GetProducts": 1}


def test_an_emulators_prices_never_price_what_is_aws(
    kvsops: Kvsops, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was refreshed from an emulator is of no account where AWS is meant."""
    kvsops("prices", "--refresh")
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_ENDPOINT_URL_KINESIS_VIDEO")
    rows = json.loads(kvsops("prices", "-o", "json").out)
    assert {row["origin"] for row in rows} == {"shipped"}
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


def test_refresh_keeps_other_regions(kvsops: Kvsops, cache: Path) -> None:
    """Each refresh is of one region."""
    kvsops("prices", "--refresh", "--region", "ap-southeast-2")
    kvsops("prices", "--refresh", "--region", "us-east-1")
    rows = json.loads(kvsops("prices", "-o", "json").out)
    refreshed = [row["region"] for row in rows if row["origin"] == "refreshed"]
    assert refreshed == ["ap-southeast-2", "us-east-1"]
    assert cache.read_text().count("[") == 2


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ("eu-central-1", "has 2 rows for million_messages, not 1"),
        ("eu-west-1", "has 0 rows for million_messages, not 1"),
        ("sa-east-1", "has 0 rows for channel_month, not 1: none of 0 rows"),
    ],
)
def test_a_refresh_that_fails_stores_nothing(
    kvsops: Kvsops, cache: Path, region: str, said: str
) -> None:
    """The cache is left as it was, to the byte."""
    kvsops("prices", "--refresh")
    before = cache.read_bytes()
    ended = kvsops("prices", "--refresh", "--region", region)
    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err
    assert ended.err.endswith("nothing was stored: give --prices FILE\n")
    assert cache.read_bytes() == before


def test_a_refresh_that_fails_makes_no_cache(kvsops: Kvsops, cache: Path) -> None:
    """Where there was none there is none."""
    assert kvsops("prices", "--refresh", "--region", "eu-central-1").code == 1
    assert not cache.exists()


def test_a_refresh_denied(kvsops: Kvsops, emulator: LocalServer, cache: Path) -> None:
    """The permission that is missing is named; nothing is stored."""
    emulator.settings.faults = (Fault("GetProducts", "AccessDeniedException"),)
    ended = kvsops("prices", "--refresh")
    assert ended.code == 1
    assert 'the credentials need pricing:GetProducts on "*"' in ended.err
    assert not cache.exists()


@pytest.mark.usefixtures("cache")
def test_a_refreshed_price_prices(kvsops: Kvsops) -> None:
    """A region is priced by what was refreshed for it, and says since when."""
    kvsops("prices", "--refresh", "--region", "ap-southeast-2")
    told = json.loads(kvsops("cost", "--region", "ap-southeast-2", "-o", "json").out)
    assert told["prices"]["channel_month"] == 0.0473
    assert told["prices"]["as_of"] == told["as_of"][:10]
    assert told["prices"]["assumed_from"] is None


@pytest.mark.usefixtures("cache")
def test_of_many_regions(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A row for each that was asked for, and an error for those whose prices are not known."""
    ended = kvsops("prices", *_regions("us-east-1", "ap-southeast-2"), "-o", "json")
    assert [row["region"] for row in json.loads(ended.out)] == ["us-east-1", "ap-southeast-2"]
    assert (ended.code, ended.err) == (0, "")
    ended = kvsops("prices", *_regions("us-east-1", "eu-west-1"), "-o", "json")
    assert [row["region"] for row in json.loads(ended.out)] == ["us-east-1"]
    said = "error: no prices are known for eu-west-1: read them with --refresh\n"
    assert (ended.code, ended.err) == (1, said)
    assert emulator.calls == {}


@pytest.mark.usefixtures("cache")
def test_refreshing_many_regions(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Each is read and kept; one that fails is told; one that there is not is refused before."""
    ended = kvsops("prices", "--refresh", *_regions("ap-southeast-2", "us-east-1"), "-o", "json")
    rows = {row["region"]: row["origin"] for row in json.loads(ended.out)}
    assert rows == {"us-east-1": "refreshed", "ap-southeast-2": "refreshed"}
    assert emulator.calls["GetProducts"] >= 2
    ended = kvsops("prices", "--refresh", *_regions("eu-central-1", "us-east-1"), "-o", "json")
    assert (ended.code, len(json.loads(ended.out))) == (1, 1)
    assert "the price list of eu-central-1 has 2 rows for million_messages, not 1" in ended.err
    assert kvsops("prices", "--refresh", *_regions("us-east-1", "nowhere")).code == 2


def _regions(*names: str) -> list[str]:
    return [word for name in names for word in ("--region", name)]
