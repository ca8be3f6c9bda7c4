"""What a CI shows of a command: the first line answers, the rest is folded or cut."""

import pytest

from kvsops.output.digest import BRIEF_BYTES, Digest, Section
from kvsops.output.screen import Outcome

TYPED = ("kvsops", "sweep", "--older-than", "2h")


def table(rows: int, cell: str = "ci-1") -> str:
    """Make a table of so many rows."""
    return "| CHANNEL |\n| --- |\n" + f"| {cell} |\n" * rows


@pytest.mark.parametrize(
    ("outcome", "mark"), [(Outcome.GOOD, "✅"), (Outcome.DOUBTFUL, "⚠️"), (Outcome.BAD, "❌")]
)
def test_it_begins_with_the_answer(outcome: Outcome, mark: str) -> None:
    """The mark, the command, what happened; then why, what else, and what to type."""
    digest = Digest(
        outcome,
        (*TYPED, "--match", "a b"),
        "1 deleted, of 2 channels",
        ["the fuse blew"],
        ["$0.01 at most"],
        [("To undo it", "kvsops restore x.jsonl --yes")],
        [Section("2 channels", table(2)), Section("1 kept", table(1), folded=True)],
    )
    assert digest.markdown() == (
        f"{mark} <code>kvsops sweep --older-than 2h --match 'a b'</code>: "
        "1 deleted, of 2 channels\n"
        "\n"
        "- **the fuse blew**\n"
        "- \\$0.01 at most\n"
        "- To undo it: <code>kvsops restore x.jsonl --yes</code>\n"
        "\n"
        "| CHANNEL |\n| --- |\n| ci-1 |\n| ci-1 |\n"
        "\n"
        "<details><summary>1 kept</summary>\n"
        "\n"
        "| CHANNEL |\n| --- |\n| ci-1 |\n"
        "\n"
        "</details>\n"
    )


def test_a_line_may_be_all() -> None:
    """Nothing is said of what there is not."""
    digest = Digest(Outcome.GOOD, TYPED, "no channels", sections=[Section("0 channels", "")])
    assert digest.markdown() == "✅ <code>kvsops sweep --older-than 2h</code>: no channels\n"


def test_what_strangers_wrote_stays_text() -> None:
    """No markup, link, mention or end of what is folded; no password of an endpoint's URL."""
    evil = "</code></details><b>@org `x` ![](http://evil)\n# big"
    words = ("kvsops", "list", "--endpoint-url", "http://me:secret@host")
    digest = Digest(
        Outcome.BAD, words, evil, [evil], [evil], [(evil, evil)], [Section(evil, "", folded=True)]
    )
    text = digest.markdown()
    assert "secret" not in text
    assert text.count("</details>") == 1
    assert text.count("</code>") == 2
    assert "<b>" not in text
    assert "@org" not in text
    assert "http:/" not in text.replace("<!-- -->", "!")
    assert "\n#" not in text


def test_a_long_table_is_folded() -> None:
    """What is longer than a glance is behind its title."""
    text = Digest(Outcome.GOOD, TYPED, "x", sections=[Section("30 channels", table(30))]).markdown()
    assert "\n<details><summary>30 channels</summary>\n\n| CHANNEL |\n" in text
    assert text.endswith("| ci-1 |\n\n</details>\n")


def test_only_some_reasons_are_said() -> None:
    """Ten, and how many more."""
    text = Digest(Outcome.BAD, TYPED, "x", [f"ci-{n} failed" for n in range(1212)]).markdown()
    assert text.count("failed") == 10
    assert text.endswith("- and 1,202 more\n")


@pytest.mark.parametrize("cell", ["ci-1", "ü" * 50, "\U0001f600" * 250])
def test_it_fits_a_comment(cell: str) -> None:
    """Rows are left out, and said to be; what is folded is closed again."""
    sections = [Section("9 channels", table(5000, cell)), Section("kept", table(5000), folded=True)]
    text = Digest(Outcome.GOOD, TYPED, "x", sections=sections).markdown(BRIEF_BYTES)
    assert BRIEF_BYTES - 2000 < len(text.encode()) <= BRIEF_BYTES < 60_000
    assert text.count("<details>") == text.count("</details>") == 2
    assert text.endswith("lines left out._\n\n</details>\n")
