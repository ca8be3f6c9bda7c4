"""Smoke tests' reports with fixed figures and AWS's addresses, for what is made of them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from kvsops.peers.pair import Pair
from kvsops.peers.probe import Probe
from kvsops.signaling.refusals import Kind
from kvsops.smoke.flow import Flow
from kvsops.smoke.measurement import Direction, Media, RoundTrips
from kvsops.smoke.plan import Mode
from kvsops.smoke.report import SmokeReport, Threshold
from kvsops.smoke.steps import TITLES, Step

NOW: Final = datetime(2026, 11, 22, 10, tzinfo=UTC)
WSS: Final = ("m-26d02974", "v-4cfe7ad6")
TURN: Final = "35-90-63-38.t-ae7dd61a.kinesisvideo.us-west-2.amazonaws.com:443"
URIS: Final = (
    "stun:stun.kinesisvideo.us-west-2.amazonaws.com:443",
    f"turn:{TURN}?transport=udp",
    f"turns:{TURN}?transport=udp",
    f"turns:{TURN}?transport=tcp",
)
DETAILS: Final = {
    "describe": "cam-door, ACTIVE",
    "endpoint": ", ".join(f"wss://{h}.kinesisvideo.us-west-2.amazonaws.com" for h in WSS),
    "ice_servers": "4 URIs",
    "answer": "video VP8, audio opus",
    "ice_connected": "relay over udp - relay",
}
UDP_BLOCKED: Final = f"no answer from {TURN} in 3 s: UDP to it may be blocked"
DTLS: Final = "not supported by kvsops: TURN over DTLS"
NO_MASTER: Final = (
    "no master is connected to this channel, or it answers no offers: two were sent, as "
    "kvsops-smoke-viewer-1 and as kvsops-smoke-viewer-1-again"
)
DENIED: Final = (
    "connecting as master was denied: the credentials need kinesisvideo:ConnectAsMaster on "
    "arn:aws:kinesisvideo:us-west-2:123456789012:channel/cam-door/1795849850000"
)


def taken(*, until: str | None = None) -> list[Step]:
    """Return the steps, each of a tenth of a second; those after `until` were not reached."""
    steps, at = [], 0.0
    for key in TITLES:
        details = URIS if key == "probe" else (DETAILS.get(key),)
        steps += [Step(key, "ok", at, 0.1, detail=detail) for detail in details]
        at += 5.0 if key == "steady" else 0.1
    steps[-1].seconds = 5.0
    probed = next(step for step in steps if step.detail == URIS[2])
    probed.status, probed.seconds, probed.reason = "skipped", 0.0, DTLS
    if until is not None:
        last = next(at for at, step in enumerate(steps) if step.key == until)
        steps[last + 1 :] = [Step(step.key) for step in steps[last + 1 :]]
    return steps


def failed(key: str, reason: str, cause: Kind, mode: Mode = "loop") -> SmokeReport:
    """Return the report of a test that ended at this step."""
    steps = taken(until=key)
    step = next(step for step in steps if step.key == key)
    step.status, step.reason, step.cause, step.detail = "failed", reason, cause, None
    return SmokeReport("cam-door", NOW, steps, mode)


def direction(source: str, sink: str, latency: float) -> Direction:
    """Return what came one way, measured for 5 seconds."""
    rates = [28.0, 30.0, 32.0, 30.0] * 5
    flow = Flow(150, 30.0, 0, 0.0, 0, 0, latency, 2 * latency, rates, [latency, None] * 10, 40.0)
    return Direction(source, sink, 1638.6, 400, 0, 0.5, 2.7, 1.0, flow)


def works(latency: float = 43.7) -> SmokeReport:
    """Return the report of a test that went well, direct."""
    report = SmokeReport("cam-door", NOW, taken())
    ways = [direction("master", "viewer-1", latency), direction("viewer-1", "master", 45.6)]
    report.media = Media(5.0, ways, [RoundTrips("viewer-1", 50, 50, 1.0, 12.0)])
    report.selected_pair = Pair("host", "192.0.2.2:47735", "host", "192.0.2.2:44184")
    report.probes = [Probe(uri, "ok", 0.1, None, "a", "proven") for uri in (URIS[1], URIS[3])]
    report.thresholds = [Threshold("fps", 20, 30.0)]
    return report


def reports() -> Iterator[tuple[str, SmokeReport]]:
    """Yield a report of each kind, with its name."""
    yield "works", works()
    yield "poor", works(1834.2)
    slow = works()
    slow.thresholds = [Threshold("fps", 99, 30.0), Threshold("loss", 2, 0.5)]
    yield "limit", slow
    checks = SmokeReport("cam-door", NOW, taken()[:7], "checks")
    checks.notes = ["cam-door was not made by kvsops smoke: connecting as master is risky"]
    checks.probes = [replace(works().probes[0], relay="not-proven", reason="it refuses (403)")]
    yield "checks", checks
    yield "not_there", failed("describe", "no such channel: cam-door", "not-found")
    yield "denied", failed("master_connects", DENIED, "denied")
    yield "no_camera", failed("answer", NO_MASTER, "timeout", "viewer-only")
    blocked = works()
    blocked.steps[4].status, blocked.steps[4].reason = "failed", UDP_BLOCKED
    yield "blocked", blocked
    unnamed = failed("describe", "AWS did not answer in time", "timeout")
    unnamed.channel_name = "x" * 200
    yield "long_name", unnamed
