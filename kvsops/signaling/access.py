"""What a peer asks of AWS about a channel, and the session that it opens with the answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from kvsops.core.wire.ice import Endpoints, IceServer, Role
from kvsops.signaling.session import Session
from kvsops.signaling.threads import in_thread


@dataclass(frozen=True, slots=True)
class Access:
    """Calls about a channel, given by its ARN. Each may block, and raises `KvsopsError`."""

    endpoints: Callable[[str, Role], Endpoints]
    ice_servers: Callable[[Endpoints, str], list[IceServer]]
    url: Callable[[Endpoints, str, str | None], str] = field(repr=False)
    """Signs the URL of one connection; a viewer has a client id."""
    gone: Callable[[str], bool]
    """Whether the channel is deleted, or about to be."""

    def session(
        self,
        channel_arn: str,
        endpoints: Endpoints,
        client_id: str | None,
        now: Callable[[], datetime],
        moved: Callable[[], object] = lambda: None,
    ) -> Session:
        """Return a session of the endpoints' role, not connected yet; `moved` is as there."""

        async def address() -> str:
            return await in_thread(self.url, endpoints, channel_arn, client_id)

        return Session(endpoints.role, channel_arn, address, moved=moved, now=now)
