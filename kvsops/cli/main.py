"""The `kvsops` command: its subcommands, and how an error becomes a line and an exit code."""

import importlib
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click

import kvsops
from kvsops.cli.help import SCREEN, write_screen
from kvsops.errors import KvsopsError, NoSuchNameError
from kvsops.output import streams

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from kvsops.output.console import Console

COMMANDS: Final = {
    name: said for lines in SCREEN.values() for names, said in lines.items() for name in names
}
"""Each command, and what the help says of it."""
ALIASES: Final = {"ls": "list", "rm": "delete"}
"""What other tools call our commands: understood, but not shown."""
DEBUG: Final = "kvsops.debug"
SCOPES: Final = "kvsops.scopes"
PLACE: Final = "kvsops.place"
COMPLETE: Final = "_KVSOPS_COMPLETE"
"""By this variable, click's own, a shell asks what may come next."""
TYPED: Final = "kvsops.typed"


class Kvsops(click.Group):
    """Finds each command in the module of its name, and ends with the exit code of its error."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order of the help."""
        return list(COMMANDS)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Show the commands; what options there are says the usage."""
        write_screen(formatter)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `help COMMAND` and `version` for the options of these names.

        The words are kept as they were typed: what to type next is proposed in them.
        """
        ctx.meta[TYPED] = ("kvsops", *args)
        if args[:1] == ["help"]:
            args = [*args[1:], "--help"]
        elif args[:1] == ["version"]:
            args = ["--version"]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, also by another tool's name for it; else say which may be meant."""
        name = ALIASES.get(args[0], args[0])
        if name not in COMMANDS and not (ctx.resilient_parsing or name.startswith("-")):
            from kvsops.core.likeness import suggestion

            near = suggestion(name, (*COMMANDS, *ALIASES))
            ctx.fail(f"no such command: {name}{near and ': '}{near}")
        return super().resolve_command(ctx, [name, *args[1:]])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete commands without importing them, which would take as long again."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=said)
            for name, said in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the command's module, where it is one."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"kvsops.cli.{cmd_name}")
        command: click.Command = getattr(module, f"{cmd_name}_", None) or getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours is one line, with a traceback under --debug."""
        from kvsops.cli.signals import heed_all

        heed_all()
        try:
            try:
                result = super().invoke(ctx)
            finally:
                doubted = _tell_doubts(ctx)
            return ctx.exit(1) if doubted else result
        except click.exceptions.Exit as ending:
            ctx.exit(ending.exit_code or (1 if doubted else 0))
        except KvsopsError as error:
            _trace(ctx)
            _summarise(ctx, error)
            _say(told(error, ctx))
            ctx.exit(error.exit_code)
        except (click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - no traceback is shown unless asked for
            _trace(ctx)
            _say(f"a defect in kvsops: {type(error).__name__}: {error} (--debug shows where)")
            ctx.exit(1)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; return its exit code."""
        if os.environ.get(COMPLETE):
            with suppress(Exception):  # who presses Tab wants no message
                super().main(*args, **kwargs)
            return 1
        streams.guard()
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False})
        except KvsopsError as error:  # --help cannot be written
            _say(str(error))
            return error.exit_code
        except click.ClickException as error:
            if isinstance(error, click.exceptions.NoArgsIsHelpError):
                error.show()
            else:
                _say(_one_line(error))
            return error.exit_code
        except click.Abort:
            from kvsops.cli.signals import INTERRUPTED, next_one_ends

            _say("interrupted")
            next_one_ends()
            return INTERRUPTED


def _tell_doubts(ctx: click.Context) -> bool:
    """Say what AWS told that cannot be: a line, however many there are."""
    if said := doubted(ctx):
        _say(said)
    return bool(said)


def doubted(ctx: click.Context) -> str:
    """Say in a line what AWS told that cannot be, if anything."""
    doubts = [doubt for scope in ctx.meta.get(SCOPES, ()) for doubt in scope.doubts]
    if not doubts:
        return ""
    more = f" (and {len(doubts) - 1:,} more)" if doubts[1:] else ""
    return f"AWS told what cannot be, so it counts as unknown: {doubts[0]}{more}"


def told(error: KvsopsError, ctx: click.Context) -> str:
    """Say what is wrong; of a name that no channel has, also which may be meant."""
    if not isinstance(error, NoSuchNameError) or PLACE not in ctx.meta:
        return str(error)
    from kvsops.cli.channel_names import nearest

    near = nearest(ctx.meta[PLACE], error.name)
    return f"{error}{near and ': '}{near}"


def _summarise(ctx: click.Context, error: KvsopsError) -> None:
    """Tell a CI's step summary what ended the command, unless what came of it is there already."""
    from kvsops.output.summary import VARIABLE

    if not os.environ.get(VARIABLE):
        return
    from kvsops.output.digest import DIGESTED, Digest, append
    from kvsops.output.screen import Outcome

    if not ctx.meta.get(DIGESTED):
        append(lambda: Digest(Outcome.BAD, ctx.meta[TYPED], str(error)), _console())


def _trace(ctx: click.Context) -> None:
    if ctx.meta.get(DEBUG):
        import traceback

        for line in traceback.format_exc().splitlines():
            _console().note(line)


def _one_line(error: click.ClickException) -> str:
    """Say what click has to say, in one line, and where to read more."""
    said = _unknown(error) or " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return f"{said} (see {context.command_path} --help)" if context else said


def _unknown(error: click.ClickException) -> str | None:
    """Say of an option or a subcommand that is not there which may be meant, as we say it."""
    for what in ("option", "command"):
        typed = getattr(error, f"{what}_name", None)
        if typed and hasattr(error, "possibilities"):
            from kvsops.core.likeness import suggestion

            near = suggestion(typed, error.possibilities or ())
            return f"no such {what}: {typed}{near and ': '}{near}"
    return None


def _say(message: str) -> None:
    _console().error(message)


def _console() -> "Console":
    from kvsops.output.console import Console

    return Console(sys.stderr)


@click.group(
    cls=Kvsops,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 check failed, 130 Ctrl-C",
)
@click.version_option(kvsops.__version__, prog_name="kvsops")
def cli() -> None:
    """Find, price, sweep and test Kinesis Video WebRTC signaling channels.

    \b
      kvsops local --fleet 300 -- bash   # a shell to try it all in, without AWS
      kvsops sweep --older-than 2h       # what would be deleted; --yes deletes it
      kvsops sweep --help                # a command's options and examples
    """
