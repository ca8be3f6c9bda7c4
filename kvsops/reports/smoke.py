"""A smoke test as a person reads it: the steps as a waterfall, what flowed, the verdict."""

import itertools
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kvsops.core.wire.ice import IceUri
from kvsops.output.rows import Column, Form, markdown, screen_table, table
from kvsops.output.screen import Outcome, Screen
from kvsops.output.text import markdown_safe, safe
from kvsops.peers.pair import Pair
from kvsops.smoke.flow import Flow
from kvsops.smoke.incoming import Track
from kvsops.smoke.measurement import Direction, RoundTrips
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.steps import Step

MARKS: Final = {"ok": "ok", "failed": "FAILED", "skipped": "skipped", "not-reached": "not reached"}
_WIDTH: Final = 32
"""The places of the waterfall."""
_OVER_TIME: Final = 28
"""The places of a sparkline: two fit beside the two ends on 80 columns."""
_LEVELS: Final = "▁▂▃▄▅▆▇█"


def text(report: SmokeReport, heading: str = "") -> str:
    """Tell all of it for a log; nothing is cut. Of a channel that was not found one line is all."""
    closing = "".join(f"{safe(line)}\n" for line in (*remarks(report), verdict(report)))
    tables = [*_tables(report, table)]
    above = [f"{safe(heading)}\n"] if heading and tables else []
    return "\n".join([*above, *tables, closing])


def markdown_text(report: SmokeReport) -> str:
    """Tell all of it in Markdown."""
    title = f"### kvsops smoke: {markdown_safe(verdict(report))}\n"
    notes = [f"{markdown_safe(note)}\n" for note in report.notes]
    return "\n".join([title, *_tables(report, markdown), *notes])


def _tables(report: SmokeReport, form: Form) -> Iterator[str]:
    """Make the tables of the steps that were reached and, where anything flowed, of that."""
    reached = [step for step in report.steps if step.status != "not-reached"]
    if any(step.status == "ok" for step in reached):  # else the verdict says it all
        yield form(reached, _step_columns(report))
    if rows := pictures(report):
        yield form(rows, [*picture_columns(), *picture_columns(over_time=True)[2:]])
    if report.media.round_trips:
        yield form(report.media.round_trips, trip_columns())


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the channel works: `head` says it, `rest` how well, or why not and what to try."""

    head: str
    rest: str
    outcome: Outcome

    def __str__(self) -> str:
        return self.head + self.rest


def verdict(report: SmokeReport) -> str:
    """Say in one line whether the channel works, and if not, why not and what to try."""
    return str(verdict_of(report))


def verdict_of(report: SmokeReport) -> Verdict:
    """Judge whether the channel works, and if not, why not."""
    name = report.channel_name
    if not report.passed:
        reason = (report.reason or "").rstrip(".")
        stop = "" if reason.endswith("?") else "."
        advice = f"{stop} Next: {report.advice}" if report.advice else ""
        return Verdict(f"{name} FAILED", f": {reason}{advice}", Outcome.BAD)
    if report.mode == "checks":
        rest = f"; no media was sent{_relay(report)}"
        return Verdict(f"{name} passed the checks", rest, Outcome.GOOD)
    grade = "" if report.grade is None else f" ({report.grade})"
    outcome = Outcome.DOUBTFUL if report.slow else Outcome.GOOD
    return Verdict(f"{name} works{grade}", f"{_how(report)}{_relay(report)}", outcome)


def _how(report: SmokeReport) -> str:
    """Say how fast it works."""
    slow = f"; slow: {', '.join(map(str, report.slow))}" if report.slow else ""
    if report.first_video_ms is None:
        return f": connected {took_ms(report.connect_ms)} after the offer; no video was sent"
    return f": first picture {took_ms(report.first_video_ms)} after the offer{slow}"


def _relay(report: SmokeReport) -> str:
    """Say, where the media went direct or nowhere, whether a TURN server would have relayed it."""
    if report.selected_pair is not None and report.selected_pair.relayed:
        return ""
    if report.relay == "proven":
        uris = [IceUri.parse(each.uri) for each in report.probes if each.relay == "proven"]
        return f"; relay proven over {', '.join(dict.fromkeys(str(uri.kind) for uri in uris))}"
    if report.relay is None:
        return "; relay not tried"
    reasons = [each.reason for each in report.probes if each.relay == "not-proven" and each.reason]
    return f"; {reasons[0] if reasons else 'relay not proven: no TURN server can be used'}"


def _elsewhere(report: SmokeReport, pair: Pair) -> list[str]:
    """Say what a run that went direct tells of networks on which nothing does."""
    if pair.relayed:
        return []
    there = {
        "proven": "TURN would carry it (--relay)",
        "not-proven": "it may fail: no TURN relay proven",
        None: "it may fail: TURN was not tried",
    }
    return [f"direct here; on mobile and company networks {there[report.relay]}"]


def took(seconds: float | None) -> str:
    """Say a short time: 12 ms, 1.25 s."""
    return took_ms(None if seconds is None else seconds * 1000)


def took_ms(milliseconds: float | None) -> str:
    """Say a short time: 12 ms, 1.25 s."""
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"  # noqa: PLR2004 - a second


def sparkline(values: Sequence[float | None]) -> str:
    """Draw values from nought up to their highest, in 28 places; a gap is where there was none."""
    count = min(len(values), _OVER_TIME)
    bounds = [len(values) * place // max(count, 1) for place in range(count + 1)]
    means = [_mean(values[begin:end]) for begin, end in itertools.pairwise(bounds)]
    top = max((mean for mean in means if mean is not None), default=0.0) or 1.0
    last = len(_LEVELS) - 1
    return "".join(" " if each is None else _LEVELS[round(each / top * last)] for each in means)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def remarks(report: SmokeReport) -> list[str]:
    """Say what stands above the verdict: notes, the media's path, the limits that were kept."""
    pair = report.selected_pair
    lines = list(report.notes)
    if pair is not None:
        lines.append(f"path: {pair} ({pair.local_address} - {pair.remote_address})")
        lines += _elsewhere(report, pair)
    return lines + [str(each) for each in report.thresholds if each.passed]


def waterfall(report: SmokeReport, screen: Screen) -> str:
    """Show when each step ran, for a terminal that has said already what came of it."""
    reached = [step for step in report.steps if step.status != "not-reached"]
    told = ("step", "took", "when")
    columns = [column for column in _step_columns(report) if column.key in told]
    return screen_table(reached, columns, screen)


def _bar(step: Step, total: float) -> str:
    """Draw when the step ran, from the beginning of the first to the end of the last."""
    if step.at is None or step.seconds is None or step.status == "not-reached":
        return ""
    begin = min(int(step.at / total * _WIDTH), _WIDTH - 1)
    length = max(1, round(step.seconds / total * _WIDTH))
    return "·" * begin + "█" * min(length, _WIDTH - begin)


def _step_columns(report: SmokeReport) -> list[Column[Step]]:
    """Return the columns; the waterfall's scale leaves out the measurement, which is long."""
    ends = [(step.at or 0) + (step.seconds or 0) for step in report.steps if step.key != "steady"]
    total = max([*ends, 1e-9])
    return [
        Column("step", "STEP", lambda step: step.title),
        Column("result", "RESULT", lambda step: MARKS[step.status]),
        Column("took", "TOOK", lambda step: took(step.seconds), align="right"),
        Column("when", "WHEN", lambda step: _bar(step, total) if step.key != "steady" else ""),
        Column("detail", "DETAIL", _detail),
    ]


def _detail(step: Step) -> str:
    return ": ".join(part for part in (step.detail, step.reason) if part)


@dataclass(frozen=True, slots=True)
class _Pictures:
    """The pictures of one track of a direction: a row."""

    way: Direction
    mid: str

    @property
    def video(self) -> Flow:
        """Their figures."""
        return self.way.videos[self.mid]

    @property
    def sink(self) -> str:
        """Where they went, and by which track where there are several."""
        several = len(self.way.videos) > 1
        return f"{self.way.sink} (video {self.mid})" if several else self.way.sink

    @property
    def packets(self) -> Direction | Track:
        """What tells of its packets: the direction, sound and all, where it has no other video."""
        several = len(self.way.videos) > 1
        tracks = [track for track in self.way.tracks if track.mid == self.mid]
        return tracks[0] if several else self.way


def pictures(report: SmokeReport) -> list[_Pictures]:
    """Return a row for each video track of each direction."""
    return [_Pictures(way, mid) for way in report.media.directions for mid in way.videos]


def picture_columns(*, over_time: bool = False) -> list[Column[_Pictures]]:
    """Return the columns of the figures; `over_time` those of the sparklines."""
    ends = [
        Column[_Pictures]("from", "FROM", lambda row: row.way.source),
        Column[_Pictures]("to", "TO", lambda row: row.sink),
    ]
    return ends + (_lines_over_time() if over_time else _figures())


def _figures() -> list[Column[_Pictures]]:
    def number(value: float | None, unit: str) -> str:
        if value is None:
            return "-"
        return f"{value:,.0f} {unit}" if value >= 100 else f"{value:g} {unit}"  # noqa: PLR2004 - enough digits

    def bitrate(row: _Pictures) -> str:
        return number(
            row.way.bitrate_kbps if row.mid == next(iter(row.way.videos)) else None, "kbps"
        )

    return [
        Column("fps", "FPS", lambda row: row.video.fps, align="right"),
        Column("bitrate", "BITRATE", bitrate, align="right"),
        Column("loss", "LOSS", lambda row: number(row.packets.loss_percent, "%"), align="right"),
        Column("jitter", "JITTER", lambda row: number(row.packets.jitter_ms, "ms"), align="right"),
        Column("freezes", "FREEZES", lambda row: row.video.freezes, align="right"),
        Column("latency", "LATENCY", lambda row: number(row.video.latency_ms, "ms"), align="right"),
        Column("p95", "P95", lambda row: number(row.video.latency_p95_ms, "ms"), align="right"),
    ]


def _lines_over_time() -> list[Column[_Pictures]]:
    return [
        Column("fps_over_time", "FPS OVER TIME", lambda row: sparkline(row.video.fps_over_time)),
        Column("latency_over_time", "LATENCY OVER TIME", _latency_line),
    ]


def _latency_line(row: _Pictures) -> str:
    return sparkline(row.video.latency_over_time_ms).rstrip()


def trip_columns() -> list[Column[RoundTrips]]:
    """Return the columns of the data channels' round trips."""
    return [
        Column("peer", "DATA CHANNEL", lambda row: row.peer),
        Column("sent", "SENT", lambda row: row.sent, align="right"),
        Column("returned", "RETURNED", lambda row: row.returned, align="right"),
        Column("rtt", "ROUND TRIP", lambda row: took_ms(row.round_trip_ms), align="right"),
        Column("rtt_p95", "P95", lambda row: took_ms(row.round_trip_p95_ms), align="right"),
    ]
