"""What help looks like: a command's options under headings, and all commands on one screen."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

_SECTION: Final = "section"
_REST: Final = "Other"
_WIDEST_OPTION: Final = 26  # the help of a wider one begins on the next line

SCREEN: Final[dict[str, dict[tuple[str, ...], str]]] = {
    "Look": {
        ("list", "describe"): "List channels, or show all there is to a few.",
        ("cost", "prices"): "What they cost this month, and at which prices.",
        ("streams",): "The streams that channels record to, dearest first.",
    },
    "Change": {
        ("create", "update"): "Create channels; change their message TTL.",
        ("tag", "untag"): "Set tags on a channel, or remove them.",
    },
    "Clean up": {
        ("sweep", "policy"): "Delete what nobody needs; check kvsops.toml.",
        ("delete", "restore"): "Delete channels by name; recreate deleted ones.",
    },
    "Test": {
        ("smoke", "view"): "Prove that a channel works; watch it in a browser.",
        ("play", "record"): "Be a channel's master; record what one sends.",
        ("endpoint", "ice"): "Where peers connect; STUN and TURN servers.",
        ("exec", "meet"): "Run a command, or meet, on a channel of its own.",
    },
    "Set up": {
        ("local", "deploy"): "Emulate the service here; let AWS run the sweeps.",
        ("iam", "completion"): "Print the least IAM policy; complete with Tab.",
    },
}
"""The commands by what one wants, those that belong together on one line.

Said here so that --help need not import them all, which would take as long again; and short, so
that the whole help is one screen of 24 lines.
"""


def section(title: str) -> Callable[[Function], Function]:
    """Put the options declared below this one, down to the next, under a heading in the help."""

    def decorate(function: Function) -> Function:
        for parameter in getattr(function, "__click_params__", ()):
            if not hasattr(parameter, _SECTION):
                setattr(parameter, _SECTION, title)
        return function

    return decorate


class Command(click.Command):
    """A command whose help shows its options under the headings that `section` gave them."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section's options; all in one column, so that it is read as one list."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row and isinstance(parameter, click.Option):  # arguments are in the usage and text
                sections.setdefault(getattr(parameter, _SECTION, _REST), []).append(row)
        rest = sections.pop(_REST)  # --help at least
        sections[_REST if sections else "Options"] = rest
        names = [name for rows in sections.values() for name, _ in rows]
        width = max(len(name) for name in names if len(name) <= _WIDEST_OPTION)
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), said) for name, said in rows], width)


def write_screen(formatter: click.HelpFormatter) -> None:
    """Write all commands: a line for each that belong together, after what one wants of them."""
    shown = [
        (title if first else "", ", ".join(names), said)
        for title, lines in SCREEN.items()
        for first, (names, said) in zip((True, *[False] * len(lines)), lines.items(), strict=False)
    ]
    wants, names = (max(len(row[column]) for row in shown) for column in (0, 1))
    formatter.write_paragraph()
    for title, commands, said in shown:
        formatter.write(f"  {title:{wants}}  {commands:{names}}  {said}\n")
