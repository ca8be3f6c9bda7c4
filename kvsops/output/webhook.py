"""Posting a text to a webhook, as Slack and what is compatible with it take it.

Its URL is a secret: whoever knows it may post. It comes from a variable or a file, and neither it
nor any part of it is ever in an error.

Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/
"""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import kvsops
from kvsops.errors import KvsopsError, UsageError

TIMEOUT_SECONDS: Final = 10
ATTEMPTS: Final = 3
CHARACTERS: Final = 4_000
"""Slack shows no more without cutting the message up."""
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_FROM: Final = ("env:", "file:")
_ESCAPED: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook, by where its URL stands: `env:NAME` or `file:PATH`."""

    source: str
    url: str = field(repr=False)

    @classmethod
    def find(cls, source: str, environ: Mapping[str, str]) -> Self:
        """Read the URL; raises `UsageError` where it is not there, or may not be posted to."""
        if not source.startswith(_FROM):
            # Not repeated: it may be the URL itself.
            raise UsageError(
                "a webhook's URL is a secret, and a command line is not: write env:NAME, of a"
                " variable, or file:PATH, of a file that holds it"
            )
        url = _read(source, environ).strip()
        if why := _objection(url):
            raise UsageError(f"the URL of {source} {why}")
        return cls(source, url)

    def post(self, text: str, sleep: Callable[[float], object] = time.sleep) -> None:
        """Post the text, cut to 4,000 characters; raises `KvsopsError` where it is not taken."""
        body = json.dumps({"text": _fitted(text).translate(_ESCAPED)}).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"kvsops/{kvsops.__version__}",
        }
        request = urllib.request.Request(self.url, body, headers)  # noqa: S310 - it was looked at
        for attempt in range(1, ATTEMPTS + 1):
            why, transient = _sent(request)
            if not why:
                return
            if not transient or attempt == ATTEMPTS:
                break
            sleep(attempt)
        raise KvsopsError(f"the webhook of {self.source} did not take the notice: {why}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: what is posted is for that address alone."""

    def redirect_request(self, *_: Any) -> None:
        """Return no request: the answer counts as an error."""


def _sent(request: urllib.request.Request) -> tuple[str, bool]:
    """Send it; return why it was not taken, if it was not, and whether it may be later."""
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_SECONDS):
            return "", False
    except urllib.error.HTTPError as error:
        error.close()
        busy = error.code == HTTPStatus.TOO_MANY_REQUESTS
        return f"it answered {error.code}", busy or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        said = getattr(reason, "strerror", None)  # no other text: it may tell the URL
        return said or type(reason).__name__, isinstance(error, OSError)


def _read(source: str, environ: Mapping[str, str]) -> str:
    kind, _, name = source.partition(":")
    if kind == "env":
        if not environ.get(name):
            raise UsageError(f"{source}: the variable is not set")
        return environ[name]
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"{source} cannot be read: {why}") from None


def _objection(url: str) -> str | None:
    """Say what is wrong with it, without any of it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        host = None
    if not host or not url.isascii() or any(each <= " " or each == "\x7f" for each in url):
        return "is none: write it like https://HOST/PATH"
    if parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK):
        return None
    return "is not https: whoever is on the way could read it"


def _fitted(text: str) -> str:
    return text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"
