"""What a command came to, as a message to people who are not there: a subject, and a text."""

import shlex
from typing import Final

from kvsops.output.digest import SAID, Digest
from kvsops.output.fit import shortened
from kvsops.output.text import safe, without_secrets

_LINE: Final = 500
"""Characters of a line at most: others' errors may be of any length."""
_ENDED: Final = {0: "done", 3: "the answer is no", 130: "interrupted"}


def subject(digest: Digest, code: int, most: int) -> str:
    """Say the outcome first, in ASCII, in at most so many characters; the middle gives way."""
    command = " ".join(digest.typed[:2])
    said = f"{command}: {_ENDED.get(code, 'failed')}: {_line(digest.happened)}"
    ascii_only = said.encode("ascii", "replace").decode()
    return shortened(ascii_only, most - 2).replace("…", "...")


def message(digest: Digest, code: int) -> str:
    """Say what was typed, what came of it and why, and what may be done next, in plain lines."""
    said = [*digest.why, *digest.notes]
    more = [f"and {len(said) - SAID:,} more"] if said[SAID:] else []
    lines = [
        f"{' '.join(digest.typed[:2])}: {_ENDED.get(code, 'failed')} (exit code {code})",
        digest.happened,
        *(f"- {each}" for each in (*said[:SAID], *more)),
        *(f"{what}: {command}" for what, command in digest.commands),
        f"Command line: {shlex.join(digest.typed)}",
    ]
    return "".join(f"{_line(line)}\n" for line in lines if line)


def _line(text: str) -> str:
    return shortened(safe(without_secrets(text)), _LINE, "end")
