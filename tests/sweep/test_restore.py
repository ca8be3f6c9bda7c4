"""Making again what a journal says was deleted."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kvsops.aws.scope import Scope
from kvsops.core.policies import sweep_rules
from kvsops.errors import UsageError
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.sweep import entries
from kvsops.sweep.fuse import Bounds, Fuse
from kvsops.sweep.journal import Journal
from kvsops.sweep.restore import Restored, restorable, restore
from kvsops.sweep.run import Sweep
from tests.fleet import HOUR, Time, names, put, writes

DENIED = "AccessDeniedException"
TAGS = {"größe": "東京 é 3+4=7 a.b_c:/@-", "spaces": "\u2028 \u00a0", "empty": ""}


@pytest.fixture
def scope(environment: dict[str, str], time: Time) -> Scope:
    """Return a scope for which no time passes but what it sleeps."""
    return time.scope(environment)


@pytest.fixture
def looking(environment: dict[str, str], time: Time) -> Scope:
    """Return a scope that refuses every write: a dry run's."""
    return time.scope(environment, read_only=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the journal goes."""
    return tmp_path / "journal"


def sweep(scope: Scope, path: Path) -> None:
    """Delete all that is older than an hour, linked or not."""
    rules = sweep_rules({"older-than": HOUR, "unlink-storage": True})
    planned = Sweep.of_all(scope, rules, Bounds(Fuse.parse("100%")))
    planned.carry_out(lambda _: Journal(path, "run"))


def restored(scope: Scope, path: Path) -> dict[str, Restored]:
    """Restore what the journal tells of; return the results by name."""
    wanted, _ = restorable(scope, entries.read(path).entries)
    return {each.arn.channel_name: restore(scope, each) for each in wanted}


def outcomes(results: dict[str, Restored]) -> dict[str, tuple[str, str]]:
    """Answer outcome and reason by name."""
    return {name: (each.outcome.value, each.reason) for name, each in results.items()}


def test_round_trip(scope: Scope, emulator: LocalServer, path: Path) -> None:
    """Name, tags of any characters, message TTL and storage link come back; the ARN is new."""
    old = put(emulator, "cam-1", tags=TAGS, message_ttl_seconds=17, stored=True)
    longest = put(emulator, "." * 256, tags={f"k{n}": "v" * 256 for n in range(50)})
    stream = old.stream_arn
    sweep(scope, path)
    scope.sleep(1)
    assert names(emulator) == set()
    results = restored(scope, path)
    assert outcomes(results) == {"cam-1": ("created", ""), "." * 256: ("created", "")}
    now = emulator.backend().channels
    assert now["cam-1"].tags == TAGS
    assert now["cam-1"].message_ttl_seconds == 17
    assert now["cam-1"].stream_arn == stream
    assert results["cam-1"].channel_arn == now["cam-1"].arn != old.arn
    assert now["." * 256].tags == longest.tags
    assert now["." * 256].stream_arn is None


def test_what_is_left_off(scope: Scope, emulator: LocalServer, path: Path) -> None:
    """The old expiry is left off, and so are tags that only AWS sets; the reason says so."""
    tags = {"kvsops:expires-at": "2026-04-30T10:00:00Z", "aws:service": "x", "env": "ci"}
    put(emulator, "ci-1", tags=tags)
    sweep(scope, path)
    scope.sleep(1)
    left_off = "without aws:service, kvsops:expires-at"
    assert outcomes(restored(scope, path)) == {"ci-1": ("created", left_off)}
    assert emulator.backend().channels["ci-1"].tags == {"env": "ci"}


def test_a_dry_run_writes_nothing(
    scope: Scope, looking: Scope, emulator: LocalServer, path: Path
) -> None:
    """A read-only scope says what would be made, also of a channel that is still DELETING."""
    put(emulator, "ci-1", tags={"kvsops:expires-at": "2026-04-30T10:00:00Z"})
    sweep(scope, path)
    before = writes(emulator)
    expected = {"ci-1": ("would-create", "without kvsops:expires-at")}
    assert outcomes(restored(looking, path)) == expected
    scope.sleep(1)
    assert outcomes(restored(looking, path)) == expected
    assert writes(emulator) == before == {"DeleteSignalingChannel": 1}


def test_one_that_is_still_deleting(scope: Scope, emulator: LocalServer, path: Path) -> None:
    """A channel on its way out is waited for, then made again."""
    emulator.settings.state_delay = timedelta(seconds=3)
    old = put(emulator, "ci-1")
    sweep(scope, path)
    assert outcomes(restored(scope, path)) == {"ci-1": ("created", "")}
    assert emulator.backend().channels["ci-1"].arn != old.arn


def test_one_that_stays_deleting(scope: Scope, emulator: LocalServer, path: Path) -> None:
    """A channel that does not go within the time is a failure that says so."""
    emulator.settings.state_delay = HOUR
    put(emulator, "ci-1")
    sweep(scope, path)
    assert outcomes(restored(scope, path)) == {
        "ci-1": ("failed", "it is still being deleted: try again later")
    }


def test_names_that_are_taken(scope: Scope, emulator: LocalServer, path: Path) -> None:
    """A channel of that name that exists is left as it is; a second restore makes nothing."""
    put(emulator, "ci-1", tags={"env": "old"})
    put(emulator, "ci-2")
    sweep(scope, path)
    scope.sleep(1)
    taken = put(emulator, "ci-1", tags={"env": "new"})
    assert outcomes(restored(scope, path)) == {
        "ci-1": ("exists", "a channel has its name"),
        "ci-2": ("created", ""),
    }
    assert taken.tags == {"env": "new"}
    before = writes(emulator)
    again = restored(scope, path)
    assert {each.outcome.value for each in again.values()} == {"exists"}
    assert again["ci-1"].channel_arn == taken.arn
    assert writes(emulator) == before


def test_a_delete_that_failed(scope: Scope, emulator: LocalServer, path: Path) -> None:
    """What the journal says failed may be gone or not: it is looked for, and was not deleted."""
    put(emulator, "ci-1")
    emulator.settings.faults = (Fault("DeleteSignalingChannel", DENIED),)
    sweep(scope, path)
    assert outcomes(restored(scope, path)) == {"ci-1": ("exists", "it was not deleted")}


def _cut_after(path: Path, event: str) -> None:
    """Leave of the journal what a kill right after this line would have left."""
    lines = path.read_text().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if json.loads(line)["event"] == event)
    path.write_text("".join(lines[: at + 1]))


def test_killed_after_unlinking(
    scope: Scope, looking: Scope, emulator: LocalServer, path: Path
) -> None:
    """A channel that lost its link to a run that was killed gets it back, and only that."""
    channel = put(emulator, "cam-1", stored=True)
    stream = channel.stream_arn
    emulator.settings.faults = (Fault("DeleteSignalingChannel", DENIED),)
    sweep(scope, path)
    _cut_after(path, "unlinking")
    channel.stream_arn = None
    before = writes(emulator)
    assert outcomes(restored(looking, path)) == {
        "cam-1": ("exists", "would be linked to its stream")
    }
    assert writes(emulator) == before
    results = restored(scope, path)
    assert outcomes(results) == {"cam-1": ("exists", "linked to its stream again")}
    assert results["cam-1"].channel_arn == channel.arn
    assert channel.stream_arn == stream
    assert outcomes(restored(scope, path)) == {"cam-1": ("exists", "it was not deleted")}


def test_killed_after_the_delete(scope: Scope, emulator: LocalServer, path: Path) -> None:
    """Where `deleting` is the last word and the channel is gone, it is made again."""
    put(emulator, "ci-1")
    sweep(scope, path)
    scope.sleep(1)
    _cut_after(path, "deleting")
    assert outcomes(restored(scope, path)) == {"ci-1": ("created", "")}


def test_what_was_not_deleted_is_not_looked_for(
    scope: Scope, emulator: LocalServer, path: Path
) -> None:
    """A channel whose journal ends with kept or changed was left alone, and so it is now."""
    channel = put(emulator, "ci-1")
    arn = channel.arn
    sweep(scope, path)
    lines = path.read_text().replace('"event": "deleted"', '"event": "changed"')
    path.write_text(lines)
    assert restorable(scope, entries.read(path).entries) == ([], [])
    assert arn in lines


def test_one_name_after_the_other(scope: Scope, emulator: LocalServer, path: Path) -> None:
    """Of channels that one journal tells of under the same name only the last is made again."""
    for generation in ("1", "2"):
        put(emulator, "ci-1", tags={"generation": generation})
        put(emulator, f"other-{generation}")
        sweep(scope, path)
        scope.sleep(1)
    wanted, _ = restorable(scope, entries.read(path).entries)
    assert sorted(each.arn.channel_name for each in wanted) == ["ci-1", "other-1", "other-2"]
    assert [restore(scope, each).outcome.value for each in wanted] == ["created"] * 3
    assert emulator.backend().channels["ci-1"].tags == {"generation": "2"}


def test_a_stream_that_is_gone(scope: Scope, emulator: LocalServer, path: Path) -> None:
    """A channel whose stream is gone too is made, and the failure says what it lacks."""
    stream = put(emulator, "cam-1", stored=True).stream_arn
    sweep(scope, path)
    scope.sleep(1)
    emulator.backend().streams.clear()
    results = restored(scope, path)
    lacks = f"created, but not as it was: no such stream: {stream}"
    assert outcomes(results) == {"cam-1": ("failed", lacks)}
    assert results["cam-1"].channel_arn == emulator.backend().channels["cam-1"].arn


def test_denied(scope: Scope, emulator: LocalServer, path: Path) -> None:
    """A create that is denied is that channel's failure, with the permission it needs."""
    put(emulator, "ci-1")
    sweep(scope, path)
    scope.sleep(1)
    emulator.settings.faults = (Fault("CreateSignalingChannel", DENIED),)
    assert outcomes(restored(scope, path)) == {
        "ci-1": (
            "failed",
            "CreateSignalingChannel denied: the credentials need "
            "kinesisvideo:CreateSignalingChannel on channel/ci-1/*",
        )
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            ":us-east-1:",
            ":eu-west-1:",
            "the journal is of region eu-west-1, not us-east-1: give --region",
        ),
        (
            ":123456789012:",
            ":999999999999:",
            "the journal is of account 999999999999, not 123456789012",
        ),
    ],
)
def test_elsewhere(
    scope: Scope, emulator: LocalServer, path: Path, *, old: str, new: str, said: str
) -> None:
    """Channels of another region or account are left out, and said; all such are refused."""
    put(emulator, "ci-1")
    put(emulator, "ci-2")
    sweep(scope, path)
    text: list[Any] = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line.replace(old, new) if "ci-2" in line else line for line in text))
    wanted, elsewhere = restorable(scope, entries.read(path).entries)
    assert [each.arn.channel_name for each in wanted] == ["ci-1"]
    assert elsewhere == [f"1 left out: {said.removeprefix('the journal is ')}"]
    path.write_text("".join(text).replace(old, new))
    with pytest.raises(UsageError, match=said):
        restorable(scope, entries.read(path).entries)
