"""The options of `kvsops local` for what is not known of AWS's signaling."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS: Final = (
    click.option(
        "--strict-payloads",
        is_flag=True,
        help="Limit messages to 10k of base64, not of the text inside: AWS may do either.",
    ),
    click.option(
        "--empty-frames/--no-empty-frames",
        default=True,
        show_default=True,
        help="Send clients empty text frames, as AWS has been seen to do.",
    ),
    click.option(
        "--close-displaced/--keep-displaced",
        default=True,
        show_default=True,
        help="Close a connection when another replaces it: AWS may or may not.",
    ),
)


def signaling_options(command: _Command) -> _Command:
    """Add the options, which are named as the settings are."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
