"""What a smoke test found: its steps, its figures, and whether that is good enough."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final, Literal

from kvsops.core.wire.ice import IceUri
from kvsops.peers.codecs import Negotiated
from kvsops.peers.pair import Pair
from kvsops.peers.probe import Probe, Relay
from kvsops.smoke.advice import SLOW, advice
from kvsops.smoke.flow import milliseconds
from kvsops.smoke.grade import Grade, Mark, grade_of, worst
from kvsops.smoke.measurement import Media
from kvsops.smoke.plan import Mode, Target
from kvsops.smoke.steps import Step

Measure = Literal["connect", "rtt", "fps", "latency", "loss", "freeze"]
MEASURES: Final[dict[Measure, tuple[str, str]]] = {
    "connect": ("connecting", "ms"),
    "rtt": ("round trip", "ms"),
    "fps": ("frame rate", "fps"),
    "latency": ("latency", "ms"),
    "loss": ("loss", "%"),
    "freeze": ("longest time without a picture", "ms"),
}
"""What each measure is called, and its unit."""
_AT_LEAST: Final = ("fps",)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit that was asked for, and what was measured; None where nothing could be."""

    measure: Measure
    limit: float
    measured: float | None

    @property
    def option(self) -> str:
        """The option that set it."""
        return f"--{'min' if self.measure in _AT_LEAST else 'max'}-{self.measure}"

    @property
    def passed(self) -> bool:
        """Whether it was kept; what could not be measured was not."""
        if self.measured is None:
            return False
        if self.measure in _AT_LEAST:
            return self.measured >= self.limit
        return self.measured <= self.limit

    def __str__(self) -> str:
        name, unit = MEASURES[self.measure]
        limit = f"{self.option} {self.limit:g} {unit}"
        if self.measured is None:
            return f"{name} was not measured, but {limit} was asked for"
        side = "above" if self.measured > self.limit else "below"
        return f"{name} {self.measured:g} {unit}, {'within' if self.passed else side} {limit}"


@dataclass(slots=True)
class SmokeReport:
    """The whole of a smoke test. It holds no URL, token or credential."""

    channel_name: str
    started_at: datetime
    steps: Sequence[Step]
    mode: Mode = "loop"
    target: Target | None = None
    seconds: float = 0.0
    media: Media = field(default_factory=Media)
    selected_pair: Pair | None = None
    negotiated: Sequence[Negotiated] = ()
    probes: Sequence[Probe] = ()
    thresholds: list[Threshold] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def reason(self) -> str | None:
        """Why it did not pass: the step that ended it, probes that failed, thresholds not kept."""
        reasons = [f"{step.name}: {step.reason or 'not reached'}" for step in self._failed]
        reasons += [str(each) for each in self.thresholds if not each.passed]
        return "; ".join(reasons) or None

    @property
    def advice(self) -> str | None:
        """What to try, where it did not pass and anything is known that may help."""
        if self._failed:
            return advice(self._failed[0], self.mode)
        slow = any(not each.passed and each.measured is not None for each in self.thresholds)
        return SLOW if slow else None

    @property
    def _failed(self) -> list[Step]:
        """The steps that failed; where none did, the first that was not reached."""
        failed = [step for step in self.steps if step.status == "failed"]
        failed.sort(key=lambda step: step.key == "probe")  # they end nothing: last
        # What was never reached was not seen to work.
        return failed or [step for step in self.steps if step.status == "not-reached"][:1]

    @property
    def passed(self) -> bool:
        """Whether every step went well and every threshold was kept."""
        return self.reason is None

    def judge(self, limits: dict[Measure, float]) -> None:
        """Hold what was measured against the limits, unless it ended before it could be."""
        ended = any(step.status == "failed" and step.key != "probe" for step in self.steps)
        if not ended:
            self.thresholds = [
                Threshold(measure, limit, self.measured(measure))
                for measure, limit in limits.items()
            ]

    def measured(self, measure: Measure) -> float | None:
        """Return the figure that a threshold is held against: the worst of all directions."""
        directions = self.media.directions
        if measure == "connect":
            return self.connect_ms
        if measure == "rtt":
            trips = [each.round_trip_ms for each in self.media.round_trips]
            return max((each for each in trips if each is not None), default=None)
        if measure == "fps":
            return min((each.video.fps for each in directions), default=None)
        if measure == "freeze":
            videos = [video for each in directions for video in each.videos.values()]
            return max((video.longest_gap_ms for video in videos), default=None)
        if measure == "loss":
            return max((each.loss_percent for each in directions), default=None)
        latencies = [each.video.latency_ms for each in directions]
        return max((each for each in latencies if each is not None), default=None)

    @property
    def grade(self) -> Grade | None:
        """How well it works; None where it does not, or nothing was measured."""
        return grade_of(self.media) if self.passed else None

    @property
    def slow(self) -> list[Mark]:
        """What keeps the grade from being good."""
        return [mark for mark in worst(self.media) if mark.grade != "good"]

    @property
    def relay(self) -> Relay | None:
        """Whether something was seen to be relayed by TURN; None where that was not tried."""
        if self.selected_pair is not None and self.selected_pair.relayed:
            return "proven"
        relays = [each for each in self.probes if IceUri.parse(each.uri).relay]
        if any(each.relay == "proven" for each in relays):
            return "proven"
        tried = any(each.relay or each.result == "failed" for each in relays)
        return "not-proven" if tried else None

    @property
    def connect_ms(self) -> float | None:
        """The time from the beginning of the offer until DTLS was connected."""
        return self._since_offer("dtls")

    @property
    def first_video_ms(self) -> float | None:
        """The time from the beginning of the offer until the first frame was decoded."""
        return self._since_offer("first_video")

    def to_json(self) -> dict[str, object]:
        """Return it as an object; its keys are an interface."""
        return {
            "channel_name": self.channel_name,
            "channel_arn": self.target and self.target.channel_arn,
            "mode": self.mode,
            "passed": self.passed,
            "reason": self.reason,
            "started_at": self.started_at,
            "seconds": round(self.seconds, 3),
            "connect_ms": self.connect_ms,
            "first_video_ms": self.first_video_ms,
            "grade": self.grade,
            "slow": [str(mark) for mark in self.slow],
            "relay": self.relay,
            "steps": [_step(step) for step in self.steps],
            "selected_pair": self.selected_pair and asdict(self.selected_pair),
            "negotiated": [asdict(each) for each in self.negotiated],
            "media": asdict(self.media),
            "thresholds": [
                asdict(each) | {"option": each.option, "passed": each.passed}
                for each in self.thresholds
            ],
            "notes": self.notes,
        }

    def _since_offer(self, key: str) -> float | None:
        """Return how long after the offer a step ended; somebody else's is there when it comes."""
        found = {step.key: step for step in self.steps if step.status == "ok"}
        if "offer" not in found or key not in found:
            return None
        offer, end = found["offer"], found[key]
        if offer.at is None or offer.seconds is None or end.at is None or end.seconds is None:
            return None
        waited = offer.seconds if self.mode == "master-only" else 0.0
        return milliseconds(end.at + end.seconds - offer.at - waited)


def _step(step: Step) -> dict[str, object]:
    return {
        "step": step.key,
        "status": step.status,
        "at_seconds": None if step.at is None else round(step.at, 4),
        "seconds": None if step.seconds is None else round(step.seconds, 4),
        "reason": step.reason,
        "detail": step.detail,
    }
