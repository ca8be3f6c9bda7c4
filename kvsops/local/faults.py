"""Faults to inject into calls: errors, dropped connections, late answers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Self

from kvsops.core.likeness import suggestion
from kvsops.errors import UsageError

DROP = "drop"
"""The connection is closed before the operation is carried out."""
DROP_AFTER = "drop-after"
"""The operation is carried out, its answer never sent."""
LATE = "late"
"""The operation is carried out, its answer comes when the client has given up."""

CONNECTION_FAULTS = (DROP, DROP_AFTER, LATE)

FAULT_MESSAGE = "A fault of kvsops local, asked for."
"""What an AWS error that is a fault says."""

DELAY = "delay"
"""A connect, or a message, takes longer by the settings' `delay_by`."""
REORDER = "reorder"
"""A message is overtaken by the next one of its sender, or comes `delay_by` later if none does."""
DUPLICATE = "duplicate"
"""A message is delivered twice."""
GO_AWAY = "go-away"
"""A connection is told at once to go away, and ended a minute later."""
RECONNECT_ICE_SERVER = "reconnect-ice-server"
"""A connection is told at once to ask for other ICE servers."""
TURN_REFUSED = "turn-refused"
"""The TURN server forbids an allocation (403)."""

PARTIAL = "partial"
"""A query of a GetMetricData call is answered InternalError, without its points."""

NOT_ENABLED = "not-enabled"
"""The region is not enabled in the account: its services know no credentials of it.

Source: https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
"""
SCP_DENY = "scp-deny"
"""A service control policy of the organization denies the call; but not who asks who he is.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""
PLACE_FAULTS = (NOT_ENABLED, SCP_DENY)

CONNECTS = ("ConnectAsMaster", "ConnectAsViewer")
SENDS = ("SendSdpOffer", "SendSdpAnswer", "SendCandidate")
"""The operations of the data plane, by the names that the metrics and IAM have for them.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/cloudwatch-metrics.html
"""
ALLOCATE = "Allocate"
"""What TURN calls the request for a relayed address (RFC 8656)."""

_OF_SIGNALING = (*CONNECTS, *SENDS, ALLOCATE, "GetIceServerConfig", "SendAlexaOfferToMaster")

SIGNALING_FAULTS = {
    DELAY: (*CONNECTS, *SENDS, "GetIceServerConfig"),
    REORDER: SENDS,
    DUPLICATE: SENDS,
    GO_AWAY: CONNECTS,
    RECONNECT_ICE_SERVER: CONNECTS,
    TURN_REFUSED: (ALLOCATE,),
}
"""Faults of signaling alone, and the operations they apply to."""

OWN_FAULTS = SIGNALING_FAULTS | {PARTIAL: ("GetMetricData",)}
"""Faults of some operations only, and which ones."""

KNOWN_SERVICES = (
    "cloudwatch",
    "kinesis-video-signaling",
    "kinesisvideo",
    "organizations",
    "pricing",
    "resourcegroupstaggingapi",
    "sns",
    "sts",
)
"""Services searched for a fault's operation, by botocore's names."""

_EXAMPLE = "such as DeleteSignalingChannel:ClientLimitExceededException:20%"
_PLACE_EXAMPLE = "such as 200000000002, eu-west-1 or 200000000002/eu-west-1"
_PLACE = re.compile(r"(?:([0-9]{12})(?:/(?=.))?)?([a-z]{2,4}(?:-[a-z]+)+-[0-9]+)?")


@dataclass(frozen=True)
class Fault:
    """A share (0 to 1) of an operation's calls that fails; with PARTIAL, of its queries.

    `operation` is an API operation's name or `*`; `error` an AWS error code, one of
    `CONNECTION_FAULTS` or `PLACE_FAULTS`, or for its operations one of `OWN_FAULTS`. It may be
    narrowed to the calls in an account, a region, or both; AssumeRole's account is the role's.
    """

    operation: str
    error: str
    share: float = 1.0
    account_id: str | None = None
    region: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `OPERATION:ERROR:SHARE[:PLACE]`, the share as 0.2 or 20%. Raises `UsageError`."""
        parts = [part.strip() for part in text.split(":")]
        if len(parts) not in (3, 4):
            raise UsageError(f"fault {text!r}: give OPERATION:ERROR:SHARE, {_EXAMPLE}")
        operation, error, share, *places = parts
        if operation != "*" and not re.fullmatch(r"[A-Z][A-Za-z0-9]+", operation):
            raise UsageError(f"fault {text!r}: {operation!r} is no API operation's name, nor *")
        if error in OWN_FAULTS or operation == ALLOCATE:
            _check_own(operation, error, text)
        elif error not in (*CONNECTION_FAULTS, *PLACE_FAULTS) and not re.fullmatch(
            r"[A-Z][A-Za-z0-9.]+", error
        ):
            raise UsageError(
                f"fault {text!r}: {error!r} is no AWS error code, nor drop, drop-after or late"
            )
        if places and operation in _OF_SIGNALING:
            raise UsageError(f"fault {text!r}: {operation} fails everywhere; leave out the place")
        return cls(operation, error, _share(share, text), *_place(places, text))

    def strikes(self, operation: str, random: Random) -> bool:
        """Whether this call of that operation meets the fault; draws a number if it could."""
        if self.error == SCP_DENY and operation == "GetCallerIdentity":  # which none can deny
            return False
        return self.operation in ("*", operation) and random.random() < self.share

    def is_at(self, account_id: str, region: str) -> bool:
        """Whether it concerns the calls in this account and region."""
        return self.account_id in (None, account_id) and self.region in (None, region)


def _place(places: list[str], fault: str) -> tuple[str | None, str | None]:
    """Read an account id, a region, or both with a slash; none means everywhere."""
    if not places:
        return None, None
    found = _PLACE.fullmatch(places[0])
    if found is None or not places[0]:
        raise UsageError(f"fault {fault!r}: {places[0]!r} is no place, {_PLACE_EXAMPLE}")
    return found[1], found[2]


def _check_own(operation: str, error: str, fault: str) -> None:
    """Raise `UsageError` for a fault that does not apply to this operation."""
    if error not in OWN_FAULTS:
        raise UsageError(f"fault {fault!r}: the fault of {operation} is {TURN_REFUSED}")
    if operation not in OWN_FAULTS[error]:
        raise UsageError(f"fault {fault!r}: {error} is for {', '.join(OWN_FAULTS[error])} only")


def _share(text: str, fault: str) -> float:
    """Read 0.2 or 20% as a number from 0 to 1."""
    number = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)(%?)", text)
    share = float(number[1]) / (100 if number[2] else 1) if number else -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"fault {fault!r}: the share {text!r} is not 0 to 1, nor 0% to 100%")
    return share


def first_to_strike(
    faults: Iterable[Fault], operation: str, random: Random, account_id: str = "", region: str = ""
) -> Fault | None:
    """Return the first of the faults that this call meets, or None."""
    here = (fault for fault in faults if fault.error != PARTIAL and fault.is_at(account_id, region))
    return next((fault for fault in here if fault.strikes(operation, random)), None)


def strikes_query(
    faults: Iterable[Fault], operation: str, random: Random, account_id: str = "", region: str = ""
) -> bool:
    """Whether one query of a call meets PARTIAL."""
    here = (fault for fault in faults if fault.error == PARTIAL and fault.is_at(account_id, region))
    return any(fault.strikes(operation, random) for fault in here)


def check_operations(faults: Iterable[Fault]) -> None:
    """Raise `UsageError` for an operation that no known service has."""
    from kvsops.local.api.model import service_model

    known = {name for service in KNOWN_SERVICES for name in service_model(service).operation_names}
    known |= {*CONNECTS, *SENDS, ALLOCATE}
    for fault in faults:
        if fault.operation not in known | {"*"}:
            near = suggestion(fault.operation, known)
            hint = f": {near}" if near else f" of {', '.join(KNOWN_SERVICES)}"
            raise UsageError(f"fault: {fault.operation} is no operation{hint}")
