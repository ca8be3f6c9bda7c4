"""What `sweep`, `delete` and `restore` show on terminals of several sizes."""

import json
import re
import shlex
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.local.demo.fleet import sow
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.output.fit import cells_of
from tests.cli.conftest import Kvsops, Screens
from tests.fleet import DAY, NOON, names, put, put_many
from tests.goldens import Golden
from tests.terminal import SIZES, uncoloured

OLD = ("sweep", "--older-than", "2h")
QUERY = "channels[?outcome=='would-delete'].channel_name"
SCREENS = {
    "dry_run": OLD,
    "narrowed": (*OLD, "--prefix", "ci-"),
    "all": (*OLD, "--prefix", "cam-", "--all"),
    "tags": (*OLD, "--prefix", "ci-", "--tags"),
    "idle": ("sweep", "--idle-for", "7d"),
    "never_used": ("sweep", "--never-used", "--older-than", "1d", "-v"),
    "expired": ("sweep", "--expired"),
    "orphaned": ("sweep", "--orphaned", "--prefix", "ci-"),
    "grace": ("sweep", "--idle-for", "7d", "--prefix", "cam-", "--grace", "1d"),
    "limit": (*OLD, "--prefix", "ci-", "--limit", "3"),
    "nothing": (*OLD, "--prefix", "zebra-"),
    "delete": ("delete", "cam-door", "x" * 256),
    "explain": (*OLD, "--prefix", "ci-", "--explain", "cam-door"),
}


@pytest.fixture
def fleet(emulator: LocalServer) -> None:
    """Sow a fleet, the same each time, and a few channels of awkward names and states."""
    emulator.settings.clock = lambda: NOON + 20 * DAY
    emulator.settings.state_delay = timedelta()
    sow(emulator.backend(), 60, seed=7)
    tags = {"team": "\u30c9\u30a2", "note": "n" * 200, "kvsops:owner": "ops", "kvsops:keep": "roof"}
    put(emulator, "cam-door", 100 * DAY, tags=tags, stored=True)
    put(emulator, "x" * 256, 3 * DAY)


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("screen", SCREENS)
def test_screen(
    on_screen: Screens,
    emulator: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
    golden: Golden,
    screen: str,
) -> None:
    """Each size has its own; colour adds nothing but itself; no line is wider than the terminal."""
    for width, _ in SIZES:
        coloured = on_screen(width, *SCREENS[screen])
        assert all(cells_of(line) <= width for line in shown(uncoloured(coloured)))
        told = coloured.replace(emulator.endpoint_url, "http://127.0.0.1:45678")
        golden(told, f"{screen}.{width}.colour")
        with monkeypatch.context() as patched:
            patched.setenv("NO_COLOR", "1")
            plain = on_screen(width, *SCREENS[screen])
        assert plain == uncoloured(coloured)
        golden(uncoloured(told), f"{screen}.{width}")


BESIDE = re.compile(r"\n(To [a-z ]|warning: |calls: |--orphaned |\d+ channels? (is|are) not in)")


def shown(text: str) -> list[str]:
    """Give the lines of standard output: standard error, below, is no terminal there."""
    return BESIDE.split(text)[0].splitlines()


@pytest.mark.usefixtures("fleet")
def test_what_went_and_what_did_not(
    on_screen: Screens, emulator: LocalServer, golden: Golden, tmp_path: Path
) -> None:
    """What went, then what did not and why; the last line undoes it."""
    emulator.settings.faults = (Fault("DeleteSignalingChannel", "AccessDeniedException"),)
    journal = str(tmp_path / "journal")
    sweep = (*OLD, "--prefix", "ci-", "--yes", "--journal", journal)
    golden(on_screen(80, *sweep), "denied", at=emulator.endpoint_url, journal=journal)
    emulator.settings.faults = ()
    text = on_screen(80, *sweep)
    golden(text, at=emulator.endpoint_url, journal=journal)
    assert text.endswith(f"to undo: kvsops restore {journal} --yes --region us-east-1\n")
    for yes in ((), ("--yes",)):
        text = on_screen(80, "restore", journal, *yes)
        golden(
            text,
            f"restore{len(yes)}",
            at=emulator.endpoint_url,
            **({} if yes else {"journal": journal}),
        )
        assert all(len(line) <= 80 for line in shown(text))


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("screen", [each for each in SCREENS if each != "explain"])
def test_off_a_terminal_all_is_told(kvsops: Kvsops, screen: str) -> None:
    """In a file each channel to go is there, and its name is whole."""
    ended = kvsops(*SCREENS[screen])
    assert "more: --all" not in ended.out
    rows = kvsops(*SCREENS[screen], "-o", "json", "--query", QUERY).out
    assert all(f"\n{name} " in ended.out for name in json.loads(rows))


def test_three_thousand_channels(on_screen: Screens, emulator: LocalServer) -> None:
    """The first line and the last stand on one screen, with what is said beside it."""
    put_many(emulator, [f"cam-{number:04}" for number in range(3_000)])
    lines = uncoloured(on_screen(80, *OLD, "--prefix", "cam-")).splitlines()
    assert lines[1] == "3,000 of 3,000 channels named cam-… would be deleted"
    assert len(lines) < 24
    assert lines[-1].endswith(" --limit 100")


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    "argv",
    [
        OLD,
        ("sweep", "--expired"),
        ("sweep", "--orphaned"),
        ("sweep", "--idle-for", "7d"),
        (*OLD, "--match", "*"),
        (*OLD, "--check"),
        (*OLD, "--max-deletes", "2"),
        (*OLD, "--max-deletes=10%", "--prefix=c"),
        (*OLD, "--any-channel"),
    ],
)
def test_each_proposal_can_be_typed(
    kvsops: Kvsops, emulator: LocalServer, argv: tuple[str, ...]
) -> None:
    """What is proposed is never refused; the first to delete comes after a narrowing."""
    before, typed, looks = names(emulator), argv, 0
    while "--yes" not in typed:
        ended = kvsops(*typed)
        assert ended.code in (0, 3)
        proposed = re.search(r"\n  kvsops (sweep .*)\n", "\n" + ended.err)
        assert proposed, ended.err
        typed, looks = tuple(shlex.split(proposed[1])), looks + 1
        assert looks < 5
        assert names(emulator) == before
    assert {"--prefix", "--prefix=c", "--tag", "--any-channel"} & {*typed}
    assert looks >= (1 if "--any-channel" in argv else 2)
    assert kvsops(*typed).code == 0
    assert names(emulator) < before


@pytest.mark.parametrize("command", [OLD, ("restore",)])
def test_an_empty_account(on_screen: Screens, command: tuple[str, ...]) -> None:
    """There is nothing to do, which is said; nothing is proposed."""
    text = uncoloured(on_screen(80, *command))
    assert text.splitlines()[-1] in (
        "No channels: nothing to do",
        "No journals: nothing was deleted from here.",
    )
