"""The journal: durable, whole lines; each channel is read back as it was written."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from kvsops.core.channel import Channel, StorageLink
from kvsops.sweep.entries import MAY_BE_GONE
from kvsops.sweep.journal import Journal, default_path
from tests.sweep.journals import LINKED, NOW, UNLINKED, arn_of, channel, entry, read


def test_lines(journal: Journal, path: Path) -> None:
    """The lines are as documented, each on the disk as soon as it is written."""
    tags = {"env": "ci", "odd": 'ü "\n\x1b✓'}
    journal.deleting(NOW, channel(), tags, LINKED, "2d old")
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {
        "journal": 1,
        "event": "deleting",
        "time": "2026-11-22T10:00:00Z",
        "run": "run-1",
        "channel_arn": arn_of("a"),
        "channel_name": "a",
        "channel_type": "SINGLE_MASTER",
        "message_ttl_seconds": 60,
        "creation_time": "2026-11-20T00:00:00Z",
        "version": "v1",
        "tags": tags,
        "storage": {"status": "ENABLED", "stream_arn": LINKED.stream_arn},
        "reason": "2d old",
    }
    journal.write("deleted", NOW, arn_of("a"), reason="2d old")
    assert path.read_text(encoding="utf-8").count("\n") == 2
    assert read(path) == [entry("a", "deleted", tags=tags, storage=LINKED)]


def test_round_trip(journal: Journal, path: Path) -> None:
    """Each channel is read back with the last that is known of it, in the order of their begin."""
    for name in ("d", "b", "c", "a", "e"):
        journal.deleting(NOW, channel(name), {"name": name}, UNLINKED, "old")
    journal.write("gone", NOW, arn_of("b"))
    journal.write("unlinking", NOW, arn_of("c"), stream_arn=LINKED.stream_arn)
    journal.write("relinked", NOW, arn_of("a"), stream_arn=LINKED.stream_arn)
    journal.write("kept", NOW, arn_of("a"), reason="has kvsops:keep")
    journal.write("failed", NOW, arn_of("e"), reason="denied")
    assert read(path) == [
        entry("d", "deleting", tags={"name": "d"}),
        entry("b", "gone", tags={"name": "b"}),
        entry("c", "deleting", tags={"name": "c"}),
        entry("a", "kept", tags={"name": "a"}),
        entry("e", "failed", tags={"name": "e"}),
    ]
    restorable = [
        str(each.arn.channel_name) for each in read(path) if each.last_event in MAY_BE_GONE
    ]
    assert restorable == ["d", "b", "c", "e"]


def test_begun_twice(journal: Journal, path: Path) -> None:
    """A deletion that was tried again is described by its last try."""
    journal.deleting(NOW, channel(), {"env": "ci"}, UNLINKED, "old")
    journal.deleting(NOW, channel(), {"env": "prod"}, UNLINKED, "old")
    assert read(path) == [entry("a", "deleting", tags={"env": "prod"})]


@pytest.mark.parametrize(("event", "storage"), [("unlinking", LINKED), ("relinked", None)])
def test_begun_again_without_its_link(
    journal: Journal, path: Path, *, event: str, storage: StorageLink | None
) -> None:
    """A link that a run which was killed had taken off is not lost to the run after it."""
    journal.deleting(NOW, channel(), {}, LINKED, "old")
    for each in dict.fromkeys(("unlinking", event)):
        journal.write(each, NOW, arn_of("a"))
    journal.deleting(NOW, channel(), {}, UNLINKED, "old")
    assert read(path) == [entry("a", "deleting", storage=storage)]


def test_what_the_listing_left_out(journal: Journal, path: Path) -> None:
    """A channel of which little is known is written all the same."""
    bare = Channel("a", arn_of("a"), None, None, None)
    journal.deleting(NOW, bare, {}, UNLINKED, "named")
    assert read(path) == [entry("a", "deleting", message_ttl_seconds=None)]


def test_a_link_that_names_no_stream(journal: Journal, path: Path) -> None:
    """It is read back as it was written: the channel beside it can be made again."""
    unnamed = StorageLink("ENABLED", None)
    journal.deleting(NOW, channel("a"), {}, unnamed, "named")
    journal.deleting(NOW, channel("b"), {}, UNLINKED, "named")
    assert read(path) == [entry("a", "deleting", storage=unnamed), entry("b", "deleting")]


def test_permissions(journal: Journal, path: Path) -> None:
    """Only its owner may read it: tags can tell much."""
    journal.deleting(NOW, channel(), {}, UNLINKED, "old")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert journal.path == path


def test_many_threads_and_journals(path: Path) -> None:
    """Lines of threads, and of two journals on one file, do not mix."""
    with Journal(path, "one") as one, Journal(path, "two") as two:

        def work(journal: Journal, thread: int) -> None:
            for number in range(25):
                name = f"{journal.run}-{thread}-{number}-{'x' * 200}"
                journal.deleting(NOW, channel(name), {"k": "v" * 2_000}, UNLINKED, "old")
                journal.write("deleted", NOW, arn_of(name))

        threads = [
            threading.Thread(target=work, args=(journal, thread))
            for thread in range(4)
            for journal in (one, two)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    told = read(path)
    assert len(told) == len({each.arn for each in told}) == 200
    assert {each.last_event for each in told} == {"deleted"}


def test_append(path: Path) -> None:
    """A second run writes on after the first."""
    for name in ("a", "b"):
        with Journal(path, name) as journal:
            journal.deleting(NOW, channel(name), {}, UNLINKED, "old")
    assert [each.arn.channel_name for each in read(path)] == ["a", "b"]


def test_a_new_journal_is_on_the_disk(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its directory is flushed with its first line, and there is no file before."""
    flushed: list[str] = []

    def fsync(file: int) -> None:
        flushed.append("directory" if stat.S_ISDIR(os.fstat(file).st_mode) else "file")

    monkeypatch.setattr(os, "fsync", fsync)
    assert not path.exists()
    for name in ("a", "b"):
        journal.deleting(NOW, channel(name), {}, UNLINKED, "old")
    assert flushed == ["directory", "file", "file"]


# Where it goes


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"GITHUB_WORKSPACE": "/w"}, "/w/kvsops-journal-r1.jsonl"),
        ({"CI_PROJECT_DIR": "/builds/x"}, "/builds/x/kvsops-journal-r1.jsonl"),
        ({"WORKSPACE": "/var/jenkins"}, "/var/jenkins/kvsops-journal-r1.jsonl"),
        ({"BUILD_ARTIFACTSTAGINGDIRECTORY": "/a"}, "/a/kvsops-journal-r1.jsonl"),
        ({"BUILDKITE_BUILD_CHECKOUT_PATH": "/b"}, "/b/kvsops-journal-r1.jsonl"),
        ({"GITHUB_WORKSPACE": "", "WORKSPACE": "/j"}, "/j/kvsops-journal-r1.jsonl"),
        ({"GITHUB_WORKSPACE": "/w", "WORKSPACE": "/j"}, "/w/kvsops-journal-r1.jsonl"),
    ],
)
def test_default_path_in_ci(environ: dict[str, str], expected: str) -> None:
    """In CI it goes beside the job's other artefacts."""
    assert default_path(environ, "r1") == Path(expected)


@pytest.mark.parametrize("environ", [{}, {"WORKSPACE": ""}, {"CI": "true"}])
def test_default_path(environ: dict[str, str], tmp_path: Path) -> None:
    """Else it goes into the state directory."""
    expected = tmp_path / "state" / "kvsops" / "journals" / "r1.jsonl"
    assert default_path(environ, "r1") == expected
