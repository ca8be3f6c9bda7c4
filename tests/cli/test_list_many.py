"""`kvsops list` over many accounts and regions."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.cli.conftest import Kvsops, Screens
from tests.cli.many import BOTH, HERE, LEFT_OUT, ORGANIZATION, OTHER, OWN, THERE, price_file, sow
from tests.fleet import From


@pytest.fixture
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator of two accounts, with the channels of `sow`."""
    with LocalServer(Settings(quotas=False, accounts=2)) as server:
        sow(server)
        yield server


ROWS = [("cam-1", OWN, THERE), ("cam-1", OWN, HERE), ("cam-1", OTHER, HERE), ("cam-2", OWN, HERE)]


def test_where_each_is(kvsops: Kvsops) -> None:
    """Account and region are columns and keys, and channels of one name are told apart."""
    ended = kvsops("list", *ORGANIZATION, *BOTH, "-o", "json")
    rows = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, LEFT_OUT)
    assert [*rows[0]][:4] == ["account_id", "region", "channel_name", "status"]
    found = [(row["channel_name"], row["account_id"], row["region"]) for row in rows]
    assert found == ROWS
    for row in rows:
        assert f":{row['region']}:{row['account_id']}:channel/" in row["channel_arn"]
    kept = kvsops("list", *ORGANIZATION, *BOTH, "-o", "csv").out
    assert [
        (row["channel_name"], row["account_id"], row["region"])
        for row in csv.DictReader(io.StringIO(kept))
    ] == found


def test_on_a_terminal(on_screen: Screens) -> None:
    """The table fits, and says below how many there are, in how many accounts and regions."""
    shown = on_screen(80, "list", *ORGANIZATION, *BOTH)
    lines = shown.splitlines()
    assert lines[0] == "Every channel: status ACTIVE, message TTL 60 s"
    assert lines[1].split() == ["ACCOUNT", "REGION", "CHANNEL", "AGE"]
    assert lines[2].split() == [OWN, THERE, "cam-1", "7d"]
    assert "4 channels in 2 accounts × 2 regions." in lines
    assert max(map(len, lines)) <= 80


def test_what_all_share_is_said_once(on_screen: Screens) -> None:
    """One account in two regions needs no column for the account."""
    shown = on_screen(80, "list", *BOTH)
    assert shown.startswith(f"Every channel: account {OWN}, status ACTIVE, message TTL 60 s\n")
    assert f"3 channels in account {OWN}, 2 regions.\n" in shown


@pytest.mark.parametrize(
    ("more", "rows"),
    [
        ("--limit 2", [ROWS[0], ROWS[1]]),
        ("--sort age --limit 2", [ROWS[1], ROWS[2]]),
        ("--reverse --limit 1", [ROWS[3]]),
        ("--prefix cam-2", [ROWS[3]]),
        ("--older-than 8d", [ROWS[1], ROWS[2], ROWS[3]]),
    ],
)
def test_order_and_limit_are_over_all(
    kvsops: Kvsops, more: str, rows: list[tuple[str, str, str]]
) -> None:
    """The first of all, not the first of each."""
    found = json.loads(kvsops("list", *ORGANIZATION, *BOTH, *more.split(), "-o", "json").out)
    assert [(row["channel_name"], row["account_id"], row["region"]) for row in found] == rows


def test_what_failed_is_told_and_the_others_are_listed(
    kvsops: Kvsops, emulator: LocalServer
) -> None:
    """A failed look is never an empty one: it is named, and the exit code is 1."""
    emulator.settings.faults = (From("ListSignalingChannels", "AccessDeniedException", last=1),)
    ended = kvsops("list", *BOTH, "-o", "json")
    assert ended.code == 1
    assert len({row["region"] for row in json.loads(ended.out)}) == 1
    said = ended.err.splitlines()
    assert [line.split(": ")[:2] for line in said] == [["error", "not looked at"]]
    assert "ListSignalingChannels denied" in said[0]


def test_a_role_that_is_not_there(kvsops: Kvsops) -> None:
    """The account is named; what could be looked at is listed."""
    ended = kvsops("list", "--organization-role", "nobody", "-o", "json")
    assert ended.code == 1
    assert {row["account_id"] for row in json.loads(ended.out)} == {OWN}
    assert f"error: not looked at: {OTHER}: role/nobody cannot be assumed: " in ended.err


def test_costs(kvsops: Kvsops, tmp_path: Path) -> None:
    """Each is priced by its own region, the dearest of all first, and the total adds up."""
    argv = ("list", "--cost", *ORGANIZATION, *BOTH, *price_file(tmp_path))
    rows = json.loads(kvsops(*argv, "-o", "json").out)
    found = [(row["region"], row["account_id"], row["estimated_monthly_usd"]) for row in rows]
    assert found == [(THERE, OWN, 0.05), (HERE, OWN, 0.03), (HERE, OTHER, 0.03), (HERE, OWN, 0)]
    ended = kvsops(*argv, "--fail-over", "0.10")
    assert ended.code == 3
    assert "2 accounts × 2 regions: 4 channels, 3 used in " in ended.out
    assert ": $0.11 to date, $0.11 for the month (" in ended.out
    assert ended.err.endswith("error: the month will come to $0.11, over --fail-over $0.10\n")
    assert kvsops(*argv, "--fail-over", "0.11").code == 0


def test_a_region_without_prices(kvsops: Kvsops) -> None:
    """It is never priced by another's: it is told, and the total is without it."""
    ended = kvsops("list", "--cost", *BOTH, "-o", "json")
    assert ended.code == 1
    assert {row["region"] for row in json.loads(ended.out)} == {HERE}
    assert f"error: not looked at: {OWN} {THERE}: no prices are known for {THERE}" in ended.err
    assert "1 account or region could not be looked at: the total is without them\n" in ended.err


@pytest.mark.parametrize("cost", [(), ("--cost", "--no-metrics", "--assume-prices-of", HERE)])
def test_brief(kvsops: Kvsops, cost: tuple[str, ...]) -> None:
    """As a comment: what was listed where, and what could not be looked at."""
    ended = kvsops(
        "list", "--organization-role", "nobody", *BOTH, "-o", "markdown", "--brief", *cost
    )
    assert ended.code == 1
    assert f"- **not looked at: {OTHER}: role/nobody cannot be assumed" in ended.out.replace(
        "<!-- -->", ""
    )
    assert "| 123456789012 | us-east-1 | cam-1 |" in ended.out
