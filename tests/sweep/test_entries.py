"""What a journal tells when it is read back, and which of its lines, or files, are refused."""

from pathlib import Path

import pytest

from kvsops.errors import UsageError
from kvsops.sweep import entries
from tests.sweep.journals import CUT, arn_of, line, read

NOT_JSON = "it is not JSON: is this a kvsops journal?"
NO_JOURNAL = "it is not a kvsops journal's"
BEGINNING_MISSING = "the line that began this deletion is missing"
NO_EVENT = "it does not tell what was done, and by which run"
LATER = "a newer kvsops wrote it"


def unreadable(path: Path) -> str:
    """Return why the journal cannot be used: one line, and exit code 2."""
    with pytest.raises(UsageError) as caught:
        read(path)
    said = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in said
    assert str(path) in said
    return said.replace(f"the journal {path} ", "").replace("cannot be used: ", "")


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
