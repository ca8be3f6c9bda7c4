"""The signaling messages on the wire: what a client sends, and what it receives.

Both ends use it. Whatever comes in, only `MessageError` is raised.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/SendSdpOffer.html
and https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-websocket-apis-7.html
"""

import base64
import binascii
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

from kvsops.errors import MessageError

PAYLOAD_MAXIMUM: Final = 10 * 1024
"""Bytes of a payload's text, as the guide's 10k reads at its widest.

Of the text or of its base64, the guide does not say. An offer of 13,014 bytes was seen to arrive.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
and https://github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-js/issues/92
"""
ENCODED_PAYLOAD_MAXIMUM: Final = 10_000
"""Characters of a payload's base64, as the 10k reads at its narrowest: so SendAlexaOfferToMaster
has it, and so one of AWS's own people counted an offer.

Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_signaling_SendAlexaOfferToMaster.html
and https://github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-js/pull/499
"""
DESCRIPTION_MAXIMUM: Final = 1_000
"""Characters of a status response's description; the guide says 1K."""
RESERVED_CLIENT_IDS: Final = "AWS_"
"""What no viewer's client id may begin with, in either case: such ids are the service's own.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/ConnectAsViewer.html
"""

_ID = re.compile(r"[a-zA-Z0-9_.-]{1,256}")
_URL_SAFE = str.maketrans("-_", "+/")
_JSON = json.JSONEncoder(separators=(",", ":"))
_E = TypeVar("_E", bound=StrEnum)


class Action(StrEnum):
    """What a client may send."""

    SDP_OFFER = "SDP_OFFER"
    SDP_ANSWER = "SDP_ANSWER"
    ICE_CANDIDATE = "ICE_CANDIDATE"


class MessageType(StrEnum):
    """What a client may receive."""

    SDP_OFFER = "SDP_OFFER"
    SDP_ANSWER = "SDP_ANSWER"
    ICE_CANDIDATE = "ICE_CANDIDATE"
    GO_AWAY = "GO_AWAY"
    RECONNECT_ICE_SERVER = "RECONNECT_ICE_SERVER"
    STATUS_RESPONSE = "STATUS_RESPONSE"


@dataclass(frozen=True, slots=True)
class Sent:
    """A message from a client to the service.

    `payload` is the text inside the base64. A viewer's recipient is ignored, a master's required.
    `encoded` is the base64 as it came, where it came from the wire: for who only passes it on.
    """

    action: Action
    payload: str = field(repr=False)
    recipient_client_id: str | None = None
    correlation_id: str | None = None
    encoded: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class StatusResponse:
    """Why a message that had a correlation id was not accepted. AWS's status code is a string."""

    correlation_id: str | None
    error_type: str | None = None
    status_code: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the service to a client. Without a sender it is the master's, or AWS's own."""

    message_type: MessageType
    sender_client_id: str | None = None
    payload: str | None = field(default=None, repr=False)
    status: StatusResponse | None = None
    encoded: str | None = field(default=None, repr=False, compare=False)


def encode_sent(message: Sent) -> str:
    """Write what a client sends. Raises `MessageError` for what the service would refuse.

    What it may take is written: should it be too large after all, the service says so.
    """
    _check_id("recipientClientId", message.recipient_client_id)
    _check_id("correlationId", message.correlation_id)
    encoded = message.encoded or _encoded(message.payload)
    _check_size(encoded)
    return _written(
        {
            "action": message.action.value,
            "recipientClientId": message.recipient_client_id,
            "messagePayload": encoded,
            "correlationId": message.correlation_id,
        }
    )


def decode_sent(data: str | bytes) -> Sent:
    """Read what a client sent, of any size: see `check_size`.

    The error carries the correlation id and the action, if they could be read.
    """
    content = json_object(data)
    correlation_id = _id(content, "correlationId")
    try:
        encoded = _text(content, "messagePayload")
        if encoded is None:
            raise MessageError("messagePayload is missing")
        return Sent(
            _member(Action, content, "action"),
            _decoded(encoded),
            _id(content, "recipientClientId"),
            correlation_id,
            encoded,
        )
    except MessageError as error:
        error.correlation_id, error.action = correlation_id, _action(content)
        raise


def check_size(message: Sent, *, strict: bool = False) -> None:
    """Raise `MessageError` if the payload is larger than 10k: of text, or if strict, of base64."""
    try:
        _check_size(message.encoded or _encoded(message.payload), strict=strict)
    except MessageError as error:
        error.correlation_id, error.action = message.correlation_id, message.action
        raise


def encode_received(message: Received) -> str:
    """Write what the service sends to a client."""
    _check_id("senderClientId", message.sender_client_id)
    encoded = message.encoded or (None if message.payload is None else _encoded(message.payload))
    return _written(
        {
            "senderClientId": message.sender_client_id,
            "messageType": message.message_type.value,
            "messagePayload": encoded,
            "statusResponse": None if message.status is None else _status_fields(message.status),
        }
    )


def decode_received(data: str | bytes) -> Received:
    """Read what the service sent, of any size; what is empty counts as missing."""
    content = json_object(data)
    message_type = _member(MessageType, content, "messageType")
    encoded = _text(content, "messagePayload")
    return Received(
        message_type,
        _id(content, "senderClientId"),
        None if encoded is None else _decoded(encoded),
        _status(content),
        encoded,
    )


def check_viewer_id(client_id: str) -> None:
    """Raise `MessageError` unless a viewer may connect under this client id."""
    _check_id("the client id", client_id)
    if client_id.upper().startswith(RESERVED_CLIENT_IDS):
        raise MessageError(f"the client id begins with {RESERVED_CLIENT_IDS}, which is AWS's own")


def json_object(data: str | bytes) -> dict[str, object]:
    """Read a JSON object; nothing else will do."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError too
        raise MessageError("the message is not JSON") from None
    if not isinstance(content, dict):
        raise MessageError("the message is not a JSON object")
    return content


def _written(content: dict[str, object]) -> str:
    present = {name: value for name, value in content.items() if value is not None}
    return _JSON.encode(present)


def _value(content: dict[str, object], name: str) -> object:
    """Return a member in either casing: AWS's C client writes RecipientClientId and the like.

    Source: https://github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-c
    """
    return content[name] if name in content else content.get(name[0].upper() + name[1:])


def _text(content: dict[str, object], name: str) -> str | None:
    value = _value(content, name)
    if not isinstance(value, str | None):
        raise MessageError(f"{name} is not a string")
    return value or None


def _id(content: dict[str, object], name: str) -> str | None:
    value = _text(content, name)
    _check_id(name, value)
    return value


def _check_id(name: str, value: str | None) -> None:
    if value is not None and not _ID.fullmatch(value):
        raise MessageError(f"{name} is not 1 to 256 of letters, digits, _ . and -")


def _member(kind: type[_E], content: dict[str, object], name: str) -> _E:
    value = _text(content, name)
    try:
        return kind(value or "")
    except ValueError:
        raise MessageError(f"{name} is none of {', '.join(kind)}") from None


def _action(content: dict[str, object]) -> str | None:
    """Return the action of a message that is wrong otherwise, if it is one."""
    value = _value(content, "action")
    return value if isinstance(value, str) and value in [*Action] else None


def _encoded(payload: str) -> str:
    if not payload:
        raise MessageError("messagePayload has no characters")
    try:
        return base64.b64encode(payload.encode()).decode()
    except UnicodeEncodeError:
        raise MessageError("the payload holds half a character (a lone surrogate)") from None


def _decoded(encoded: str) -> str:
    """Read base64, in its URL-safe form and unpadded too: some clients write it so."""
    with suppress(ValueError):  # as most write it, in a fraction of the time
        return base64.b64decode(encoded, validate=True).decode()
    plain = encoded.translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        raise MessageError("messagePayload is not base64 of UTF-8 text") from None


def _check_size(encoded: str, *, strict: bool = False) -> None:
    size, maximum, unit = len(encoded.rstrip("=")) * 3 // 4, PAYLOAD_MAXIMUM, "bytes"
    if strict:
        size, maximum, unit = len(encoded), ENCODED_PAYLOAD_MAXIMUM, "characters of base64"
    if size > maximum:
        raise MessageError(f"messagePayload has {size:,} {unit}: it may have {maximum:,}")


def _status(content: dict[str, object]) -> StatusResponse | None:
    status = _value(content, "statusResponse")
    if status is None:
        return None
    if not isinstance(status, dict):
        raise MessageError("statusResponse is not a JSON object")
    code = _value(status, "statusCode")
    plain = status | {"statusCode": str(code)} if type(code) is int else status
    return StatusResponse(
        _text(status, "correlationId"),
        _text(status, "errorType"),
        _text(plain, "statusCode"),
        _text(status, "description"),
    )


def _status_fields(status: StatusResponse) -> dict[str, str]:
    fields = {
        "correlationId": status.correlation_id,
        "errorType": status.error_type,
        "statusCode": status.status_code,
        "description": (status.description or "")[:DESCRIPTION_MAXIMUM],
    }
    return {name: value for name, value in fields.items() if value}
