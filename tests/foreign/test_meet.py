"""What two ends may say differently, what a picture proves, and the page of what came of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from kvsops.peers.picture import COLUMNS, ROWS, Mark
from tests.foreign.fetch import fetched
from tests.foreign.matrix import main, page
from tests.foreign.media import level_mark
from tests.foreign.meet import BUSY_FPS_SHARE, Outcome, disagreements, received_of_made
from tests.foreign.peer import Codec, Said, Transport
from tests.foreign.stacks import Cell, Stack, cells

THEIRS = Stack(
    "theirs", "theirs.mjs", lambda: "theirs 1.2", fetched, cannot=(("H264", "it has none"),)
)
AGREED: dict[str, Any] = {
    "sent_fps": 30.0,
    "received_fps": 29.0,
    "made_fps": 30.0,
    "sent_loss_percent": 0.2,
    "local": "host",
    "remote": "prflx",
    "codec": "VP8",
    "pictures": 3,
    "marks": 3,
}


def smoke(*, fps: float = 29.5, loss: float = 0.0, pair: tuple[str, str] = ("host", "host")) -> Any:
    """Return the parts of smoke's result that are compared."""
    direction = {"video": {"fps": fps}, "loss_percent": 50.0}
    direction["tracks"] = [
        {"kind": "audio", "loss_percent": 50.0},
        {"kind": "video", "loss_percent": loss},
    ]
    return {
        "media": {"directions": [direction]},
        "selected_pair": {"local_type": pair[0], "remote_type": pair[1]},
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "wrong"),
    [
        ({}, {}, []),
        ({"fps": 26.0}, {}, ["smoke decoded 26.0 frames a second of 30.0 that were sent"]),
        ({"fps": 26.0}, {"sent_fps": None}, []),
        ({"loss": 2.0}, {}, ["smoke lost 2.0 % of the packets, its reports to the sender 0.20 %"]),
        ({}, {"received_fps": 20.0}, ["it received 20.0 frames a second of 30.0 that smoke made"]),
        ({}, {"marks": 0}, ["none of the pictures it decoded was smoke's"]),
        ({}, {"pictures": 0, "marks": 0}, []),
        ({}, {"codec": "H264"}, ["it used H264"]),
        ({"pair": ("relay", "host")}, {"remote": "relay"}, []),
        (
            {"pair": ("relay", "host")},
            {},
            ["smoke's pair is relay - host, its own is host - prflx"],
        ),
        ({"pair": ("relay", "host")}, {"local": None, "remote": None}, []),
    ],
)
def test_disagreements(ours: Any, theirs: dict[str, Any], wrong: list[str]) -> None:
    """Rates may differ by a tenth, losses by a point, and what one does not know by anything."""
    assert disagreements(Cell(THEIRS, "viewer"), smoke(**ours), AGREED | theirs) == wrong


@pytest.mark.parametrize(("decoded", "wrong"), [(15.1, 0), (14.9, 1)])
def test_a_busy_machine(decoded: float, wrong: int) -> None:
    """There rates may differ by a half."""
    given = (Cell(THEIRS, "viewer"), smoke(fps=decoded), AGREED)
    assert len(disagreements(*given, BUSY_FPS_SHARE)) == wrong


def test_a_relay_is_asked_for() -> None:
    """A pair of two hosts is none where a relay was to be used."""
    told = disagreements(Cell(THEIRS, "master", "relay-udp"), smoke(), AGREED)
    assert told == ["it connected host - prflx, not over a relay"]


def test_no_statistics() -> None:
    """A peer that told nothing agrees with nothing."""
    assert disagreements(Cell(THEIRS, "master"), smoke(), {}) == ["theirs told no statistics"]


def test_both_rates_are_of_one_stretch_of_time() -> None:
    """What came is counted from the first numbered picture to the last, not from other moments."""
    counts = [(0.0, 0), (1.0, 30), (2.0, 40), (3.0, 100)]  # held up for a while, then a burst
    stats = [Said("stats", at, {"framesReceived": count}) for at, count in counts]
    numbered = [(0.5, 100), (2.5, 155)]
    assert received_of_made(stats, numbered) == (27.5, 27.5)
    assert received_of_made(stats, numbered[:1]) == (100 / 3, None)
    told = [Said("stats", each.at, {**each.more, "framesMade": 33 * each.at}) for each in stats]
    assert received_of_made(told, numbered) == (100 / 3, 33.0)


def test_a_picture_proves_itself() -> None:
    """The brightness of the blocks is read as the picture's number; grey or a rest is not."""
    bits = f"{7:08b}{1234:024b}"
    check = 0xA5
    for byte in int(bits, 2).to_bytes(4, "big"):
        check = (check * 31 + byte) & 0xFF
    levels = [216 if bit == "1" else 40 for bit in bits + f"{check:08b}"]
    rest = [128] * (COLUMNS * ROWS - len(levels))
    assert level_mark(levels + rest) == Mark(7, 1234)
    assert level_mark([128] * COLUMNS * ROWS) is None
    assert level_mark(levels) is None


def test_the_page() -> None:
    """A cell shows the worst that came, how often, and the pair; its reason stands below."""

    def cell(transport: Transport, codec: Codec) -> Cell:
        return Cell(THEIRS, "master", transport, codec)

    direct, relayed, none = cell("direct", "VP8"), cell("relay-udp", "VP8"), cell("direct", "H264")
    tried = {
        direct: [Outcome(direct, "passed", figures={"local": "host", "remote": "prflx"})] * 2,
        relayed: [Outcome(relayed, "passed"), Outcome(relayed, "failed", "no relay")],
        none: [Outcome(none, "not possible", none.impossible)],
    }
    shown = page(tried)
    assert "## theirs\n\ntheirs 1.2. Each was tried 2 times.\n" in shown
    assert (
        "| master | passed, host - prflx | not possible (1) | failed 1 of 2 (2) "
        "| not tried | not tried | not tried |"
    ) in shown
    assert "1. it has none\n2. no relay\n" in shown


def test_what_came_is_kept(tmp_path: Path) -> None:
    """What is kept of earlier runs counts: nothing is tried that was tried so often."""
    cell = next(each for each in cells() if each.impossible is None)
    kept = tmp_path / "kept.jsonl"
    kept.write_text(
        json.dumps({"cell": str(cell), "result": "passed", "why": None, "figures": {}}) + "\n"
    )
    before = kept.read_text()
    assert main(["--cell", str(cell), "--kept", str(kept)]) == 0
    assert kept.read_text() == before
