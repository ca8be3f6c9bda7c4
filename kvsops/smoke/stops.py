"""What stopped while it was measured, and when: each is a reason why the channel does not pass."""

from collections.abc import Iterator
from typing import Final

from kvsops.smoke.incoming import Measured, Span
from kvsops.smoke.measurement import Measurement, Way

GONE: Final = "the other end is gone, or the path to it is: it answers no ICE checks"
STILL_THERE: Final = "nothing arrives, though the other end still answers ICE checks"


def stops(measurement: Measurement) -> list[str]:
    """Tell what stopped, was lost, or was frozen for too long."""
    span = measurement.span
    return [] if span is None else [why for way in measurement.ways for why in _way(way, span)]


def oddities(measurement: Measurement) -> list[str]:
    """Tell what somebody else's peer does that is no failure."""
    span = measurement.span
    return [] if span is None else [it for way in measurement.ways for it in _odd(way, span)]


def moment(span: Span, at: float) -> str:
    """Say when something was."""
    return f"{max(0.0, at - span.began):.1f} s into the measurement"


def _way(way: Way, span: Span) -> Iterator[str]:
    end, gone = way.end, _gone(way, span)
    if end.lost_at is not None:
        yield f"{end.lost.exception()}, {moment(span, end.lost_at)}"
        return  # and with it all the rest
    videos = [track for track in way.tracks if track.kind == "video"]
    for track in videos:
        yield from _pictures(way, track, span)
    if gone and not videos:
        since = moment(span, span.ended if end.silent_at is None else end.silent_at)
        yield f"{end.name}: {GONE}, and nothing has arrived since {since}"
    if gone:
        return
    for track in way.tracks:
        stopped_at = track.stopped_at(span)
        if track.kind == "audio" and end.received.numbered and stopped_at is not None:
            yield f"{_where(way, track)}: the sound stopped {moment(span, stopped_at)}"
    if end.channel_closed_at is not None and end.channel_closed_at >= span.began:
        yield f"{end.name}: the data channel was closed, {moment(span, end.channel_closed_at)}"


def _odd(way: Way, span: Span) -> Iterator[str]:
    if way.end.lost_at is not None or way.end.received.numbered or _gone(way, span):
        return
    for track in way.tracks:
        if track.kind == "audio" and (at := track.stopped_at(span)) is not None:
            yield f"{_where(way, track)}: the sound stopped {moment(span, at)}"
    if way.end.channel_closed_at is not None and way.end.channel_closed_at < span.began:
        yield f"the {way.source} closed the data channel as soon as it was open"
    videos = [track for track in way.tracks if track.kind == "video"]
    for track in way.unused:
        if track.kind == "video" and videos:  # else its step tells it
            mid = track.incoming.mid
            yield f"the {way.source} says in its SDP that it may send video {mid}, but sends none"


def _pictures(way: Way, track: Measured, span: Span) -> Iterator[str]:
    where = _where(way, track)
    if (at := track.stopped_at(span)) is not None:
        yield f"{where}: the pictures stopped {moment(span, at)}: {_why_none(way, track, span)}"
        return
    gap = max(track.gaps(span), key=lambda each: each.seconds)
    if gap.seconds > span.limit:
        yield (
            f"{where}: frozen for {gap.seconds:.1f} s, beginning {moment(span, gap.since)}; "
            f"--max-freeze is {span.limit:g} s"
        )


def _gone(way: Way, span: Span) -> bool:
    """Whether the other end neither answers nor sends."""
    return way.answers is False and all(track.silent_at(span) is not None for track in way.tracks)


def _why_none(way: Way, track: Measured, span: Span) -> str:
    if track.silent_at(span) is None:
        return "packets arrive, but no picture can be decoded"
    if way.answers is None:
        return "nothing arrives any more"
    return GONE if _gone(way, span) else STILL_THERE


def _where(way: Way, track: Measured) -> str:
    """Name the track, where there are several of its kind."""
    several = sum(each.kind == track.kind for each in way.tracks) > 1
    number = f" ({track.kind} {track.incoming.mid})" if several else ""
    return f"{way.source} to {way.end.name}{number}"
