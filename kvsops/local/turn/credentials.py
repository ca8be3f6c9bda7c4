"""TURN's time-limited credentials, in the form that AWS's have.

The username is `EXPIRY:BASE64`, the expiry in seconds since the epoch, the rest base64 of `v1:`
and the channel's ARN; the password is a keyed digest of the username, 32 bytes in base64.

Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_signaling_GetIceServerConfig.html
"""

import base64
import binascii
import hmac
import secrets
from datetime import datetime
from typing import Final, NamedTuple

TTL_SECONDS: Final = 300
"""How long credentials live.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""
_PREFIX = "v1:"


class Credentials(NamedTuple):
    """What a client shows to the TURN server. Never print it: the username holds the account."""

    username: str
    password: str


class TurnCredentials:
    """Makes credentials, and knows those it made, by a key that ends with the process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def make(self, channel_arn: str, now: datetime) -> Credentials:
        """Make credentials for a channel that live from now on."""
        subject = base64.b64encode((_PREFIX + channel_arn).encode()).decode()
        username = f"{int(now.timestamp()) + TTL_SECONDS}:{subject}"
        return Credentials(username, self._password(username))

    def password_of(self, username: str, now: datetime) -> str | None:
        """Answer the password of a username; None where that is not ours, or has expired."""
        expiry, _, _ = username.partition(":")
        if channel_arn_of(username) is None or not expiry.isdecimal():
            return None
        return self._password(username) if now.timestamp() < int(expiry) else None

    def _password(self, username: str) -> str:
        return base64.b64encode(hmac.digest(self._key, username.encode(), "sha256")).decode()


def channel_arn_of(username: str) -> str | None:
    """Answer the ARN of the channel in a username; None where there is none."""
    try:
        subject = base64.b64decode(username.partition(":")[2], validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    return subject.removeprefix(_PREFIX) if subject.startswith(_PREFIX) else None


def uris(host: str, udp_port: int, tls_port: int) -> list[str]:
    """Return a server's URIs, as AWS lists them.

    The second is TURN over DTLS, which this emulator does not serve: clients go on to the others.
    """
    return [
        f"turn:{host}:{udp_port}?transport=udp",
        f"turns:{host}:{tls_port}?transport=udp",
        f"turns:{host}:{tls_port}?transport=tcp",
    ]
