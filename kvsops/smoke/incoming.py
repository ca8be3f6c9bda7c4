"""The figures of one track that came in: its packets, and if it is video its pictures."""

from dataclasses import dataclass
from typing import Final

from kvsops.peers.peer import Peer
from kvsops.peers.reception import Incoming
from kvsops.peers.streams import Count
from kvsops.smoke.flow import Flow, Gap, flow, gaps

LEAST_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Span:
    """When it was measured: from `began` to `ended`, and watched until `watched` after that."""

    began: float
    ended: float
    watched: float
    limit: float
    """How many seconds without a picture may pass."""

    @property
    def patience(self) -> float:
        """After so many seconds of nothing, it has stopped: not after less than a picture takes."""
        return max(self.limit, LEAST_SECONDS)

    @property
    def seconds(self) -> float:
        """How long it was measured."""
        return max(self.ended - self.began, 1e-9)


@dataclass(frozen=True, slots=True)
class Track:
    """What came on one track while it was measured; a track is one media of the SDP."""

    mid: str
    kind: str
    codec: str | None
    """Of what came last."""
    packets: int
    packets_lost: int
    """By their sequence numbers; of a track that stopped, also what its rate would have brought."""
    loss_percent: float
    jitter_ms: float | None
    stopped_seconds: float | None
    """How long after the beginning it stopped; None where it did not."""
    video: Flow | None


class Measured:
    """A track of a peer from the beginning of the measurement on."""

    def __init__(self, end: Peer, incoming: Incoming) -> None:
        self.end, self.incoming = end, incoming
        self._before = self._after = incoming.streams.count
        self._last_at: float | None = None
        self._last_packet_at: float | None = None

    @property
    def kind(self) -> str:
        """`video` or `audio`."""
        return self.incoming.kind

    @property
    def agreed(self) -> bool:
        """Whether the other end agreed to send."""
        return self.incoming.agreed

    @property
    def began(self) -> bool:
        """Whether anything came at all: a peer that may send need not."""
        return self.incoming.last_at is not None

    def end_here(self) -> None:
        """Count no further than now."""
        self._after, self._last_at = self.incoming.streams.count, self.incoming.last_at
        self._last_packet_at = self.incoming.streams.last_at

    def awaited(self, now: float, patience: float) -> bool:
        """Whether nothing came since the end, though there is still patience."""
        last_at = self._last_at
        if last_at is None or self.end.lost.done() or self.incoming.last_at != last_at:
            return False
        return now - last_at <= patience

    def gaps(self, span: Span) -> list[Gap]:
        """Return the times without a picture."""
        return gaps(self.incoming.seen, span.began, span.ended, span.watched)

    def stopped_at(self, span: Span) -> float | None:
        """Return when the last picture or sound came, if none came after it."""
        return self._since(self._last_at, self.incoming.last_at, span)

    def silent_at(self, span: Span) -> float | None:
        """Return when the last packet came, if none came after it."""
        return self._since(self._last_packet_at, self.incoming.streams.last_at, span)

    def track(self, span: Span) -> Track:
        """Work out the figures."""
        incoming, count, stopped_at = self.incoming, self.count(span), self.stopped_at(span)
        numbered = self.end.received.numbered
        pictures = (incoming.seen, span.began, span.ended, span.watched)
        return Track(
            mid=incoming.mid,
            kind=incoming.kind,
            codec=self._codec(),
            packets=count.received,
            packets_lost=count.lost,
            loss_percent=count.percent_lost,
            jitter_ms=incoming.streams.jitter_ms,
            stopped_seconds=None if stopped_at is None else round(stopped_at - span.began, 1),
            video=flow(*pictures, numbered=numbered) if incoming.kind == "video" else None,
        )

    def count(self, span: Span) -> Count:
        """Count the packets: those that came, and those that should have.

        Once there are no more packets, none tells how many were lost: it is expected to have gone
        on as it was until then.
        """
        count, silent_at = self._after - self._before, self.silent_at(span)
        if silent_at is None:
            return count
        return count + Count(0, round(self.incoming.streams.rate * (span.ended - silent_at)))

    def _since(self, last_at: float | None, now: float | None, span: Span) -> float | None:
        if last_at is None or now != last_at:
            return None
        if span.watched - last_at <= span.patience and not self.end.lost.done():
            return None
        return max(last_at, span.began)

    def _codec(self) -> str | None:
        stream = self.incoming.streams.latest
        codec = None if stream is None else self.end.codec(stream.payload_type)
        return None if codec is None else codec.name
