"""What is inside the messages: session descriptions and ICE candidates, as JSON.

Whatever comes in, only `MessageError` is raised.
"""

import json
import re
from dataclasses import dataclass, field

from kvsops.core.wire.message import json_object
from kvsops.errors import MessageError


@dataclass(frozen=True, slots=True)
class Description:
    """The payload of an SDP_OFFER or SDP_ANSWER: `type` is offer or answer."""

    type: str
    sdp: str = field(repr=False)

    @property
    def kinds(self) -> set[str]:
        """The kinds of media that it describes: `video`, `audio`, `application`."""
        return set(re.findall(r"^m=(\w+)", self.sdp, re.MULTILINE))

    def to_payload(self) -> str:
        """Write it as clients do."""
        return json.dumps({"type": self.type, "sdp": self.sdp})


@dataclass(frozen=True, slots=True)
class Candidate:
    """The payload of an ICE_CANDIDATE; an empty `candidate` ends the candidates."""

    candidate: str
    sdp_mid: str | None = None
    sdp_m_line_index: int | None = None

    def to_payload(self) -> str:
        """Write it as browsers do.

        Source: https://www.w3.org/TR/webrtc/#rtcicecandidate-interface
        """
        content = {
            "candidate": self.candidate,
            "sdpMid": self.sdp_mid,
            "sdpMLineIndex": self.sdp_m_line_index,
        }
        return json.dumps(content)


def read_description(payload: str | None) -> Description:
    """Read the payload of an SDP_OFFER or SDP_ANSWER."""
    content = json_object(payload or "")
    kind, sdp = content.get("type"), content.get("sdp")
    if kind not in ("offer", "answer") or not isinstance(sdp, str):
        raise MessageError("the payload is no session description: it needs a type and an sdp")
    return Description(kind, sdp)


def read_candidate(payload: str | None) -> Candidate:
    """Read the payload of an ICE_CANDIDATE."""
    content = json_object(payload or "")
    candidate, mid = content.get("candidate"), content.get("sdpMid")
    index = content.get("sdpMLineIndex")
    if not isinstance(candidate, str):
        raise MessageError("the payload is no ICE candidate: it needs a candidate")
    if not isinstance(mid, str | None) or isinstance(index, bool):
        raise MessageError("the ICE candidate's sdpMid or sdpMLineIndex is of another type")
    if not isinstance(index, int | None):
        raise MessageError("the ICE candidate's sdpMLineIndex is no whole number")
    return Candidate(candidate, mid, index)
