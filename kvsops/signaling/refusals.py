"""Why a signaling connection was refused: one clear reason each, with nothing secret in it."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, Literal
from urllib.parse import urlsplit

import aiohttp

from kvsops.core.text import age
from kvsops.core.wire.ice import Role
from kvsops.errors import KvsopsError

Kind = Literal[
    "malformed",
    "limit",
    "denied",
    "clock",
    "not-found",
    "tls",
    "timeout",
    "unreachable",
    "service",
    "closed",
]

SKEW: Final = timedelta(seconds=240)
"""From where on the clock is blamed for a 403: a presigned URL is valid for 299 seconds."""
_LIMITS: Final = "3 connects a second, 1 master and 10 viewers"
_LONGEST_QUOTE: Final = 200


class SignalingError(KvsopsError):
    """A connection was refused or ended, and why; `transient` if trying again may help.

    `orderly` says that the service ended one that stood, with a goodbye. Its text and its causes
    hold no presigned URL: what aiohttp raises does, so it is never kept.
    """

    def __init__(
        self, message: str, kind: Kind, *, transient: bool = False, orderly: bool = False
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.transient = transient
        self.orderly = orderly


class GarbledError(SignalingError):
    """One message could not be read; the connection stands."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "malformed")


def refusal(
    error: Exception, role: Role, channel: str, url: str, *, now: datetime, body: str = ""
) -> SignalingError:
    """Tell why the WebSocket could not be opened; `body` is what the refusal said."""
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return _status(error.status, error.headers or {}, role, channel, now=now, body=body)
    host = urlsplit(url).netloc
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return SignalingError(_untrusted(error, host), "tls")
    if isinstance(error, asyncio.TimeoutError):
        return SignalingError(
            f"{host} did not answer in time: is a firewall blocking it?", "timeout", transient=True
        )
    if isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        return _stopped_by_proxy(error, host)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return SignalingError(f"no such host: {host}: DNS does not know it", "unreachable")
    why = getattr(getattr(error, "os_error", error), "strerror", None) or type(error).__name__
    return SignalingError(f"{host} cannot be reached: {why}", "unreachable", transient=True)


def _stopped_by_proxy(error: aiohttp.ClientError, host: str) -> SignalingError:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        text = f"the proxy (HTTPS_PROXY) refuses to connect to {host}: HTTP {error.status}"
        return SignalingError(text, "unreachable")
    return SignalingError(
        "the proxy (HTTPS_PROXY) cannot be reached", "unreachable", transient=True
    )


def _untrusted(error: Exception, host: str) -> str:
    cause = getattr(error, "certificate_error", getattr(error, "os_error", error))
    why = getattr(cause, "verify_message", None) or getattr(cause, "reason", None) or "TLS failed"
    return (
        f"the TLS certificate of {host} is not trusted: {why}; behind a proxy that intercepts TLS, "
        "point SSL_CERT_FILE at its CA"
    )


def _status(
    status: int, headers: Mapping[str, str], role: Role, channel: str, *, now: datetime, body: str
) -> SignalingError:
    code = headers.get("x-amzn-ErrorType", "").partition(":")[0]
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(headers, role, channel, now, body)
    if status == HTTPStatus.NOT_FOUND:
        return SignalingError(f"no such channel: {channel}: it has been deleted", "not-found")
    if status == HTTPStatus.TOO_MANY_REQUESTS or "LimitExceeded" in code + body:
        text = f"connecting as {role} hit a limit of the channel ({_LIMITS}){_quoted(body)}"
        return SignalingError(text, "limit", transient=True)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SignalingError(f"the service failed: HTTP {status}", "service", transient=True)
    text = f"connecting as {role} was refused as malformed: HTTP {status}{_quoted(body)}"
    return SignalingError(text, "malformed")


def _forbidden(
    headers: Mapping[str, str], role: Role, channel: str, now: datetime, body: str
) -> SignalingError:
    skew = clock_skew(headers.get("Date"), now)
    if skew is not None and abs(skew) > SKEW:
        side = "ahead of" if skew > timedelta() else "behind"
        text = (
            f"this machine's clock is {age(abs(skew))} {side} the service's, so the signed URL is "
            "not valid: set the clock"
        )
        return SignalingError(text, "clock")
    if "ignature" in body:
        return SignalingError("the signature does not match: check the secret key", "denied")
    action = f"kinesisvideo:ConnectAs{role.capitalize()}"
    text = f"connecting as {role} was denied: the credentials need {action} on {channel}"
    return SignalingError(f"{text}{_quoted(body)}", "denied")


def clock_skew(date: str | None, now: datetime) -> timedelta | None:
    """Return how far `now` is ahead of a Date header; None where there is none to go by."""
    try:
        server = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    return now - (server if server.tzinfo else server.replace(tzinfo=UTC))


def _quoted(body: str) -> str:
    """Quote what the service said, unless it might quote the URL: AWS does, token and all."""
    said = " ".join(_message(body).split())
    return f": {said[:_LONGEST_QUOTE]}" if said and "x-amz-" not in said.lower() else ""


def _message(body: str) -> str:
    """Return the message of an AWS error's body, or the body where it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return body
    message = (found.get("message") or found.get("Message")) if isinstance(found, dict) else None
    return message if isinstance(message, str) else ""
