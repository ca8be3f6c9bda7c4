"""`kvsops cost` over many accounts and regions."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.samples import Sample

from kvsops.core.stream_price import GB
from kvsops.local.demo.streams import StreamUse, record
from kvsops.local.kinesisvideo.streams import Stream
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.bill.test_streams import every_hour
from tests.cli.conftest import Ended, Kvsops, Screens
from tests.cli.costs import bounded, this_month
from tests.cli.many import (
    BOTH,
    HERE,
    ORGANIZATION,
    OTHER,
    OWN,
    PRICES,
    THERE,
    price_file,
    put_at,
    sow,
)
from tests.fleet import DAY, HOUR
from tests.reports.gauges import samples_in


@pytest.fixture
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator of two accounts, with the channels of `sow`."""
    with LocalServer(Settings(quotas=False, accounts=2)) as server:
        sow(server)
        yield server


@pytest.fixture
def cost(kvsops: Kvsops, tmp_path: Path) -> Kvsops:
    """Return what runs `kvsops cost` over both accounts and regions, with prices of both."""

    def run(*argv: str) -> Ended:
        return kvsops("cost", *ORGANIZATION, *BOTH, *price_file(tmp_path), *argv)

    return run


def told(ended: Ended) -> Any:
    """Read the JSON."""
    return json.loads(ended.out)


def test_adds_up(cost: Kvsops) -> None:
    """Each account and region at its own price; ghosts and own cost of each; the whole is all."""
    ended = cost("-o", "json")
    whole = told(ended)
    assert ended.code == 0
    scopes = {(each["account_id"], each["region"]): each for each in whole["scopes"]}
    months = {where: each["total"]["estimated_monthly_usd"] for where, each in scopes.items()}
    assert months == {(OWN, THERE): 0.05, (OWN, HERE): 0.03, (OTHER, HERE): 0.03, (OTHER, THERE): 0}
    assert whole["total"]["estimated_monthly_usd"] == 0.11
    assert (whole["total"]["channels"], whole["total"]["used"]) == (4, 3)
    assert whole["missed"] == [
        {
            "account_id": "299999999999",
            "region": None,
            "why": "the account is SUSPENDED",
            "excused": True,
        }
    ]
    assert {each["prices"]["channel_month"] for each in scopes.values()} == {0.03, 0.05}
    assert whole["own_cost"]["metrics"] == sum(
        each["own_cost"]["metrics"] for each in scopes.values()
    )
    assert sum(day["usd"] for day in whole["days"]) == pytest.approx(0.11)
    assert [row["account_id"] for row in whole["dearest"]] == [OWN, OWN, OTHER, OWN]


def test_one_scope_is_told_as_ever(kvsops: Kvsops, cost: Kvsops, tmp_path: Path) -> None:
    """What stands in `scopes` is the JSON of that one alone, with its account."""
    one = told(kvsops("cost", "--region", THERE, *price_file(tmp_path), "-o", "json"))
    each = next(scope for scope in told(cost("-o", "json"))["scopes"] if scope["region"] == THERE)
    assert [*each] == ["account_id", *one]
    assert each["total"] == one["total"]


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ((), [(OWN, 3, 0.08), (OTHER, 1, 0.03)]),
        (("--group-by", "account"), [(OWN, 3, 0.08), (OTHER, 1, 0.03)]),
        (("--group-by", "region"), [(HERE, 3, 0.06), (THERE, 1, 0.05)]),
        (("--group-by", "prefix"), [("cam", 4, 0.11)]),
        (("--group-by", "owner"), [(None, 4, 0.11)]),
    ],
)
def test_groups(
    cost: Kvsops, by: tuple[str, ...], groups: list[tuple[str | None, int, float]]
) -> None:
    """Subtotals are over all accounts and regions, the dearest first."""
    rows = told(cost(*by, "-o", "json"))["groups"]["rows"]
    found = [(row["group"], row["channels"], row["estimated_monthly_usd"]) for row in rows]
    assert found == groups


def test_group_by_account_of_one(kvsops: Kvsops) -> None:
    """Who looks in one place may group by its account, too."""
    rows = told(kvsops("cost", "--group-by", "account", "-o", "json"))["groups"]["rows"]
    assert [(row["group"], row["channels"]) for row in rows] == [(OWN, 2)]


def test_on_a_terminal(on_screen: Screens, tmp_path: Path) -> None:
    """What it comes to is said first; the quiet are one line; all fits in 80 columns."""
    shown = on_screen(80, "cost", *ORGANIZATION, *BOTH, *price_file(tmp_path))
    lines = shown.splitlines()
    assert lines[0].startswith("2 accounts × 2 regions: 4 channels, 3 used in ")
    assert f"{OWN}  eu-west-1" in shown
    assert "- 1 account and region costs nothing.\n" in shown
    assert max(map(len, lines[: lines.index("") + 20])) <= 80
    assert "\nOWN COST" not in shown
    assert bounded(shown) != ""


def test_markdown_and_csv(cost: Kvsops) -> None:
    """Rows say where they are from."""
    rows = [*csv.DictReader(io.StringIO(cost("-o", "csv").out))]
    assert [(row["account_id"], row["region"]) for row in rows] == [
        (OWN, THERE),
        (OWN, HERE),
        (OTHER, HERE),
        (OWN, HERE),
    ]
    shown = cost("-o", "markdown").out
    assert "| ACCOUNT | REGION | CHANNELS | USED | DELETED | TO DATE | MONTH | OWN COST |" in shown
    assert f"| {OWN} | eu-west-1 | 1 | 1 | 0 | \\$0.05 | \\$0.05 |" in shown


def record_at(emulator: LocalServer, name: str, region: str, count: int) -> None:
    """Put a stream there that takes in so many bytes an hour, and that nobody reads."""
    now, backend = emulator.settings.clock(), emulator.backend(region)
    made = Stream(OWN, region, name, now - 30 * DAY, data_retention_in_hours=240, tags={})
    backend.put_stream(made)
    use = StreamUse(name, None, 240, every_hour(now - 20 * DAY, now - HOUR, count))
    record(emulator.metrics(region), [use])


def test_streams(cost: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """What streams cost and could spare is told with where they are, dearest first."""
    record_at(emulator, "little", HERE, GB)
    record_at(emulator, "much", THERE, 2 * GB)
    page, prices = tmp_path / "page.html", tmp_path / "streams.toml"
    prices.write_text(PRICES.replace("as_of", 'gb_month_stored = "0.02"\nas_of'))
    ended = cost("--prices", str(prices), "-o", "markdown", "--html", str(page))
    at = ended.out.index("| ACCOUNT | REGION | STREAM | WHY |")
    rows = [line.split(" | ")[1:4] for line in ended.out[at:].splitlines()[2:4]]
    assert rows == [[THERE, "much", "unread 30d"], [HERE, "little", "unread 30d"]]
    assert "Advice on 2 streams: up to " in ended.out
    text = page.read_text()
    assert "What streams could spare" in text
    assert text.count(f'much<span class="under">{OWN} {THERE}</span>') == 2


def test_what_could_not_be_looked_at(kvsops: Kvsops, tmp_path: Path) -> None:
    """It makes the total a lower bound, is told, and is exit code 1, unless a limit is passed."""
    argv = ("cost", "--organization-role", "nobody", *BOTH, *price_file(tmp_path))
    ended = kvsops(*argv, "-o", "json")
    whole = told(ended)
    assert ended.code == 1
    assert whole["total"]["lower_bound"] is True
    assert whole["in_all"]["lower_bound"] is True
    missed = [(each["account_id"], each["region"], each["excused"]) for each in whole["missed"]]
    assert missed == [("299999999999", None, True), (OTHER, None, False)]
    assert f"error: not looked at: {OTHER}: " in ended.err
    assert kvsops(*argv, "--fail-over", "0.05").code == 3
    assert kvsops(*argv, "--fail-over", "5").code == 1


def test_nothing_could_be_looked_at(kvsops: Kvsops) -> None:
    """No report is made of nothing."""
    arn = "arn:aws:iam::{}:role/nobody"
    roles = [word for each in (OWN, OTHER) for word in ("--role-arn", arn.format(each))]
    ended = kvsops("cost", *roles)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith("error: no account and region could be looked at\n")


def test_prices_are_not_needed_where_nothing_is(kvsops: Kvsops, emulator: LocalServer) -> None:
    """An account with nothing in a region whose prices nobody knows costs nothing there."""
    backend = emulator.backend(THERE)
    for channel in [*backend.channels.values()]:
        backend.remove_channel(channel, emulator.settings.clock())
    ended = kvsops("cost", *BOTH, "-o", "json")
    scopes = {each["region"]: each for each in told(ended)["scopes"]}
    assert ended.code == 1  # its use is there still: a deleted channel's
    assert f"no prices are known for {THERE}: " in ended.err
    assert [*scopes] == [HERE]
    ended = kvsops("cost", "--region", HERE, "--region", "ap-south-1", "-o", "json")
    scopes = {each["region"]: each for each in told(ended)["scopes"]}
    assert ended.code == 0
    assert scopes["ap-south-1"]["prices"] is None
    assert scopes["ap-south-1"]["total"]["estimated_monthly_usd"] == 0


def test_own_cost_is_bounded_over_all(cost: Kvsops) -> None:
    """--max-own-cost is what all of them may spend together."""
    assert cost("--max-own-cost", "1").code == 0
    ended = cost("--max-own-cost", "0.0001", "-o", "json")  # ten metrics
    assert ended.code == 1
    assert "what is left of --max-own-cost" in ended.err
    assert told(ended)["own_cost"]["metrics"] <= 10
    assert told(ended)["in_all"]["lower_bound"] is True


def test_baseline(cost: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """Each is compared with its own; what all had come to, with what all come to."""
    before = tmp_path / "before.json"
    before.write_text(cost("-o", "json").out)
    put_at(emulator, "cam-9", THERE, days=2, used=True)
    argv = ("--baseline", str(before), "--max-growth")
    assert cost(*argv, "0.05").code == 0
    ended = cost(*argv, "0.04")
    assert ended.code == 3
    assert f"error: $0.16, where {before} had $0.11: more than" in ended.err


def test_a_baseline_of_another_kind(cost: Kvsops, kvsops: Kvsops, tmp_path: Path) -> None:
    """One of a single account and region cannot be compared with many."""
    one = tmp_path / "one.json"
    one.write_text(kvsops("cost", "-o", "json").out)
    ended = cost("--baseline", str(one))
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)
    assert f"the baseline {one} cannot be used: it is not the JSON of kvsops cost" in ended.err


def test_files(cost: Kvsops, tmp_path: Path) -> None:
    """The page has a table of accounts and regions; metrics have both as labels."""
    page, metrics = tmp_path / "bill.html", tmp_path / "bill.prom"
    assert cost("--html", str(page), "--open-metrics", str(metrics)).code == 0
    shown = page.read_text("utf-8")
    assert shown.count('<h2 id="scopes">By account and region</h2>') == 1
    assert f'<tr><th scope="row">{OTHER}</th><td class="t">{HERE}</td>' in shown
    assert f'<span class="under">{OWN} {THERE}</span>' in shown
    assert "Prices: each region&#39;s own." in shown or "Prices: each region's own." in shown
    samples = samples_in(metrics)
    month = {"month": str(this_month())}
    places = [(OWN, THERE, 0.05), (OWN, HERE, 0.03), (OTHER, HERE, 0.03), (OTHER, THERE, 0)]
    assert values_of("kvsops_cost_estimated_month_dollars", samples) == [
        ({"account": account_id, "region": region, **month}, value)
        for account_id, region, value in places
    ]
    assert values_of("kvsops_scopes", samples) == [({}, 4)]
    assert values_of("kvsops_scopes_missed", samples) == [({}, 0)]
    assert values_of("kvsops_cost_group_estimated_month_dollars", samples) == [
        ({"by": "account", "group": OWN, **month}, 0.08),
        ({"by": "account", "group": OTHER, **month}, 0.03),
    ]


def values_of(name: str, samples: list[Sample]) -> list[tuple[dict[str, str], float]]:
    """Return the labels and values of a gauge."""
    return [(sample.labels, sample.value) for sample in samples if sample.name == name]
