"""The types of what options and arguments take."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.choice import Choice
from kvsops.core import account, channel
from kvsops.core.rule import Parameter
from kvsops.errors import UsageError
from kvsops.sweep import parameters

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

STATUSES: Final = ("CREATING", "ACTIVE", "UPDATING", "DELETING")


class Text(click.ParamType[object]):
    """A text that one of ours must accept: its `UsageError` is click's failure."""

    def __init__(self, name: str, check: Callable[[str], object]) -> None:
        self.name, self._check = name, check

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Return what the check makes of the text."""
        if not isinstance(value, str):
            return value
        try:
            return self._check(value)
        except UsageError as error:
            return self.fail(str(error), param, ctx)


class Target(Text):
    """A channel's name or ARN; a shell completes the names."""

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> "list[CompletionItem]":
        """Return the channels there are, where they can be had in a moment."""
        from click.shell_completion import CompletionItem

        from kvsops.cli.channel_names import channel_names

        return [CompletionItem(name) for name in channel_names(ctx.params, incomplete)]


def target(text: str) -> str:
    """Read a channel's name or ARN."""
    if text.startswith("arn:"):
        return str(channel.ChannelArn.parse(text))
    return channel.checked_name(text)


DURATION: Final = Text("duration", parameters.duration)
NAME: Final = Text("name", channel.checked_name)
TARGET: Final = Target("name|arn", target)
TAG_KEY: Final = Text("key", channel.checked_tag_key)
MESSAGE_TTL: Final = click.IntRange(
    channel.MESSAGE_TTL_SECONDS.start, channel.MESSAGE_TTL_SECONDS.stop - 1
)
TAG: Final = Text("key=value", channel.checked_tag)
ACCOUNT: Final = Text("id", account.checked_account_id)
OU: Final = Text("id", account.checked_ou)
ROLE_ARN: Final = Text("arn", lambda text: str(account.RoleArn.parse(text)))
ROLE_NAME: Final = Text("name", account.checked_role_name)
EXTERNAL_ID: Final = Text("id", account.checked_external_id)
_METAVARS: Final = {Parameter.TAG: "key[=value]", Parameter.KEY: "key"}
RULE_TYPES: Final[dict[Parameter, click.ParamType[object]]] = {
    **{
        each: Text(_METAVARS.get(each, each.value), reader)
        for each, reader in parameters.READERS.items()
    },
    Parameter.STATUS: Choice(STATUSES, case_sensitive=False),
}
