"""What a recording says: each event in words and as JSON, how far it is, and how it ended."""

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from kvsops.core.text import moment
from kvsops.output.rows import json_line
from kvsops.output.text import count, safe
from kvsops.stay import presence, watching
from kvsops.stay.gaps import Gap, Resumed, Stopped
from kvsops.stay.record import Event, Now, Report, Slow
from kvsops.stay.recording import Begun, Finished, Fitted, LeftOut
from kvsops.stay.space import LowSpace

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Told = Event | presence.Event
_KINDS: Final = {"video": "picture", "audio": "sound"}
NAMES: Final[dict[type, str]] = {
    watching.Waiting: "waiting",
    watching.Joined: "joined",
    watching.NotJoined: "not-joined",
    watching.Refused: "refused",
    Begun: "file-begun",
    Finished: "file-finished",
    Fitted: "scaled",
    LeftOut: "left-out",
    Stopped: "stopped",
    Resumed: "resumed",
    Slow: "slow",
    LowSpace: "low-space",
    presence.Connected: "connected",
    presence.Moved: "moved",
    presence.Lost: "lost",
    presence.ServersFailed: "ice-servers-failed",
    presence.Garbled: "garbled",
}
"""What each event is called in JSON."""
_KEYS: Final = {"why": "reason", "wait_seconds": "retry_seconds"}
"""What fields are called in JSON, where that is not their name."""
DOUBTFUL: Final = (Slow, LowSpace, LeftOut, Stopped, watching.Refused, presence.ServersFailed)
"""Events that are warnings."""


def clock(seconds: float) -> str:
    """Tell a place in a recording: `00:01:23`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}"


def size(bytes_: float) -> str:
    """Tell a file's size as players do: `850 kB`, `12.3 MB`, `1.2 GB`."""
    for unit, of in (("GB", 1e9), ("MB", 1e6)):
        if bytes_ >= of:
            return f"{bytes_ / of:.1f} {unit}"
    return f"{bytes_ / 1e3:.0f} kB"


def event_text(event: Told) -> str | None:
    """Say an event in a line; None for one that a person need not know."""
    said = _WORDS.get(type(event))
    return None if said is None else said(event)


def event_json(event: Told, now: datetime) -> str:
    """Make a line of JSON of an event, without its end. Its keys are an interface."""
    return json_line({"event": NAMES[type(event)], "at": moment(now), **_object(event)})


def report_json(report: Report, now: datetime) -> str:
    """Make the last line of JSON, without its end."""
    held = _object(report)
    ended = {"event": "ended", "at": moment(now), "end": held.pop("reason")}
    return json_line({**ended, "reason": held.pop("text") or None, **held})


def status(now: Now, name: str) -> str:
    """Say in a line how far the recording is."""
    if not now.bytes:
        return "waiting for the first picture or sound"
    picture = "" if now.size is None else f" · {_times(now.size)} {now.fps:.0f} fps"
    comes = " · nothing comes" if now.stopped else picture
    return f"{clock(now.seconds)} · {size(now.bytes)}{comes} · {name}"


def ending(report: Report, channel_name: str) -> str:
    """Say what came of the recording, and why it ended where that was not asked for."""
    lines = []
    if report.files:
        files = report.files[0] if len(report.files) == 1 else f"{len(report.files)} files"
        more = f", to {report.files[-1]}" if len(report.files) > 1 else ""
        lines.append(
            f"Recorded {clock(report.seconds)} of {channel_name}: {files}{more} "
            f"({size(report.bytes)}, {count(report.pictures, 'picture')})"
        )
        lines += [_gap(each) for each in report.gaps]
        dropped = Slow(report.pictures_dropped, report.sounds_dropped)
        lines += [_slow(dropped)] if dropped != Slow(0, 0) else []
    else:
        lines.append(f"Nothing was recorded of {channel_name}, and no file was written")
    return "".join(f"{safe(line)}\n" for line in lines)


def _gap(gap: Gap) -> str:
    return f"  no {_KINDS[gap.kind]} at {clock(gap.position)}, for {gap.seconds:.0f} s: {gap.why}"


def _object(event: "DataclassInstance") -> dict[str, object]:
    """Return what an event holds, as JSON has it."""
    held = {each.name: getattr(event, each.name) for each in fields(event)}
    return {_KEYS.get(name, name): _known(value) for name, value in held.items() if name != "code"}


def _known(value: object) -> object:
    """Return a value as JSON can hold it: an infinity is one that is not known."""
    if isinstance(value, float):
        return round(value, 3) if isfinite(value) else None
    if isinstance(value, list):
        return [_object(each) if isinstance(each, Gap) else each for each in value]
    return value


def _times(size_: tuple[int, int]) -> str:
    return "{}x{}".format(*size_)


def _slow(event: Slow) -> str:
    return (
        f"this machine is too slow: {count(event.pictures, 'picture')} and "
        f"{count(event.sounds, 'piece')} of sound were dropped"
    )


def _begun(event: Begun) -> str:
    media = [_times(event.size)] if event.size else []
    media += ["sound"] if event.sound else []
    return f"recording to {event.file}: {' and '.join(media)}"


def _low_space(event: LowSpace) -> str:
    lasts = f", enough for {event.seconds / 60:.0f} min" if isfinite(event.seconds) else ""
    return f"{event.directory} has room for {size(event.bytes)}{lasts}"


def _stopped(event: Stopped) -> str:
    missing = " and no ".join(_KINDS[kind] for kind in event.kinds)
    return f"no {missing} since {clock(event.position)}: {event.why}"


_WORDS: Final[dict[type, Callable[[Any], str]]] = {
    watching.Waiting: lambda _: "waiting: no master answers yet",
    watching.Joined: lambda event: (
        f"connected to the master ({event.path or 'path not known'}), which offers "
        f"{' and '.join(_KINDS[kind] for kind in event.kinds) or 'nothing'}"
    ),
    watching.NotJoined: lambda event: f"{event.why}; calling again",
    watching.Refused: lambda event: event.why,
    Begun: _begun,
    Fitted: lambda event: (
        f"pictures are {_times(event.size)} now: scaled to the file's {_times(event.file_size)}"
    ),
    LeftOut: lambda event: (
        f"a {_KINDS[event.kind]} comes that {event.file} has no track for: it is left out, as it "
        "did not come at the beginning"
    ),
    Stopped: _stopped,
    Resumed: lambda event: f"the {_KINDS[event.kind]} is back after {event.seconds:.0f} s",
    Slow: _slow,
    LowSpace: _low_space,
    presence.Lost: lambda event: (
        f"{event.why}; signaling connects again in {event.wait_seconds:.0f} s"
    ),
    presence.ServersFailed: lambda event: f"no fresh ICE servers: {event.why}",
}
