"""`kvsops delete`: named channels, and what holds for them all the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, HOUR, names, put, put_many, writes

DELETE = "DeleteSignalingChannel"
PLACE = "us-east-1, account 123456789012, emulator {emulator}\n"


def test_shows_first(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Without --yes it shows what would be deleted, read directly, and writes nothing."""
    put(emulator, "cam-door", 3 * DAY, tags={"kvsops:owner": "ana"})
    ended = kvsops("delete", "cam-door")
    assert ended.out == (
        f"Dry run in {PLACE.format(emulator=emulator.endpoint_url)}"
        "1 of 1 channel would be deleted\n"
        "\n"
        "CHANNEL      AGE  OWNER\n"
        "cam-door      3d  ana\n"
    )
    assert ended.err == "To delete this one:\n  kvsops delete cam-door --yes\n"
    assert ended.code == 0
    assert writes(emulator) == {}


def test_deletes(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """With --yes the named channels are deleted and journalled, the others stay."""
    put(emulator, "cam-1", HOUR / 60)
    second = put(emulator, "cam-2", 2 * HOUR)
    put(emulator, "cam-3")
    journal = tmp_path / "journal"
    ended = kvsops("delete", "cam-1", second.arn, "--yes", "--journal", str(journal))
    assert ended.out == (
        f"Carried out in {PLACE.format(emulator=emulator.endpoint_url)}"
        "2 of 2 channels deleted\n"
        "\n"
        "CHANNEL      AGE\n"
        "cam-2         2h\n"
        "cam-1         1m\n"
    )
    undo = f"to undo: kvsops restore {journal} --yes --region us-east-1\n"
    assert (ended.code, ended.err) == (0, f"journal: {journal}\n{undo}")
    assert names(emulator) == {"cam-3"}
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    assert sorted((line["event"], line["reason"]) for line in lines) == [
        ("deleted", "named"),
        ("deleted", "named"),
        ("deleting", "named"),
        ("deleting", "named"),
    ]


def test_named_twice(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A channel named twice, by its name and its ARN, is deleted once."""
    arn = put(emulator, "cam-1").arn
    ended = kvsops("delete", "cam-1", arn, "cam-1", "--yes")
    assert ended.code == 0
    assert "\n1 of 1 channel deleted\n" in ended.out
    assert emulator.calls[DELETE] == 1


@pytest.mark.parametrize(
    ("channel", "argv", "reason"),
    [
        ({"tags": {"kvsops:keep": "yes"}}, (), "protected: kvsops:keep=yes"),
        ({"tags": {"env": "prod"}}, ("--protect-tag", "env"), "protected: env=prod"),
        ({"tags": {"aws:cloudformation:stack-name": "s"}}, (), "made by CloudFormation: stack s"),
        ({"stored": True}, (), "linked to storage: stream/cam-1-media/"),
    ],
)
def test_protected(
    kvsops: Kvsops,
    emulator: LocalServer,
    *,
    channel: dict[str, Any],
    argv: tuple[str, ...],
    reason: str,
) -> None:
    """What is protected stays although it was named, says why, and the exit code is 1."""
    put(emulator, "cam-1", **channel)
    put(emulator, "cam-2")
    ended = kvsops("delete", "cam-1", "cam-2", "--yes", *argv)
    assert f"\ncam-1         1d  {reason}" in ended.out
    assert "\n1 of 2 channels deleted\n" in ended.out
    assert ended.code == 1
    assert names(emulator) == {"cam-1"}


def test_held_is_no_protection_from_its_name(kvsops: Kvsops, emulator: LocalServer) -> None:
    """An expiry ahead holds against a sweep, not against who names the channel."""
    put(emulator, "cam-1", tags={"kvsops:expires-at": "2099-01-01T00:00:00Z"})
    assert kvsops("delete", "cam-1", "--yes").code == 0
    assert names(emulator) == set()


def test_unlinks_storage(kvsops: Kvsops, emulator: LocalServer) -> None:
    """With --unlink-storage a linked channel is unlinked and deleted."""
    put(emulator, "cam-1", stored=True)
    assert kvsops("delete", "cam-1", "--yes", "--unlink-storage").code == 0
    assert names(emulator) == set()


@pytest.mark.parametrize("consent", [(), ("--yes",)])
def test_missing(kvsops: Kvsops, emulator: LocalServer, *, consent: tuple[str, ...]) -> None:
    """A name that no channel has is an error, and none of the others is deleted."""
    put_many(emulator, ["cam-1", "cam-2"])
    ended = kvsops("delete", "cam-1", "nope", "cam-2", *consent)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "error: no such channel: nope (us-east-1, account 123456789012)\n"
    assert writes(emulator) == {}


def test_an_arn_of_a_channel_made_again(kvsops: Kvsops, emulator: LocalServer) -> None:
    """The ARN of a channel that is gone does not delete the one that has its name now."""
    new = put(emulator, "cam-1").arn
    old = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/cam-1/1700000000000"
    ended = kvsops("delete", old, "--yes")
    assert (ended.code, ended.err) == (
        1,
        f"error: no such channel: {old} (us-east-1, account 123456789012): that was an earlier "
        f"channel of the name, which is now {new}\n",
    )
    assert names(emulator) == {"cam-1"}


def test_failed(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A delete that is denied exits 1 and says what is missing."""
    arn = put(emulator, "cam-1").arn
    emulator.settings.faults = (Fault(DELETE, "AccessDeniedException"),)
    ended = kvsops("delete", "cam-1", "--yes", "-o", "csv")
    said = f"{DELETE} denied: the credentials need kinesisvideo:{DELETE} on {arn}"
    assert f",failed,{said}," in ended.out
    assert ended.code == 1


def test_not_active(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A channel that is still being made is kept."""
    emulator.settings.state_delay = HOUR
    put(emulator, "cam-1").active_from = emulator.settings.clock() + HOUR
    ended = kvsops("delete", "cam-1", "--yes", "-o", "json", "--query", "channels[0].reason")
    assert (ended.code, ended.out) == (1, '"status is CREATING"\n')
