"""The `kvsops` command: its subcommands, and how an error becomes a line and an exit code."""

import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import click

import kvsops
from kvsops.cli.signals import INTERRUPTED, heeded, next_one_ends, present
from kvsops.errors import KvsopsError
from kvsops.output import streams
from kvsops.output.summary import VARIABLE

if TYPE_CHECKING:
    from kvsops.output.console import Console

COMMANDS: Final = {
    "create": "Create signaling channels and print their ARNs.",
    "list": "List signaling channels.",
    "describe": "Describe channels, each read directly: state, use, cost, tags and storage link.",
    "update": "Update a channel: the time that undelivered messages are kept.",
    "tag": "Set tags on a channel, leaving its others.",
    "untag": "Take tags off a channel.",
    "delete": "Delete the named channels, and wait until they are gone.",
    "sweep": "Delete the channels nobody needs: those that meet every condition given.",
    "restore": "Make the channels again that a JOURNAL says were deleted, or list the journals.",
    "exec": "Run a COMMAND with a channel of its own, and delete the channel however it ends.",
    "smoke": "Prove with real media that a channel works, or tell at which step it fails and why.",
    "endpoint": "Show where a master and a viewer connect to a channel, and ask for ICE servers.",
    "ice": "Show a channel's STUN and TURN servers.",
    "cost": "Tell what the channels cost this month, and which parts of it could be spared.",
    "prices": "Show the prices that apply, and where they are from.",
    "policy": "Check the policies in kvsops.toml, by which kvsops sweep goes.",
    "iam": "Print the least IAM policy that lets the given commands do their work.",
    "local": "Emulate the service on this machine, without an AWS account.",
}
"""Each command, in the order of a channel's life, and how its help begins.

Said here so that --help need not import them all, which would take as long again.
"""
DEBUG: Final = "kvsops.debug"
SCOPES: Final = "kvsops.scopes"
TYPED: Final = "kvsops.typed"


class Kvsops(click.Group):
    """Finds each command in the module of its name, and ends with the exit code of its error."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order of a channel's life."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands with what they do, in whole."""
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the command's module, where it is one."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"kvsops.cli.{cmd_name}")
        command: click.Command = getattr(module, f"{cmd_name}_", None) or getattr(module, cmd_name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words as they were typed: what to type next is proposed in them."""
        ctx.meta[TYPED] = ("kvsops", *args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours is one line, with a traceback under --debug."""
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
            _say(str(error))
            ctx.exit(error.exit_code)
        except (click.ClickException, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - no traceback is shown unless asked for
            _trace(ctx)
            _say(f"a defect in kvsops: {type(error).__name__}: {error} (--debug shows where)")
            ctx.exit(1)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line; return its exit code."""
        streams.guard()
        for number in heeded(present("SIGTERM", "SIGHUP")):
            signal.signal(number, signal.default_int_handler)  # ends as Ctrl-C does
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False})
        except KvsopsError as error:  # --help cannot be written
            _say(str(error))
            return error.exit_code
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return error.exit_code
        except click.ClickException as error:
            _say(_one_line(error))
            return error.exit_code
        except click.Abort:
            _say("interrupted")
            next_one_ends()
            return INTERRUPTED


def _tell_doubts(ctx: click.Context) -> bool:
    """Say what AWS told that cannot be: a line, however many there are."""
    doubts = [doubt for scope in ctx.meta.get(SCOPES, ()) for doubt in scope.doubts]
    if not doubts:
        return False
    more = f" (and {len(doubts) - 1:,} more)" if doubts[1:] else ""
    _say(f"AWS told what cannot be, so it counts as unknown: {doubts[0]}{more}")
    return True


def _summarise(ctx: click.Context, error: KvsopsError) -> None:
    """Tell a CI's step summary what ended the command, unless what came of it is there already."""
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
    said = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return f"{said} (see {context.command_path} --help)" if context else said


def _say(message: str) -> None:
    _console().error(message)


def _console() -> "Console":
    from kvsops.output.console import Console

    return Console(sys.stderr)


@click.group(
    cls=Kvsops,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="To try everything without AWS: kvsops local --fleet 20 -- kvsops list",
)
@click.version_option(kvsops.__version__, prog_name="kvsops")
def cli() -> None:
    """Operate Kinesis Video Streams WebRTC signaling channels: make, list, sweep and check them.

    What destroys is a dry run unless --yes is given. Data goes to standard output, everything
    else to standard error.

    Exit codes: 0 done or nothing to do; 1 a failure, also a partial one; 2 wrong usage,
    credentials or region; 3 the check ran and its answer is no; 130 interrupted.
    """
