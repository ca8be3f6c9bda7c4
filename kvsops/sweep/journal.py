"""What is deleted, written down durably before and after; `kvsops.sweep.entries` reads it back.

A journal is a file of JSON lines. Each line has `journal` (the format's version), `event`, `time`
(ISO 8601 UTC), `run` and `channel_arn`:

- `deleting`, flushed to disk before the call leaves, has all that makes the channel again:
  `channel_name`, `channel_type`, `message_ttl_seconds`, `creation_time`, `version`, `tags`,
  `storage` (null or `{"status", "stream_arn"}`), and the `reason`;
- `unlinking` and `relinked` have the `storage` link that was taken off or put back;
- the end of each: `deleted`, `gone` (somebody else had deleted it), `changed`, `kept`, `unknown`
  (it could not be judged again, or the answer to its delete was lost), or `failed`, with its
  `reason`; `failed` after `deleted` says that the channel was seen again. Where a run was killed,
  `deleting` is the last word: it may be gone or not.
"""

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from kvsops.core.channel import Channel, ChannelArn, StorageLink
from kvsops.core.text import moment
from kvsops.errors import KvsopsError, UsageError
from kvsops.output.files import passing
from kvsops.output.places import state_directory
from kvsops.sweep import lines

# Where a CI keeps what a job leaves behind: GitHub, GitLab, Jenkins, Azure Pipelines, Buildkite.
_WORKSPACES: Final = (
    "GITHUB_WORKSPACE",
    "CI_PROJECT_DIR",
    "WORKSPACE",
    "BUILD_ARTIFACTSTAGINGDIRECTORY",
    "BUILDKITE_BUILD_CHECKOUT_PATH",
)


class UnrestorableError(KvsopsError):
    """A channel cannot be written down so that it could be made again."""


class Journal:
    """An open journal; a context manager. Lines from many threads, or processes, do not mix.

    A new file is made with its first line, of which `began` is told: a run that deletes nothing
    leaves none. Raises `UsageError` when it cannot be opened for writing, and `KvsopsError` when a
    line cannot be written: then what the line announces must not be done.
    """

    def __init__(
        self, path: Path, run: str, began: Callable[[Path], object] = lambda _: None
    ) -> None:
        self.path, self.run = path, run
        self.written = False
        self._began = began
        self._lock = threading.Lock()
        self._file: int | None = None
        self._broken = ""  # why no line can follow: the last one may be cut short
        try:
            if path.exists():
                self._open_existing()
            else:
                _make_directory(path.parent)
        except OSError as error:
            msg = f"the journal {path} cannot be written: {error.strerror}: give --journal FILE"
            raise UsageError(msg) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)

    def write(self, event: str, time: datetime, channel_arn: str, **more: object) -> None:
        """Append one line and flush it to the disk."""
        data = self.line(event, time, channel_arn, **more)
        with self._lock:
            try:
                if not self._broken:
                    self._append(data)
            except OSError as error:
                self._broken = f"the journal {self.path} cannot be written: {error.strerror}"
            if self._broken:
                raise KvsopsError(self._broken)

    def line(self, event: str, time: datetime, channel_arn: str, **more: object) -> bytes:
        """Return the line of an event, as `write` appends it."""
        line = {"journal": lines.VERSION, "event": event, "time": moment(time), "run": self.run}
        return json.dumps({**line, "channel_arn": channel_arn, **more}).encode() + b"\n"

    def deleting(
        self,
        time: datetime,
        channel: Channel,
        tags: Mapping[str, str],
        storage: StorageLink,
        reason: str,
    ) -> None:
        """Write, before a delete, all that makes the channel again.

        Raises `UnrestorableError`, and writes nothing, where that is not enough to make it.
        """
        linked = {"status": storage.status, "stream_arn": storage.stream_arn}
        line: dict[str, object] = {
            "channel_name": channel.channel_name,
            "channel_type": channel.channel_type,
            "message_ttl_seconds": channel.message_ttl_seconds,
            "creation_time": channel.creation_time and moment(channel.creation_time),
            "version": channel.version,
            "tags": dict(tags),
            "storage": linked if storage.linked else None,
            "reason": reason,
        }
        try:
            arn = ChannelArn.parse(channel.channel_arn)
        except UsageError as error:
            raise UnrestorableError(f"could not be restored: {error}") from error
        if wrong := lines.objection(line | {"time": moment(time)}, arn):
            raise UnrestorableError(f"could not be restored: {wrong}")
        self.write("deleting", time, channel.channel_arn, **line)

    def _open_existing(self) -> None:
        if not self.path.is_file():
            raise UsageError(f"the journal {self.path} cannot be written: it is not a file")
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND)
        try:
            _refuse_other_files(self.path)
        except UsageError:
            os.close(self._file)
            raise

    def _append(self, data: bytes) -> None:
        if self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            _sync(self.path.parent)
        if not self.written:
            self._began(self.path)
        self.written = True
        with _locked(self._file):  # or another's line, half written, would look torn
            _write_whole(self._file, _after_a_torn_line(self._file) + data)
        os.fsync(self._file)


Opener = Callable[[str], Journal]
"""Opens the journal of the run of this name."""


def opener(
    path: Path | None, environ: Mapping[str, str], began: Callable[[Path], object] = lambda _: None
) -> Opener:
    """Return what opens the journal of the run of a name: this file, or where one goes else."""
    return lambda run: Journal(path or default_path(environ, run), run, began)


def default_path(environ: Mapping[str, str], name: str) -> Path:
    """Return where a journal goes by default: a CI's workspace, else the state directory.

    Where the user has no home for that, it goes here.
    """
    for workspace in _workspaces(environ):
        return workspace / f"kvsops-journal-{name}.jsonl"
    for directory, _ in kept_in_state():
        return directory / f"{name}.jsonl"
    return Path(f"kvsops-journal-{name}.jsonl")


def kept(environ: Mapping[str, str]) -> list[tuple[Path, str]]:
    """Return in which directories journals are by default, and what their names match."""
    named = [(each, "kvsops-journal-*.jsonl") for each in (*_workspaces(environ), Path())]
    return [*named, *kept_in_state()]


def kept_in_state() -> list[tuple[Path, str]]:
    """Return the same of the state directory alone; nothing where the user has no home."""
    directory = state_directory()
    return [(directory / "journals", "*.jsonl")] if directory else []


def _workspaces(environ: Mapping[str, str]) -> list[Path]:
    return [Path(environ[each]) for each in _WORKSPACES if environ.get(each)]


def _make_directory(directory: Path) -> None:
    """Make the directory, so that it is there after a power failure; see that files can be made."""
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    for each in missing:
        _sync(each.parent)
    # Of another name: the journal's own may be made by another run at this moment.
    probe = passing(directory)
    probe.touch(0o600, exist_ok=False)
    probe.unlink()


def _sync(directory: Path) -> None:
    """Flush what files a directory has, on file systems that can."""
    with suppress(OSError):
        opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _refuse_other_files(path: Path) -> None:
    """Refuse to append to a file that is no journal, nor what is left of one."""
    found = lines.lines_of(path)
    if found and not any(line.said or line.torn for line in found):
        wrong = f"line {found[0].number}: {found[0].wrong}"
        raise UsageError(f"the journal {path} cannot be used: {wrong}")


@contextmanager
def _locked(file: int) -> Iterator[None]:
    """Keep other writers off the file, on file systems that can."""
    with suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)


def _after_a_torn_line(file: int) -> bytes:
    """Return what ends the file's last line, if that was cut short."""
    size = os.fstat(file).st_size
    return b"\n" if size and os.pread(file, 1, size - 1) != b"\n" else b""


def _write_whole(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
