"""What to try where a test failed: a sentence for whoever is on call."""

from typing import Final

from kvsops.signaling.refusals import Kind
from kvsops.smoke.plan import Mode
from kvsops.smoke.steps import Step

_PERMISSION: Final = "kvsops iam smoke prints the policy that these credentials need"
_CHANNELS: Final = "kvsops list shows the channels of this account and region"
_NETWORK: Final = "check the network, DNS and any proxy between here and AWS, then run it again"
_SERVICE: Final = (
    "run it again; if it keeps failing, check the network to AWS and the AWS Health Dashboard"
)
_SERVERS: Final = "kvsops ice lists the servers that a firewall must let through"

_OF_CAUSES: Final[dict[Kind, str]] = {
    "not-found": _CHANNELS,
    "denied": _PERMISSION,
    "limit": "wait a minute for old connections to end, or use fewer --viewers",
    "unreachable": _NETWORK,
    "service": _SERVICE,
    "closed": "make sure that nothing else connects as the same master or client id",
}
"""What helps against a cause, whichever step it failed; not listed: the reason says it itself."""
_ASK_AWS: Final = (
    "describe",
    "endpoint",
    "ice_servers",
    "sign",
    "master_connects",
    "viewer_connects",
)
"""The steps that ask the service, and nobody else."""
_OF_STEPS: Final = {
    "probe": _SERVERS,
    "offer": _SERVICE,
    "answer": _SERVICE,
    "ice_connected": "kvsops smoke --relay shows whether TURN works from here",
    "steady": "run it again with --duration 1m to see whether it happens again",
}
_OF_CAMERAS: Final = {
    "answer": "check that the camera is on, and connected as master to this channel and region",
    "first_video": "check that the camera is capturing, and not in a sleep mode",
    "steady": "check the camera's power, load and network",
}
"""With --viewer-only."""
_OF_VIEWERS: Final = {
    "offer": "open the viewer while smoke waits for it, on this channel and in this region",
    "steady": "check that the viewer was not closed",
}
"""With --master-only."""
SLOW: Final = "kvsops smoke -v shows each step and each figure over time"
"""Where a limit was not kept."""
_SAYS_IT_ITSELF: Final[frozenset[Kind]] = frozenset({"clock", "tls", "malformed"})


def advice(failed: Step, mode: Mode) -> str | None:
    """Say what to try after this step failed; None where its reason says it, or none is known."""
    if failed.cause in _OF_CAUSES:
        return _OF_CAUSES[failed.cause]
    if failed.cause in _SAYS_IT_ITSELF:
        return None
    if failed.key in _ASK_AWS:
        return _NETWORK if failed.cause == "timeout" else None
    others = {"viewer-only": _OF_CAMERAS, "master-only": _OF_VIEWERS}.get(mode, {})
    return others.get(failed.key) or _OF_STEPS.get(failed.key)
