"""What flows both ways once all is connected, measured for a while."""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiortc import RTCDataChannel
from aiortc.stats import RTCInboundRtpStreamStats, RTCTransportStats

from kvsops.peers.call import Call
from kvsops.peers.peer import Peer
from kvsops.peers.waits import end_all
from kvsops.smoke.flow import Flow, flow, milliseconds, percentile

PING_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Direction:
    """What came from one end to the other: rates, losses, and the picture's own figures."""

    source: str
    sink: str
    bitrate_kbps: float
    packets: int
    packets_lost: int
    loss_percent: float
    jitter_ms: float | None
    audio_jitter_ms: float | None
    video: Flow


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Messages on the data channel that went to the other end and back."""

    peer: str
    sent: int
    returned: int
    round_trip_ms: float | None
    round_trip_p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Media:
    """The figures of all that was measured."""

    seconds: float = 0.0
    directions: list[Direction] = field(default_factory=list)
    round_trips: list[RoundTrips] = field(default_factory=list)


@dataclass(slots=True)
class _Counters:
    bytes: int = 0
    packets: int = 0
    lost: int = 0
    jitters: dict[str, float] = field(default_factory=dict)


class _Pinger:
    """Sends a message ten times a second, and notes when it came back."""

    def __init__(self, name: str, channel: RTCDataChannel, clock: Callable[[], float]) -> None:
        self._name, self._channel, self._clock = name, channel, clock
        self._left: dict[str, float] = {}
        self._trips: list[float] = []
        self._sent = 0
        channel.add_listener("message", self._returned)

    def _returned(self, message: object) -> None:
        left = self._left.pop(message, None) if isinstance(message, str) else None
        if left is not None:
            self._trips.append(self._clock() - left)

    async def run(self) -> None:
        while self._channel.readyState == "open":
            text = f"ping {self._sent}"
            self._left[text], self._sent = self._clock(), self._sent + 1
            self._channel.send(text)
            await asyncio.sleep(PING_SECONDS)

    def round_trips(self) -> RoundTrips:
        trips = sorted(self._trips)
        return RoundTrips(
            self._name,
            self._sent,
            len(trips),
            milliseconds(statistics.median(trips)) if trips else None,
            milliseconds(percentile(trips, 95)) if trips else None,
        )


async def measure(
    calls: Sequence[Call], seconds: float, clock: Callable[[], float] = time.monotonic
) -> Media:
    """Let the media flow for these seconds, and return its figures."""
    pingers = [_pinger(call, clock) for call in calls]
    tasks = [asyncio.ensure_future(pinger.run()) for pinger in pingers if pinger is not None]
    ends = [(call, end) for call in calls for end in call.ends]
    try:
        before = [await _counters(end) for _, end in ends]
        began = clock()
        await asyncio.sleep(seconds)
        ended = clock()
        after = [await _counters(end) for _, end in ends]
    finally:
        await end_all(tasks)
    return Media(
        round(ended - began, 3),
        [
            _direction(call, end, (first, last), (began, ended))
            for (call, end), first, last in zip(ends, before, after, strict=True)
            if end.receives("video")
        ],
        [pinger.round_trips() for pinger in pingers if pinger is not None],
    )


def _pinger(call: Call, clock: Callable[[], float]) -> _Pinger | None:
    """Let the viewer's messages be sent back, where both ends are ours."""
    if call.viewer is None or call.master is None:
        return None
    near, far = call.viewer.channel, call.master.channel
    if near is None or far is None:
        return None
    far.add_listener("message", far.send)
    return _Pinger(call.viewer.name, near, clock)


def _direction(
    call: Call, end: Peer, counters: tuple[_Counters, _Counters], span: tuple[float, float]
) -> Direction:
    before, after = counters
    seconds = max(span[1] - span[0], 1e-9)
    packets, lost = after.packets - before.packets, max(0, after.lost - before.lost)
    return Direction(
        source=call.other(end),
        sink=end.name,
        bitrate_kbps=round((after.bytes - before.bytes) * 8 / seconds / 1000, 1),
        packets=packets,
        packets_lost=lost,
        loss_percent=round(100 * lost / max(packets + lost, 1), 2),
        jitter_ms=after.jitters.get("video"),
        audio_jitter_ms=after.jitters.get("audio"),
        video=flow(end.received.seen, *span, numbered=end.received.numbered),
    )


async def _counters(end: Peer) -> _Counters:
    """Read the counters of what this end received."""
    found, rates = _Counters(), end.clock_rates
    for receiver in end.connection.getReceivers():
        for each in (await receiver.getStats()).values():
            if isinstance(each, RTCInboundRtpStreamStats):
                found.packets += each.packetsReceived
                found.lost += each.packetsLost
                jitter = milliseconds(each.jitter / rates[each.kind])
                found.jitters[each.kind] = max(jitter, found.jitters.get(each.kind, 0.0))
            elif isinstance(each, RTCTransportStats):
                found.bytes = each.bytesReceived  # the same transport for all: bundled
    return found
