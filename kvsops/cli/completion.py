"""`kvsops completion`."""

import click

from kvsops.cli.choice import Choice
from kvsops.cli.help import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command)
@click.argument("shell", type=Choice(SHELLS), metavar="bash|zsh|fish")
def completion(*, shell: str) -> None:
    """Print a script that completes commands, options and channel names with Tab.

    \b
    Examples:
      kvsops completion bash >> ~/.bashrc
      kvsops completion zsh >> ~/.zshrc          # where compinit has run
      kvsops completion fish > ~/.config/fish/completions/kvsops.fish

    Channel names are read with the credentials and region in effect, and kept for a minute. If
    they cannot be read within two seconds, none are offered.
    """
    from click.shell_completion import get_completion_class

    from kvsops.cli.main import COMPLETE, cli

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has these three
    click.echo(found(cli, {}, "kvsops", COMPLETE).source())
