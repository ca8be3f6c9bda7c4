"""What happens while something is played: a line for people, and an object for programs."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from kvsops.core.text import age, moment
from kvsops.output.text import count, safe
from kvsops.stay import audience, presence, studio
from kvsops.stay.play import Event, Measured, MessageRefused
from kvsops.stay.viewer import Figures, Viewer

COLUMNS: Final = ("VIEWER", "FOR", "VIDEO", "FPS", "KBIT/S", "RTT", "LOSS", "DROPPED", "PATH")


def line(event: Event, source: str) -> str | None:
    """Say in one line what happened; None of what is shown otherwise. `source` is its name."""
    for kind, said in _LINES.items():
        if isinstance(event, kind):
            return said(event, source)
    return None


def warns(event: Event) -> bool:
    """Whether it is something that should not be."""
    troubles = (
        *(presence.Lost, presence.ServersFailed, presence.Garbled, studio.Interrupted),
        *(studio.TooSlow, audience.Failed, MessageRefused),
    )
    return isinstance(event, troubles)


def to_json(event: Event, now: datetime) -> dict[str, Any]:
    """Make the object of an event. Its keys are an interface."""
    for kind, (name, content) in _OBJECTS.items():
        if isinstance(event, kind):
            return {"event": name, "at": moment(now), **content(event)}
    raise TypeError(type(event).__name__)


def ended(why: str, source: str, served: int, seconds: float) -> str:
    """Say how it ended."""
    who = f"{count(served, 'viewer')} had joined"
    return f"{source} was played for {_for(seconds)}: {why}; {who}"


def ended_json(why: str, served: int, seconds: float, now: datetime) -> dict[str, Any]:
    """Make the last object."""
    return {
        "event": "ended",
        "at": moment(now),
        "reason": why,
        "seconds": round(seconds, 1),
        "viewers": served,
    }


def cells(viewer: Viewer) -> list[str]:
    """Make a viewer's row: what it gets now."""
    figures, path = viewer.figures, {None: "-", True: "relayed", False: "direct"}
    return [
        safe(viewer.client_id),
        _for(viewer.seconds),
        viewer.codecs.get("video", "-"),
        _number(figures.fps, 0),
        _number(figures.kbps, 0),
        _number(figures.round_trip_ms, 0, " ms"),
        _number(figures.loss_percent, 1, " %"),
        str(figures.dropped),
        path[figures.relayed],
    ]


def summary(viewers: Iterable[Viewer]) -> str:
    """Say in one line what those get who are there."""
    each = [_summed(viewer) for viewer in viewers]
    return f"{count(len(each), 'viewer')}" + (f": {'; '.join(each)}" if each else "")


def _summed(viewer: Viewer) -> str:
    name, _since, _video, fps, kbps, trip, loss, _dropped, path = cells(viewer)
    return f"{name} {fps} fps, {kbps} kbit/s, {trip}, {loss} lost, {path}"


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "-" if value is None else f"{value:.{digits}f}{unit}"


def _for(seconds: float) -> str:
    return age(timedelta(seconds=round(seconds)))


def _wait(seconds: float) -> str:
    return f"trying again in {seconds:.0f} s"


def _kinds(kinds: frozenset[str]) -> str:
    if kinds == {"video"}:
        return "a picture, and no sound"
    return "sound, and no picture" if kinds == {"audio"} else "a picture and sound"


def _joined(event: Any, _source: str) -> str:
    viewer = event.viewer
    gets = [f"{kind} {codec}" for kind, codec in sorted(viewer.codecs.items(), reverse=True)]
    lacks = [f"no {kind}: {why}" for kind, why in viewer.without.items()]
    return f"{viewer.client_id} joined: {'; '.join([', '.join(gets), *lacks])}"


def _left(event: Any, _source: str) -> str:
    return f"{event.viewer.client_id} left after {_for(event.viewer.seconds)}: {event.why}"


_LINES: Final[dict[type, Callable[[Any, str], str]]] = {
    presence.Connected: lambda event, _: f"connected{' again' if event.again else ''} as master",
    presence.Moved: lambda _, __: "the service moved the connection (GO_AWAY): nothing was lost",
    presence.Lost: lambda event, _: f"{event.why}; {_wait(event.wait_seconds)}",
    presence.ServersFailed: lambda event, _: f"no fresh ICE servers: {event.why}",
    presence.Garbled: lambda event, _: event.why,
    studio.Playing: lambda event, source: f"{source} has {_kinds(event.kinds)}",
    studio.Interrupted: lambda event, source: f"{source}: {event.why}; {_wait(event.wait_seconds)}",
    studio.TooSlow: lambda event, _: (
        f"this machine is too slow: {count(event.left_out, 'picture')} left out so far"
    ),
    audience.Joined: _joined,
    audience.Left: _left,
    audience.Failed: lambda event, _: f"{event.client_id} could not be served: {event.why}",
    MessageRefused: lambda event, _: event.why,
}


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "fps": figures.fps,
        "bitrate_kbps": figures.kbps,
        "round_trip_ms": figures.round_trip_ms,
        "loss_percent": figures.loss_percent,
        "relayed": figures.relayed,
        "frames": figures.frames,
        "frames_dropped": figures.dropped,
    }


def _viewer(viewer: Viewer) -> dict[str, Any]:
    seconds = round(viewer.seconds, 1)
    return {"client_id": viewer.client_id, "seconds": seconds, **_figures(viewer.figures)}


def _joined_json(event: audience.Joined) -> dict[str, Any]:
    codecs, viewer = event.viewer.codecs, event.viewer
    return {
        "client_id": viewer.client_id,
        "video": codecs.get("video"),
        "audio": codecs.get("audio"),
        "without": viewer.without,
    }


_OBJECTS: Final[dict[type, tuple[str, Callable[[Any], dict[str, Any]]]]] = {
    presence.Connected: ("connected", lambda event: {"again": event.again}),
    presence.Moved: ("moved", lambda _: {}),
    presence.Lost: (
        "lost",
        lambda event: {"reason": event.why, "retry_seconds": event.wait_seconds},
    ),
    presence.ServersFailed: ("ice-servers-failed", lambda event: {"reason": event.why}),
    presence.Garbled: ("garbled", lambda event: {"reason": event.why}),
    studio.Playing: (
        "source",
        lambda event: {"state": "playing", "kinds": sorted(event.kinds), "again": event.again},
    ),
    studio.Interrupted: (
        "source",
        lambda event: {
            "state": "interrupted",
            "reason": event.why,
            "retry_seconds": event.wait_seconds,
        },
    ),
    studio.TooSlow: (
        "source",
        lambda event: {"state": "too-slow", "frames_left_out": event.left_out},
    ),
    audience.Joined: ("joined", _joined_json),
    audience.Left: ("left", lambda event: {**_viewer(event.viewer), "reason": event.why}),
    audience.Failed: (
        "failed",
        lambda event: {"client_id": event.client_id, "reason": event.why},
    ),
    MessageRefused: ("message-refused", lambda event: {"reason": event.why}),
    Measured: ("viewers", lambda event: {"viewers": [_viewer(each) for each in event.viewers]}),
}
