"""Prices: where they come from, which goes before which, and what is refused."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kvsops.aws import prices
from kvsops.aws.prices import SOURCE, Known, load, prices_of, refreshed, store
from kvsops.aws.scope import Scope
from kvsops.core.cost import Prices
from kvsops.errors import DeniedError, KvsopsError, UsageError
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.fleet import Time

D = Decimal
ROW = """
currency = "USD"
[eu-nowhere-1]
channel_month = "0.04"
million_messages = 3
thousand_turn_minutes = 0.15
as_of = 2026-05-01
source = "our contract"
"""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return where a cache would be, but is not yet."""
    return tmp_path / "cache" / "prices.toml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a price file for one region that is not in the shipped table."""
    path = tmp_path / "ours.toml"
    path.write_text(ROW)
    return path


@pytest.fixture
def known() -> dict[str, Known]:
    """Return the prices of two regions, those of one of them invented."""
    north = Prices("xx-north-1", D("0.0473"), D("3.547"), D("0.1892"), "2026-05-01", "invented")
    usual = Prices("us-east-1", D("0.03"), D("2.25"), D("0.12"), "2026-05-01", "invented")
    return {"xx-north-1": (north, "shipped"), "us-east-1": (usual, "shipped")}


def amounts(row: Prices) -> tuple[str, str, str]:
    """Answer the three prices as written."""
    return str(row.channel_month), str(row.million_messages), str(row.thousand_turn_minutes)


def stream_amounts(row: Prices) -> tuple[str, ...]:
    """Answer the four prices of streams as written; None for one that is not known."""
    found = (row.gb_ingested, row.gb_consumed, row.gb_consumed_by_hls, row.gb_month_stored)
    return tuple(str(each) for each in found)


# Which apply


def test_shipped(cache: Path) -> None:
    """Some regions' prices are known from the start, each with its date and source."""
    known = load(None, cache)
    table = {region: (amounts(row), origin) for region, (row, origin) in known.items()}
    assert (
        table.items()
        >= {
            "us-east-1": (("0.03", "2.25", "0.12"), "shipped"),
            "ap-southeast-2": (("0.0473", "3.547", "0.1892"), "shipped"),
        }.items()
    )
    assert {origin for _, origin in known.values()} == {"shipped"}
    assert all(row.as_of and row.source and not row.assumed_from for row, _ in known.values())


def test_a_file_adds_a_region(file: Path, cache: Path) -> None:
    """Text and numbers will do, exact to the digit; the shipped rows stay."""
    known = load(file, cache)
    expected = Prices("eu-nowhere-1", D("0.04"), D(3), D("0.15"), "2026-05-01", "our contract")
    assert known["eu-nowhere-1"] == (expected, str(file))
    assert known == load(None, cache) | {"eu-nowhere-1": (expected, str(file))}


def test_streams_prices_are_shipped_where_they_are_known(cache: Path) -> None:
    """Of us-east-1 all four are known, of ap-southeast-2 none: and none is borrowed."""
    known = load(None, cache)
    assert stream_amounts(known["us-east-1"][0]) == ("0.0085", "0.0085", "0.0119", "0.023")
    assert stream_amounts(known["ap-southeast-2"][0]) == ("None",) * 4


def test_a_file_may_tell_some_of_streams_prices(tmp_path: Path, cache: Path) -> None:
    """Each may be left out by itself; one that is told is held to what an amount must be."""
    file = tmp_path / "some.toml"
    file.write_text(f"{ROW}gb_month_stored = 0.02\n")
    row, _ = load(file, cache)["eu-nowhere-1"]
    assert stream_amounts(row) == ("None", "None", "None", "0.02")
    store(row, cache)
    assert load(None, cache)["eu-nowhere-1"] == (row, "refreshed")
    file.write_text(f"{ROW}gb_ingested = -1\n")
    with pytest.raises(UsageError, match=r"gb_ingested is -1: write an amount of 0 to 1,000,000"):
        load(file, cache)


def test_a_byte_order_mark(tmp_path: Path, cache: Path) -> None:
    """What some editors put before a file is no part of it."""
    marked = tmp_path / "marked.toml"
    marked.write_text(f"\ufeff{ROW}", encoding="utf-8")
    assert "eu-nowhere-1" in load(marked, cache)


def test_file_before_cache_before_shipped(tmp_path: Path, cache: Path) -> None:
    """What the user gives goes before what was refreshed, and that before the shipped."""
    refreshed_row = Prices("us-east-1", D("0.031"), D("2.3"), D("0.13"), "2026-04-30", "the list")
    store(refreshed_row, cache)
    assert load(None, cache)["us-east-1"] == (refreshed_row, "refreshed")
    own = tmp_path / "own.toml"
    own.write_text(ROW.replace("eu-nowhere-1", "us-east-1"))
    row, origin = load(own, cache)["us-east-1"]
    assert (amounts(row), origin) == (("0.04", "3", "0.15"), str(own))
    assert load(own, cache)["ap-southeast-2"][1] == "shipped"


def test_another_regions_prices_are_marked(known: dict[str, Known]) -> None:
    """Assumed prices say of which region they are."""
    row = prices_of(known, "eu-nowhere-1", "us-east-1")
    assert (row.region, row.assumed_from, amounts(row)) == (
        "eu-nowhere-1",
        "us-east-1",
        ("0.03", "2.25", "0.12"),
    )


def test_a_regions_own_prices_are_not_marked(known: dict[str, Known]) -> None:
    """To assume a region's prices for itself is to take them."""
    assert prices_of(known, "us-east-1", "us-east-1") == known["us-east-1"][0]
    assert prices_of(known, "us-east-1").assumed_from is None


def test_assumed_prices_go_before_the_regions_own(known: dict[str, Known]) -> None:
    """Who asks for another region's prices gets them, marked, even where its own are known."""
    row = prices_of(known, "xx-north-1", "us-east-1")
    assert (row.assumed_from, row.channel_month) == ("us-east-1", D("0.03"))


@pytest.mark.parametrize(
    ("region", "assume", "missing"),
    [("eu-nowhere-1", None, "eu-nowhere-1"), ("us-east-1", "eu-nowhere-1", "eu-nowhere-1")],
)
def test_unknown_region(
    known: dict[str, Known], region: str, assume: str | None, missing: str
) -> None:
    """A region without prices is refused, with all ways to go on."""
    with pytest.raises(UsageError) as caught:
        prices_of(known, region, assume)
    assert str(caught.value) == (
        f"no prices are known for {missing}: read them with kvsops prices --refresh, give --prices "
        "FILE, or --assume-prices-of one of us-east-1, xx-north-1"
    )


def test_no_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept anywhere, which is no error until something is to be."""

    def nobody(_: int) -> None:
        raise KeyError

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    cache = prices.cache_path(emulated=False)
    known = prices.load(None, cache)
    assert cache is None
    assert known["us-east-1"][1] == "shipped"


# What is refused of a file

BAD = [
    (ROW.replace("million_messages = 3\n", ""), "[eu-nowhere-1] lacks million_messages"),
    (ROW.replace('source = "our contract"\n', ""), "[eu-nowhere-1] lacks source"),
    (ROW + "discount = 1\n", "[eu-nowhere-1] has unknown discount"),
    (
        ROW.replace('"0.04"', '"-0.04"'),
        "[eu-nowhere-1] channel_month is '-0.04': write an amount of 0 to 1,000,000",
    ),
    (
        ROW.replace('"0.04"', '"1e30"'),
        "[eu-nowhere-1] channel_month is '1e30': write an amount of 0 to 1,000,000",
    ),
    (
        ROW.replace('"0.04"', '"cheap"'),
        "[eu-nowhere-1] channel_month is 'cheap': write an amount like 0.03",
    ),
    (ROW.replace('"0.04"', '""'), "[eu-nowhere-1] channel_month is '': write an amount like 0.03"),
    (
        ROW.replace('"0.04"', "true"),
        "[eu-nowhere-1] channel_month is True: write an amount like 0.03",
    ),
    (
        ROW.replace('"0.04"', "[1]"),
        "[eu-nowhere-1] channel_month is [1]: write an amount like 0.03",
    ),
    (
        ROW.replace('"0.04"', "nan"),
        "[eu-nowhere-1] channel_month is Decimal('NaN'): write an amount of 0 to 1,000,000",
    ),
    (
        ROW.replace('"0.04"', "inf"),
        "[eu-nowhere-1] channel_month is Decimal('Infinity'): write an amount of 0 to 1,000,000",
    ),
    (
        ROW.replace('"0.04"', '"NaN"'),
        "[eu-nowhere-1] channel_month is 'NaN': write an amount of 0 to 1,000,000",
    ),
    (ROW.replace("USD", "EUR"), """: currency is 'EUR': write currency = "USD\""""),
    (ROW.replace('currency = "USD"', ""), """: currency is None: write currency = "USD\""""),
    ("", """: currency is None: write currency = "USD\""""),
    ('currency = "USD"', " has no region: write a table like [us-east-1]"),
    ('currency = "USD"\neu-nowhere-1 = 3', "[eu-nowhere-1] is not a table of prices"),
    ("region,price\neu-nowhere-1,3\n", " is not TOML: "),
    (ROW + ROW, " is not TOML: "),
]


@pytest.mark.parametrize(("text", "said"), BAD)
def test_bad_file(tmp_path: Path, cache: Path, text: str, said: str) -> None:
    """A file that is wrong is refused as a whole, in one line that names the row."""
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load(path, cache)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "why"),
    [("missing.toml", "No such file or directory"), (".", "Is a directory"), ("b", "not text")],
)
def test_unreadable_file(tmp_path: Path, cache: Path, name: str, why: str) -> None:
    """A file that cannot be read is refused, with the reason."""
    (tmp_path / "b").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=f"cannot be read: .*{why}"):
        load(tmp_path / name, cache)


def test_a_bad_cache_is_not_passed_over(cache: Path) -> None:
    """A cache that was spoilt is said, not silently left out."""
    cache.parent.mkdir()
    cache.write_text('currency = "USD"\n[us-east-1]\n')
    with pytest.raises(UsageError, match=re.escape(f"{cache}: [us-east-1] lacks as_of")):
        load(None, cache)


# The Price List API


def region_scope(environment: dict[str, str], region: str, time: Time) -> Scope:
    """Answer a scope of another region on the same emulator."""
    return Scope(environ=environment, region=region, sleep=time.sleep, now=time.now)


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("us-east-1", ("0.03", "2.25", "0.12")),
        ("ap-southeast-2", ("0.0473", "3.547", "0.1892")),
    ],
)
def test_refresh(
    environment: dict[str, str],
    time: Time,
    cache: Path,
    region: str,
    expected: tuple[str, str, str],
) -> None:
    """Each price is found by description and unit, scaled, stored, and read back with its date."""
    found, problems = refreshed(region_scope(environment, region, time))
    assert (amounts(found), problems) == (expected, [])
    assert stream_amounts(found) == ("0.0085", "0.0085", "0.0119", "0.023")
    assert (found.region, found.as_of, found.source) == (region, "2026-05-01", SOURCE)
    store(found, cache)
    assert load(None, cache)[region] == (found, "refreshed")


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (
            "eu-central-1",
            "the price list of eu-central-1 has 2 rows for million_messages, not 1: 'Kinesis Video "
            "Streams signaling messages' per 'Messages'; 'Kinesis Video Streams signaling "
            "messages' per 'Messages'; nothing was stored: give --prices FILE",
        ),
        (
            "eu-west-1",
            "the price list of eu-west-1 has 0 rows for million_messages, not 1: none of 7 rows; "
            "nothing was stored: give --prices FILE",
        ),
        (
            "sa-east-1",
            "the price list of sa-east-1 has 0 rows for channel_month, not 1: none of 0 rows; "
            "nothing was stored: give --prices FILE",
        ),
    ],
)
def test_ambiguous_malformed_missing(
    environment: dict[str, str], time: Time, region: str, said: str
) -> None:
    """Unless exactly one row matches each price, none is taken."""
    with pytest.raises(KvsopsError) as caught:
        refreshed(region_scope(environment, region, time))
    assert (str(caught.value), caught.value.exit_code) == (said, 1)


def test_denied(scope: Scope, emulator: LocalServer) -> None:
    """Who may not read the price list learns which permission is missing."""
    emulator.settings.faults = (Fault("GetProducts", "AccessDeniedException"),)
    with pytest.raises(DeniedError) as caught:
        refreshed(scope)
    assert str(caught.value) == (
        'GetProducts denied: the credentials need pricing:GetProducts on "*"'
    )


def test_throttled(scope: Scope, fail_first: Any) -> None:
    """A throttle is waited out."""
    fail_first("GetProducts", "ThrottlingException", 3)
    assert amounts(refreshed(scope)[0]) == ("0.03", "2.25", "0.12")
    assert scope.throttled["GetProducts"] == 3


def test_the_cache_keeps_other_regions(cache: Path) -> None:
    """A refresh replaces its own region's row and leaves the others."""
    old = Prices("us-east-1", D("0.02"), D(2), D("0.1"), "2025-01-01", 'a "quoted"\nsource')
    other = Prices("eu-nowhere-1", D("0.04"), D("0.0000001"), D(0), "2026-01-01", "x")
    new = Prices("us-east-1", D("0.03"), D("30").normalize(), D("0.12"), "2026-05-01", "y")
    for row in (old, other, new):
        store(row, cache)
    known = load(None, cache)
    assert (known["us-east-1"], known["eu-nowhere-1"]) == ((new, "refreshed"), (other, "refreshed"))
    assert 'million_messages = "30"' in cache.read_text()  # as people write it, not 3E+1


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    """The reason is said; it is no wrong usage."""
    (tmp_path / "cache").write_text("a file where a directory must be")
    row = Prices("us-east-1", D("0.03"), D(2), D("0.1"), "2025-01-01", "")
    with pytest.raises(KvsopsError, match=r"cannot be written: File exists") as caught:
        store(row, tmp_path / "cache" / "prices.toml")
    assert caught.value.exit_code == 1
