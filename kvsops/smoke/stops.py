"""What stopped while it was measured, and when: each is a reason why the channel does not pass."""

from collections.abc import Iterator

from kvsops.smoke.incoming import Measured, Span
from kvsops.smoke.measurement import Measurement, Way


def stops(measurement: Measurement) -> list[str]:
    """Tell what stopped, was lost, or was frozen for too long."""
    span = measurement.span
    return [] if span is None else [why for way in measurement.ways for why in _way(way, span)]


def moment(span: Span, at: float) -> str:
    """Say when something was."""
    return f"{max(0.0, at - span.began):.1f} s into the measurement"


def _way(way: Way, span: Span) -> Iterator[str]:
    end = way.end
    if end.lost_at is not None:
        yield f"{end.lost.exception()}, {moment(span, end.lost_at)}"
        return  # and with it all the rest
    for track in way.tracks:
        if track.kind == "video":
            yield from _pictures(way, track, span)
        elif end.received.numbered and (at := track.stopped_at(span)) is not None:
            yield f"{_where(way, track)}: no more sound from {moment(span, at)} on"
    if end.channel_closed_at is not None:
        yield f"{end.name}: the data channel was closed, {moment(span, end.channel_closed_at)}"


def _pictures(way: Way, track: Measured, span: Span) -> Iterator[str]:
    where = _where(way, track)
    if (at := track.stopped_at(span)) is not None:
        comes = track.silent_at(span) is None
        why = "packets come, but make no picture" if comes else "nothing comes any more"
        yield f"{where}: no more pictures from {moment(span, at)} on: {why}"
        return
    gap = max(track.gaps(span), key=lambda each: each.seconds)
    if gap.seconds > span.limit:
        yield (
            f"{where}: frozen for {gap.seconds:.1f} s, from {moment(span, gap.since)} on; "
            f"--max-freeze is {span.limit:g} s"
        )


def _where(way: Way, track: Measured) -> str:
    """Name the track, where there are several of its kind."""
    several = sum(each.kind == track.kind for each in way.tracks) > 1
    number = f" ({track.kind} {track.incoming.mid})" if several else ""
    return f"{way.source} to {way.end.name}{number}"
