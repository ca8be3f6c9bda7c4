"""The files that commands write their reports to: checked before the run, written whole after."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Generic, TypeVar

from kvsops.errors import KvsopsError, UsageError, needs_extra
from kvsops.output.console import Console
from kvsops.output.files import replace, written_through
from kvsops.output.text import safe

Reported = TypeVar("Reported")

ANY: Final = ""
"""The suffix of a kind that goes by any name."""


@dataclass(frozen=True)  # no slots: with them Python 3.11 fails on Kind[Reported](...)
class Kind(Generic[Reported]):
    """A kind of report.

    `make` is called with what is reported, and the path: an earlier file there may tell something.
    `library` makes it, if any does; `mode` is the file's, by default the umask's.
    """

    make: Callable[[Reported, Path], bytes]
    library: str | None = None
    mode: int | None = None


@dataclass(frozen=True)  # as above
class ReportFiles(Generic[Reported]):
    """What one option writes, by the suffix of the file's name, in lower case.

    `what` names it in errors; `extra` is what is installed for the libraries.
    """

    option: str
    kinds: Mapping[str, Kind[Reported]]
    what: str = "report"
    extra: str = "report"

    def check(self, path: Path) -> Path:
        """Return the path; raises `UsageError`, before anything is done, if none can go there."""
        kind, name = self._kind(path), safe(str(path))
        if kind is None:
            ends = ", ".join(self.kinds)
            raise UsageError(f"not a {self.what}: '{name}': its name ends in {ends}")
        asked = self.option if ANY in self.kinds else f"{self.option} {name}"
        if kind.library and find_spec(kind.library) is None:
            raise UsageError(f"{asked} needs {needs_extra(self.extra)}")
        if obstacle := _obstacle(path):
            raise UsageError(f"{self.option} {name} cannot be written: {obstacle}")
        return path

    def write(self, reported: Reported, path: Path) -> None:
        """Write to a file that was checked, all of it or nothing; raises `KvsopsError`."""
        kind = self._kind(path)
        if kind is None:
            raise ValueError(path)
        data = kind.make(reported, path)
        try:
            replace(path, data, kind.mode)
        except (OSError, ValueError) as error:  # ValueError: a name with a null character
            name, why = safe(str(path)), getattr(error, "strerror", None) or error
            msg = f"the {self.what} cannot be written to {name} ({self.option}): {why}"
            raise KvsopsError(msg) from error

    def _kind(self, path: Path) -> Kind[Reported] | None:
        return self.kinds.get(path.suffix.lower(), self.kinds.get(ANY))


def all_written(
    reported: Reported, files: Iterable[tuple[ReportFiles[Reported], Path]], console: Console
) -> bool:
    """Write the files that were asked for, and say which; return whether all could be."""
    written = True
    for kind, path in files:
        try:
            kind.write(reported, path)
        except KvsopsError as error:
            console.error(str(error))
            written = False
        else:
            console.note(f"{kind.what} written: {path}")
    return written


def _obstacle(path: Path) -> str | None:
    """Say why no file can be written there, if that can be seen."""
    try:
        target = path.resolve()
        if target.is_dir() or not target.parent.is_dir():
            return "no such directory, or it is one"
        place = target if written_through(path) and target.exists() else target.parent
        return None if os.access(place, os.W_OK) else "permission denied"
    except (OSError, RuntimeError, ValueError):  # denied, a loop of links, a null character
        return "no such directory, or it is one"
