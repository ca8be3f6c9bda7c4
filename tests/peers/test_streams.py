"""RTP counted packet by packet: what came, what should have, and how regularly."""

from collections.abc import Iterable

import pytest
from aiortc.rtp import RtpPacket

from kvsops.peers.streams import Count, Streams, require_tap

VIDEO, RETRANSMISSIONS = 96, 97


def streams(packets: Iterable[tuple[float, int, int]], payload_type: int = VIDEO) -> Streams:
    """Return what counted packets by when they came, their sequence number and their source."""
    now = [0.0]
    counted = Streams(lambda: now[0], {VIDEO: 90_000}.get)
    for at, sequence, ssrc in packets:
        now[0] = at
        timestamp = int(at * 90_000)
        counted.take(RtpPacket(payload_type, 0, sequence, timestamp, ssrc))
    return counted


@pytest.mark.parametrize(
    ("sequences", "count", "lost"),
    [
        ([], Count(0, 0), 0.0),
        ([7], Count(1, 1), 0.0),
        ([7, 8, 9, 10], Count(4, 4), 0.0),
        ([7, 8, 10], Count(3, 4), 25.0),
        ([7, 9, 8], Count(3, 3), 0.0),
        ([7, 8, 8, 8], Count(4, 2), 0.0),
        ([65_534, 65_535, 0, 1], Count(4, 4), 0.0),
        ([65_535, 1, 0], Count(3, 3), 0.0),
        ([65_535, 3], Count(2, 5), 60.0),
    ],
)
def test_sequence(sequences: list[int], count: Count, lost: float) -> None:
    """Sequence numbers tell what should have come, in any order and beyond 65,535."""
    counted = streams((number / 10, sequence, 1) for number, sequence in enumerate(sequences))
    assert (counted.count, counted.count.percent_lost) == (count, lost)


def test_sources() -> None:
    """Each source has its own sequence; retransmissions are not counted."""
    counted = streams([(0.0, 1, 1), (0.1, 60_000, 2), (0.2, 2, 1), (0.3, 60_002, 2)])
    assert counted.count == Count(4, 5)
    assert streams([(0.0, 1, 1)], RETRANSMISSIONS).count == Count(0, 0)


def test_rate() -> None:
    """Packets a second are those sent while any came: with those lost, without the time after."""
    assert streams((n / 10, n, 1) for n in range(11) if n != 5).rate == 11
    assert streams([]).rate == 0


def test_jitter() -> None:
    """Packets that come as they were sent have none."""
    assert streams((n / 10, n, 1) for n in range(50)).jitter_ms == pytest.approx(0, abs=0.1)
    assert streams([]).jitter_ms is None


def test_installed() -> None:
    """The installed aiortc has the way in that is used."""
    require_tap()
