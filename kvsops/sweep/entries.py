"""What journals tell: which channels were deleted, by which runs, and as what they were."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from kvsops.core.channel import ChannelArn, StorageLink
from kvsops.core.text import parsed_moment
from kvsops.errors import UsageError
from kvsops.sweep.lines import lines_of

MAY_BE_GONE: Final = frozenset({"deleting", "deleted", "gone", "failed", "unknown"})
"""The events after which a channel is no more, or may be."""

# Of several runs' last words on a channel the one that says most of its end stands.
_WEIGHTS: Final = ("gone", "deleting", "unknown", "failed", "deleted")
_OF_THE_LINK: Final = ("unlinking", "relinked")


@dataclass(frozen=True, slots=True)
class Entry:
    """A channel that a journal tells of, as it was, and what is known of its end.

    `time` is when its deletion last began, in `run`; `runs` are all that tell of it.
    """

    arn: ChannelArn
    last_event: str
    time: datetime
    message_ttl_seconds: int | None
    tags: dict[str, str]
    storage: StorageLink | None
    run: str = ""
    runs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Journalled:
    """The channels that a journal tells of, in its order, and what of it cannot be used.

    `torn` are lines that were cut short, which loses nothing; `bad` are others.
    """

    path: Path
    entries: list[Entry]
    torn: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)

    def of_run(self, run: str) -> "Journalled":
        """Return what one run tells of."""
        mine = [entry for entry in self.entries if run in entry.runs]
        return Journalled(self.path, mine, self.torn, self.bad)

    @property
    def latest(self) -> Entry:
        """The channel whose deletion began last."""
        return max(self.entries, key=lambda entry: entry.time)


@dataclass(slots=True)
class _Told:
    """What the lines say of one channel."""

    begun: dict[str, Any] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)  # by run
    unlinked: object = None

    def take(self, line: dict[str, Any]) -> None:
        event, run = line["event"], line.get("run", "")
        if event == "deleting":
            self.begun = line | {"storage": line["storage"] or self.unlinked}
        elif event == "unlinking":
            self.unlinked = self.begun["storage"]
        elif event == "relinked":
            self.unlinked = None
        # What a run deleted stands, unless its own last look found the channel still there.
        stands = self.last.get(run) == "deleted" and event != "failed"
        if event not in _OF_THE_LINK and not stands:
            self.last[run] = event

    def entry(self) -> Entry:
        line = self.begun
        link = line["storage"] and StorageLink(
            line["storage"]["status"], line["storage"]["stream_arn"]
        )
        time = parsed_moment(line["time"])
        if time is None:  # `lines.objection` has refused such a line
            raise TypeError(line)
        arn, ttl = ChannelArn.parse(line["channel_arn"]), line["message_ttl_seconds"]
        last = max(reversed(self.last.values()), key=_weight)
        run, runs = line.get("run", ""), frozenset(self.last)
        return Entry(arn, last, time, ttl, line["tags"], link, run, runs)


def _weight(event: str) -> int:
    return _WEIGHTS.index(event) if event in _WEIGHTS else -1


def read(path: Path) -> Journalled:
    """Return what the journal tells; lines that cannot be used are left out, and said.

    A link that one run took off, and did not put back, is the channel's though a later run did not
    find it. Raises `UsageError` where no line tells of a channel.
    """
    told: dict[str, _Told] = {}
    torn: list[str] = []
    bad: list[str] = []
    for line in lines_of(path):
        known = told.get(line.said["channel_arn"]) if line.said else None
        if line.said and (known or line.said["event"] == "deleting"):
            told.setdefault(line.said["channel_arn"], _Told()).take(line.said)
            continue
        why = line.wrong or "the line that began this deletion is missing"
        (torn if line.torn else bad).append(f"line {line.number}: {why}")
    if not told:
        why = next(iter(bad + torn), "it is empty")
        raise UsageError(f"the journal {path} tells of no channel: {why}")
    return Journalled(path, [each.entry() for each in told.values()], torn, bad)


def found(places: Iterable[tuple[Path, str]]) -> tuple[list[Journalled], list[str]]:
    """Return the journals in these directories, by pattern, and why others cannot be used."""
    journals: list[Journalled] = []
    problems: list[str] = []
    paths = [path for where, pattern in places for path in where.glob(pattern)]
    for path in sorted({path.absolute() for path in paths}):
        try:
            if path.stat().st_size:  # an empty one is of a run that deleted nothing
                journals.append(read(path))
        except (OSError, UsageError) as error:
            problems.append(str(error))
    return journals, problems


def whole_run(run: str) -> str:
    """Return the name of the run of many places that this was one of; of another its own.

    It has no more than when that began, and in which process: see `kvsops.sweep.total`.
    """
    parts = run.split("-")
    return f"{parts[0]}-{parts[-1]}" if parts[1:] else run


def by_run(journals: Iterable[Journalled]) -> dict[str, Journalled]:
    """Return what each run tells of, the latest first."""
    runs = {
        run: journal.of_run(run)
        for journal in journals
        for run in dict.fromkeys(entry.run for entry in journal.entries)
    }
    return dict(sorted(runs.items(), key=lambda each: each[1].latest.time, reverse=True))
