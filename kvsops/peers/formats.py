"""The payload types of a section: which can be used here, and how aiortc is told of them."""

from collections.abc import Collection, Iterable
from typing import Final

from kvsops.peers.sdp import Section

_H264: Final = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
_BASELINE: Final = "42"
"""How the profile-level-id of a Baseline begins (RFC 6184 section 8.1)."""
KNOWN: Final = {
    "video": ["VP8/90000", "H264/90000"],
    "audio": ["opus/48000", "G722/8000", "PCMU/8000", "PCMA/8000"],
}
"""The codecs that aiortc has, with their clock rates: a test holds them against it."""


def parameters_of(payload_types: Iterable[str]) -> tuple[str, ...]:
    """Return how the lines begin that hold the parameters of these."""
    return tuple(f"a=fmtp:{each} " for each in payload_types)


def known_in(section: Section, codec: str | None = None) -> list[str]:
    """Return the payload types that can be decoded here; of a video section those of the codec."""
    names = [each.lower() for each in KNOWN[section.kind]]
    if codec is not None and section.kind == "video":
        names = [each for each in names if each.startswith(f"{codec.lower()}/")]
    return [pt for pt, name in section.codecs.items() if name.lower() in names]


def usable_in(section: Section, codec: str | None = None) -> list[str]:
    """Order what can be used: what is insisted on first, what can only be decoded last."""
    wanted, known = known_in(section, codec), known_in(section)
    known.sort(key=lambda pt: (pt not in wanted, not is_plain(section, pt)))
    return [*known, *repairing(section, known)]


def repairing(section: Section, payload_types: Collection[str]) -> list[str]:
    """Return the payload types that send these again (RFC 4588)."""
    repair = [pt for pt, name in section.codecs.items() if name.lower() == "rtx/90000"]
    return [pt for pt in repair if section.fmtp(pt).get("apt") in payload_types]


def insist(section: Section, codec: str | None) -> Section:
    """Keep of a video section's formats those of the codec."""
    if codec is None or section.kind != "video":
        return section
    kept = known_in(section, codec)
    return section.only([*kept, *repairing(section, kept)])


def is_h264(section: Section, payload_type: str) -> bool:
    """Whether a payload type is H264."""
    return section.codecs.get(payload_type, "").lower() == "h264/90000"


def is_plain(section: Section, payload_type: str) -> bool:
    """Whether a payload type is what we send, too: H264 as a Baseline in mode 1, or another codec.

    Other H264 can be decoded, yet not made.
    """
    if not is_h264(section, payload_type):
        return True
    parameters = section.fmtp(payload_type)
    profile = parameters.get("profile-level-id", _BASELINE)
    return profile.startswith(_BASELINE) and parameters.get("packetization-mode") == "1"


def with_plain_h264(section: Section) -> Section:
    """Let aiortc take every H264 for one of its own: it decodes them all."""
    plain = [pt for pt in section.formats if is_h264(section, pt)]
    lines = (line for line in section.lines if not line.startswith(parameters_of(plain)))
    return Section((*lines, *(f"a=fmtp:{pt} {_H264}" for pt in plain)))


def with_offered(answered: Section, offered: Section, taken: Collection[str]) -> Section:
    """Add to what an answer lists what was offered: it may come all the same.

    `taken` are the payload types that the whole answer has given to something.
    """
    more = [pt for pt in offered.formats if pt not in taken]
    if answered.kind not in KNOWN or not more:
        return answered
    lines = [line for pt in more for line in offered.format_lines(pt)]
    return answered.plus(lines).only([*answered.formats, *more])
