"""What was deleted, written down durably before and after, and read back.

A journal is a file of JSON lines. Each line has `journal` (the format's version), `event`, `time`
(ISO 8601 UTC), `run` and `channel_arn`:

- `deleting`, flushed to disk before the call leaves, has all that makes the channel again:
  `channel_name`, `channel_type`, `message_ttl_seconds`, `creation_time`, `version`, `tags`,
  `storage` (null or `{"status", "stream_arn"}`), and the `reason`;
- `unlinking` and `relinked` have the `storage` link that was taken off or put back;
- the end of each: `deleted`, `gone` (somebody else had deleted it), `changed`, `kept`, `unknown`
  (it could not be judged again), or `failed`, with its `reason`. Where a run was killed,
  `deleting` is the last word: it may be gone or not.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from kvsops.core.channel import MESSAGE_TTL_SECONDS, Channel, ChannelArn, StorageLink
from kvsops.core.text import moment, parsed_moment
from kvsops.errors import KvsopsError, UsageError
from kvsops.output.places import state_directory

VERSION: Final = 1
MAY_BE_GONE: Final = frozenset({"deleting", "deleted", "gone", "failed", "unknown"})
"""The last events after which a channel is no more, or may be."""

# Where a CI keeps what a job leaves behind: GitHub, GitLab, Jenkins, Azure Pipelines, Buildkite.
_WORKSPACES: Final = (
    "GITHUB_WORKSPACE",
    "CI_PROJECT_DIR",
    "WORKSPACE",
    "BUILD_ARTIFACTSTAGINGDIRECTORY",
    "BUILDKITE_BUILD_CHECKOUT_PATH",
)


class Journal:
    """An open journal; a context manager. Lines from many threads, or processes, do not mix.

    Raises `UsageError` when it cannot be opened for writing, and `KvsopsError` when a line cannot
    be written: then what the line announces must not be done.
    """

    def __init__(self, path: Path, run: str) -> None:
        self.path, self.run = path, run
        self._lock = threading.Lock()
        self._broken = ""  # why no line can follow: the last one may be cut short
        try:
            if path.exists() and not path.is_file():
                raise UsageError(f"the journal {path} cannot be written: it is not a file")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            msg = f"the journal {path} cannot be written: {error.strerror}: give --journal FILE"
            raise UsageError(msg) from error
        try:
            _refuse_other_files(path)
        except UsageError:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def write(self, event: str, time: datetime, channel_arn: str, **more: object) -> None:
        """Append one line and flush it to the disk."""
        line = {"journal": VERSION, "event": event, "time": moment(time), "run": self.run}
        data = json.dumps({**line, "channel_arn": channel_arn, **more}) + "\n"
        with self._lock:
            try:
                if not self._broken:
                    _write_whole(self._file, data.encode())
                    os.fsync(self._file)
            except OSError as error:
                self._broken = f"the journal {self.path} cannot be written: {error.strerror}"
            if self._broken:
                raise KvsopsError(self._broken)

    def deleting(
        self,
        time: datetime,
        channel: Channel,
        tags: Mapping[str, str],
        storage: StorageLink,
        reason: str,
    ) -> None:
        """Write, before a delete, all that makes the channel again."""
        linked = {"status": storage.status, "stream_arn": storage.stream_arn}
        self.write(
            "deleting",
            time,
            channel.channel_arn,
            channel_name=channel.channel_name,
            channel_type=channel.channel_type,
            message_ttl_seconds=channel.message_ttl_seconds,
            creation_time=channel.creation_time and moment(channel.creation_time),
            version=channel.version,
            tags=dict(tags),
            storage=linked if storage.linked else None,
            reason=reason,
        )


def opener(path: Path | None, environ: Mapping[str, str]) -> Callable[[str], Journal]:
    """Return what opens the journal of the run of a name: this file, or where one goes else."""
    return lambda run: Journal(path or default_path(environ, run), run)


def default_path(environ: Mapping[str, str], name: str) -> Path:
    """Return where a journal goes by default: a CI's workspace, else the state directory."""
    for variable in _WORKSPACES:
        if environ.get(variable):
            return Path(environ[variable]) / f"kvsops-journal-{name}.jsonl"
    kept = state_directory()  # without a home directory: here
    return kept / "journals" / f"{name}.jsonl" if kept else Path(f"kvsops-journal-{name}.jsonl")


@dataclass(frozen=True, slots=True)
class Entry:
    """A channel that a journal tells of, as it was, and the last that is known of it.

    `time` is when its deletion last began.
    """

    arn: ChannelArn
    last_event: str
    time: datetime
    message_ttl_seconds: int | None
    tags: dict[str, str]
    storage: StorageLink | None


def read(path: Path) -> list[Entry]:
    """Return the channels that the journal tells of, in its order.

    A link that one run took off, and did not put back, is the channel's though a later run did not
    find it. Raises `UsageError` naming the line that is cut short or is no journal's.
    """
    begun: dict[str, dict[str, Any]] = {}
    last: dict[str, str] = {}
    unlinked: dict[str, Any] = {}
    for number, line in _lines(path):
        arn, event = line["channel_arn"], line["event"]
        if event == "deleting":
            begun[arn] = line | {"storage": line["storage"] or unlinked.get(arn)}
        elif arn not in begun:
            raise _unreadable(path, number, "the line that began this deletion is missing")
        elif event == "unlinking":
            unlinked[arn] = begun[arn]["storage"]
        elif event == "relinked":
            unlinked.pop(arn, None)
        if event not in ("unlinking", "relinked"):
            last[arn] = event
    if not begun:
        msg = f"the journal {path} tells of no channel: it is empty"
        raise UsageError(msg)
    return [_entry(line, last[arn]) for arn, line in begun.items()]


def _entry(line: Mapping[str, Any], last_event: str) -> Entry:
    storage = line["storage"] and StorageLink(
        line["storage"]["status"], line["storage"]["stream_arn"]
    )
    arn = ChannelArn.parse(line["channel_arn"])
    time = parsed_moment(line["time"])
    if time is None:  # `_describes` has refused such a line
        raise TypeError(line)
    return Entry(arn, last_event, time, line["message_ttl_seconds"], line["tags"], storage)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        msg = f"the journal {path} cannot be read: {why}"
        raise UsageError(msg) from error
    for number, line in enumerate(text.split("\n")[:-1], 1):
        yield number, _checked(path, number, line)
    if text and not text.endswith("\n"):
        mend = "it is cut short, as its run was killed: take the line away"
        raise _unreadable(path, text.count("\n") + 1, mend)


def _checked(path: Path, number: int, text: str) -> dict[str, Any]:
    """Return the line if it is one of a journal's, with all that its event must have."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, number, "it is not JSON: is this a kvsops journal?") from error
    if not isinstance(line, dict) or "journal" not in line:
        raise _unreadable(path, number, "it is not a kvsops journal's")
    if line["journal"] != VERSION:
        raise _unreadable(
            path, number, f"it has format {line['journal']!r}: a newer kvsops wrote it"
        )
    try:
        arn = ChannelArn.parse(line["channel_arn"])
        described = line["event"] != "deleting" or _describes(line, arn)
    except (KeyError, TypeError, AttributeError, UsageError) as error:
        raise _unreadable(path, number, f"it lacks or garbles {error}") from error
    if not (isinstance(line["event"], str) and described):
        raise _unreadable(path, number, "it does not describe the channel")
    return line


def _describes(line: Mapping[str, Any], arn: ChannelArn) -> bool:
    """Whether the line has all that makes the channel again; may raise KeyError and TypeError."""
    ttl, link = line["message_ttl_seconds"], line["storage"]
    texts = [text for pair in line["tags"].items() for text in pair]
    if link is not None:
        texts += [link["status"], link["stream_arn"] or ""]
    return (
        line["channel_name"] == arn.channel_name
        and parsed_moment(line["time"]) is not None
        and (ttl is None or ttl in MESSAGE_TTL_SECONDS)
        and all(isinstance(text, str) for text in texts)
    )


def _unreadable(path: Path, number: int, why: str) -> UsageError:
    return UsageError(f"the journal {path} cannot be used: line {number}: {why}")


def _refuse_other_files(path: Path) -> None:
    """Refuse to append to a file that is no journal, or whose last line is cut short."""
    for _ in _lines(path):
        pass


def _write_whole(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
