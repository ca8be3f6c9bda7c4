"""Who may connect to a channel or call its data plane, and why others are refused.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/ConnectAsViewer.html
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from moto.kinesisvideo.models import kinesisvideo_backends

from kvsops.core.channel import ChannelArn
from kvsops.core.wire.ice import Role
from kvsops.core.wire.message import check_viewer_id
from kvsops.errors import MessageError, UsageError
from kvsops.local.api.call import Call
from kvsops.local.api.sigv4 import SignatureError, Signer, verify_header, verify_query
from kvsops.local.cloudwatch.index import MetricIndex
from kvsops.local.cloudwatch.models import metrics
from kvsops.local.dispatch import status_of
from kvsops.local.faults import (
    CONNECTION_FAULTS,
    FAULT_MESSAGE,
    PLACE_FAULTS,
    SIGNALING_FAULTS,
)
from kvsops.local.kinesisvideo.channels import SignalingChannel
from kvsops.local.kinesisvideo.exceptions import ResourceNotFoundException
from kvsops.local.settings import Settings
from kvsops.local.signaling.channel_state import PeerId

if TYPE_CHECKING:
    from kvsops.local.kinesisvideo.models import KinesisVideoBackend

ACCESS_DENIED = "AccessDeniedException"
INVALID_ARGUMENT = "InvalidArgumentException"
LIMIT_EXCEEDED = "ClientLimitExceededException"
NOT_FOUND = "ResourceNotFoundException"
_NOT_THERE = "The requested channel is not found or not active."


class Refused(Exception):  # noqa: N818 - an answer, not a failure
    """A call answered with one of AWS's errors."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def status(self) -> int:
        """The HTTP status of the error."""
        return status_of(self.code)


@dataclass(frozen=True, eq=False)
class Place:
    """A channel, and the metrics that record its use."""

    account_id: str
    region: str
    channel: SignalingChannel
    index: MetricIndex = field(repr=False)

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.channel.channel_name


def presigned(call: Call, role: Role, settings: Settings) -> tuple[Place, PeerId]:
    """Return the channel that a presigned URL leads to, and its client id. Raises `Refused`."""
    try:
        now = settings.clock()
        signer, parameters = verify_query(call, settings.secret_of, now)
        token = parameters.get("X-Amz-Security-Token")
        settings.sessions.check(signer.access_key_id, token, now)
    except SignatureError as error:  # the guide has this one code for whatever is wrong with it
        raise Refused(ACCESS_DENIED, str(error)) from None
    if call.path != "/":
        raise Refused(INVALID_ARGUMENT, "The path of a WebSocket's URL is /.")
    client_id = parameters.get("X-Amz-ClientId")
    if role == "viewer":
        _check_viewer(client_id)
    return place_of(parameters.get("X-Amz-ChannelARN", ""), signer, settings), client_id


def signed(call: Call, settings: Settings) -> Signer:
    """Return who signed a call of the data plane's HTTPS side. Raises `Refused`."""
    try:
        now = settings.clock()
        signer = verify_header(call, settings.secret_of, now)
        token = call.headers.get("x-amz-security-token")
        settings.sessions.check(signer.access_key_id, token, now)
    except SignatureError as error:
        raise Refused(error.code, str(error)) from None
    return signer


def place_of(channel_arn: str, signer: Signer, settings: Settings) -> Place:
    """Return the channel of this ARN if it is active and the signer owns it. Raises `Refused`."""
    try:
        arn = ChannelArn.parse(channel_arn)
    except UsageError:
        why = "encoded twice" if "%" in channel_arn else "missing, or none"
        raise Refused(INVALID_ARGUMENT, f"The ChannelARN is {why}.") from None
    if arn.region != signer.region:
        raise Refused(ACCESS_DENIED, f"Signed for {signer.region}, and not for {arn.region}.")
    if arn.account_id != settings.account_of(signer.access_key_id):
        raise Refused(ACCESS_DENIED, "The channel is another account's.")
    place = locate(arn)
    if place.channel.status(settings.clock()) not in ("ACTIVE", "UPDATING"):
        raise Refused(NOT_FOUND, _NOT_THERE)
    return place


def locate(arn: ChannelArn) -> Place:
    """Return the channel of this ARN, no matter who asks. Raises `Refused`."""
    backends = kinesisvideo_backends[arn.account_id]
    if arn.region not in backends.regions:
        raise Refused(NOT_FOUND, _NOT_THERE)
    backend = cast("KinesisVideoBackend", backends[arn.region])
    try:
        channel = backend.channel(None, str(arn))
    except ResourceNotFoundException:
        raise Refused(NOT_FOUND, _NOT_THERE) from None
    return Place(arn.account_id, arn.region, channel, metrics(arn.account_id, arn.region))


def check_fault(fault: str | None) -> None:
    """Raise `Refused` where the fault is an AWS error code, to be answered instead."""
    if fault in PLACE_FAULTS:
        raise Refused(ACCESS_DENIED, FAULT_MESSAGE)
    if fault not in (None, *CONNECTION_FAULTS, *SIGNALING_FAULTS):
        raise Refused(str(fault), FAULT_MESSAGE)


def _check_viewer(client_id: str | None) -> None:
    """Refuse a missing or invalid client id: the only sign of a master at the wrong endpoint."""
    if not client_id:
        raise Refused(INVALID_ARGUMENT, "X-Amz-ClientId is missing: a viewer needs one.")
    try:
        check_viewer_id(client_id)
    except MessageError as error:
        raise Refused(INVALID_ARGUMENT, f"X-Amz-ClientId: {error}.") from None
