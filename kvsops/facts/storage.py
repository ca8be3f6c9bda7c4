"""Links to storage. They have no cheap source: each is read directly."""

from collections.abc import Sequence

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.facts import Facts, Need
from kvsops.facts.look import Gathered, Look, directly, each_directly, in_order


def one(scope: Scope, facts: Facts, look: Look) -> Facts:
    """Read one channel's link."""
    arn = facts.channel.channel_arn
    return directly(
        scope,
        facts,
        Need.STORAGE,
        lambda: channels.storage_link_of(scope, arn, attempts=look.attempts),
    )


def many(scope: Scope, wanted: Sequence[Facts], look: Look) -> Gathered:
    """Read the links that are not known yet."""
    unread = [each for each in wanted if each.storage is None]
    return Gathered(in_order(wanted, each_directly(scope, one, Need.STORAGE, unread, look)))
