"""Sweeps of many accounts and regions in real processes: killed, interrupted, out of time."""

import json
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.e2e.conftest import Start, wait_for
from tests.scopes import EAST, OTHER, OWN, ROLE, WEST, At, names_at, put_at

PLACES = ("--organization-role", ROLE, "--region", EAST, "--region", WEST)
SWEEP = ("sweep", "--older-than", "2h", "--any-channel", "--yes", "--max-deletes", "100%", *PLACES)
WHERE: tuple[At, ...] = ((OWN, EAST), (OWN, WEST), (OTHER, EAST), (OTHER, WEST))
NAMES = frozenset(f"ci-{n:02}" for n in range(40))
NOTHING: dict[At, set[str]] = {where: set() for where in WHERE}
DELETE = "DeleteSignalingChannel"


@pytest.fixture
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator of two accounts, with the documented quotas."""
    settings = Settings(accounts=2, state_delay=timedelta(milliseconds=50))
    with LocalServer(settings) as server:
        for where in WHERE:
            for name in sorted(NAMES):
                put_at(server, where, name)
            put_at(server, where, "kept", tags={"kvsops:keep": ""})
        yield server


def gone(emulator: LocalServer) -> dict[At, set[str]]:
    """Answer what is gone of each scope; what is protected never is."""
    there = {where: names_at(emulator, where) for where in WHERE}
    assert all("kept" in each for each in there.values())
    return {where: set(NAMES - each) for where, each in there.items()}


def told(paths: list[Path]) -> dict[tuple[At, str], str]:
    """Answer the last that the journals tell of each channel; a line may be torn by the kill."""
    events = {}
    for path in paths:
        for line in path.read_text().rpartition("\n")[0].splitlines():
            said = json.loads(line)
            _, _, _, region, account, rest = said["channel_arn"].split(":", 5)
            events[(account, region), rest.split("/")[1]] = said["event"]
    return events


def journals(tmp_path: Path) -> list[Path]:
    """Return the journals of this user."""
    return sorted((tmp_path / "state/kvsops/journals").glob("*.jsonl"))


def test_killed_in_the_midst(emulator: LocalServer, start: Start, tmp_path: Path) -> None:
    """After kill -9 each scope's journal accounts for what is gone of it; all can be had back."""
    process = start(*SWEEP)
    wait_for(lambda: emulator.calls[DELETE] >= 50, process)
    process.kill()
    process.communicate()
    time.sleep(0.5)  # what had left still arrives
    lost = gone(emulator)
    assert 0 < sum(map(len, lost.values())) < 160
    paths = journals(tmp_path)
    for (account, region), names in lost.items():
        own = [path for path in paths if f"-{account}-{region}-" in path.name]
        assert {((account, region), name) for name in names} <= told(own).keys()
        assert all(where == (account, region) for where, _ in told(own))
    restore = start("restore", str(paths[0].parent), "--yes", *PLACES, "-o", "json")
    out, _ = restore.communicate()
    assert restore.returncode == 0
    assert {row["outcome"] for row in json.loads(out)} <= {"created", "exists"}
    assert gone(emulator) == NOTHING


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(
    emulator: LocalServer, start: Start, tmp_path: Path, *, number: signal.Signals
) -> None:
    """A signal ends all scopes in order: 130, what is left is told, the journals are whole."""
    process = start(*SWEEP, "-o", "json")
    wait_for(lambda: emulator.calls[DELETE] >= 10, process)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "\nerror: stopped: interrupted\nto undo: kvsops restore " in err
    assert err.count("at most 10 s are waited for") <= 1
    result = json.loads(out)
    assert result["summary"]["stopped"] == "interrupted"
    outcomes = {
        ((row["account_id"], row["region"]), row["channel_name"]): row["outcome"]
        for row in result["channels"]
        if row["channel_name"] != "kept"
    }
    assert set(outcomes.values()) == {"deleted", "left"}
    deleted = {one for one, outcome in outcomes.items() if outcome == "deleted"}
    assert {(where, name) for where, names in gone(emulator).items() for name in names} == deleted
    assert told(journals(tmp_path)) == dict.fromkeys(deleted, "deleted")


def test_interrupted_while_it_plans(emulator: LocalServer, start: Start) -> None:
    """A signal before the first delete ends with 130; nothing was done anywhere."""
    emulator.settings.latency = timedelta(seconds=0.3)
    process = start(*SWEEP)
    wait_for(lambda: emulator.calls["ListSignalingChannels"] >= 1, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    lines = ["Nothing was deleted: it was still planning.", "error: interrupted"]
    assert [line for line in err.splitlines() if line] == lines
    assert gone(emulator) == NOTHING
