"""Messages on a terminal: where their lines end, and commands that can be copied."""

import io
import shlex

from kvsops.output.console import Console
from tests.terminal import terminal, uncoloured

ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/cam-door/1700000000000"


def test_lines_end_between_words() -> None:
    """What is wider than the terminal goes on in the next line; an ARN stays whole."""
    with terminal(40) as (kept, stream):
        Console(stream, environ={}).warn(f"it could not be read, so it is left alone: {ARN}")
    assert uncoloured(kept.text).splitlines() == [
        "warning: it could not be read, so it is",
        "left alone:",
        ARN,
    ]


def test_a_proposed_command_can_be_copied() -> None:
    """It stands on lines of its own, after a blank one, and a shell reads the same words."""
    words = ["kvsops", "sweep", "--match", "c*", "--older-than", "2h", "--max-deletes", "10%"]
    with terminal(40) as (kept, stream):
        Console(stream, environ={}).propose("To look at these", words)
    blank, aim, *lines = uncoloured(kept.text).splitlines()
    assert (blank, aim) == ("", "To look at these:")
    assert all(len(line) <= 40 for line in lines)
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == words


def test_off_a_terminal_each_is_one_line() -> None:
    """A log's reader gets whole messages, and no blank line."""
    stream = io.StringIO()
    console = Console(stream, environ={})
    console.note("so " * 60)
    console.propose("To do it", ["kvsops", *["word"] * 60])
    console.commanded("to undo: ", ["kvsops", *["word"] * 60])
    assert [line[:14] for line in stream.getvalue().splitlines()] == [
        "so so so so so",
        "To do it:",
        "  kvsops word ",
        "to undo: kvsop",
    ]
