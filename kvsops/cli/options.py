"""What commands share: types of parameters, the scope's options, the rules' options, output."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from kvsops.cli.choice import Choice
from kvsops.cli.help import section
from kvsops.cli.main import DEBUG, TYPED
from kvsops.cli.values import (
    DURATION,
    MESSAGE_TTL,
    NAME,
    RULE_TYPES,
    STATUSES,
    TAG,
    TAG_KEY,
    TARGET,
    Target,
    Text,
    target,
)
from kvsops.cli.where import Where
from kvsops.core import channel
from kvsops.core.rule import Option, Parameter, Rule
from kvsops.errors import UsageError

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.output.screen import Screen

# The types of values come from here, too: a command needs nearly always both.
__all__ = [
    "DURATION",
    "MESSAGE_TTL",
    "NAME",
    "STATUSES",
    "TAG",
    "TAG_KEY",
    "TARGET",
    "Target",
    "Text",
    "target",
]

Function = TypeVar("Function", bound=Callable[..., Any])

OUTPUTS: Final = ("table", "json", "csv", "markdown", "text")


def scope_options(function: Function) -> Function:
    """Add the scope's options; the function gets them as `where`."""

    @connection_options(
        section("Connection"),
        profile_option,
        click.option(
            "--region",
            metavar="REGION",
            help="AWS region.  [default: AWS_REGION, or the profile's]",
        ),
    )
    @functools.wraps(function)
    def wrapped(*args: Any, connection: dict[str, Any], region: str | None, **given: Any) -> Any:
        return function(*args, where=Where(region=region, **connection), **given)

    return wrapped  # type: ignore[return-value]  # click has its own idea of a decorated function


profile_option: Final = click.option(
    "--profile", metavar="NAME", help="Use this profile of ~/.aws/config."
)


def connection_options(*whose: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Add what all commands have that call AWS, with the options that say whose channels.

    Those are in the order of the help; the function gets profile, endpoint and share of the quotas
    as `connection`.
    """

    def decorate(function: Function) -> Function:
        @click.option(
            "--endpoint-url",
            metavar="URL",
            help="Send all requests to this endpoint, such as an emulator's.",
        )
        @click.option(
            "--quota-share",
            type=click.FloatRange(0, 1, min_open=True),
            metavar="SHARE",
            help="Use at most this share of each API quota.  [default: 0.8]",
        )
        @section("Other")
        @click.option("--debug", is_flag=True, help="Show a traceback with an error.")
        @click.pass_context
        @functools.wraps(function)
        def wrapped(ctx: click.Context, /, *, debug: bool, color: str, **given: Any) -> Any:
            ctx.meta[DEBUG] = debug
            ctx.color = _COLOURED[color]
            names = ("profile", "endpoint_url", "quota_share")
            connection = {name: given.pop(name) for name in names}
            return function(connection=connection, **given)

        decorated: Any = wrapped
        for each in reversed((section("Output"), _COLOR_OPTION, *whose)):
            decorated = each(decorated)
        return decorated  # type: ignore[no-any-return]  # as above

    return decorate


def typed() -> tuple[str, ...]:
    """Return the words of this command line."""
    words: tuple[str, ...] = click.get_current_context().meta[TYPED]
    return words


_COLOURED: Final = {"auto": None, "always": True, "never": False}
_COLOR_OPTION: Final = click.option(
    "--color",
    type=Choice(list(_COLOURED)),
    metavar="auto|always|never",
    default="auto",
    help="Colour; auto: on a terminal, unless NO_COLOR is set.",
)


def screen() -> "Screen":
    """Return what standard output is shown on, as --color and NO_COLOR have it."""
    import sys

    from kvsops.output.screen import Screen

    return Screen.of(sys.stdout, os.environ, colour=click.get_current_context().color)


def output_options(
    default: str = "table", choices: tuple[str, ...] = OUTPUTS
) -> Callable[[Function], Function]:
    """Add -o/--output and --query, which the function gets under these names."""

    def decorate(function: Function) -> Function:
        @section("Output")
        @click.option(
            "-o",
            "--output",
            type=Choice(choices),
            default=default,
            show_default=True,
            help="Format of the result.",
        )
        @click.option(
            "--query",
            metavar="JMESPATH",
            help="Select from the JSON, for -o json or text.",
        )
        @functools.wraps(function)
        def wrapped(*args: Any, **given: Any) -> Any:
            from kvsops.output.query import check_query

            check_query(given["query"], given["output"])
            return function(*args, **given)

        return wrapped  # type: ignore[return-value]  # as above

    return decorate


def events_option(function: Function) -> Function:
    """Add -o/--output to a command that tells what happens while it runs: `output` is its name."""
    option = click.option(
        "-o",
        "--output",
        type=Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="json: an object for each event, a line each, on standard output.",
    )
    return section("Output")(option(function))


def rule_options(*rules: Rule) -> Callable[[Function], Function]:
    """Add the rules' declared options; the function gets what was given as `given`, by name."""
    options = [option for rule in rules for option in rule.options]
    names = {option.name.replace("-", "_"): option.name for option in options}

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapped(*args: Any, **all_given: Any) -> Any:
            given = {name: all_given.pop(parameter) for parameter, name in names.items()}
            given |= all_given.pop("given", {})  # of the rules declared above these
            return function(*args, given=given, **all_given)

        decorated: Any = wrapped
        for option in reversed(options):
            decorated = _declared(option)(decorated)
        return decorated  # type: ignore[no-any-return]  # click has its own idea, as above

    return decorate


def _declared(option: Option) -> Callable[[Function], Function]:
    """Return click's option for one that a rule declares."""
    name = f"--{option.name}"
    if option.parameter is Parameter.FLAG:
        return click.option(name, is_flag=True, help=option.help)
    kind = RULE_TYPES[option.parameter]
    return click.option(
        name,
        type=kind,
        callback=_wonder_at_keys if option.parameter in (Parameter.KEY, Parameter.TAG) else None,
        metavar=None if isinstance(kind, click.Choice) else kind.name.upper(),
        multiple=option.many,
        default=option.default,
        show_default=option.default is not None,
        help=option.help,
    )


def _wonder_at_keys(_ctx: click.Context, param: click.Parameter, given: Any) -> Any:
    """Warn of a key that is nearly one of ours: it may be meant, to find what was misspelt."""
    from kvsops.cli.tags import meant_by

    for each in given if isinstance(given, tuple) else (given,):
        key = str(getattr(each, "key", each))
        if meant := meant_by(key):
            from kvsops.output.console import Console

            Console().warn(f"{param.opts[0]} {key}: did you mean {meant}?")
    return given


def refuse(objection: str | None) -> None:
    """Raise what contradicts itself in what was given, if anything, as wrong usage."""
    if objection:
        raise UsageError(objection)


def in_region(scope: "Scope", targets: tuple[str, ...]) -> None:
    """Refuse an ARN of another region than the scope's."""
    for text in targets:
        if text.startswith("arn:") and channel.ChannelArn.parse(text).region != scope.region:
            msg = f"{text} is not in {scope.region}: give its --region"
            raise UsageError(msg)


def verbose_option(function: Function) -> Function:
    """Add -v, which the function gets as `verbose`."""
    return click.option(
        "-v", "--verbose", is_flag=True, help="Also show the calls made, and what they cost."
    )(function)


def journal_option(function: Function) -> Function:
    """Add --journal, which the function gets as a path, or None for the default."""
    return click.option(
        "--journal",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Record deletions here.  [default: the state directory; in CI, the workspace]",
    )(function)
