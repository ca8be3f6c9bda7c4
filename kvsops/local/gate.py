"""Whom the emulator answers at all: programs on this machine, and pages of origins let in.

A page of any site can have its browser send requests to 127.0.0.1, and its owner can let a name of
his lead there (DNS rebinding). The headers Host and Origin tell, since no page can set them.
"""

import re
from collections.abc import Mapping, Set
from ipaddress import ip_address

from kvsops.local import aws_names
from kvsops.local.api.call import Answer, Call, error_to
from kvsops.local.settings import Settings

OWN_API = "/kvsops-api/"
"""Begins the paths that no AWS client knows; no page but the emulator's own may ask for them."""

_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_ORIGIN = re.compile(r"https?://(.+)")
_LONGEST_SHOWN = 100
_OWN_PAGE = ("same-origin", "none")  # the page's own, or typed by the user


def refusal(call: Call, settings: Settings) -> Answer | None:
    """Return the error for a request that must not even be looked at."""
    host, origin = call.headers.get("host", ""), call.headers.get("origin")
    if not _is_allowed(host, settings.allowed_hosts | {settings.host}, of_aws=settings.aws_names):
        return _refused(call, f"to the host {_shown(host)}", "--allow-host NAME")
    foreign = None if origin == f"http://{host}" else origin
    site = call.headers.get("sec-fetch-site", "none")  # tells where the browser sends no Origin
    if call.path.startswith(OWN_API) and (foreign is not None or site not in _OWN_PAGE):
        return _refused(call, "here to other pages than its own")
    if foreign is not None and not may_read(foreign, settings):
        return _refused(call, f"to pages of {_shown(foreign)}", "--allow-origin ORIGIN")
    return None


def may_read(origin: str, settings: Settings) -> bool:
    """Whether pages of this origin may read answers: those on this machine, and those let in."""
    found = _ORIGIN.fullmatch(origin)
    on_this_machine = found is not None and _is_allowed(found[1], {settings.host})
    return on_this_machine or origin.lower() in settings.allowed_origins


def cors_headers(headers: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """Let the asking page, if any and if let in, read the answer, and send what was asked for."""
    origin = headers.get("origin")
    if origin is None or not may_read(origin, settings):
        return {"vary": "origin"}
    allowed = {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": "*, date, x-amzn-errortype, x-amzn-requestid",
        "vary": "origin",
    }
    if "access-control-request-method" not in headers:
        return allowed
    asked = headers.get("access-control-request-headers", "*")
    return allowed | {
        "access-control-allow-headers": " ".join(asked.split()),
        "access-control-allow-methods": "DELETE, GET, HEAD, PATCH, POST, PUT",
        "access-control-allow-private-network": "true",
        "access-control-max-age": "600",
    }


def _is_allowed(authority: str, names: Set[str], *, of_aws: bool = False) -> bool:
    """Whether a host, with or without a port, is this machine's, one of these, or one of AWS's."""
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return False
    name = found[1].strip("[]").lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    if of_aws and aws_names.is_served(name):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _refused(call: Call, whom: str, option: str = "") -> Answer:
    hint = f" Start it with {option} if it shall." if option else ""
    said = f"kvsops local does not answer {whom}.{hint}"
    return error_to(call, 403, "AccessDeniedException", said)


def _shown(text: str) -> str:
    return ascii(text[:_LONGEST_SHOWN])
