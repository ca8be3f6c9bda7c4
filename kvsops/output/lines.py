"""`-o text`: values for a shell, a line for each row, a tab between the values of one.

As AWS's CLI has it: nothing is `None`, a truth `True` or `False`. What holds more is JSON; and,
other than there, a list of single values is one a line, as `while read` and `xargs` want it.

Source: https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-output-format.html
"""

import json
from collections.abc import Mapping

from kvsops.output.text import json_inert, safe


def document_lines(whole: object) -> str:
    """Make lines of a whole document: of an object, its keys and values; else as `lines` does."""
    return lines([[*pair] for pair in whole.items()] if isinstance(whole, Mapping) else whole)


def lines(found: object) -> str:
    """Make lines of what a query found, ready for JSON; nothing of an empty list."""
    rows = found if isinstance(found, list) else [found]
    return "".join("\t".join(map(_text, _values(row))) + "\n" for row in rows)


def _values(row: object) -> list[object]:
    if isinstance(row, Mapping):
        return list(row.values())
    return row if isinstance(row, list) else [row]


def _text(value: object) -> str:
    """Make a value's text, in which no tab and no newline is left."""
    if isinstance(value, str):
        return safe(value)
    if value is None or isinstance(value, bool):
        return str(value)
    return json_inert(json.dumps(value, allow_nan=False))
