"""The look after the deletes, until what was deleted is gone."""

from collections.abc import Sequence
from os.path import commonprefix
from typing import Final

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.sweep.item import Item, Outcome

SETTLE_SECONDS: Final = 60.0


def settle(scope: Scope, items: Sequence[Item], seconds: float = SETTLE_SECONDS) -> None:
    """List again until the deleted channels are gone; say of each that is not, within the time."""
    waited = {item.channel.channel_arn: item for item in items if item.outcome is Outcome.DELETED}
    prefix = commonprefix([item.channel.channel_name for item in waited.values()])  # noqa: RUF071 - of characters is meant
    end = scope.clock() + seconds
    for pause in channels.polls():
        if not waited:
            return
        listed = channels.each_listed(scope, prefix or None)
        seen = {each.channel_arn: each.status for each in listed}
        waited = {arn: item for arn, item in waited.items() if arn in seen}
        if scope.clock() >= end:
            break
        scope.sleep(pause if waited else 0)
    for arn, item in waited.items():
        if seen[arn] == "DELETING":
            item.reason += f"; still DELETING after {seconds:.0f} s"
        else:
            item.end(Outcome.FAILED, f"still listed as {seen[arn]} after {seconds:.0f} s")
