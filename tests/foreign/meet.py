"""A foreign peer meets `kvsops smoke`, each in a process of its own, and both say the same."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, Literal

from kvsops.local.server import LocalServer
from tests.fleet import put
from tests.foreign.fetch import UnavailableError
from tests.foreign.media import encoded, level_mark
from tests.foreign.peer import Foreign, ForeignError, Said, Wish
from tests.foreign.stacks import Cell

KVSOPS: Final = (sys.executable, "-m", "kvsops")
FPS_SHARE: Final = 0.1
"""By how much of it the frame rates of both ends may differ on a quiet machine."""
BUSY_FPS_SHARE: Final = 0.5
"""By how much on one that does other things: each end counts in moments of its own."""
LOSS_POINTS: Final = 1.0
_SMOKE_SECONDS: Final = 90.0
_RECEIVED: Final = ("framesReceived", "framesDecoded")
"""The counters of frames that came, the better one first."""
_MODES: Final = {"master": ("--viewer-only",), "viewer": ("--master-only", "--take-over")}
"""What smoke is where the foreign peer is this."""
Options = tuple[str, ...]
Result = Literal["passed", "imitated", "failed", "not possible", "unavailable"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a cell: its result, why it is none better, and both ends' figures."""

    cell: Cell
    result: Result
    why: str | None = None
    smoke: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, object] = field(default_factory=dict)

    @property
    def pair(self) -> str | None:
        """The foreign peer's local and remote candidate; None where it did not tell them."""
        local, remote = self.figures.get("local"), self.figures.get("remote")
        return None if local is None else f"{local} - {remote}"


def meet(
    cell: Cell,
    emulator: LocalServer,
    duration: int = 5,
    options: Options = (),
    *,
    fps_share: float = BUSY_FPS_SHARE,
    **more: Any,
) -> Outcome:
    """Let both meet once on a channel of their own, and compare what they say.

    `options` are smoke's; by `fps_share` frame rates may differ; `more` is what the foreign peer's
    wish has besides.
    """
    if (why := cell.impossible) is not None:
        return Outcome(cell, "not possible", why)
    try:
        cell.stack.require()
    except UnavailableError as error:
        return Outcome(cell, "unavailable", str(error))
    arn = put(emulator, f"{cell}-{time.time_ns()}").arn
    wish = Wish(
        cell.role,
        arn,
        emulator.environment(),
        transport=cell.transport,
        codec=cell.codec,
        media=None if cell.stack.encodes else encoded(),
        **more,
    )
    try:
        smoke, said = _both(cell, wish, emulator, duration, options)
    except ForeignError as error:
        return Outcome(cell, "failed", f"{cell.stack.name}: {error}")
    figures = _figures(smoke, said)
    wrong = [] if smoke["passed"] else [f"smoke: {smoke['reason']}"]
    wrong += [] if wrong else disagreements(cell, smoke, figures, fps_share)
    if wrong:
        return Outcome(cell, "failed", "; ".join(wrong), smoke, figures)
    return Outcome(cell, cell.stack.passed, None, smoke, figures)


def _both(
    cell: Cell, wish: Wish, emulator: LocalServer, duration: int, options: Options
) -> tuple[dict[str, Any], list[Said]]:
    """Run both; the viewer comes once the master is connected. Raises `ForeignError`."""
    foreign = Foreign(cell.stack.program, wish, cell.stack.interpreter)
    if cell.role == "master":
        with foreign:
            foreign.wait_for("ready")
            with smoke_process(cell, wish, duration, options) as process:
                smoke = _result(process, foreign)
    else:
        with smoke_process(cell, wish, duration, options) as process:
            try:
                until_connected(emulator, process)
                with foreign:
                    smoke = _result(process, foreign)
            finally:
                process.kill()
    return smoke, foreign.said


def smoke_process(
    cell: Cell, wish: Wish, duration: int, options: Options = ()
) -> "subprocess.Popen[str]":
    """Start `kvsops smoke` as the other end of the cell's foreign peer."""
    relay = {"direct": (), "relay-udp": ("udp",), "relay-tls": ("tls",)}[cell.transport]
    relayed = [part for each in relay for part in ("--transport", each)]
    return subprocess.Popen(
        [
            *(*KVSOPS, "smoke", wish.channel, *_MODES[cell.role], *relayed, *options),
            *("--codec", cell.codec, "--duration", f"{duration}s", "-o", "json"),
        ],
        env=dict(wish.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_connected(emulator: LocalServer, process: "subprocess.Popen[str]") -> None:
    """Wait until smoke is the channel's master; raises `ForeignError`."""
    deadline = time.monotonic() + _SMOKE_SECONDS
    while not emulator.calls["ConnectAsMaster"]:
        if process.poll() is not None or time.monotonic() > deadline:
            raise ForeignError(f"smoke did not connect: {process.communicate()[1]}")
        time.sleep(0.05)


def _result(process: "subprocess.Popen[str]", foreign: Foreign) -> dict[str, Any]:
    """Return smoke's own result, with what the foreign peer complained of."""
    out, err = process.communicate(timeout=_SMOKE_SECONDS)
    if not out:
        raise ForeignError(f"smoke said nothing: {err}")
    told: dict[str, Any] = json.loads(out)
    if not told["passed"] and (failed := foreign.all("failed")):
        told["reason"] += f" (it says: {failed[0].more.get('why')})"
    return told


def _figures(smoke: Mapping[str, Any], said: list[Said]) -> dict[str, object]:
    """Return the foreign peer's figures for the time in which smoke measured."""
    steady = next((step for step in smoke["steps"] if step["step"] == "steady"), None)
    stats = [each for each in said if each.event == "stats"]
    if steady is None or steady["seconds"] is None or not stats:
        return {}
    began = datetime.fromisoformat(smoke["started_at"]).timestamp() + steady["at_seconds"]
    ended = began + steady["seconds"]
    inside = [each for each in stats if began - 0.5 <= each.at <= ended + 0.5]
    last = (inside or stats)[-1].more
    paired = next((each.more for each in reversed(inside) if each.more["local"]), last)
    marks = [(each.at, level_mark(each.more["pixels"])) for each in said if each.event == "picture"]
    read = [(at, mark.number) for at, mark in marks if mark is not None]
    received, made = received_of_made(inside, _between(read, inside))
    return {
        "sent_fps": _rate([*_beginning(said, began), *inside], "framesSent"),
        "received_fps": received,
        "made_fps": made,
        "sent_loss_percent": _loss(inside, "packetsSent", "packetsLostRemotely"),
        "local": paired["local"],
        "remote": paired["remote"],
        "codec": last["codec"],
        "pictures": len(marks),
        "marks": len(read),
    }


def _beginning(said: list[Said], began: float) -> list[Said]:
    """Return that nothing was sent when it connected, if smoke began to measure just then.

    Some stacks keep what they encode until they are connected, and send all of that at once.
    """
    found = [each for each in said if each.event == "connected" and each.at >= began - 0.5]
    return [Said("stats", each.at, {"framesSent": 0}) for each in found[:1]]


def _between(read: list[tuple[float, int]], stats: list[Said]) -> list[tuple[float, int]]:
    """Return the numbered pictures of the time that the statistics are of."""
    return [each for each in read if stats and stats[0].at <= each[0] <= stats[-1].at]


def received_of_made(
    stats: list[Said], numbered: list[tuple[float, int]]
) -> tuple[float | None, float | None]:
    """Return how many frames a second the stack received, and how many smoke made for it.

    Both are of one stretch of time: that of its statistics, where they tell both, or else that from
    the first to the last numbered picture, between whose times its counters are interpolated.
    """
    made = _rate(stats, "framesMade")
    if made is not None or len(numbered) < 2:
        return _rate(stats, *_RECEIVED), made
    (first_at, first), (last_at, last) = numbered[0], numbered[-1]
    counts = [_count_at(stats, at) for at in (first_at, last_at)]
    seconds = last_at - first_at
    received = None if counts[0] is None or counts[1] is None else counts[1] - counts[0]
    return (None if received is None else received / seconds), (last - first) / seconds


def _count_at(stats: list[Said], at: float) -> float | None:
    """Return how many frames the stack had received at a time between two of its statistics."""
    for name in _RECEIVED:
        counted = [(each.at, each.more[name]) for each in stats if each.more.get(name) is not None]
        for (before, low), (after, high) in pairwise(counted):
            if before <= at <= after:
                return float(low + (high - low) * (at - before) / (after - before))
    return None


def _rate(stats: list[Said], *names: str) -> float | None:
    """Return by how much a second the first of these counters rose that it has."""
    for name in names:
        counted = [each for each in stats if each.more.get(name) is not None]
        if len(counted) > 1:
            first, last = counted[0], counted[-1]
            return float((last.more[name] - first.more[name]) / (last.at - first.at))
    return None


def _loss(stats: list[Said], sent: str, lost: str) -> float | None:
    counted = [each.more for each in stats if each.more.get(lost) is not None]
    if len(counted) < 2:
        return None
    packets = counted[-1][sent] - counted[0][sent]
    return float(100 * (counted[-1][lost] - counted[0][lost]) / max(packets, 1))


def disagreements(
    cell: Cell, smoke: Mapping[str, Any], figures: Mapping[str, Any], fps_share: float = FPS_SHARE
) -> list[str]:
    """Return what the two ends say differently of the same thing."""
    if not figures:
        return [f"{cell.stack.name} told no statistics"]
    wrong = _pair_differs(smoke, figures)
    for direction in smoke["media"]["directions"]:
        wrong += _flow_differs(direction, figures, fps_share)
    received, made = figures["received_fps"], figures["made_fps"]
    if cell.role == "viewer" and _far(received, made, fps_share):
        wrong.append(f"it received {received:.1f} frames a second of {made:.1f} that smoke made")
    if cell.role == "viewer" and figures["pictures"] and not figures["marks"]:
        wrong.append("none of the pictures it decoded was smoke's")
    relayed = cell.transport == "direct" or "relay" in (figures["local"], figures["remote"])
    if figures["local"] is not None and not relayed:
        wrong.append(f"it connected {figures['local']} - {figures['remote']}, not over a relay")
    if figures["codec"] not in (None, cell.codec):
        wrong.append(f"it used {figures['codec']}")
    return wrong


def _flow_differs(
    direction: Mapping[str, Any], figures: Mapping[str, Any], fps_share: float
) -> list[str]:
    """Compare what smoke measured of the foreign peer's video with what that peer says of it."""
    wrong = []
    ours, theirs = direction["video"]["fps"], figures["sent_fps"]
    if _far(ours, theirs, fps_share):
        wrong.append(f"smoke decoded {ours:.1f} frames a second of {theirs:.1f} that were sent")
    video = next(
        (each for each in direction.get("tracks", []) if each["kind"] == "video"), direction
    )
    lost, told = video["loss_percent"], figures["sent_loss_percent"]
    if told is not None and abs(lost - told) > LOSS_POINTS:
        wrong.append(f"smoke lost {lost} % of the packets, its reports to the sender {told:.2f} %")
    return wrong


def _far(measured: float | None, told: float | None, share: float) -> bool:
    """Whether two frame rates differ by more than that; what is unknown does not."""
    if measured is None or told is None:
        return False
    return abs(measured - told) > share * told


def _pair_differs(smoke: Mapping[str, Any], figures: Mapping[str, Any]) -> list[str]:
    """Compare which ends are relayed: host, srflx and prflx are told apart by neither for sure."""
    pair = smoke["selected_pair"]
    if pair is None or figures["local"] is None:
        return []
    ours = [pair["local_type"] == "relay", pair["remote_type"] == "relay"]
    theirs = [figures["remote"] == "relay", figures["local"] == "relay"]
    if ours == theirs:
        return []
    return [
        f"smoke's pair is {pair['local_type']} - {pair['remote_type']}, "
        f"its own is {figures['local']} - {figures['remote']}"
    ]
