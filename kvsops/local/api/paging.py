"""Page tokens of a listing: opaque to the client, and verified when they come back."""

import base64
import binascii
import hashlib

from kvsops.local.api.exceptions import InvalidArgumentException

_CHECK_BYTES = 8


def token_after(name: str, prefix: str) -> str:
    """Return the token for the page after this name in a listing of this prefix.

    It names where the last page ended rather than a position, so that what is created or deleted
    between two pages makes no other channel appear twice or not at all.
    """
    return base64.b64encode(_check(name, prefix) + name.encode()).decode()


def name_before(token: str, prefix: str) -> str:
    """Return the name that the last page ended with, or raise InvalidArgumentException."""
    try:
        raw = base64.b64decode(token, validate=True)
        name = raw[_CHECK_BYTES:].decode()
    except (binascii.Error, UnicodeDecodeError):
        raise InvalidArgumentException("The NextToken is not valid.") from None
    if not name or raw[:_CHECK_BYTES] != _check(name, prefix):
        raise InvalidArgumentException("The NextToken is not valid for this listing.")
    return name


def _check(name: str, prefix: str) -> bytes:
    return hashlib.blake2b(f"{prefix}\n{name}".encode(), digest_size=_CHECK_BYTES).digest()
