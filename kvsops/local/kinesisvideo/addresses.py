"""Where clients are sent: never off this machine while the emulator is a server."""

from kvsops.local import settings
from kvsops.local.api.exceptions import InvalidArgumentException


def own_endpoint(protocol: str, role: str, region: str) -> str | None:
    """Return the emulator's own endpoint of a protocol and role; None under moto's `mock_aws`.

    There moto answers in process, and addresses are AWS's, in name only. Raises
    InvalidArgumentException where the server has none: AWS's own would lead to AWS.
    """
    active = settings.active()
    if active.endpoint_of is None and active.signaling:
        return None
    url = active.endpoint_of(protocol, role, region) if active.endpoint_of is not None else None
    if url is None:
        raise InvalidArgumentException("kvsops local runs without signaling: it has no endpoints.")
    return url
