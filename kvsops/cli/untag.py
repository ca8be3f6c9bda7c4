"""`kvsops untag`."""

import click

from kvsops.cli.help import Command
from kvsops.cli.options import TAG_KEY, TARGET, in_region, scope_options
from kvsops.cli.where import Where


@click.command(cls=Command)
@click.argument("target", type=TARGET, metavar="NAME|ARN")
@click.argument("keys", nargs=-1, required=True, type=TAG_KEY, metavar="KEY...")
@scope_options
def untag(*, where: Where, target: str, keys: tuple[str, ...]) -> None:
    """Remove tags from a channel.

    \b
    Examples:
      kvsops untag cam-door kvsops:keep
    """
    from kvsops.aws import channels
    from kvsops.output.console import Console

    scope = where.open()
    in_region(scope, (target,))
    channel = channels.named(scope, target)
    tags = channels.tags_of(scope, channel.channel_arn)
    there = [key for key in dict.fromkeys(keys) if key in tags]
    if there:
        channels.untag(scope, channel.channel_arn, there)
        Console().note(f"{channel.channel_name} untagged")
    if absent := [key for key in dict.fromkeys(keys) if key not in tags]:
        Console().note(f"{channel.channel_name} has no tag {', '.join(absent)}")
