"""`kvsops record`."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

import click

from kvsops.cli.choice import Choice
from kvsops.cli.help import Command, section
from kvsops.cli.media import require_extra, run, silence
from kvsops.cli.options import (
    DURATION,
    TARGET,
    Text,
    events_option,
    in_region,
    refuse,
    scope_options,
)
from kvsops.cli.signals import INTERRUPTED
from kvsops.cli.where import Where
from kvsops.core.channel import ChannelArn
from kvsops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kvsops.aws.scope import Scope
    from kvsops.output.console import Console
    from kvsops.peers.peer import Codec
    from kvsops.reports.recording import Told
    from kvsops.stay.destination import Destination
    from kvsops.stay.record import Recorder, Report, Wanted

_CLIENT_ID: Final = "kvsops-record-{}"
"""Another each time: two may record a channel, and a master may still hold the id of the last."""
_SMALLEST, _LARGEST = 16, 8192
_SHORTEST_SEGMENT: Final = timedelta(seconds=1)


class Given(TypedDict):
    """The options of the recording, as they were given."""

    duration: timedelta | None
    segment: timedelta | None
    wait: timedelta
    codec: "Codec | None"
    size: tuple[int, int] | None
    force: bool
    output: str


def picture_size(text: str) -> tuple[int, int]:
    """Read 640x480; raises `UsageError`."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(_SMALLEST <= each <= _LARGEST and each % 2 == 0 for each in size):
        raise UsageError(
            f"not a size: {text!r}: write width x height like 640x480, both even, "
            f"from {_SMALLEST} to {_LARGEST}"
        )
    return size


@click.command(
    cls=Command,
    epilog="Exit codes: 0 at the end of --duration, or where the pipe's reader is gone; 130 after "
    "Ctrl-C, with a complete file; 1 where no master came, or the file could not be written.",
)
@click.argument("target", type=TARGET, metavar="NAME|ARN")
@click.argument("file", type=click.Path(), metavar="FILE")
@section("Recording")
@click.option(
    "--duration",
    type=DURATION,
    metavar="DURATION",
    help="Record for this long from the first picture or sound on.  [default: until Ctrl-C]",
)
@click.option(
    "--segment",
    type=DURATION,
    metavar="DURATION",
    help="Begin a new file after this long: FILE-001.mp4, FILE-002.mp4, ...",
)
@click.option(
    "--wait",
    type=DURATION,
    default="1m",
    show_default=True,
    metavar="DURATION",
    help="Give up when nothing comes for this long, at the beginning or later.",
)
@click.option("--codec", type=Choice(["VP8", "H264"]), help="Ask only for this video codec.")
@section("File")
@click.option(
    "--size",
    type=Text("size", picture_size),
    metavar="WIDTHxHEIGHT",
    help="Scale the pictures to this.  [default: the size of a file's first]",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there already.")
@events_option
@scope_options
def record(*, where: Where, target: str, file: str, **given: Unpack[Given]) -> None:
    """Record what a channel's master sends: a camera's pictures and sound.

    \b
    Examples:
      kvsops record cam-door door.mp4 --duration 1m
      kvsops record cam-door door.mkv --segment 10m   # door-001.mkv, and so on
      kvsops record cam-door door.wav                 # the sound alone
      kvsops record cam-door - | ffplay -             # watch it: Matroska

    It joins as a viewer, waits for the master, and calls it again whenever the call is lost. What
    is missing then stays in the timeline: the last picture is held, the sound is silent, and the
    gap is told. Media is decoded and encoded again: H264, with AAC in .mp4 or Opus in .mkv.

    A file can be played while it grows, and whatever ends it: but for its last two seconds even
    after kill -9, or on a full disk.
    """
    require_extra()
    from kvsops.cli.access import staying_in
    from kvsops.output.console import Console
    from kvsops.stay.destination import Destination

    destination = Destination(file, given["segment"] is not None, given["force"])
    refuse(_objection(destination, given))
    destination.check()
    scope, console = where.open(read_only=True), Console()
    in_region(scope, (target,))
    channel_arn = staying_in(scope, target)
    teller = _Teller(console, scope.now, given["output"])
    wanted = _wanted(destination, given)
    silence()
    report = run(partial(_recorded, scope, channel_arn, wanted, teller), console)
    channel_name = ChannelArn.parse(channel_arn).channel_name
    teller.end(report, channel_name, piped=destination.piped)
    if report.files and (earlier := destination.earlier(report.files)):
        console.warn(f"of an earlier recording, not overwritten: {_row(earlier)}")
    click.get_current_context().exit(report.exit_code)


def _objection(destination: "Destination", given: Given) -> str | None:
    """Tell what contradicts itself."""
    if destination.piped and given["output"] == "json":
        return "-o json goes to standard output, where - puts the recording"
    if destination.given.lower().endswith(".wav") and (given["size"] or given["codec"]):
        return "a .wav has no pictures: --size and --codec are of no use"
    if given["segment"] is not None and given["segment"] < _SHORTEST_SEGMENT:
        return "--segment is at least 1s"
    return None


def _wanted(destination: "Destination", given: Given) -> "Wanted":
    from kvsops.stay.record import Wanted

    return Wanted(
        destination,
        duration=_seconds(given["duration"]),
        wait=_seconds(given["wait"]),
        segment=_seconds(given["segment"]),
        size=given["size"],
        codec=given["codec"],
    )


def _row(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]} ({len(names)} files)"


def _seconds(duration: timedelta | None) -> float:
    return float("inf") if duration is None else duration.total_seconds()


@dataclass(frozen=True, slots=True)
class _Teller:
    """Says what happens: as JSON on standard output, or in words on standard error."""

    console: "Console"
    now: "Callable[[], datetime]"
    output: str

    def event(self, event: "Told") -> None:
        """Say that something happened."""
        from kvsops.reports.recording import DOUBTFUL, event_json, event_text

        if self.output == "json":
            click.echo(event_json(event, self.now()))
        elif said := event_text(event):
            say = self.console.warn if isinstance(event, DOUBTFUL) else self.console.note
            say(said)

    def end(self, report: "Report", channel_name: str, *, piped: bool) -> None:
        """Say how it ended; not where the recording itself went."""
        from kvsops.reports.recording import ending, report_json

        if self.output == "json":
            click.echo(report_json(report, self.now()))
        else:
            click.echo(ending(report, channel_name), nl=False, err=piped)
        if report.exit_code not in {0, INTERRUPTED}:
            self.console.error(report.text)


async def _recorded(
    scope: "Scope", channel_arn: str, wanted: "Wanted", teller: _Teller
) -> "Report":
    """Record as a viewer of the channel; cancelled, it ends in order all the same."""
    import asyncio
    import secrets

    from kvsops.cli.access import access_of
    from kvsops.cli.record_live import shown
    from kvsops.stay.presence import Presence
    from kvsops.stay.record import Recorder

    client_id, tell = _CLIENT_ID.format(secrets.token_hex(4)), teller.event
    presence = Presence(
        access_of(scope), channel_arn, "viewer", client_id, tell=tell, now=scope.now
    )
    recorder, stop = Recorder(presence, wanted, tell), asyncio.Event()
    async with shown(teller.console, partial(_status, recorder, wanted.destination)):
        recording = asyncio.ensure_future(recorder.run(stop))
        try:
            return await asyncio.shield(recording)
        except asyncio.CancelledError:
            stop.set()
            return await recording


def _status(recorder: "Recorder", destination: "Destination") -> str:
    from kvsops.output.text import safe
    from kvsops.reports.recording import status

    return safe(status(recorder.now, destination.given))
