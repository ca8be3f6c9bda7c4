"""`kvsops restore`: what a journal tells of, as rows."""

import json
from pathlib import Path

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import From, names, put, writes

ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/"
EXPIRED = {"kvsops:expires-at": "2026-01-01T00:00:00Z", "env": "ci"}


@pytest.fixture
def journal(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> str:
    """Delete two channels; return their journal."""
    put(emulator, "ci-1", tags=EXPIRED)
    put(emulator, "ci-2")
    path = str(tmp_path / "journal")
    for name in ("ci-1", "ci-2"):
        assert kvsops("delete", name, "--yes", "--journal", path).code == 0
    return path


def test_shows_first(kvsops: Kvsops, emulator: LocalServer, journal: str) -> None:
    """Without --yes it shows what would be made, and writes nothing."""
    before = writes(emulator)
    ended = kvsops("restore", journal)
    assert ended.out == (
        "Dry run in us-east-1, account 123456789012, emulator "
        f"{emulator.endpoint_url}\n"
        "2 of 2 channels would be made again\n"
        "\n"
        "CHANNEL    OUTCOME       REASON                     ARN\n"
        "ci-1       would-create  without kvsops:expires-at  -\n"
        "ci-2       would-create                             -\n"
    )
    said = f"To make them again:\n  kvsops restore {journal} --yes\n"
    assert (ended.code, ended.err) == (0, said)
    assert kvsops("restore", journal, "-o", "markdown").out == (
        "| CHANNEL | OUTCOME | REASON | ARN |\n"
        "| --- | --- | --- | --- |\n"
        "| ci-1 | would-create | without kvsops:expires-at | - |\n"
        "| ci-2 | would-create |  | - |\n"
    )
    assert writes(emulator) == before


def test_restores(kvsops: Kvsops, emulator: LocalServer, journal: str) -> None:
    """With --yes they are made again; the rows tell the new ARN, and JSON the former."""
    former = [
        json.loads(line)["channel_arn"]
        for line in Path(journal).read_text().splitlines()
        if '"deleting"' in line
    ]
    ended = kvsops("restore", journal, "--yes", "-o", "json")
    made = emulator.backend().channels
    assert json.loads(ended.out) == [
        {
            "channel_name": "ci-1",
            "outcome": "created",
            "reason": "without kvsops:expires-at",
            "channel_arn": made["ci-1"].arn,
            "former_channel_arn": former[0],
        },
        {
            "channel_name": "ci-2",
            "outcome": "created",
            "reason": "",
            "channel_arn": made["ci-2"].arn,
            "former_channel_arn": former[1],
        },
    ]
    assert (ended.code, ended.err) == (0, "")
    assert made["ci-1"].tags == {"env": "ci"}
    again = kvsops("restore", journal, "--yes", "-o", "csv")
    assert again.out == (
        "channel_name,outcome,reason,channel_arn,former_channel_arn\n"
        f"ci-1,exists,a channel has its name,{made['ci-1'].arn},{former[0]}\n"
        f"ci-2,exists,a channel has its name,{made['ci-2'].arn},{former[1]}\n"
    )
    assert again.code == 0


def test_a_failure(kvsops: Kvsops, emulator: LocalServer, journal: str) -> None:
    """What cannot be made is in the rows, and the exit code is 1."""
    emulator.settings.channel_quota = 1
    ended = kvsops("restore", journal, "--yes", "-o", "json", "--query", "[].outcome")
    assert sorted(json.loads(ended.out)) == ["created", "failed"]
    assert ended.code == 1
    assert len(names(emulator)) == 1


def test_credentials_that_expire_on_the_way(
    kvsops: Kvsops, emulator: LocalServer, journal: str
) -> None:
    """What was made by then is told, and what was not: it is no wrong usage any more."""
    emulator.settings.faults = (From("CreateSignalingChannel", "ExpiredTokenException", first=2),)
    ended = kvsops("restore", journal, "--yes", "-o", "json", "--query", "[].outcome")
    assert (ended.code, sorted(json.loads(ended.out))) == (1, ["created", "failed"])


def test_another_region(kvsops: Kvsops, emulator: LocalServer, journal: str) -> None:
    """A journal of another region is refused, and nothing is made."""
    before = writes(emulator)
    ended = kvsops("restore", journal, "--yes", "--region", "eu-west-1")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: the journal is of region us-east-1, not eu-west-1: give --region\n"
    assert writes(emulator) == before


def test_another_account(kvsops: Kvsops, emulator: LocalServer, journal: str) -> None:
    """A journal of another account is refused, and nothing is made."""
    path = Path(journal)
    path.write_text(path.read_text().replace(":123456789012:", ":999999999999:"))
    before = writes(emulator)
    ended = kvsops("restore", journal, "--yes")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: the journal is of account 999999999999, not 123456789012\n"
    assert writes(emulator) == before


def test_nothing_to_restore(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """A journal of channels that were all left alone restores nothing, and that is said."""
    put(emulator, "ci-1")
    path = tmp_path / "journal"
    assert kvsops("delete", "ci-1", "--yes", "--journal", str(path)).code == 0
    path.write_text(path.read_text().replace('"event": "deleted"', '"event": "kept"'))
    ended = kvsops("restore", str(path), "--yes")
    assert (ended.code, ended.out) == (0, "Nothing to restore.\n")


def test_denied(kvsops: Kvsops, emulator: LocalServer, journal: str) -> None:
    """Without the permission to look, nothing is made, and each row says why."""
    emulator.settings.faults = (Fault("DescribeSignalingChannel", "AccessDeniedException"),)
    ended = kvsops("restore", journal, "--yes", "-o", "json", "--query", "[0].[outcome, reason]")
    denied = (
        "DescribeSignalingChannel denied: the credentials need "
        "kinesisvideo:DescribeSignalingChannel on channel/ci-1/*"
    )
    assert (ended.code, json.loads(ended.out)) == (1, ["failed", denied])
    assert names(emulator) == set()


@pytest.fixture
def runs(kvsops: Kvsops, emulator: LocalServer) -> list[str]:
    """Delete two channels, then one more, each run with a journal of its own; return the runs."""
    journals: list[str] = []
    for names_of_run in (("ci-1", "ci-2"), ("cam",)):
        for name in names_of_run:
            put(emulator, name)
        ended = kvsops("delete", *names_of_run, "--yes")
        journal = Path(ended.err.splitlines()[0].removeprefix("journal: "))
        # Both are of this process and perhaps of one second: let the first be long ago.
        run = f"{journal.stem}{len(journals)}"
        text = journal.read_text().replace(f'"run": "{journal.stem}"', f'"run": "{run}"')
        journal.unlink()
        if not journals:
            text = text.replace('"time": "20', '"time": "19')
        journal.with_name(f"{run}.jsonl").write_text(text)
        journals.append(run)
    return journals


def test_lists_the_runs(kvsops: Kvsops, emulator: LocalServer, runs: list[str]) -> None:
    """Alone it lists which runs deleted, where, and how many of their channels are missing."""
    put(emulator, "ci-2")
    ended = kvsops("restore", "-o", "json")
    rows = {row.pop("run"): row for row in json.loads(ended.out)}
    assert rows.keys() == set(runs)
    for run, (deleted, missing) in zip(runs, ((2, 1), (1, 1)), strict=True):
        told = rows[run]
        assert (told["deleted"], told["missing"]) == (deleted, missing)
        assert (told["account_id"], told["region"]) == ("123456789012", "us-east-1")
        assert told["journal"].endswith(f"/{run}.jsonl")
    assert ended.code == 0
    table = kvsops("restore")
    head, _, headings, *_ = table.out.splitlines()
    assert head == "2 runs deleted channels; 2 of them have channels that are missing"
    assert headings.split() == ["RUN", "AGE", "ACCOUNT", "REGION", "MISSING"]
    assert "  us-east-1  1 of 2\n" in table.out
    said = "To see what the latest of these would bring back (a dry run):\n  kvsops restore 2"
    assert table.err.startswith(said)
    elsewhere = kvsops("restore", "--region", "eu-west-1", "-o", "json", "--query", "[].[missing]")
    assert json.loads(elsewhere.out) == [[None], [None]]


def test_no_journals(kvsops: Kvsops) -> None:
    """Where nothing was deleted there is nothing to list, nor to restore."""
    assert kvsops("restore").out == "No journals: nothing was deleted from here.\n"
    ended = kvsops("restore", "--last")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: no journal of a run in us-east-1 of account 123456789012: give its path\n"
    )
    ended = kvsops("restore", "--yes")
    assert (ended.code, ended.err) == (
        2,
        "error: --yes: which ones? give a JOURNAL, a RUN or --last\n",
    )
    ended = kvsops("restore", "2026")
    assert ended.err == "error: no such journal or run: '2026': kvsops restore lists them\n"


def test_the_listing_denied(kvsops: Kvsops, emulator: LocalServer, runs: list[str]) -> None:
    """What is missing is not known then: it is said, and no failed look is an empty one."""
    emulator.settings.faults = (Fault("ListSignalingChannels", "AccessDeniedException"),)
    ended = kvsops("restore")
    assert (ended.code, ended.out.count("? of ")) == (1, len(runs))
    assert ended.err.startswith("warning: what is missing is not known: ListSignalingChannels")


@pytest.mark.parametrize(
    ("chosen", "made"),
    [
        (("RUN",), {"ci-1", "ci-2"}),
        (("RUN", "ci-2"), {"ci-2"}),
        (("--last",), {"cam"}),
        (("--last", "cam"), {"cam"}),
    ],
)
def test_some_of_them(
    kvsops: Kvsops,
    emulator: LocalServer,
    runs: list[str],
    *,
    chosen: tuple[str, ...],
    made: set[str],
) -> None:
    """A run's id, the last run, and names among what it deleted choose what is made again."""
    argv = [runs[0] if each == "RUN" else each for each in chosen]
    assert kvsops("restore", *argv, "--yes").code == 0
    assert names(emulator) == made


@pytest.mark.usefixtures("runs")
def test_a_name_that_was_not_deleted(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A name that the journal does not tell of is refused, and nothing is made."""
    ended = kvsops("restore", "--last", "ci-1", "--yes")
    assert ended.code == 2
    assert ended.err.endswith(".jsonl does not say that 'ci-1' was deleted\n")
    assert names(emulator) == set()


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ('{"journal": 1, "event": "dele', 0, "line 5: it is cut short"),
        ("rubbish\n", 1, "line 5: it is not JSON: is this a kvsops journal?"),
    ],
)
def test_a_line_that_cannot_be_used(
    kvsops: Kvsops, emulator: LocalServer, journal: str, *, line: str, code: int, said: str
) -> None:
    """It is said, and the rest is made; only a torn line loses nothing."""
    with Path(journal).open("a") as file:
        file.write(line)
    ended = kvsops("restore", journal, "--yes")
    assert (ended.code, ended.err) == (code, f"warning: the journal {journal}: {said}\n")
    assert names(emulator) == {"ci-1", "ci-2"}
