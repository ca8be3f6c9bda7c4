"""What a peer asks of AWS, answered by a scope: for every command that has peers.

It stands here because peers are handed what they need: only `cli` may see both them and `aws`.
"""

from functools import partial
from typing import TYPE_CHECKING

from kvsops.aws import connect
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
