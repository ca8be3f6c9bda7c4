"""How well a channel works: grades by documented limits, and what was slow."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kvsops.peers.pair import Pair
from kvsops.peers.probe import Probe
from kvsops.reports.smoke import text, verdict
from kvsops.smoke.flow import Flow
from kvsops.smoke.grade import grade_of, worst
from kvsops.smoke.incoming import Track
from kvsops.smoke.measurement import Direction, Media, RoundTrips
from kvsops.smoke.report import SmokeReport
from kvsops.smoke.steps import Step

STEPS = [
    Step("offer", "ok", at=1.0, seconds=0.25),
    Step("first_video", "ok", at=1.5, seconds=0.5),
]
DIRECT = Pair("host", "192.0.2.1:1", "host", "192.0.2.1:2")
UDP, TLS = "turn:h:1?transport=udp", "turns:h:2?transport=tcp"


def direction(
    sink: str = "viewer-1",
    *,
    fps: float = 30.0,
    latency: float | None = 80.0,
    loss: float = 0.0,
    frozen: float = 0.0,
    ours: bool = True,
) -> Direction:
    """Return what came from the master, measured for 5 seconds."""
    video = Flow(150, fps, 0, frozen, 0 if ours else None, 0, latency, latency, [], [], 40.0)
    return Direction("master", sink, 600.0, 400, 0, loss, 1.0, 1.0, video)


@pytest.mark.parametrize(
    ("way", "grade", "slow"),
    [
        (direction(), "good", []),
        (direction(fps=24, latency=400, loss=1, frozen=100), "good", []),
        (direction(fps=23.9), "fair", ["frame rate 23.9 fps (master to viewer-1)"]),
        (direction(fps=14.9), "poor", ["frame rate 14.9 fps (master to viewer-1)"]),
        (direction(fps=5, ours=False), "good", []),
        (direction(latency=401), "fair", ["latency 401 ms (master to viewer-1)"]),
        (direction(latency=1001), "poor", ["latency 1001 ms (master to viewer-1)"]),
        (direction(loss=1.1), "fair", ["loss 1.1 % (master to viewer-1)"]),
        (direction(loss=5.1), "poor", ["loss 5.1 % (master to viewer-1)"]),
        (direction(frozen=150), "fair", ["frozen 3 % of the time (master to viewer-1)"]),
        (direction(frozen=600), "poor", ["frozen 12 % of the time (master to viewer-1)"]),
    ],
)
def test_limits(way: Direction, grade: str, slow: list[str]) -> None:
    """Each figure has its limits; a camera's own frame rate is no fault."""
    media = Media(5.0, [way])
    assert grade_of(media) == grade
    assert [str(mark) for mark in worst(media) if mark.grade != "good"] == slow


@pytest.mark.parametrize(("trip", "grade"), [(300, "good"), (301, "fair"), (801, "poor")])
def test_round_trip(trip: float, grade: str) -> None:
    """The data channel's round trip counts, too."""
    assert grade_of(Media(5.0, [direction()], [RoundTrips("viewer-1", 9, 9, trip, trip)])) == grade


def test_nothing_measured() -> None:
    """What was not measured has no grade."""
    assert grade_of(Media()) is None


def report(media: Media, *probes: Probe, pair: Pair | None = DIRECT) -> SmokeReport:
    """Return a report of this media."""
    made = SmokeReport("cam-door", datetime(2026, 5, 1, tzinfo=UTC), STEPS)
    made.media, made.probes, made.selected_pair = media, probes, pair
    return made


FORBIDDEN = "relay not proven: it forbids its own address as a peer (403)"
FIVE = Media(
    5.0,
    [direction("viewer-1"), direction("viewer-2", fps=12.0), direction("viewer-3", latency=2100.0)],
)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (report(Media()), "cam-door works: first picture 1.00 s after the offer; relay not tried"),
        (
            report(FIVE, Probe(UDP, "ok", 0.1, None, None, "proven")),
            "cam-door works (poor): first picture 1.00 s after the offer; slow: frame rate 12 fps"
            " (master to viewer-2), latency 2100 ms (master to viewer-3); relay proven over udp",
        ),
        (
            report(Media(5.0, [direction()]), Probe(UDP, "ok", 0.1, FORBIDDEN, None, "not-proven")),
            f"cam-door works (good): first picture 1.00 s after the offer; {FORBIDDEN}",
        ),
        (
            report(Media(), pair=Pair("relay", "192.0.2.1:1", "relay", "192.0.2.1:2", "udp")),
            "cam-door works: first picture 1.00 s after the offer",
        ),
        (
            report(
                Media(),
                Probe(UDP, "ok", 0.1, FORBIDDEN, None, "not-proven"),
                Probe(TLS, "ok", 0.1, None, None, "proven"),
            ),
            "cam-door works: first picture 1.00 s after the offer; relay proven over tls",
        ),
    ],
)
def test_verdict(made: SmokeReport, said: str) -> None:
    """The last line says how well it works, what was slow, and whether relay was proven."""
    assert verdict(made) == said


@pytest.mark.parametrize(
    ("probes", "pair", "said"),
    [
        (
            [Probe(UDP, "ok", 0.1, None, None, "proven")],
            DIRECT,
            "direct here; on mobile and company networks TURN would carry it (--relay)",
        ),
        (
            [Probe(UDP, "ok", 0.1, FORBIDDEN, None, "not-proven")],
            DIRECT,
            "direct here; on mobile and company networks it may fail: no TURN relay proven",
        ),
        (
            [],
            DIRECT,
            "direct here; on mobile and company networks it may fail: TURN was not tried",
        ),
        ([], Pair("relay", "192.0.2.1:1", "relay", "192.0.2.1:2", "udp"), None),
    ],
)
def test_works_here_and_fails_on_mobile(probes: list[Probe], pair: Pair, said: str | None) -> None:
    """A run that went direct says what becomes of those who cannot."""
    lines = text(report(Media(), *probes, pair=pair)).splitlines()
    assert [line for line in lines if line.startswith("direct here")] == ([said] if said else [])
    assert all(len(line) <= 80 for line in lines if line.startswith("direct here"))


def test_several_videos() -> None:
    """Each video track of a direction has a row with its own figures; the slowest is graded."""

    def track(mid: str, fps: float, loss: float) -> Track:
        video = Flow(150, fps, 0, 0.0, None, None, None, None, [], [], 40.0)
        return Track(mid, "video", "VP8", 100, 0, loss, 1.0, None, video)

    way = direction(fps=5.0, ours=False)
    several = replace(way, tracks=[track("0", 30.0, 0.0), track("3", 5.0, 2.0)])
    rows = [line.split() for line in text(report(Media(5.0, [several]))).splitlines()]
    assert [row[:5] for row in rows if row[:1] == ["master"]] == [
        ["master", "viewer-1", "(video", "0)", "30.0"],
        ["master", "viewer-1", "(video", "3)", "5.0"],
    ]
