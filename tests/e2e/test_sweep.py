"""Sweeps as they are run: real processes, real HTTP, quotas, faults, kills and signals."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kvsops.local.demo.fleet import sow
from kvsops.local.faults import DROP, DROP_AFTER, Fault
from kvsops.local.server import LocalServer
from tests.e2e.conftest import KVSOPS, Start, wait_for
from tests.fleet import DAY, names, put, put_many, writes

DELETE = "DeleteSignalingChannel"
SWEEP = ("sweep", "--older-than", "2h", "--any-channel", "--yes", "--max-deletes", "100%")
JSON = ("-o", "json")
OWN_COST = r"(?:own cost: [\d,]+ metrics in \d+ calls, \$0\.\d{4} at most\n)?"  # from a cent on
UNDO = r"to undo: kvsops restore \S+ --yes --region us-east-1\n"
ASK = """
import json, os, subprocess, sys, urllib.request
subprocess.run(["kvsops", "sweep", "--older-than", "2h"], check=True)
url = os.environ["AWS_ENDPOINT_URL"] + "/kvsops-api/calls"
print(*sorted(json.load(urllib.request.urlopen(url))["calls"]))
"""


def journal_of(path: Path) -> list[dict[str, Any]]:
    """Read the journal's lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def last_events(path: Path) -> dict[str, str]:
    """Answer the last that the journal tells of each channel, by name."""
    return {line["channel_arn"].split("/")[1]: line["event"] for line in journal_of(path)}


def outcomes(text: str) -> dict[str, str]:
    """Answer the outcomes in a sweep's JSON, by name."""
    return {row["channel_name"]: row["outcome"] for row in json.loads(text)["channels"]}


def test_the_first_command_of_the_readme() -> None:
    """A fresh user's first sweep shows what would be deleted, and writes nothing."""
    ended = subprocess.run(
        [*KVSOPS, "local", "--fleet", "200", "--", sys.executable, "-c", ASK],
        capture_output=True,
        text=True,
        check=True,
    )
    place, totals, *_, kept, calls = ended.stdout.splitlines()
    assert place.startswith("Dry run in us-east-1, account 123456789012, emulator http://")
    assert re.fullmatch(r"\d+ of 200 channels would be deleted", totals)
    assert re.match(r"Kept \d+: \d+ too young, ", kept)
    assert calls == (
        "DescribeMediaStorageConfiguration GetMetricData GetResources ListMetrics "
        "ListSignalingChannels ListTagsForResource"
    )
    assert ended.stderr.endswith("  kvsops sweep --older-than 2h --prefix ci-\n")
    assert "--yes" not in ended.stderr


FAULTS = (
    Fault("*", "ClientLimitExceededException", 0.05),
    Fault("*", "InternalFailure", 0.05),
    Fault("*", DROP, 0.05),
    Fault("*", DROP_AFTER, 0.05),
)


@pytest.mark.parametrize("seed", [1, 2])
def test_faults_change_nothing(
    emulator: LocalServer, start: Start, tmp_path: Path, *, seed: int
) -> None:
    """With a fifth of all calls failing, the same channels go, or it is said which are left."""
    now = datetime.now(UTC).replace(microsecond=0)

    def run(*faults: Fault) -> tuple[set[str], dict[str, str], int]:
        backend = emulator.backend()
        backend.reset()
        backend = emulator.backend()
        sow(backend, 120, seed=seed, now=now)
        before = names(emulator)
        emulator.settings.faults = faults
        path = tmp_path / f"{len(faults)}"
        process = start(*SWEEP, *JSON, "--unlink-storage", "--journal", str(path))
        out, _ = process.communicate()
        emulator.settings.faults = ()
        gone = before - names(emulator)
        assert gone <= {name for name, event in last_events(path).items() if event != "kept"}
        return gone, outcomes(out), process.returncode

    expected, said, code = run()
    assert (code, set(said.values())) == (0, {"deleted", "kept"})
    assert len(expected) > 40
    gone, said, code = run(*FAULTS)
    assert gone <= expected
    left = expected - gone
    assert all(said[name] in ("failed", "unknown", "left") for name in left)
    assert {name for name, outcome in said.items() if outcome == "deleted"} <= gone
    assert code == (1 if {"failed", "unknown", "left"} & set(said.values()) else 0)
    assert len(gone) > 30


def test_killed_in_the_midst(emulator: LocalServer, start: Start, tmp_path: Path) -> None:
    """After kill -9 the same sweep ends right, and one journal accounts for all that is gone."""
    put_many(emulator, [f"ci-{n:03}" for n in range(150)])
    put(emulator, "kept", tags={"kvsops:keep": ""})
    journal = tmp_path / "journal"
    argv = (*SWEEP, "--quota-share", "1", "--journal", str(journal))
    first = start(*argv)
    wait_for(lambda: emulator.calls[DELETE] >= 40, first)
    first.kill()
    first.communicate()
    gone = {f"ci-{n:03}" for n in range(150)} - names(emulator)
    assert 0 < len(gone) < 150
    assert gone <= last_events(journal).keys()
    second = start(*argv, *JSON)
    out, err = second.communicate()
    assert second.returncode == 0
    assert re.fullmatch(re.escape(f"journal: {journal}\n") + OWN_COST + UNDO, err)
    assert names(emulator) == {"kept"}
    assert set(outcomes(out).values()) <= {"deleted", "gone", "kept"}
    told = last_events(journal)
    assert told.keys() == {f"ci-{n:03}" for n in range(150)}
    assert set(told.values()) <= {"deleting", "deleted", "gone"}
    assert list(told.values()).count("deleting") <= 32  # as many as were in hand
    restore = start("restore", str(journal), *JSON, "--query", "[].[channel_name, outcome]")
    out, _ = restore.communicate()
    assert dict(json.loads(out)) == dict.fromkeys(told, "would-create")


def test_two_at_once(emulator: LocalServer, start: Start, tmp_path: Path) -> None:
    """Two sweeps of one fleet: no error in either, all that should go is gone, all else stays."""
    doomed = set(put_many(emulator, [f"ci-{n:02}" for n in range(80)]))
    doomed |= {put(emulator, f"cam-{n}", stored=True).channel_name for n in range(12)}
    kept = {put(emulator, f"kept-{n}", tags={"kvsops:keep": ""}).channel_name for n in range(9)}
    kept |= {put(emulator, f"new-{n}", timedelta(minutes=5)).channel_name for n in range(9)}
    journal = tmp_path / "journal"  # they share it, too
    argv = (*SWEEP, *JSON, "--unlink-storage", "--journal", str(journal))
    both = [start(*argv), start(*argv)]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    for _, err in said:
        assert re.fullmatch(f"({re.escape(f'journal: {journal}')}\n)?{OWN_COST}({UNDO})?", err)
    told = [outcomes(out) for out, _ in said]
    assert names(emulator) == kept
    for each in told:
        assert set(each.values()) <= {"deleted", "gone", "kept"}
    assert {name for each in told for name in each if each[name] == "deleted"} == doomed
    assert last_events(journal).keys() == doomed
    both_deleted = Counter(name for each in told for name in each if each[name] == "deleted")
    assert set(both_deleted.values()) == {1}


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(
    emulator: LocalServer, start: Start, tmp_path: Path, *, number: signal.Signals, times: int
) -> None:
    """A signal ends the sweep in order: 130, what is left is listed, the journal is whole.

    It does so where it is sent twice, as timeout(1) does.
    """
    put_many(emulator, [f"ci-{n:03}" for n in range(150)])
    journal = tmp_path / "journal"
    process = start(*SWEEP, *JSON, "--journal", str(journal))
    wait_for(lambda: emulator.calls[DELETE] >= 10, process)
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.01)  # or they would count as one
    out, err = process.communicate()
    assert process.returncode == 130
    assert re.search(f"\nerror: stopped: interrupted\n{UNDO}$", err)
    assert "Traceback" not in err
    told = outcomes(out)
    left = {name for name, outcome in told.items() if outcome == "left"}
    assert len(left) > 50
    assert set(told.values()) == {"deleted", "left"}
    assert names(emulator) == left
    summary = json.loads(out)["summary"]
    assert (summary["stopped"], summary["outcomes"]["left"]) == ("interrupted", len(left))
    assert last_events(journal) == dict.fromkeys(told.keys() - left, "deleted")


def test_interrupted_twice(emulator: LocalServer, start: Start, tmp_path: Path) -> None:
    """A second Ctrl-C ends at once: the journal has the way back for all that may be gone."""
    put_many(emulator, [f"ci-{n:03}" for n in range(150)])
    emulator.settings.latency = timedelta(seconds=0.4)
    journal = tmp_path / "journal"
    process = start(*SWEEP, *JSON, "--journal", str(journal))
    wait_for(lambda: emulator.calls[DELETE] >= 5, process)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)  # or they would count as one that was sent twice
    began = time.monotonic()
    out, err = process.communicate()
    assert time.monotonic() - began < 8  # of the 10 s that deletes are waited for
    assert (process.returncode, out) == (130, "")
    waits = r"interrupted: at most 10 s are waited for [\w, ]+; Ctrl-C again ends at once\n"
    ends = f"{waits}interrupted again: ended at once\n"
    assert re.fullmatch(re.escape(f"journal: {journal}\n") + ends, err)
    told = last_events(journal)
    assert set(told.values()) <= {"deleting", "deleted"}
    time.sleep(1)  # what had left still arrives
    assert {f"ci-{n:03}" for n in range(150)} - names(emulator) <= told.keys() != set()
    assert {name for name in told if told[name] == "deleted"}.isdisjoint(names(emulator))
    emulator.settings.latency = timedelta()
    restore = start("restore", str(journal), "--yes")
    restore.communicate()
    assert restore.returncode == 0
    assert names(emulator) == {f"ci-{n:03}" for n in range(150)}


def test_interrupted_while_it_reads(emulator: LocalServer, start: Start) -> None:
    """A signal before the first delete ends with 130 and no traceback; nothing was done."""
    put_many(emulator, [f"ci-{n:03}" for n in range(90)])
    emulator.settings.latency = timedelta(seconds=0.2)
    process = start("sweep", "--older-than", "2h", "--direct")
    wait_for(lambda: emulator.calls["ListTagsForResource"] >= 1, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err.strip() == "error: interrupted"
    assert writes(emulator) == {}


def test_create_interrupted(emulator: LocalServer, start: Start) -> None:
    """What was made before a signal is told; nothing more is begun."""
    emulator.settings.latency = timedelta(seconds=0.2)
    process = start("create", *(f"ci-{n:03}" for n in range(200)))
    wait_for(lambda: emulator.calls["CreateSignalingChannel"] >= 5, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert err.strip().endswith("error: interrupted")
    told = {arn.split("/")[1] for arn in out.splitlines()}
    assert told == names(emulator)
    assert 5 <= len(told) < 200


def test_a_full_disk(emulator: LocalServer, environment: dict[str, str], tmp_path: Path) -> None:
    """When the journal cannot grow any more, no further delete begins, and the exit code is 1."""
    put_many(emulator, [f"ci-{n:03}" for n in range(80)])
    journal = tmp_path / "journal"
    limited = ("/bin/sh", "-c", 'ulimit -f 12; exec "$@"', "sh")  # in blocks of 512 bytes
    ended = subprocess.run(
        [*limited, *KVSOPS, *SWEEP, *JSON, "--journal", str(journal)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    told = outcomes(ended.stdout)
    said = f"the journal {journal} cannot be written: File too large"
    assert ended.returncode == 1
    assert re.fullmatch(
        re.escape(f"journal: {journal}\n")
        + OWN_COST
        + re.escape(f"error: stopped: {said}\n")
        + UNDO,
        ended.stderr,
    )
    deleted = {name for name, outcome in told.items() if outcome == "deleted"}
    assert names(emulator) == told.keys() - deleted
    assert deleted
    whole = journal.read_text().rpartition("\n")[0].splitlines()
    assert deleted <= {json.loads(line)["channel_arn"].split("/")[1] for line in whole}
    restored = subprocess.run(
        [*KVSOPS, "restore", str(journal), "--yes"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"warning: .*/journal: line \d+: it is cut short\n", restored.stderr)
    assert names(emulator) == told.keys()


def test_a_standard_output_that_takes_nothing(
    emulator: LocalServer, environment: dict[str, str], tmp_path: Path
) -> None:
    """Where the result cannot be printed, the files and standard error tell of it all the same."""
    put(emulator, "ci-1")
    report, summary = tmp_path / "report.json", tmp_path / "summary"
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [
                *KVSOPS,
                *SWEEP,
                "-v",
                "--report",
                str(report),
                "--journal",
                str(tmp_path / "journal"),
            ],
            env=os.environ | environment | {"GITHUB_STEP_SUMMARY": str(summary)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert "\ncalls: DeleteSignalingChannel 1, " in ended.stderr
    assert outcomes(report.read_text()) == {"ci-1": "deleted"}
    assert "1 deleted, of 1 channel" in summary.read_text()


def test_progress_is_for_a_terminal(
    emulator: LocalServer, environment: dict[str, str], tmp_path: Path
) -> None:
    """On a terminal it is shown how many are done, on standard error; data stays data."""
    put_many(emulator, [f"ci-{n:02}" for n in range(60)])
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [*KVSOPS, *SWEEP, *JSON, "--journal", str(tmp_path / "journal")],
        env=os.environ | environment | {"TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 65_536)
        except OSError:  # the other end is closed
            break
    os.close(terminal)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert set(outcomes(out).values()) == {"deleted"}
    assert re.search(rb"deleting \d+/60", shown)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("list",), 0),
        (("describe", "nope"), 1),
        (("sweep", "--older-than", "2"), 2),
        (("sweep", "--older-than", "2h", "--check"), 3),
        ((*SWEEP[:-1], "1%"), 3),
    ],
)
def test_exit_codes(
    emulator: LocalServer, start: Start, *, argv: tuple[str, ...], code: int
) -> None:
    """The process ends with the code that the command line's rules give it."""
    put(emulator, "ci-1", DAY)
    process = start(*argv)
    out, err = process.communicate()
    assert process.returncode == code
    assert out if code in (0, 3) else not out
    assert err if code else err.startswith("1 channel in us-east-1, ")
    assert writes(emulator) == {}
