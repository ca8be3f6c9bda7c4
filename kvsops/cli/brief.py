"""`--brief`: Markdown of a size that fits in a pull request's comment."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kvsops.cli.options import refuse

if TYPE_CHECKING:
    from kvsops.output.console import Console
    from kvsops.output.digest import Digest

Function = TypeVar("Function", bound=Callable[..., Any])


def brief_option(function: Function) -> Function:
    """Add --brief, which the function gets as `brief`; it is refused with other than Markdown."""

    @click.option(
        "--brief",
        is_flag=True,
        help="With -o markdown: short enough for a comment on a pull request.",
    )
    @functools.wraps(function)
    def wrapped(*args: Any, **given: Any) -> Any:
        refuse("--brief is Markdown: add -o markdown" if _brief_alone(given) else None)
        return function(*args, **given)

    return wrapped  # type: ignore[return-value]  # click has its own idea of a decorated function


def _brief_alone(given: dict[str, Any]) -> bool:
    return bool(given["brief"] and given["output"] != "markdown")


def show(
    whole: Callable[[], object], digest: "Callable[[], Digest]", console: "Console", *, brief: bool
) -> None:
    """Print the whole report, or its digest if that is asked for; append that to a step summary."""
    from kvsops.output.digest import BRIEF_BYTES, append

    if brief:
        click.echo(digest().markdown(BRIEF_BYTES), nl=False)
    else:
        whole()
    append(digest, console)
