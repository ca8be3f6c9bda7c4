"""Who may ask the server for what, and what a browser may do with the answers.

A page of somebody else's in the same browser reaches 127.0.0.1 as well as ours does: so each
request's Host must be the one served (against DNS rebinding), and what hands out anything must
come from our own page (its Origin).
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from kvsops.web.links import Refused
from kvsops.web.site import Site

BODY_MAXIMUM: Final = 16 * 1024
"""Bytes of a request's body, and of a page's WebSocket message."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one page, and all strangers together, may ask of the server."""

    a_second: float = 20.0
    """Requests or messages of one page, beyond `burst` at once."""
    burst: int = 60
    hello_seconds: float = 5.0
    """How long a WebSocket may take to say which link or seat it has."""
    strangers: int = 32
    """How many WebSockets may wait that have not said it yet."""


_HEADERS: Final = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), "
    "autoplay=(self), fullscreen=(self), geolocation=(), payment=(), usb=(), serial=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    hdrs.SERVER: "kvsops",  # not which Python and aiohttp
}


def headers(
    site: Site, connects_to: frozenset[str], sources: Mapping[str, Iterable[str]]
) -> dict[str, str]:
    """Return the headers of every answer; the page may connect to these origins beside its own.

    'self' does not mean WebSockets in every browser, so that our own are named. `sources` says by
    hashes which scripts and styles within the page are ours: "script-src" and "style-src".
    """
    own = {each.replace("http", "ws", 1) for each in site.origins}
    policy = {
        "default-src": "'none'",
        **{name: " ".join(["'self'", *hashes]) for name, hashes in sources.items()},
        "img-src": "'self' blob:",
        "media-src": "'self' blob: mediastream:",
        "connect-src": " ".join(["'self'", *sorted(own | connects_to)]),
        "manifest-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    said = "; ".join(f"{name} {value}" for name, value in policy.items())
    return _HEADERS | {"Content-Security-Policy": said}


def check(request: web.BaseRequest, site: Site) -> None:
    """Raise aiohttp's refusal of a request that is not our page's, or a visit to it."""
    hosts = request.headers.getall(hdrs.HOST, [])
    if len(hosts) != 1 or hosts[0].lower() not in site.hosts:
        raise web.HTTPMisdirectedRequest(text="This server does not serve that host.\n")
    origins = request.headers.getall(hdrs.ORIGIN, [])
    if any(origin not in site.origins for origin in origins) or len(origins) > 1:
        raise web.HTTPForbidden(text="This is for this server's own pages.\n")
    if not origins and not _is_visit(request):
        raise web.HTTPForbidden(text="This is for this server's own pages.\n")


def _is_visit(request: web.BaseRequest) -> bool:
    """Whether a browser says no Origin with it: a plain GET of what anybody may see."""
    plain = request.method in (hdrs.METH_GET, hdrs.METH_HEAD)
    return plain and hdrs.UPGRADE not in request.headers


class Rate:
    """Bounds how often one page may ask."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._left, self._at = float(limits.burst), clock()

    def take(self) -> None:
        """Take note of one; raises `Refused` where it is one too many."""
        now = self._clock()
        gained = (now - self._at) * self._limits.a_second
        self._left, self._at = min(float(self._limits.burst), self._left + gained), now
        if self._left < 1:
            raise Refused("busy", "too many requests: wait a few seconds")
        self._left -= 1
