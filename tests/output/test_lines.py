"""`-o text`: what a shell reads, a line for each row and a tab between values."""

import pytest

from kvsops.errors import UsageError
from kvsops.output.lines import document_lines, lines
from kvsops.output.rows import Column, dumps, render

ROWS = [("cam-door", 1), ("cam-yard", None)]
COLUMNS = [
    Column[tuple[str, int | None]]("name", "NAME", lambda row: row[0]),
    Column[tuple[str, int | None]]("age", "AGE", lambda row: row[1]),
]


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ("cam-door", "cam-door\n"),
        (3, "3\n"),
        (0.03, "0.03\n"),
        (None, "None\n"),
        (True, "True\n"),
        ([], ""),
        (["a", "b"], "a\nb\n"),
        ([["a", 1], ["b", None]], "a\t1\nb\tNone\n"),
        ([{"name": "a", "used": False}], "a\tFalse\n"),
        ({"name": "a", "tags": {"k": "v"}}, 'a\t{"k": "v"}\n'),
        ([["a", ["b", "c"]]], 'a\t["b", "c"]\n'),
        ([""], "\n"),
        (["two words"], "two words\n"),
        (["a\tb\nc\x1b[31m"], "a\\tb\\nc\\x1b[31m\n"),
        ([["##[error]x"]], "#\\x23[error]x\n"),
    ],
)
def test_lines(found: object, text: str) -> None:
    """Each value is its own text; a row is a line, whatever a stranger put into it."""
    assert lines(found) == text


def test_a_whole_document() -> None:
    """Of an object that no query was asked of, a line tells a key and its value."""
    assert document_lines({"region": "us-east-1", "n": 2}) == "region\tus-east-1\nn\t2\n"
    assert document_lines([{"region": "us-east-1"}]) == "us-east-1\n"


def test_rows() -> None:
    """A listing's columns come in the order of its JSON."""
    assert render(ROWS, COLUMNS, "text") == "cam-door\t1\ncam-yard\tNone\n"
    assert render(ROWS, COLUMNS, "text", "[].name") == "cam-door\ncam-yard\n"
    assert render(ROWS, COLUMNS, "text", "[?age].[age, name]") == "1\tcam-door\n"
    assert render([], COLUMNS, "text") == ""


@pytest.mark.parametrize("query", ["&a", "to_number('nan')", "to_number('inf')"])
def test_what_cannot_be_told(query: str) -> None:
    """What JSON cannot hold is refused here as there."""
    for output in ("json", "text"):
        with pytest.raises(UsageError):
            dumps({"a": [1]}, f"[{query}]", output)
