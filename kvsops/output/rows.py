"""Rows to what a reader asked for: a table, JSON, CSV or Markdown.

A command declares its columns once; every output comes from them. Each function here that makes
text makes whole lines, the last one ended too: write it with `click.echo(text, nl=False)`.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

from kvsops.errors import UsageError
from kvsops.output.fit import Cut, fit
from kvsops.output.lines import document_lines, lines
from kvsops.output.query import check_query, search
from kvsops.output.screen import NO_SCREEN, Outcome, Screen
from kvsops.output.text import json_inert, markdown_safe, safe
from kvsops.output.values import json_ready, plain

Row = TypeVar("Row")
Output = Literal["table", "json", "csv", "markdown", "text"]
DOCUMENTS: Final = ("json", "text")
"""The outputs that are made of a whole JSON document, and so of what a query finds in it."""


@dataclass(frozen=True)  # no slots: with them Python 3.11 fails on Column[Row](...)
class Column(Generic[Row]):
    """One column: how to read it off a row, and how to show it."""

    key: str
    """The key in JSON and CSV, snake_case: an interface."""
    header: str
    """The heading in table and Markdown."""
    value: Callable[[Row], object]
    """str, int, float, bool, None, list, dict, Decimal or an aware datetime."""
    text: Callable[[Row], str] | None = None
    """How a person reads it in table and Markdown; by default the value's own text."""
    align: Literal["left", "right"] = "left"
    shown: bool = True
    """False: only in JSON and CSV."""
    cut: Cut | None = None
    """Where its text is cut on a terminal that is too narrow: free text at its end, names in their
    middle; None: nowhere."""
    leaves: int = 0
    """On a terminal that is too narrow still, the column with the highest is left out first."""
    shared: Callable[[str], str] | None = None
    """Says once above a terminal's table what is alike in all rows: `"status {}".format`; what it
    says nothing of (`""`) goes without saying. None: it stays a column."""
    outcome: Callable[[Row], Outcome | None] | None = None
    """What its colour is to mark."""

    def cell(self, row: Row) -> str:
        """Tell the value to a person; not yet made safe for where it goes."""
        return plain(self.value(row)) if self.text is None else self.text(row)


Form = Callable[[Sequence[Any], Sequence[Column[Any]]], str]
"""Makes a text of rows: `table` or `markdown`."""


def records(rows: Iterable[Row], columns: Sequence[Column[Row]]) -> list[dict[str, object]]:
    """Give each row as an object ready for JSON, with every column, also those not shown.

    Times and Decimals become what `kvsops.output.values.json_ready` says; a time that is not
    aware raises ValueError.
    """
    return list(_records(rows, columns))


def _records(rows: Iterable[Row], columns: Sequence[Column[Row]]) -> Iterator[dict[str, object]]:
    for row in rows:
        yield {column.key: json_ready(column.value(row)) for column in columns}


def _cells(
    rows: Iterable[Row], columns: Sequence[Column[Row]], fit: Callable[[str], str]
) -> tuple[list[Column[Row]], Iterator[list[str]]]:
    shown = [column for column in columns if column.shown]
    return shown, ([fit(column.cell(row)) for column in shown] for row in rows)


def screen_table(
    rows: Sequence[Row], columns: Sequence[Column[Row]], screen: Screen, noun: str = "row"
) -> str:
    """Make a table that fits the screen; `noun` is what a row is. Off a terminal it is whole."""
    if screen.width is None or not rows:
        return table(rows, columns, screen)
    return fit(rows, columns, screen.width).text(screen, noun)


def table(rows: Iterable[Row], columns: Sequence[Column[Row]], screen: Screen = NO_SCREEN) -> str:
    """Make a table in which nothing is cut or wrapped: for files, and what reads them."""
    from tabulate import tabulate

    rows = list(rows)
    shown, lines = _cells(rows, columns, safe)
    aligns: list[str | None] = [column.align for column in shown]
    if aligns[-1] == "left":
        aligns[-1] = None  # not padded: one row's 50 tags would cost every row as much
    cells = [
        [
            screen.mark(cell, column.outcome and column.outcome(row))
            for cell, column in zip(line, shown, strict=True)
        ]
        for row, line in zip(rows, lines, strict=True)
    ]
    if not cells:
        return "  ".join(column.header for column in shown) + "\n"
    text = tabulate(
        cells,
        headers=[column.header for column in shown],
        tablefmt="plain",
        disable_numparse=True,  # or a name such as 1e5 would be shown as 100000
        colalign=aligns,
    )
    return "".join(line.rstrip() + "\n" for line in text.split("\n"))


def markdown(rows: Iterable[Row], columns: Sequence[Column[Row]]) -> str:
    """Make a GitHub Markdown table; no cell can break out of it, link or mention anybody."""
    shown, lines = _cells(rows, columns, markdown_safe)
    headers = [markdown_safe(column.header) for column in shown]
    rule = ["---:" if column.align == "right" else "---" for column in shown]
    return "".join(f"| {' | '.join(line)} |\n" for line in (headers, rule, *lines))


def csv(rows: Iterable[Row], columns: Sequence[Column[Row]]) -> str:
    """Make CSV as RFC 4180 has it: the keys first, then a record a row, each on one line.

    Lists and mappings are JSON text, nothing is empty. Controls are shown as `safe()` shows them,
    and what a spreadsheet would take for a formula gets an apostrophe before it: for the exact
    value there is JSON.
    """
    import csv as rfc4180

    text = io.StringIO()
    writer = rfc4180.writer(text, lineterminator="\r\n")
    writer.writerow([column.key for column in columns])
    for record in _records(rows, columns):
        writer.writerow([_csv_cell(value) for value in record.values()])
    return text.getvalue()


# Full-width forms too: some spreadsheets take them for the plain ones.
# Source: https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA: Final = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER: Final = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


def _csv_cell(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return json_inert(json.dumps(value, allow_nan=False))
    formula = _FORMULA.match(value) and not _NUMBER.fullmatch(value)
    return ("'" if formula else "") + safe(value)


def dumps(value: object, query: str | None = None, output: str = "json") -> str:
    """Make JSON of a value, or of what a JMESPath query finds in the whole of it; or its text.

    All but printable ASCII is escaped in JSON, so that no value can act on a terminal. Raises
    UsageError for a query that cannot be read or does not fit the value.
    """
    return dumps_ready(json_ready(value), query, output)


def dumps_ready(ready: object, query: str | None = None, output: str = "json") -> str:
    """Make what `dumps` does of a value that is ready for JSON, as `records` are."""
    text = output == "text"
    if query is None:
        return document_lines(ready) if text else _json(ready)
    found = search(query, ready)
    try:
        return lines(found) if text else _json(found)
    except (TypeError, ValueError):
        raise UsageError(
            f"--query '{safe(query)}' finds what JSON cannot hold:"
            " an &expression, nan or an infinity; ask for other values"
        ) from None


def json_line(value: object) -> str:
    """Make one line of JSON, without its end, of a value: for what comes bit by bit."""
    return json_inert(json.dumps(json_ready(value), ensure_ascii=True, allow_nan=False))


def _json(value: object) -> str:
    text = io.StringIO()
    encoder = json.JSONEncoder(indent=2, ensure_ascii=True, allow_nan=False)
    text.writelines(encoder.iterencode(value))  # never all the small pieces at once
    text.write("\n")
    return json_inert(text.getvalue())


def render(
    rows: Sequence[Row],
    columns: Sequence[Column[Row]],
    output: Output,
    query: str | None = None,
    nothing: str = "Nothing to show.",
    *,
    screen: Screen = NO_SCREEN,
    noun: str = "row",
) -> str:
    """Make the text of `--output`; in table and Markdown `nothing` stands for no rows.

    `screen` is what a table is fitted to, `noun` what a row is.
    Raises UsageError for a query with other than JSON, or one that is wrong.
    """
    check_query(query, output)
    if output in DOCUMENTS:
        return dumps_ready(records(rows, columns), query, output)
    if output == "csv":
        return csv(rows, columns)
    if not rows:
        return nothing + "\n"
    if output == "markdown":
        return markdown(rows, columns)
    return screen_table(rows, columns, screen, noun)
