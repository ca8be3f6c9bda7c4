"""AWS's own host names, as the emulator answers to them with `aws_names`: no I/O.

Clients that cannot be told an endpoint ask these, all at port 443. Names of channels' endpoints
and of TURN servers are of the shape seen in public: `m-26d02974.kinesisvideo.REGION.amazonaws.com`
for masters (`v-` for viewers, `r-` for HTTPS), and `34-219-91-62.t-1cd92f6b.kinesisvideo.…` for
TURN, whose first label is its address: AWS's C client reads it there, without DNS.

Source: https://github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-c/issues/1083
Source: https://github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-c/pull/1759
"""

import re
from typing import Final

PORT: Final = 443
CONTROL: Final = "CONTROL"
_ID = "10ca1000"  # the same at each start: /etc/hosts knows no patterns
_ROLES: Final = {"m": "MASTER", "v": "VIEWER", "r": "HTTPS"}
_LETTERS: Final = {role: letter for letter, role in _ROLES.items()}
_REGIONAL: Final = ("sts", "monitoring", "tagging", "api.pricing")
_REGION = r"[a-z]{2,4}(?:-[a-z]{2,12}){1,2}-[0-9]{1,2}"
_ADDRESS = r"(?:[0-9]{1,3}-){3}[0-9]{1,3}"
_NAME = re.compile(
    rf"(?:(?:([mvr])-[0-9a-f]{{8}}\.|stun\.|{_ADDRESS}\.t-[0-9a-f]{{8}}\.)?kinesisvideo"
    rf"|{'|'.join(map(re.escape, _REGIONAL))})\.{_REGION}\.amazonaws\.com(?:\.cn)?"
    r"|sts\.amazonaws\.com"
)


def is_served(name: str) -> bool:
    """Whether AWS has what the emulator has at this name, given in lower case."""
    return _NAME.fullmatch(name) is not None


def side_of(authority: str) -> str:
    """Return MASTER, VIEWER, HTTPS, or else CONTROL, for what a Host header says."""
    found = _NAME.fullmatch(authority.partition(":")[0].lower().removesuffix("."))
    return _ROLES[found[1]] if found is not None and found[1] else CONTROL


def endpoint(protocol: str, role: str, region: str) -> str:
    """Return the endpoint of a protocol (WSS, HTTPS) and role (MASTER, VIEWER) in a region."""
    letter = _LETTERS[role if protocol == "WSS" else "HTTPS"]
    return f"{protocol.lower()}://{letter}-{_ID}.{_kinesis_video(region)}"


def turn(address: str, region: str) -> str:
    """Return the name of the TURN server at an IPv4 address."""
    return f"{address.replace('.', '-')}.t-{_ID}.{_kinesis_video(region)}"


def names(address: str, region: str) -> list[str]:
    """Return all names that clients in a region ask, for /etc/hosts to lead to the address."""
    domain = _domain(region)
    return [
        _kinesis_video(region),
        *(f"{letter}-{_ID}.{_kinesis_video(region)}" for letter in _ROLES),
        f"stun.{_kinesis_video(region)}",
        turn(address, region),
        *(f"{service}.{region}.{domain}" for service in ("sts", "monitoring", "tagging")),
        "sts.amazonaws.com",
        "api.pricing.us-east-1.amazonaws.com",
    ]


def _kinesis_video(region: str) -> str:
    return f"kinesisvideo.{region}.{_domain(region)}"


def _domain(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
