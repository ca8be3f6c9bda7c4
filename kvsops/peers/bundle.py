"""The one transport of all that is bundled, wherever a description tells of it (RFC 8843)."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from kvsops.errors import PeerError
from kvsops.peers.sdp import Sdp, Section

END: Final = "a=end-of-candidates"
TRANSPORT: Final = (
    *("ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup"),
    *("candidate", "end-of-candidates"),
)
"""The attributes that tell of it."""
_REQUIRED: Final = ("ice-ufrag", "ice-pwd", "fingerprint", "setup")
_WITH_NAME: Final = re.compile(r"a=candidate:(\S+ ){4}\S+\.local ")
"""A candidate of a browser that hides its address: draft-ietf-mmusic-mdns-ice-candidates."""
_CANDIDATE_WORDS: Final = 8
"""From the foundation to the type: RFC 8839 section 5.1."""


def transport_of(described: Sdp, primary: Section | None) -> list[str]:
    """Return the lines of the transport of the bundle; raises `PeerError` where one is missing.

    What the `primary` section leaves out stands in another one.
    Source: https://www.rfc-editor.org/rfc/rfc8843#section-7.1.3
    """
    transport: list[str] = []
    for name in TRANSPORT:
        lines = (each.of([name]) for each in (primary, *described.sections) if each)
        transport += filter(sound, next(filter(None, lines), []))
    told = {line[2:].partition(":")[0] for line in (*described.session, *transport)}
    if missing := [f"a={name}" for name in _REQUIRED if name not in told]:
        raise PeerError(f"it has no {', '.join(missing)}")
    return transport


def parted(transport: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the candidates with an address, and those with a name, which takes time to find."""
    candidates = [line for line in transport if line.startswith("a=candidate:")]
    named = [line for line in candidates if _WITH_NAME.match(line)]
    return [line for line in candidates if line not in named], named


def over(transport: Sequence[str], described: Sdp, sections: Iterable[Section]) -> Sdp:
    """Give these sections one transport, and bundle them in their order."""
    given = [each.without(TRANSPORT).plus(transport) for each in sections]
    mids = [each.mid for each in given if each.mid is not None]
    session = [line for line in described.session if not line.startswith(("a=group", "c="))]
    group = [f"a=group:BUNDLE {' '.join(mids)}"] if mids else []
    return Sdp((*session, *group), tuple(given))


def sound(line: str) -> bool:
    """Whether a line has the parts that aiortc takes for granted."""
    name, _, value = line[2:].partition(":")
    words = value.split()
    if name == "ssrc":
        return len(words) > 1 and ":" in words[1]
    if name == "candidate":
        numbers = words[1:6:2]  # component, priority, port
        return len(words) >= _CANDIDATE_WORDS and all(map(str.isdecimal, numbers))
    return name != "extmap" or len(words) == len(("id", "uri"))
