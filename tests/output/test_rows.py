"""Rows as table, JSON, CSV and Markdown."""

import csv as rfc4180
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsops.core.text import age
from kvsops.errors import UsageError
from kvsops.output.rows import Column, Output, csv, dumps, markdown, records, render, table
from kvsops.output.text import safe


@dataclass
class Channel:
    """A row such as commands have."""

    name: str
    age: timedelta = timedelta(hours=2)
    created: datetime = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
    cost: Decimal = Decimal("0.03")
    tags: dict[str, str] = field(default_factory=dict)


COLUMNS = [
    Column[Channel]("channel_name", "NAME", lambda row: row.name),
    Column[Channel]("age_seconds", "AGE", lambda row: int(row.age.total_seconds()),
                    text=lambda row: age(row.age), align="right"),
    Column[Channel]("creation_time", "CREATED", lambda row: row.created, shown=False),
    Column[Channel]("cost", "USD", lambda row: row.cost, align="right"),
    Column[Channel]("tags", "TAGS", lambda row: row.tags),
]  # fmt: skip

ROWS = [
    Channel("ci-run-1", tags={"owner": "ci", "note": 'say "hi"'}),
    Channel("1e5", timedelta(days=63), cost=Decimal(12)),
    Channel("a|b <i>\x1b[2J", timedelta(seconds=45), tags={"k": "=1+1\n@you"}),
]

TABLE = r"""NAME              AGE    USD  TAGS
ci-run-1           2h   0.03  owner=ci, note=say "hi"
1e5               63d     12  -
a|b <i>\x1b[2J    45s   0.03  k==1+1\n@you
"""

MARKDOWN = r"""| NAME | AGE | USD | TAGS |
| --- | ---: | ---: | --- |
| ci-run-1 | 2h | 0.03 | owner=ci, note=say "hi" |
| 1e5 | 63d | 12 | - |
| a&#124;b &lt;i&gt;\\x1b\[2J | 45s | 0.03 | k==1+1\\n@<!-- -->you |
"""

CSV = (
    "channel_name,age_seconds,creation_time,cost,tags\r\n"
    "ci-run-1,7200,2026-11-22T10:00:00Z,0.03,"
    '"{""owner"": ""ci"", ""note"": ""say \\""hi\\""""}"\r\n'
    "1e5,5443200,2026-11-22T10:00:00Z,12,{}\r\n"
    'a|b <i>\\x1b[2J,45,2026-11-22T10:00:00Z,0.03,"{""k"": ""=1+1\\n@you""}"\r\n'
)

JSON = r"""[
  {
    "channel_name": "a|b <i>\u001b[2J",
    "age_seconds": 45,
    "creation_time": "2026-11-22T10:00:00Z",
    "cost": 0.03,
    "tags": {
      "k": "=1+1\n@you"
    }
  }
]
"""


@pytest.mark.parametrize(
    ("output", "rows", "text"),
    [
        ("table", ROWS, TABLE),
        ("markdown", ROWS, MARKDOWN),
        ("csv", ROWS, CSV),
        ("json", ROWS[2:], JSON),
        ("table", [], "No channels.\n"),
        ("markdown", [], "No channels.\n"),
        ("csv", [], "channel_name,age_seconds,creation_time,cost,tags\r\n"),
        ("json", [], "[]\n"),
    ],
)
def test_render(output: Output, rows: list[Channel], text: str) -> None:
    """The same rows in each output, and no rows: JSON and CSV stay themselves."""
    assert render(rows, COLUMNS, output, nothing="No channels.") == text


@pytest.mark.parametrize(
    ("show", "text"),
    [
        (table, "NAME  AGE  USD  TAGS\n"),
        (markdown, "| NAME | AGE | USD | TAGS |\n| --- | ---: | ---: | --- |\n"),
    ],
)
def test_headings_alone(
    show: Callable[[list[Channel], list[Column[Channel]]], str], text: str
) -> None:
    """A table of no rows is its headings."""
    assert show([], COLUMNS) == text


def test_records_hold_every_column() -> None:
    """Also columns that no table shows; values are ready for JSON."""
    assert records(ROWS[1:2], COLUMNS) == [
        {
            "channel_name": "1e5",
            "age_seconds": 5_443_200,
            "creation_time": "2026-11-22T10:00:00Z",
            "cost": 12,
            "tags": {},
        }
    ]


@pytest.mark.parametrize(
    "name", ["True", "None", "nan", "1e5", "007", "1,000", ".", "\x01", "n" * 256]
)
def test_a_table_shows_names_as_they_are(name: str) -> None:
    """No name is taken for a number, cut or wrapped, so that it can be copied."""
    shown = table([Channel(name)], COLUMNS[:2]).splitlines()
    assert shown[1].split() == [safe(name), "2h"]


def test_a_long_last_column_does_not_pad_the_others() -> None:
    """One channel with 50 tags leaves the other rows as short as they are."""
    many = {f"key-{number}": "v" * 256 for number in range(50)}
    lines = table([Channel("few"), Channel("many", tags=many)], COLUMNS).splitlines()
    assert lines[1] == "few        2h   0.03  -"
    assert lines[2].count(", ") == 49


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", r"'\t=1"),
        ("\r=1", r"'\r=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("-3", "-3"),
        ("-0.5", "-0.5"),
        (-3, "-3"),
        (-0.5, "-0.5"),
        (Decimal("-0.5"), "-0.5"),
        ("-", "'-"),
        (None, ""),
        (True, "true"),
        ("plain", "plain"),
        ('a,"b"', '"a,""b"""'),
        (["=1", 2], '"[""=1"", 2]"'),
        ("\x1b[2J", r"\x1b[2J"),
    ],
)
def test_a_csv_cell(value: object, cell: str) -> None:
    """A spreadsheet computes nothing from a cell, and numbers stay numbers."""
    line = csv([value], [Column("a", "A", lambda row: row), Column("b", "B", lambda _: 1)])
    assert line == f"a,b\r\n{cell},1\r\n"


NAMES = st.text(st.characters(exclude_categories=()), max_size=256) | st.sampled_from(
    [".", "n" * 256, "a\r\nb", '"', ",", "|", "\\|", "\\", "=1", "\x1b[2J", "\u202e", "名前"]
)
CHANNELS = st.lists(
    st.builds(Channel, NAMES, tags=st.dictionaries(NAMES, NAMES, max_size=50)), max_size=5
)


@given(CHANNELS)
def test_csv_reads_back(rows: list[Channel]) -> None:
    """Whatever the names and tags, a record a row on one line, with every column and its tags."""
    text = csv(rows, COLUMNS)
    assert len(text.splitlines()) == len(rows) + 1
    read = list(rfc4180.reader(text.splitlines(keepends=True), strict=True))
    assert [len(record) for record in read] == [len(COLUMNS)] * (len(rows) + 1)
    assert [json.loads(record[4]) for record in read[1:]] == [row.tags for row in rows]


@given(CHANNELS)
def test_markdown_holds_its_cells(rows: list[Channel]) -> None:
    """Whatever the names and tags, each row is one line with a pipe around each cell."""
    lines = markdown(rows, COLUMNS).splitlines()
    assert len(lines) == len(rows) + 2
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {5}


@given(CHANNELS)
def test_a_table_holds_its_cells(rows: list[Channel]) -> None:
    """Whatever the names and tags, a line a row, without a control character."""
    lines = table(rows, COLUMNS).split("\n")
    assert len(lines) == len(rows) + 2
    assert all(safe(line) == line for line in lines)


@given(CHANNELS)
def test_json_is_printable_ascii(rows: list[Channel]) -> None:
    """Whatever the names and tags, JSON shows nothing that acts, and reads back exactly."""
    text = dumps(records(rows, COLUMNS))
    assert re.fullmatch(r"[\n -~]*", text)
    assert [record["channel_name"] for record in json.loads(text)] == [row.name for row in rows]


def test_a_query_sees_the_whole() -> None:
    """A query runs once over all that was found, and times are ready for it."""
    sweep = {"channels": [{"name": name} for name in "abc"], "at": datetime(2026, 1, 1, tzinfo=UTC)}
    assert dumps(sweep, "[length(channels), at]") == '[\n  3,\n  "2026-01-01T00:00:00Z"\n]\n'
    assert render(ROWS, COLUMNS, "json", "[?cost > `1`].channel_name | [0]") == '"1e5"\n'


@pytest.mark.parametrize("query", ["&a", "to_number('nan')"])
def test_a_query_for_what_json_cannot_hold(query: str) -> None:
    """It is wrong usage, told in one line."""
    with pytest.raises(UsageError) as caught:
        dumps([], query)
    assert str(caught.value) == (
        f"--query '{query}' finds what JSON cannot hold:"
        " an &expression, nan or an infinity; ask for other values"
    )


def test_a_query_with_a_table_is_wrong_usage() -> None:
    """Even where there is nothing to show."""
    with pytest.raises(UsageError, match="--query works on JSON, not on table"):
        render([], COLUMNS, "table", "[]")
