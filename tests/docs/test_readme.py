"""The front page: short, its samples of a screen, its picture of now."""

from tests.docs import samples
from tests.docs.pages import README, blocks, typed


def test_it_is_short() -> None:
    """It shows before it tells, and leaves the rest to the other pages."""
    assert README.read_text(encoding="utf-8").count("\n") <= 250


def test_samples_are_short_and_fit() -> None:
    """Twelve lines at most beside the command, none wider than the terminal."""
    shown = [block.text for block in blocks(README) if block.language == "console"]
    assert [text.split()[1:3] for text in shown] == [
        ["kvsops", "sweep"],
        ["kvsops", "list"],
        ["kvsops", "local"],
    ]
    for text in shown:
        command, *lines = text.splitlines()
        assert command.startswith("$ kvsops ")
        assert 3 <= len(lines) <= 12
        assert max(map(len, lines)) <= samples.WIDTH


def test_it_begins_with_the_two_commands() -> None:
    """One that shows what it is for, one that runs the tests, which is the line of `.ci/run`."""
    first, second, *_ = typed(README)
    assert first.endswith("kvsops local --fleet 200 -- kvsops sweep --older-than 2h")
    assert second.endswith(".venv/bin/python -m pytest -q -n auto")
