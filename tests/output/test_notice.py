"""What a command came to, as a message."""

import pytest

from kvsops.output.digest import Digest
from kvsops.output.notice import message, subject
from kvsops.output.screen import Outcome

TYPED = ("kvsops", "sweep", "--older-than", "2h", "--yes")
HAPPENED = "Carried out in us-east-1, account 123456789012: 12 deleted, 1 failed, of 300 channels"


@pytest.mark.parametrize(
    ("code", "happened", "expected"),
    [
        (0, "nothing to do", "kvsops sweep: done: nothing to do"),
        (1, "1 failed", "kvsops sweep: failed: 1 failed"),
        (2, "no region", "kvsops sweep: failed: no region"),
        (3, "the fuse blew", "kvsops sweep: the answer is no: the fuse blew"),
        (130, "9 left", "kvsops sweep: interrupted: 9 left"),
        (1, "a\nb\x1b ä …", r"kvsops sweep: failed: a\nb\x1b ? ?"),
        (
            1,
            HAPPENED,
            "kvsops sweep: failed: Carried out in us-east-1, ...456789012: "
            "12 deleted, 1 failed, of 300 channels",
        ),
    ],
)
def test_subject(code: int, happened: str, expected: str) -> None:
    """The outcome comes first, the totals last; it is ASCII, on one line, and short."""
    told = subject(Digest(Outcome.GOOD, TYPED, happened), code, 99)
    assert told == expected
    assert len(told) <= 99


def test_message() -> None:
    """How it ended, what came of it, why, what to do, and what was typed; no secret."""
    why = ["ci-1 failed: https://me:pw@host/?X-Amz-Signature=abc", *(f"w{n}" for n in range(11))]
    digest = Digest(
        Outcome.BAD,
        TYPED,
        HAPPENED,
        why,
        commands=[("To undo it", "kvsops restore j --yes")],
    )
    assert message(digest, 1) == (
        "kvsops sweep: failed (exit code 1)\n"
        f"{HAPPENED}\n"
        "- ci-1 failed: https://host/?X-Amz-Signature=(redacted)\n"
        + "".join(f"- w{n}\n" for n in range(9))
        + "- and 2 more\n"
        "To undo it: kvsops restore j --yes\n"
        "Command line: kvsops sweep --older-than 2h --yes\n"
    )


def test_a_line_is_cut() -> None:
    """Others' errors may be of any length, and a message is read on a phone."""
    told = message(Digest(Outcome.BAD, TYPED, "a" * 9_000), 1)
    assert max(map(len, told.splitlines())) == 500
