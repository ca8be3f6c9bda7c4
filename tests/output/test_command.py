"""Commands as they are to be typed."""

import shlex

import pytest

from kvsops.output.command import command_lines

WORDS = ("kvsops", "sweep", "--match", "c*", "--older-than", "2h")


def test_off_a_terminal_it_is_one_line() -> None:
    """Quoted for a shell."""
    assert command_lines(WORDS, None, "  ") == ["  kvsops sweep --match 'c*' --older-than 2h"]


@pytest.mark.parametrize("width", range(12, 60))
def test_its_lines_can_be_pasted(width: int) -> None:
    """None is wider than the terminal, unless it is one word; a shell reads the same words."""
    lines = command_lines((*WORDS, "--journal", "/" + "j" * 20), width, "  ")
    assert tuple(shlex.split("\n".join(lines).replace("\\\n", ""))) == (
        *WORDS,
        "--journal",
        "/" + "j" * 20,
    )
    assert all(len(line) <= width or len(line.split()) <= 2 for line in lines)


def test_an_option_stays_with_its_value() -> None:
    """Unless both are wider than the terminal."""
    words = ("kvsops", "sweep", "--region", "eu-west-1", "--yes", "--prefix", "p" * 20)
    assert command_lines(words, 26) == [
        "kvsops sweep \\",
        "    --region eu-west-1 \\",
        "    --yes --prefix \\",
        "    pppppppppppppppppppp",
    ]


def test_where_it_is_broken() -> None:
    """Lines but the last end in a backslash; the further ones stand in."""
    assert command_lines(WORDS, 30, "  ") == [
        "  kvsops sweep --match 'c*' \\",
        "      --older-than 2h",
    ]
