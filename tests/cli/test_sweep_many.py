"""`kvsops sweep` and `kvsops restore` in many accounts and regions."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml
from moto.iam.models import iam_backends

from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.cli.conftest import Ended, Kvsops, Screens
from tests.fleet import NOON, writes
from tests.goldens import Golden
from tests.scopes import EAST, OTHER, OWN, ROLE, WEST, At, names_at, put_at
from tests.terminal import uncoloured

THIRD = "200000000003"
HOME_OF_NOBODY = "777777777777"
PLACES = ("--organization-role", ROLE, "--region", EAST, "--region", WEST)
OLD = ("sweep", "--older-than", "2h", "--prefix", "ci-", *PLACES)


@pytest.fixture
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator of three accounts, at a fixed time."""
    with LocalServer(
        Settings(quotas=False, accounts=3, state_delay=timedelta(), clock=lambda: NOON)
    ) as server:
        yield server


@pytest.fixture(autouse=True)
def fleet(emulator: LocalServer) -> None:
    """Put channels of the same names and creation time into two accounts; a third has none."""
    for account in (OWN, OTHER):
        for n in range(2):
            put_at(emulator, (account, EAST), f"ci-{n}")
    put_at(emulator, (OTHER, WEST), "ci-kept", tags={"kvsops:keep": ""})


def there(emulator: LocalServer) -> dict[At, set[str]]:
    """Answer which channels are in the scopes that have any."""
    at = [(account, region) for account in (OWN, OTHER, THIRD) for region in (EAST, WEST)]
    return {each: found for each in at if (found := names_at(emulator, each))}


def withdraw(account: str) -> None:
    """Take the role away from an account."""
    iam_backends[account]["aws"].delete_role(ROLE)


def document(ended: Ended) -> dict[str, Any]:
    """Read the JSON of a run."""
    found: dict[str, Any] = json.loads(ended.out)
    return found


KEPT = {(OTHER, WEST): {"ci-kept"}}


def test_screens(
    on_screen: Screens,
    emulator: LocalServer,
    golden: Golden,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Totals, what failed, the scopes that hold something, and the quiet ones in one line."""
    monkeypatch.chdir(tmp_path)

    def shown(part: str, *more: str) -> None:
        text = uncoloured(on_screen(80, *OLD, *more))
        golden(text, part, at=emulator.endpoint_url)

    shown("dry_run")
    shown("all", "--all")
    shown("total", "--max-deletes-total", "3")
    withdraw(THIRD)
    shown("missed", "--max-deletes", "1")
    shown("deleted", "--yes", "--journal", "journal")


def test_there_and_back(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """Each scope has its journal; the command that is told to undo it brings all back."""
    before = there(emulator)
    ended = kvsops(*OLD, "--yes")
    assert (ended.code, there(emulator)) == (0, KEPT)
    told = re.fullmatch(
        rf"journals: {tmp_path}/state/kvsops/journals/(\d+T\d+Z)-\*-(\d+)\.jsonl\n"
        rf"to undo: (kvsops restore \1-\2 --yes --region {EAST} --region {WEST} "
        rf"--organization-role {ROLE})\n",
        ended.err,
    )
    assert told
    began, process, undo = told.groups()
    journals = sorted(each.name for each in (tmp_path / "state/kvsops/journals").iterdir())
    assert journals == [f"{began}-{each}-{EAST}-{process}.jsonl" for each in (OWN, OTHER)]
    listed = json.loads(kvsops("restore", *PLACES, "-o", "json").out)
    assert [(row["account_id"], row["missing"]) for row in listed] == [(OTHER, 2), (OWN, 2)] or [
        (row["account_id"], row["missing"]) for row in listed
    ] == [(OWN, 2), (OTHER, 2)]
    assert kvsops("restore", "--last", *PLACES).out.startswith(
        f"Dry run in 2 accounts, {EAST}\n4 of 4 "
    )
    ended = kvsops(*shlex.split(undo)[1:], "-o", "json")
    assert (ended.code, there(emulator)) == (0, before)
    rows = json.loads(ended.out)
    assert {(r["account_id"], r["region"], r["channel_name"], r["outcome"]) for r in rows} == {
        (account, EAST, f"ci-{n}", "created") for account in (OWN, OTHER) for n in range(2)
    }


def test_what_no_place_is_given_for_is_left_out(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path
) -> None:
    """One file may hold the journals of all; what is restored goes where it was, or nowhere."""
    journal = tmp_path / "journal.jsonl"
    assert kvsops(*OLD, "--yes", "--journal", str(journal)).code == 0
    role = f"arn:aws:iam::{OTHER}:role/{ROLE}"
    ended = kvsops("restore", str(tmp_path), "--yes", "--region", EAST, "--role-arn", role)
    assert there(emulator) == KEPT | {(OTHER, EAST): {"ci-0", "ci-1"}}
    left = f"2 left out: of account {OWN}, not {OTHER}"
    assert (ended.code, ended.err) == (0, f"warning: the journal {journal}: {left}\n")
    many = ("--region", WEST, "--region", EAST, "--role-arn", role)
    ended = kvsops("restore", str(journal), "--yes", *many)
    left = f"2 left out: of account {OWN} in {EAST}, which is not asked for"
    assert (ended.code, ended.err) == (0, f"warning: the journal {journal}: {left}\n")
    ended = kvsops("restore", str(journal), "--yes", "--region", WEST, "--region", "eu-west-2")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: nothing to restore: ")


def test_what_cannot_be_reached_is_not_restored_in_silence(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path
) -> None:
    """Channels of an account whose role is refused fail, each with the reason; others come back."""
    journal = tmp_path / "journal.jsonl"
    assert kvsops(*OLD, "--yes", "--journal", str(journal)).code == 0
    withdraw(OTHER)
    for yes, outcome in (((), "would-create"), (("--yes",), "created")):
        ended = kvsops("restore", str(journal), *PLACES, *yes, "-o", "json")
        rows = {(r["account_id"], r["channel_name"]): r for r in json.loads(ended.out)}
        assert ended.code == 1
        assert {at: row["outcome"] for at, row in rows.items()} == {
            (OWN, "ci-0"): outcome,
            (OWN, "ci-1"): outcome,
            (OTHER, "ci-0"): "failed",
            (OTHER, "ci-1"): "failed",
        }
        assert "cannot be assumed" in rows[OTHER, "ci-0"]["reason"]
        said = f"error: not made again: {OTHER} {EAST}: role/{ROLE} cannot be assumed: "
        assert ended.err.count(said) == 1
    assert there(emulator) == KEPT | {(OWN, EAST): {"ci-0", "ci-1"}}


def test_the_last_run_is_not_an_earlier_one(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Where its account cannot be reached that is said, and nothing of another run comes back."""
    assert kvsops(*OLD, "--yes", "--account", OWN).code == 0
    emulator.settings.clock = lambda: NOON + timedelta(hours=1)
    assert kvsops(*OLD, "--yes", "--account", OTHER).code == 0
    withdraw(OTHER)
    ended = kvsops("restore", "--last", *PLACES, "--yes", "-o", "json")
    assert ended.code == 1
    assert {(r["account_id"], r["outcome"]) for r in json.loads(ended.out)} == {(OTHER, "failed")}
    assert there(emulator) == KEPT
    runs = kvsops("restore", *PLACES, "--account", OTHER)
    assert (runs.code, runs.out.splitlines()[0]) == (
        1,
        "2 runs deleted channels; what of them is missing is not known",
    )
    assert kvsops("restore", *PLACES).out.splitlines()[0] == (
        "2 runs deleted channels; 1 of them has channels that are missing, as far as is known"
    )


def test_the_arn_tells_them_apart(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """Of channels of one name and creation time only those go whose account a policy names."""
    policies = tmp_path / "kvsops.toml"
    policies.write_text(
        f'[policies.ci]\nolder-than = "2h"\nprefix = "ci-"\naccounts = "{OTHER}"\n'
        '[policies.west]\nexpired = true\nregions = "eu-west-1"\nprotect-tag = "team"\n'
    )
    put_at(emulator, (OTHER, EAST), "ci-team", tags={"team": "a"})
    ended = kvsops("sweep", "--policy", str(policies), *PLACES, "--yes", "-o", "json")
    assert ended.code == 0
    assert there(emulator) == KEPT | {(OWN, EAST): {"ci-0", "ci-1"}, (OTHER, EAST): {"ci-team"}}
    told = document(ended)
    assert [(s["account_id"], s["region"], s["policies"], s["listed"]) for s in told["scopes"]] == [
        (OWN, EAST, [], 0),
        (OWN, WEST, ["west"], 0),
        (OTHER, EAST, ["ci"], 3),
        (OTHER, WEST, ["ci", "west"], 1),
        (THIRD, EAST, [], 0),
        (THIRD, WEST, ["west"], 0),
    ]
    deleted = [row for row in told["channels"] if row["outcome"] == "deleted"]
    assert {(row["account_id"], row["channel_arn"].split(":")[4]) for row in deleted} == {
        (OTHER, OTHER)
    }
    assert kvsops("sweep", "--policy", str(policies), "--yes").code == 0
    assert there(emulator)[OWN, EAST] == {"ci-0", "ci-1"}


@pytest.mark.parametrize("output", ["table", "markdown"])
def test_nothing_could_be_looked_at(kvsops: Kvsops, output: str) -> None:
    """A failed look is never an empty one: nothing says that there are no channels."""
    withdraw(OTHER)
    withdraw(THIRD)
    ended = kvsops(*OLD, "--exclude-account", OWN, "-o", output)
    assert ended.code == 1
    assert "in no account and region" in ended.out
    assert "nothing could be looked at" in ended.out.lower()
    assert "channel" not in ended.out
    brief = kvsops(*OLD, "--exclude-account", OWN, "-o", "markdown", "--brief")
    assert "Dry run in no account and region: nothing could be looked at\n" in brief.out


def test_where_no_policy_holds(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """There nobody looked: it is not said that there are no channels."""
    policies = tmp_path / "kvsops.toml"
    rule = '[policies.ci]\nolder-than = "2h"\nprefix = "ci-"\n'
    swept = ("sweep", "--policy", str(policies), *PLACES)
    policies.write_text(f'{rule}accounts = ["{OTHER}", "{THIRD}"]\nregions = "{EAST}"\n')
    lines = kvsops(*swept).out.splitlines()
    assert lines[1] == "2 of 2 channels would be deleted"
    at = lines.index("In 1 other place: no channels")
    assert lines[at + 1] == "In 4 other places: no policy holds"
    policies.write_text(f'{rule}accounts = "{HOME_OF_NOBODY}"\n')
    ended = kvsops(*swept)
    assert ended.out.splitlines()[1] == "No policy holds in any of them: nothing to do"
    assert ended.out.splitlines()[-1] == "In all of them: no policy holds"
    told = kvsops(*swept, "-o", "markdown").out
    assert told.startswith("**kvsops in 3 accounts × 2 regions**: no policy holds in any of them")
    assert emulator.calls["ListSignalingChannels"] == 2


def test_units(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """A policy of a unit holds in the accounts in it; where none are told, nothing is done."""
    unit = "ou-ab12-0123abcd"
    policies = tmp_path / "kvsops.toml"
    policies.write_text(f'[policies.ci]\nexpired = true\norganizational-units = "{unit}"\n')
    for where in ((), ("--region", EAST, "--region", WEST)):
        ended = kvsops("sweep", "--policy", str(policies), "--yes", *where)
        assert (ended.code, ended.out) == (2, "")
        assert "organizational-units" in ended.err
    ended = kvsops("sweep", "--policy", str(policies), "--yes", *PLACES)
    assert (ended.code, ended.err) == (
        2,
        f"error: [policies.ci] no such organizational unit: {unit}\n",
    )
    assert writes(emulator).keys() <= {"AssumeRole"}


def test_a_role_that_is_refused(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Its account is named and is exit code 1; the others are swept all the same."""
    withdraw(OTHER)
    ended = kvsops(*OLD, "--yes", "-o", "json")
    assert (ended.code, there(emulator).get((OWN, EAST))) == (1, None)
    assert there(emulator)[OTHER, EAST] == {"ci-0", "ci-1"}
    told = document(ended)
    missed = {(each["account_id"], each["excused"]) for each in told["missed"]}
    assert missed == {(OTHER, False), ("299999999999", True)}
    assert (told["summary"]["scopes"], told["summary"]["missed"]) == (4, 1)
    assert f"error: {OTHER} all regions: " in ended.err


@pytest.mark.parametrize(
    ("options", "said", "gone"),
    [
        (("--max-deletes-total", "3"), "4 of 5 channels are more than --max-deletes-total 3", 0),
        (("--max-deletes", "1"), f"{OWN} {EAST}: 2 of 2 channels are more than --max-deletes 1", 0),
        (("--max-deletes-total", "4"), "", 4),
        (("--limit", "3"), "", 3),
    ],
)
def test_bounds(
    kvsops: Kvsops, emulator: LocalServer, options: tuple[str, ...], said: str, gone: int
) -> None:
    """A blown fuse is exit code 3, and says which it is; a dry run warns of it."""
    dry = kvsops(*OLD, *options)
    assert (dry.code, "the fuse would blow" in dry.err) == (0, bool(said))
    ended = kvsops(*OLD, *options, "--yes")
    assert ended.code == (3 if said else 0)
    assert (f"error: the fuse blew: {said}" in ended.err) is bool(said)
    assert 5 - sum(map(len, there(emulator).values())) == gone


def test_an_unexpected_account(kvsops: Kvsops, emulator: LocalServer) -> None:
    """It is refused before anything is done anywhere."""
    expected = ("--expect-account", OWN, "--expect-account", OTHER)
    ended = kvsops(*OLD, "--yes", *expected)
    named = f"--expect-account {OWN} or {OTHER}"
    said = f"error: account {THIRD} is not {named}: nothing was done\n"
    assert (ended.code, ended.out, ended.err) == (2, "", said)
    assert sum(map(len, there(emulator).values())) == 5
    assert kvsops(*OLD, "--yes", *expected, "--exclude-account", THIRD).code == 0


def test_json_keys(kvsops: Kvsops) -> None:
    """The keys are an interface."""
    told = document(kvsops(*OLD, "-o", "json"))
    assert list(told) == ["channels", "scopes", "missed", "summary"]
    assert list(told["channels"][0])[:3] == ["account_id", "region", "channel_name"]
    assert list(told["scopes"][0]) == [
        *("account_id", "region", "policies", "listed", "outcomes", "dry_run", "journal"),
        *("stopped", "api_calls", "throttled", "own_cost_usd", "seconds", "exit_code", "failure"),
    ]
    assert list(told["missed"][0]) == ["account_id", "region", "why", "excused"]
    assert list(told["summary"]) == [
        *("scopes", "missed", "listed", "outcomes", "dry_run", "journals", "stopped"),
        *("api_calls", "throttled", "own_cost_usd", "seconds", "exit_code"),
    ]
    csv = kvsops(*OLD, "-o", "csv").out.splitlines()
    assert csv[0].startswith("account_id,region,channel_name,")
    assert len(csv) == 6


def test_reports(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Account and region are labels, classes and columns; what was missed fails, and is counted."""
    summary, prom = tmp_path / "summary", tmp_path / "ci.prom"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    files = [tmp_path / f"ci.{suffix}" for suffix in ("json", "xml", "md", "prom")]
    options = [word for each in files for word in ("--report", str(each))]
    assert kvsops(*OLD, *options).code == 0
    withdraw(THIRD)
    ended = kvsops(*OLD, "--yes", *options)
    assert ended.code == 1
    assert there(emulator) == KEPT
    assert json.loads(files[0].read_text())["summary"]["exit_code"] == 1
    cases = {
        (case.classname, case.name): bool(case.is_failure)
        for suite in JUnitXml.fromfile(str(files[1]))
        for case in suite
    }
    assert cases == {
        ("kvsops.sweep", "the run"): False,
        (f"kvsops.sweep.{THIRD}.all-regions", "the scope"): True,
        **{
            (f"kvsops.sweep.{account}.{EAST}", f"ci-{n}"): False
            for account in (OWN, OTHER)
            for n in range(2)
        },
    }
    assert f"| {OTHER} | {EAST} | ci-0 |" in files[2].read_text()
    lines = prom.read_text().splitlines()
    labels = f'account="{OWN}",region="{EAST}",sweep="ci"'
    assert f"kvsops_sweep_listed{{{labels}}} 2.0" in lines
    assert f'kvsops_sweep_missed{{account="{THIRD}",region="",sweep="ci"}} 1.0' in lines
    success = "kvsops_sweep_last_success_timestamp_seconds"
    (value,) = [line.split()[1] for line in lines if line.startswith(f"{success}{{{labels}}}")]
    assert float(value) == NOON.timestamp()
    assert "❌" in summary.read_text()
    assert f"| {OTHER} | {EAST} |" in summary.read_text()


def test_a_deadline_that_has_passed(kvsops: Kvsops, emulator: LocalServer) -> None:
    """It ends all scopes: nothing is deleted any more, and each says why."""
    emulator.settings.latency = timedelta(seconds=0.4)
    ended = kvsops(*OLD, "--yes", "--deadline", "1s")
    assert ended.code == 1
    assert "the deadline passed" in ended.err
    assert sum(map(len, there(emulator).values())) == 5
    assert emulator.calls["DeleteSignalingChannel"] == 0


def test_the_quiet_are_a_line_in_a_comment_too(kvsops: Kvsops) -> None:
    """However many they are: what is to be done has the room, what holds most on top."""
    told = kvsops(*OLD, "-o", "markdown", "--brief").out
    assert (
        "| ACCOUNT | REGION | CHANNELS | WOULD-DELETE |\n"
        "| --- | --- | ---: | ---: |\n"
        f"| {OWN} | {EAST} | 2 | 2 |\n"
        f"| {OTHER} | {EAST} | 2 | 2 |\n"
        "\nIn 4 other places: 1 channel, nothing to do\n"
    ) in told


def test_check(kvsops: Kvsops) -> None:
    """--check is exit code 3 where any scope has something to delete."""
    for more, code in (((), 3), (("--tag", "nosuch"), 0)):
        ended = kvsops(*OLD, "--check", *more, "-o", "json")
        told = document(ended)
        assert (ended.code, told["summary"]["exit_code"]) == (code, code)
        codes = {(s["account_id"], s["region"]): s["exit_code"] for s in told["scopes"]}
        found = {(OWN, EAST), (OTHER, EAST)} if code else set()
        assert {at for at, each in codes.items() if each == 3} == found
        assert set(codes.values()) <= {0, 3}
