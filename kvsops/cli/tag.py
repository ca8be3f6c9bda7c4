"""`kvsops tag`."""

import click

from kvsops.cli.help import Command
from kvsops.cli.options import TAG, TARGET, in_region, scope_options
from kvsops.cli.tags import tags_by_key
from kvsops.cli.where import Where


@click.command(cls=Command)
@click.argument("target", type=TARGET, metavar="NAME|ARN")
@click.argument("tags", nargs=-1, required=True, type=TAG, metavar="KEY=VALUE...")
@scope_options
def tag(*, where: Where, target: str, tags: tuple[tuple[str, str], ...]) -> None:
    """Set tags on a channel; its other tags stay.

    \b
    Examples:
      kvsops tag cam-door site=berlin team=doorbell
      kvsops tag cam-door kvsops:keep=yes                # no sweep deletes it
    """
    from kvsops.aws import channels
    from kvsops.output.console import Console

    wanted = tags_by_key(tags)
    scope = where.open()
    in_region(scope, (target,))
    channel = channels.named(scope, target)
    channels.tag(scope, channel.channel_arn, wanted)
    Console().note(f"{channel.channel_name} tagged")
