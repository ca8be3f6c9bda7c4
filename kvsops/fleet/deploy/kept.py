"""The journal of one place's deletions where a function's disk is gone with it: in a bucket.

The line that announces a deletion is an object of its own, written before the call leaves: S3 has
it in several zones by then, as a flushed file is on the disk. When the place is done its whole
journal is one object, which `kvsops restore` reads. Where the function was killed, the lines alone
are there: they are a journal, too, in the order of their keys, and the last step makes one of them.

One object for all the doomed at once would cost less, and would have to be written before the last
look at each: it could not say what the channel was when it was deleted, nor what was spared.
"""

import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Final, Self

from kvsops.aws.objects import Bucket
from kvsops.sweep.journal import Journal

ANNOUNCING: Final = ("deleting", "unlinking")
"""The events that must be durable before what they tell of is done."""


@dataclass(slots=True)
class Kept:
    """Where a place's journal is kept; a context manager, at whose end the local file is gone."""

    bucket: Bucket
    place: str
    _directory: tempfile.TemporaryDirectory[str]
    _paths: dict[str, Path] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)

    @classmethod
    def of(cls, bucket: Bucket, place: str) -> Self:
        """Return that of a place: `RUN/ACCOUNT/REGION`."""
        return cls(bucket, place, tempfile.TemporaryDirectory())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._directory.cleanup()

    def open(self, run: str) -> Journal:
        """Open the journal of the run of this name."""
        path = self._paths.setdefault(run, Path(self._directory.name, f"{run}.jsonl"))
        return _KeptJournal(path, run, self)

    def keep(self, run: str, line: bytes) -> None:
        """Write a line of a run, as an object of its own."""
        self.bucket.put(f"lines/{self.place}/{run}-{next(self._numbers):06}.jsonl", line)

    def finish(self) -> str | None:
        """Write the whole journal; return its address, or None where nothing was begun."""
        written = [path for path in self._paths.values() if path.exists()]
        if not written:
            return None
        key = f"journals/{self.place}/{written[0].name}"
        self.bucket.put(key, b"".join(path.read_bytes() for path in written))
        return f"s3://{self.bucket.name}/{key}"


def recovered(bucket: Bucket, place: str) -> str | None:
    """Put the journal of a place together whose function was killed, from its lines.

    Returns its address, or None where nothing was begun.
    """
    lines = bucket.scope.in_parallel(bucket.get, bucket.keys(f"lines/{place}/"))
    if not (written := b"".join(lines)):
        return None
    key = f"journals/{place}/recovered.jsonl"
    bucket.put(key, written)
    return f"s3://{bucket.name}/{key}"


class _KeptJournal(Journal):
    """A journal whose announcements are kept elsewhere before it takes them."""

    def __init__(self, path: Path, run: str, kept: Kept) -> None:
        super().__init__(path, run)
        self._kept = kept

    def write(self, event: str, time: datetime, channel_arn: str, **more: object) -> None:
        """Append one line; of an announcement, when it is kept."""
        if event in ANNOUNCING:
            self._kept.keep(self.run, self.line(event, time, channel_arn, **more))
        super().write(event, time, channel_arn, **more)
