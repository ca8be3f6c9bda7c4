"""`kvsops completion`."""

import click

from kvsops.cli.choice import Choice
from kvsops.cli.help import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command)
@click.argument("shell", type=Choice(SHELLS), metavar="bash|zsh|fish")
def completion(*, shell: str) -> None:
    """Print what lets a shell complete commands, options and channel names.

    \b
    Examples:
      eval "$(kvsops completion bash)"                    # in ~/.bashrc
      eval "$(kvsops completion zsh)"                     # in ~/.zshrc, after compinit
      kvsops completion fish > ~/.config/fish/completions/kvsops.fish

    Names of channels are asked for with the credentials and the region at hand, and remembered for
    a minute. Where they cannot be had within two seconds, none are offered.
    """
    from click.shell_completion import get_completion_class

    from kvsops.cli.main import COMPLETE, cli

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has these three
    click.echo(found(cli, {}, "kvsops", COMPLETE).source())
