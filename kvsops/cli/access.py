"""What a peer asks of AWS, answered by a scope: for every command that has peers.

It stands here because peers are handed what they need: only `cli` may see both them and `aws`.
"""

from functools import partial
from typing import TYPE_CHECKING

from kvsops.aws import channels, connect
from kvsops.errors import AwsError, KvsopsError, NotFoundError, UsageError
from kvsops.signaling.access import Access

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope


def access_of(scope: "Scope") -> Access:
    """Return its calls, each made with this scope."""
    return Access(
        endpoints=partial(connect.endpoints_of, scope),
        ice_servers=partial(connect.ice_servers_of, scope),
        url=partial(connect.presigned_url, scope),
        gone=partial(connect.is_gone, scope),
    )


def stored_in(scope: "Scope", channel_arn: str) -> str | None:
    """Return the stream that the channel is linked to; not knowing does not stand in the way."""
    try:
        link = channels.storage_link_of(scope, channel_arn, attempts=connect.ATTEMPTS)
    except NotFoundError:
        raise
    except AwsError:  # often not allowed, and the media tells
        return None
    return (link.stream_arn or "a stream") if link.linked else None


def staying_in(scope: "Scope", target: str) -> str:
    """Return the ARN of a channel in which a peer can stay.

    Raises `KvsopsError` where it is not there or not active, and `UsageError` where its media is
    stored.
    """
    channel = channels.named(scope, target)
    if channel.status != "ACTIVE":
        raise KvsopsError(f"{channel.channel_name} is {channel.status}, not ACTIVE")
    if stream := stored_in(scope, channel.channel_arn):
        raise UsageError(
            f"{channel.channel_name} is linked to storage ({stream}): its media goes there, "
            "not from master to viewer"
        )
    return channel.channel_arn
