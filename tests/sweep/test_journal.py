"""The journal: durable, whole lines; and what is refused when it is read back."""

import json
import os
import re
import resource
import signal
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kvsops.core.channel import Channel, ChannelArn, StorageLink
from kvsops.errors import KvsopsError, UsageError
from kvsops.sweep import entries
from kvsops.sweep.entries import MAY_BE_GONE, Entry
from kvsops.sweep.journal import Journal, UnrestorableError, default_path

NOW = datetime(2026, 11, 22, 10, 0, 0, 500_000, tzinfo=UTC)
UNLINKED = StorageLink("DISABLED", None)
LINKED = StorageLink("ENABLED", "arn:aws:kinesisvideo:us-east-1:123456789012:stream/s/1")


def arn_of(name: str) -> str:
    """Return the ARN of the channel of that name."""
    return f"arn:aws:kinesisvideo:us-east-1:123456789012:channel/{name}/1700000000000"


def channel(name: str = "a") -> Channel:
    """Make a channel."""
    made = datetime(2026, 11, 20, tzinfo=UTC)
    return Channel(name, arn_of(name), "ACTIVE", made, "v1", "SINGLE_MASTER", 60)


def entry(name: str, last_event: str, **changed: Any) -> Entry:
    """Make the entry of an untagged channel."""
    known: dict[str, Any] = {
        "time": NOW.replace(microsecond=0),
        "message_ttl_seconds": 60,
        "tags": {},
        "storage": None,
        "run": "run-1",
        "runs": frozenset({"run-1"}),
    }
    return Entry(ChannelArn.parse(arn_of(name)), last_event, **known | changed)


def read(path: Path) -> list[Entry]:
    """Return the channels that a sound journal tells of."""
    told = entries.read(path)
    assert (told.torn, told.bad) == ([], [])
    return told.entries


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the journal goes; its directory is not there yet."""
    return tmp_path / "state" / "journals" / "run.jsonl"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """Open a journal."""
    with Journal(path, "run-1") as journal:
        yield journal


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


# What cannot be written


def refused(path: Path) -> str:
    """Return the one line with which the journal is refused."""
    with pytest.raises(UsageError) as caught:
        Journal(path, "run")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_unwritable_directory(tmp_path: Path) -> None:
    """A directory that cannot be made stops it before anything is deleted."""
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "run.jsonl"
    assert refused(path).startswith(f"the journal {path} cannot be written: ")
    assert refused(path).endswith(": give --journal FILE")


def test_a_name_that_cannot_be_looked_up(tmp_path: Path) -> None:
    """What not even says whether it is a file is wrong usage too, and no defect of ours."""
    path = tmp_path / ("a" * 300)
    said = f"the journal {path} cannot be written: File name too long: give --journal FILE"
    assert refused(path) == said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_file(path: Path) -> None:
    """So does a file that may not be written."""
    path.parent.mkdir(parents=True)
    path.touch(0o400)
    said = f"the journal {path} cannot be written: Permission denied: give --journal FILE"
    assert refused(path) == said


@pytest.mark.timeout(10)
def test_not_a_file(tmp_path: Path) -> None:
    """A directory, a device or a pipe keeps nothing: it is refused, and not waited for."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, Path("/dev/full"), Path("/dev/zero"), tmp_path / "pipe"):
        assert refused(path) == f"the journal {path} cannot be written: it is not a file"


@pytest.mark.parametrize(
    "content", ["cut short", "{}", "a,b\n1,2\n", "[]\n", '{"journal": 2}\n', "\n"]
)
def test_no_journal_to_append_to(content: str, path: Path) -> None:
    """Another file is left as it is."""
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    assert refused(path).startswith(f"the journal {path} cannot be used: line 1: ")
    assert path.read_text(encoding="utf-8") == content


@contextmanager
def growing_no_more_than(size: int) -> Iterator[None]:
    """Let no file grow beyond this size, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_full_disk(journal: Journal, path: Path) -> None:
    """A line that does not fit is an error, and no other follows what was cut short."""
    journal.deleting(NOW, channel("a"), {}, UNLINKED, "old")
    said = []
    with growing_no_more_than(path.stat().st_size + 100):
        for _ in range(2):
            with pytest.raises(KvsopsError) as caught:
                journal.deleting(NOW, channel("b"), {}, UNLINKED, "old")
            said.append(str(caught.value))
    with pytest.raises(KvsopsError) as caught:
        journal.write("failed", NOW, arn_of("b"))
    said.append(str(caught.value))
    assert said == [f"the journal {path} cannot be written: File too large"] * 3
    assert caught.value.exit_code == 1
    told = entries.read(path)
    assert (told.entries, told.torn, told.bad) == ([entry("a", "deleting")], [f"line 2: {CUT}"], [])


# What cannot be read


def unreadable(path: Path) -> str:
    """Return why the journal cannot be used: one line, and exit code 2."""
    with pytest.raises(UsageError) as caught:
        read(path)
    said = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in said
    assert str(path) in said
    return said.replace(f"the journal {path} ", "").replace("cannot be used: ", "")


def line(event: Any = "deleting", **changed: Any) -> str:
    """Return a line; what is `...` here is left out."""
    whole = {
        "journal": 1,
        "event": event,
        "time": "2026-11-22T10:00:00Z",
        "run": "r",
        "channel_arn": arn_of("a"),
        "channel_name": "a",
        "channel_type": "SINGLE_MASTER",
        "message_ttl_seconds": 60,
        "creation_time": None,
        "version": "v",
        "tags": {},
        "storage": None,
        "reason": "old",
    }
    kept = {key: value for key, value in (whole | changed).items() if value is not ...}
    return json.dumps(kept) + "\n"


CUT = "it is cut short"
NOT_JSON = "it is not JSON: is this a kvsops journal?"
NO_JOURNAL = "it is not a kvsops journal's"
BEGINNING_MISSING = "the line that began this deletion is missing"
NO_EVENT = "it does not tell what was done, and by which run"
LATER = "a newer kvsops wrote it"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("\n", NOT_JSON),
        ("channel,age\n", NOT_JSON),
        ("x" + line()[1:], NOT_JSON),
        ("[" * 100_000 + "\n", NOT_JSON),
        ("[]\n", NO_JOURNAL),
        ('"journal"\n', NO_JOURNAL),
        ("null\n", NO_JOURNAL),
        ('{"channels": []}\n', NO_JOURNAL),
        (line(journal=2), f"it has format 2: {LATER}"),
        (line(journal="9"), f"it has format '9': {LATER}"),
        (line("deleted", channel_arn=arn_of("b")), BEGINNING_MISSING),
        (line(message_ttl_seconds=4), "a message TTL of 4 s cannot be set"),
        (line(message_ttl_seconds=121), "a message TTL of 121 s cannot be set"),
        (line(message_ttl_seconds=60.0), "a message TTL of 60.0 s cannot be set"),
        (line(message_ttl_seconds=True), "a message TTL of True s cannot be set"),
        (line(message_ttl_seconds="60"), "a message TTL of '60' s cannot be set"),
        (line(channel_type="FULL_MESH"), "a channel of type 'FULL_MESH' cannot be made"),
        (line(channel_name="b"), f"the name 'b' is not that of {arn_of('a')}"),
        (line(tags={"env": 1}), "the tag 'env' has the value 1, which is no text"),
        (line(tags={"env": None}), "the tag 'env' has the value None, which is no text"),
        (line(time="yesterday"), "the time 'yesterday' is none"),
        (
            line(storage={"status": None, "stream_arn": "s"}),
            "{'status': None, 'stream_arn': 's'} is no storage link",
        ),
        (
            line(storage={"status": "ENABLED", "stream_arn": 7}),
            "{'status': 'ENABLED', 'stream_arn': 7} is no storage link",
        ),
        (line(event=["deleted"]), NO_EVENT),
        (line(run=7), NO_EVENT),
        (line(tags=...), "it lacks or garbles 'tags'"),
        (line(event=...), "it lacks or garbles 'event'"),
        (line(channel_arn=...), "it lacks or garbles 'channel_arn'"),
        (line(storage={"status": "ENABLED"}), "it lacks or garbles 'stream_arn'"),
    ],
)
def test_a_bad_line(bad: str, said: str, tmp_path: Path) -> None:
    """A line that cannot be used is said, by its number; what the others tell holds.

    Where no other line tells of a channel, the file is refused.
    """
    path = tmp_path / "run.jsonl"
    path.write_text(line(channel_arn=arn_of("c"), channel_name="c") + bad + line("deleted"))
    told = entries.read(path)
    assert [each.arn.channel_name for each in told.entries] == ["c"]
    assert (told.torn, told.bad) == (
        [],
        [f"line 2: {said}", f"line 3: {BEGINNING_MISSING}"],
    )
    path.write_text(bad)
    assert unreadable(path) == f"tells of no channel: line 1: {said}"


@pytest.mark.parametrize("length", [1, 5, 12, 13, 40, -2])
@pytest.mark.parametrize("after", ["", "\n", line("deleted"), "\n" + line("deleted")])
def test_a_torn_line(length: int, after: str, tmp_path: Path) -> None:
    """A line that a kill or a full disk cut short is left out, whatever was written behind it."""
    path = tmp_path / "run.jsonl"
    torn = line(channel_arn=arn_of("b"), channel_name="b")[:length]
    path.write_text(line() + torn + after)
    told = entries.read(path)
    last = "deleted" if "deleted" in after else "deleting"
    assert [(each.arn.channel_name, each.last_event) for each in told.entries] == [("a", last)]
    assert (told.torn, told.bad) == ([f"line 2: {CUT}"], [])


def test_nothing_but_a_torn_line(tmp_path: Path) -> None:
    """A journal of nothing tells of no channel; a whole line without its end is whole."""
    path = tmp_path / "run.jsonl"
    for content, said in (("", "it is empty"), (line()[:40], f"line 1: {CUT}")):
        path.write_text(content)
        assert unreadable(path) == f"tells of no channel: {said}"
    path.write_text(line()[:-1])
    assert [each.last_event for each in read(path)] == ["deleting"]


@pytest.mark.parametrize("torn", [line()[:40], line() + line()[:3]])
def test_appended_behind_a_torn_line(torn: str, path: Path) -> None:
    """A later run writes on, and begins on a line of its own."""
    path.parent.mkdir(parents=True)
    path.write_text(torn)
    with Journal(path, "run-2") as journal:
        journal.deleting(NOW, channel("b"), {}, UNLINKED, "old")
    told = entries.read(path)
    assert told.entries[-1].arn.channel_name == "b"
    assert (len(told.torn), told.bad) == (1, [])
    assert path.read_text().startswith(torn + "\n{")


@pytest.mark.parametrize(
    ("events", "last"),
    [
        (("A deleting", "A deleted", "B deleting", "B changed"), "deleted"),
        (("A deleting", "B deleting", "A deleted", "B gone"), "deleted"),
        (("A deleting", "A deleted", "A deleting", "A kept"), "deleted"),
        (("A deleting", "B deleting", "B kept"), "deleting"),
        (("A deleting", "A unknown", "B deleting", "B changed"), "unknown"),
        (("A deleting", "A changed", "B deleting", "B kept"), "kept"),
        (("A deleting", "A deleted", "A failed"), "failed"),
        (("A deleting", "A deleted", "B deleting", "B failed"), "deleted"),
    ],
)
def test_several_runs(events: tuple[str, ...], last: str, tmp_path: Path) -> None:
    """Of several runs' last words that stands which says most: a deletion is never hidden."""
    path = tmp_path / "shared.jsonl"
    path.write_text("".join(line(each.split()[1], run=each.split()[0]) for each in events))
    (told,) = read(path)
    assert told.last_event == last


def test_a_byte_order_mark(tmp_path: Path) -> None:
    """An editor's mark at the beginning is no part of the first line."""
    path = tmp_path / "run.jsonl"
    path.write_text(line(), encoding="utf-8-sig")
    assert [each.last_event for each in read(path)] == ["deleting"]


@pytest.mark.parametrize(
    ("changed", "tags", "said"),
    [
        ({"message_ttl_seconds": 200}, {}, "a message TTL of 200 s cannot be set"),
        ({"channel_name": "b"}, {}, f"the name 'b' is not that of {arn_of('a')}"),
        ({"channel_type": "MANY"}, {}, "a channel of type 'MANY' cannot be made"),
        ({}, {"k": None}, "the tag 'k' has the value None, which is no text"),
        ({"channel_arn": "arn:x"}, {}, "not a signaling channel's ARN: 'arn:x'"),
    ],
)
def test_what_could_not_be_restored(
    journal: Journal, path: Path, *, changed: dict[str, Any], tags: dict[str, Any], said: str
) -> None:
    """Nothing is written of a channel that a restoration could not make of the line."""
    with pytest.raises(UnrestorableError, match=f"^could not be restored: {re.escape(said)}"):
        journal.deleting(NOW, replace(channel(), **changed), tags, UNLINKED, "old")
    assert not path.exists()


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


def test_binary(tmp_path: Path) -> None:
    """A file that is no text is none; within a journal it is one bad line."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"\x80\xff\x00\n")
    assert unreadable(path) == f"tells of no channel: line 1: {NOT_JSON}"
    path.write_bytes(line().encode() + b"\x80\xff\x00\n")
    assert entries.read(path).bad == [f"line 2: {NOT_JSON}"]


def test_directory_and_missing(tmp_path: Path) -> None:
    """Neither a directory nor nothing can be read."""
    assert unreadable(tmp_path) == "cannot be read: Is a directory"
    assert unreadable(tmp_path / "no.jsonl") == "cannot be read: No such file or directory"


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
