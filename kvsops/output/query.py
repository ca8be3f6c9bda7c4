"""`--query`: a JMESPath expression over the whole of what a command gives as JSON."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from kvsops.errors import UsageError
from kvsops.output.text import safe

_SEE: Final = "https://jmespath.org/tutorial.html shows how to write it"


def check_query(query: str | None, output: str) -> None:
    """Raise UsageError for a query that cannot be read, or an output that is not made of JSON.

    For before the work, which may delete: functions are looked at only when the query runs.
    """
    if query is None:
        return
    if output not in ("json", "text"):
        raise UsageError(f"--query works on JSON, not on {output}; add --output json or text")
    import jmespath

    with _told(query):
        jmespath.compile(query)  # type: ignore[no-untyped-call]  # it ships no types


def search(query: str, value: object) -> object:
    """Give what a query finds in a value that is ready for JSON; UsageError for a wrong one."""
    import jmespath

    with _told(query):
        return jmespath.search(query, value)  # type: ignore[no-untyped-call]  # it ships no types


@contextmanager
def _told(query: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # JMESPathError is one, and so is what a slice's step of 0 raises
        raise UsageError(f"--query '{safe(query)}': {_wrong(error)}; {_SEE}") from None
    except RecursionError:
        raise UsageError(f"--query is nested too deeply; {_SEE}") from None


def _wrong(error: ValueError) -> str:
    """Tell in a few words what is wrong with a query, and where, counted from 1."""
    from jmespath.exceptions import ArityError, LexerError, ParseError

    if isinstance(error, LexerError):
        return f"{safe(error.message)} at character {error.lex_position + 1}"
    if not isinstance(error, ParseError) or isinstance(error, ArityError):
        return safe(str(error)).rstrip(".")
    token = error.token_value  # a number or a literal is held as what it stands for
    if token is None or token == "":
        return "it ends too early"
    return f"unexpected {safe(str(token))} at character {error.lex_position + 1}"
