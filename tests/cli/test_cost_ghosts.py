"""`kvsops cost`: channels deleted weeks ago, by journals and by an earlier output."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kvsops.core.channel import Channel, StorageLink
from kvsops.local.server import LocalServer
from kvsops.sweep.journal import Journal
from tests.cli.conftest import Kvsops
from tests.cli.costs import (
    LOWER_BOUND,
    baseline,
    last_month,
    of_last_month,
    told,
    written,
)
from tests.fleet import DAY, put
from tests.usage import use


def journal(path: Path, emulator: LocalServer, name: str, at: datetime | None = None) -> None:
    """Write into a journal that a channel of this name was deleted."""
    arn = put(emulator, name, 100 * DAY).arn
    backend = emulator.backend()
    now = datetime.now(UTC)
    backend.remove_channel(backend.channels[name], now)
    channel = Channel(name, arn, "ACTIVE", now - 100 * DAY, "v", "SINGLE_MASTER", 60)
    with Journal(path, "run") as written_to:
        written_to.deleting(at or now, channel, {}, StorageLink("DISABLED", None), "100d old")
        written_to.write("deleted", at or now, arn)


def test_journals_tell_of_older_ghosts(
    last: Kvsops, last_months_fleet: LocalServer, tmp_path: Path
) -> None:
    """Those given and those in the state directory; not what was deleted before the month."""
    kept = tmp_path / "state" / "kvsops" / "journals"
    journal(kept / "one.jsonl", last_months_fleet, "kept-1")
    journal(tmp_path / "given.jsonl", last_months_fleet, "given-1")
    journal(
        tmp_path / "given.jsonl",
        last_months_fleet,
        "long-ago",
        last_month().start - timedelta(seconds=1),
    )
    for name in ("kept-1", "given-1", "long-ago"):
        use(last_months_fleet, name, of_last_month(1), masters=1)
    assert "kept-1" in last().out
    report = told(last("--journal", str(tmp_path / "given.jsonl"), "-o", "json"))
    ghosts = [row["channel_name"] for row in report["channels"] if row["ghost"]]
    assert ghosts == ["given-1", "kept-1", "old-1"]
    assert report["total"]["month_to_date_usd"] == 2.52  # 2.46 + 2 x 0.03
    assert report["ghosts"] == {"channels": 3, "month_to_date_usd": 0.09}
    assert report["total"]["lower_bound"] is True


def test_nothing_is_asked_of_another_accounts_journals(
    last: Kvsops, last_months_fleet: LocalServer, tmp_path: Path
) -> None:
    """The state directory has those of every account, the emulator's too."""
    before = told(last("-o", "json"))["own_cost"]
    kept = tmp_path / "state" / "kvsops" / "journals"
    journal(kept / "one.jsonl", last_months_fleet, "kept-1")
    own = last_months_fleet.backend().account_id
    text = (kept / "one.jsonl").read_text()
    (kept / "one.jsonl").write_text(text.replace(own, "210987654321"))
    assert told(last("-o", "json"))["own_cost"] == before


@pytest.mark.usefixtures("last_months_fleet")
def test_a_journal_that_cannot_be_read(last: Kvsops, tmp_path: Path) -> None:
    """One that was given is wrong usage; one that lay around is a look that failed."""
    given = tmp_path / "given.jsonl"
    given.write_text("no journal\n")
    ended = last("--journal", str(given))
    assert (ended.code, ended.out) == (2, "")
    kept = tmp_path / "state" / "kvsops" / "journals"
    kept.mkdir(parents=True)
    given.rename(kept / "x.jsonl")
    ended = last()
    assert ended.code == 1
    assert "warning: the journal" in ended.err


@pytest.mark.parametrize(
    ("day", "complete", "lower_bound"),
    [(40, True, False), (40, False, True), (10, True, True)],  # the 10th is 2 weeks ago
)
def test_a_baseline_tells_of_older_ghosts(
    last: Kvsops,
    last_months_fleet: LocalServer,
    tmp_path: Path,
    day: int,
    *,
    complete: bool,
    lower_bound: bool,
) -> None:
    """Its names are looked for; a complete one made after the month's end completes the bill."""
    use(last_months_fleet, "early-1", of_last_month(1), masters=1)
    assert "early-1" not in last().out
    as_of = of_last_month(1) + (day - 1) * DAY
    made = baseline(last_month(), as_of, ["early-1", "ci-1"], lower_bound=not complete)
    file = written(tmp_path, "earlier.json", made)
    report = told(last("--baseline", file, "-o", "json"))
    assert [row["channel_name"] for row in report["channels"] if row["ghost"]] == [
        "early-1",
        "old-1",
    ]
    assert report["total"]["lower_bound"] is lower_bound
    assert (LOWER_BOUND in last("--baseline", file).out) is lower_bound
