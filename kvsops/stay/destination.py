"""Where a recording goes: files by their name, one or a row of them, or standard output."""

import errno
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kvsops.errors import UsageError

FORMATS: Final = {".mp4": "mp4", ".mkv": "matroska", ".wav": "wav"}
"""What is written, by the name's end; as FFmpeg calls it."""
STANDARD_OUTPUT: Final = "-"
_DIGITS: Final = 3


class Sink:
    """An open file that takes bytes, all of them or an OSError, and counts them."""

    def __init__(self, number: int, name: str) -> None:
        self.name, self._number = name, number
        self.failed: OSError | None = None
        """Why it took no more."""
        self.size = 0
        """How many bytes were written, less those that were written over."""
        self._seekable = os.lseek(number, 0, os.SEEK_CUR) == 0 if _is_file(number) else False

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write it all, or in a file none of it: half of a fragment's head spoils all before it.

        Once it could not, nothing more is written.
        """
        if self.failed is not None:
            raise self.failed
        left, began = memoryview(data), self.tell() if self._seekable else 0
        try:
            while left:
                left = left[os.write(self._number, left) :]
        except OSError as error:
            self.failed = error
            if self._seekable and began >= self.size:
                os.truncate(self._number, began)
            raise
        self.size = max(self.size, self.tell()) if self._seekable else self.size + len(data)
        return len(data)

    def seekable(self) -> bool:
        """Whether what was written can be written over: a pipe's is gone."""
        return self._seekable

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the file."""
        return os.lseek(self._number, offset, whence)

    def tell(self) -> int:
        """Return the place that is written to next."""
        return os.lseek(self._number, 0, os.SEEK_CUR)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Close the file."""
        os.close(self._number)


@dataclass(frozen=True, slots=True)
class Destination:
    """A FILE as it was given, or `-`. `segmented`: a row of files, `NAME-001.mp4` and so on."""

    given: str
    segmented: bool = False
    force: bool = False

    @property
    def piped(self) -> bool:
        """Whether it is standard output."""
        return self.given == STANDARD_OUTPUT

    @property
    def format(self) -> str:
        """What is written: `mp4`, `matroska` or `wav`."""
        return "matroska" if self.piped else FORMATS[self._path.suffix.lower()]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The media that it can hold."""
        return ("audio",) if self.format == "wav" else ("video", "audio")

    @property
    def directory(self) -> Path | None:
        """Where its files are; None for standard output."""
        return None if self.piped else self._path.parent

    def name(self, number: int) -> str:
        """Return the name of its file of this number, from 1."""
        if not self.segmented or self.piped:
            return self.given
        path = self._path
        return str(path.with_name(f"{path.stem}-{number:0{_DIGITS}}{path.suffix}"))

    def check(self) -> None:
        """Raise `UsageError` if it cannot be written to, as far as is seen without trying."""
        if self.piped:
            if self.segmented:
                raise UsageError("--segment needs files: standard output is but one")
            if sys.stdout.isatty():
                raise UsageError("a recording is no text for a terminal: - needs a pipe or a file")
            return
        if "\0" in self.given or self._path.suffix.lower() not in FORMATS:
            known = ", ".join(FORMATS)
            raise UsageError(f"{self.given}: a recording's name ends in {known}; or it is -")
        try:
            self._check_place()
        except OSError as error:
            raise UsageError(f"{self.given} cannot be written: {error.strerror}") from None

    def open(self, number: int) -> Sink:
        """Open its file of this number; raises OSError. One that is there stays, but by `force`."""
        if self.piped:
            return Sink(os.dup(1), "standard output")
        name = self.name(number)
        there = os.O_TRUNC if self.force else os.O_EXCL
        return Sink(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | there, 0o666), name)

    def earlier(self, written: Iterable[str]) -> list[str]:
        """Return the names of an earlier row's files that this one, shorter, has left there."""
        if self.piped or not self.segmented:
            return []
        new = {Path(name).name for name in written}
        return [each.name for each in self._there() if each.name not in new]

    @property
    def _path(self) -> Path:
        return Path(self.given)

    def _check_place(self) -> None:
        folder, first = self._path.parent, Path(self.name(1))
        os.stat(folder)  # noqa: PTH116 - its error says why: a long name, a loop of links
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{folder} is no directory")
        for path in self._there():
            if not path.is_file():
                raise UsageError(f"{path} is no plain file; - writes to standard output")
            if not self.force:
                raise UsageError(f"{path} is there already: --force overwrites it")
            _require(path, os.W_OK)
        try:
            first.lstat()
        except FileNotFoundError:
            _require(folder, os.W_OK | os.X_OK)

    def _there(self) -> list[Path]:
        """Return those of its files that are there."""
        path = self._path
        if not self.segmented:
            return [path] if os.path.lexists(path) else []
        ours = re.compile(rf"{re.escape(path.stem)}-\d{{{_DIGITS},}}{re.escape(path.suffix)}")
        found = (each for each in path.parent.iterdir() if ours.fullmatch(each.name))
        return sorted(found, key=lambda each: (len(each.name), each.name))


def _require(path: Path, mode: int) -> None:
    if not os.access(path, mode):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _is_file(number: int) -> bool:
    import stat

    return stat.S_ISREG(os.fstat(number).st_mode)
