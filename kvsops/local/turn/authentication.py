"""STUN's long-term credential mechanism (RFC 8489 section 9.2): no I/O, each call is told the time.

Times are seconds on any clock that only moves forward.
"""

import hmac
import secrets
from collections.abc import Callable

from kvsops.local.turn.allocations import Allocation
from kvsops.local.turn.messages import Refused, Request, make_integrity_key

REALM = "kvsops"

_STAMP_LENGTH = 16


class Nonces:
    """Nonces that a server recognises without remembering them; each is valid for `lifetime`."""

    def __init__(self, lifetime: float) -> None:
        self._lifetime = lifetime
        self._secret = secrets.token_bytes(32)

    def new(self, now: float) -> bytes:
        """Make a nonce: its time in milliseconds, and the proof that this server wrote it."""
        stamp = b"%0*x" % (_STAMP_LENGTH, int(now * 1000))
        return stamp + self._proof(stamp)

    def valid(self, nonce: bytes, now: float) -> bool:
        """Whether this server wrote these bytes, and not too long ago."""
        stamp = nonce[:_STAMP_LENGTH]
        if not hmac.compare_digest(nonce[_STAMP_LENGTH:], self._proof(stamp)):
            return False
        return now * 1000 < int(stamp, 16) + self._lifetime * 1000

    def _proof(self, stamp: bytes) -> bytes:
        return hmac.new(self._secret, stamp, "sha256").hexdigest()[:32].encode()


class Authentication:
    """Checks that requests come from who they say."""

    def __init__(self, password_of: Callable[[str], str | None], nonce_seconds: float) -> None:
        self._password_of, self._nonces = password_of, Nonces(nonce_seconds)

    def key_of(self, request: Request, allocation: Allocation | None, now: float) -> bytes:
        """Return the long-term key that the request was signed with (section 9.2.4).

        `allocation` is the client's, if it has one. Raises `Refused`.
        """
        username, nonce = request.get("USERNAME"), request.get("NONCE")
        if request.get("MESSAGE-INTEGRITY") is None:
            raise self._challenge(401, now)
        if None in (username, nonce, request.get("REALM")):
            raise Refused(400)
        key = self._key(username, allocation)
        if key is None or not request.message.check_message_integrity(key):
            raise self._challenge(401, now)
        if not self._nonces.valid(nonce, now):
            raise self._challenge(438, now)
        return key

    def _challenge(self, code: int, now: float) -> Refused:
        """Refuse, with what the client needs to ask again."""
        return Refused(code, REALM=REALM, NONCE=self._nonces.new(now))

    def _key(self, username: str, allocation: Allocation | None) -> bytes | None:
        if allocation and allocation.username == username:
            return allocation.key
        password = self._password_of(username)
        return None if password is None else make_integrity_key(username, REALM, password)
