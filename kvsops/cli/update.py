"""`kvsops update`."""

import click

from kvsops.cli.help import Command, section
from kvsops.cli.options import MESSAGE_TTL, TARGET, in_region, scope_options
from kvsops.cli.where import Where


@click.command(cls=Command)
@click.argument("target", type=TARGET, metavar="NAME|ARN")
@section("What to change")
@click.option(
    "--message-ttl",
    type=MESSAGE_TTL,
    required=True,
    metavar="SECONDS",
    help="How long undelivered messages are kept, 5 to 120.",
)
@scope_options
def update(*, where: Where, target: str, message_ttl: int) -> None:
    """Change how long a channel keeps undelivered messages.

    \b
    Examples:
      kvsops update cam-door --message-ttl 30
    """
    from kvsops.aws import channels
    from kvsops.output.console import Console

    scope = where.open()
    in_region(scope, (target,))
    channel = channels.named(scope, target)
    channels.update(scope, channel, message_ttl)
    Console().note(f"{channel.channel_name} updated: messages are kept {message_ttl} s")
