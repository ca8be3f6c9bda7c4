"""All cells: foreign stack, role, transport, codec.

`python -m tests.foreign.matrix [--times N] [--client X] [--cell TEXT] [--kept FILE] [--write]`
tries them, one round after the other, and with `--write` puts the page `docs/clients.md` there.
What came of each is kept in FILE, and counts when it is run again, be it for another client.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.foreign.meet import FPS_SHARE, Outcome, meet
from tests.foreign.stacks import CODECS, ROLES, STACKS, TRANSPORTS, Cell, Stack, cells

PAGE: Final = Path(__file__).parents[2] / "docs" / "clients.md"
_HEAD: Final = """\
# Other people's clients

<!-- Written by `python -m tests.foreign.matrix --times 20 --write`: do not edit. -->

Each of these meets `kvsops smoke` on `kvsops local`, each in a process of its own: as the camera
(master), which `kvsops smoke --viewer-only` tests, and as its viewer, which `kvsops smoke
--master-only` answers. A cell is passed where smoke passed, and what it says of frame rate
(± 10 %), loss (± 1 point) and of the candidate pair is what the other end says. The pair is the
client's local and remote candidate, where it tells them. Where the relay is asked for, both ends
offer nothing else; one that sends its checks from its own socket too may then reach the other's
relay without its own.

"""


def main(argv: Sequence[str] | None = None) -> int:
    """Try the cells; return 1 if one of them failed or could not be had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--client", choices=[stack.name for stack in STACKS])
    parser.add_argument("--cell", default="", help="only cells with this in their name")
    parser.add_argument("--kept", type=Path, help="JSON lines: what came of each, also earlier")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(argv)
    if asked.write and (asked.client or asked.cell):
        parser.error("--write has all cells on the page: drop --client and --cell")
    chosen = [
        cell
        for cell in cells()
        if asked.client in (None, cell.stack.name) and asked.cell in str(cell)
    ]
    tried = _kept(chosen, asked.kept)
    for number in range(1, asked.times + 1):
        for cell in chosen:
            if len(tried[cell]) < (1 if cell.impossible else number):
                tried[cell].append(_try(cell, asked.kept))
        if asked.write:  # after each round: all of them take long
            PAGE.write_text(page(tried))
    bad = ("failed", "unavailable")
    return 1 if any(each.result in bad for outcomes in tried.values() for each in outcomes) else 0


def _try(cell: Cell, kept: Path | None) -> Outcome:
    """Try a cell once, on an emulator of its own; keep and say what came of it."""
    with LocalServer(Settings(quotas=False, state_delay=timedelta())) as emulator:
        outcome = meet(cell, emulator, fps_share=FPS_SHARE)
    _say(f"{cell}: {outcome.result} {outcome.why or outcome.figures or ''}")
    if kept is not None:
        line = {"cell": str(cell), "result": outcome.result, "why": outcome.why}
        with kept.open("a") as file:
            file.write(json.dumps(line | {"figures": dict(outcome.figures)}) + "\n")
    return outcome


def _kept(chosen: Sequence[Cell], kept: Path | None) -> dict[Cell, list[Outcome]]:
    """Return what came of each cell in earlier runs."""
    tried: dict[Cell, list[Outcome]] = {cell: [] for cell in chosen}
    by_name = {str(cell): cell for cell in chosen}
    lines = kept.read_text().splitlines() if kept is not None and kept.exists() else ()
    for told in map(json.loads, lines):
        if (cell := by_name.get(told["cell"])) is not None:
            outcome = Outcome(cell, told["result"], told["why"], figures=told["figures"])
            tried[cell].append(outcome)
    return tried


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def page(tried: dict[Cell, list[Outcome]]) -> str:
    """Return the page: a table for each stack, its versions above, its reasons below."""
    stacks = dict.fromkeys(cell.stack for cell in tried)
    return _HEAD + "\n".join(_of(stack, tried) for stack in stacks)


def _of(stack: Stack, tried: dict[Cell, list[Outcome]]) -> str:
    heads = [f"{transport}, {codec}" for transport in TRANSPORTS for codec in CODECS]
    reasons: list[str] = []
    lines = [
        f"## {stack.name}\n",
        f"{stack.versions()}. Each was tried {_often(stack, tried)}.\n",
        f"| role | {' | '.join(heads)} |",
        "|---" * (len(heads) + 1) + "|",
    ]
    for role in ROLES:
        row = [Cell(stack, role, *each) for each in ((t, c) for t in TRANSPORTS for c in CODECS)]
        lines.append(f"| {role} | {' | '.join(_result(tried.get(c, []), reasons) for c in row)} |")
    lines += ["", *(f"{number}. {why}" for number, why in enumerate(reasons, 1)), ""]
    return "\n".join(lines)


def _often(stack: Stack, tried: dict[Cell, list[Outcome]]) -> str:
    """Say how often each cell of the stack was tried, at least."""
    mine = [cell for cell in tried if cell.stack is stack and not cell.impossible]
    times = min((len(tried[cell]) for cell in mine), default=0)
    return {0: "not at all", 1: "once"}.get(times, f"{times} times")


def _result(outcomes: Iterable[Outcome], reasons: list[str]) -> str:
    """Return what a cell shows: the worst that came, and the number of its reason."""
    found = list(outcomes)
    if not found:
        return "not tried"
    worst = next((each for each in found if each.why is not None), found[0])
    if worst.why is None:
        pairs = dict.fromkeys(filter(None, (each.pair for each in found)))
        return ", ".join([worst.result, *pairs])
    if worst.why not in reasons:
        reasons.append(worst.why)
    share = f" {sum(each.result == worst.result for each in found)} of {len(found)}"
    told = worst.result + (share if worst.result == "failed" else "")
    return f"{told} ({reasons.index(worst.why) + 1})"


if __name__ == "__main__":
    sys.exit(main())
