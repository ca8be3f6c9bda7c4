"""What cannot be written to a journal, or not any more, and what is then left in it."""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kvsops.errors import KvsopsError, UsageError
from kvsops.sweep import entries
from kvsops.sweep.journal import Journal, UnrestorableError
from tests.sweep.journals import (
    CUT,
    NOW,
    UNLINKED,
    arn_of,
    channel,
    entry,
    growing_no_more_than,
    line,
)


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
