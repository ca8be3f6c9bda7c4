"""From an HTTP call to moto's answer, the way moto's own `mock_aws` does it."""

import logging
from collections.abc import Mapping
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from moto import backend_index
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.request import Request
from moto.kinesisvideo.models import kinesisvideo_backends

from kvsops.local.api.call import Answer, Call, error_answer, query_error_answer
from kvsops.local.api.model import operations
from kvsops.local.cloudwatch.responses import CloudWatchResponse
from kvsops.local.kinesisvideo import urls
from kvsops.local.kinesisvideo.responses import KinesisVideoResponse
from kvsops.local.pricing import operations as price_list
from kvsops.local.tagging.responses import ResourceGroupsTaggingAPIResponse

log = logging.getLogger("kvsops.local")

ACCOUNT_ID = "123456789012"
"""The account of credentials that moto did not make itself."""

STATUSES = {
    "AccessDeniedException": 403,  # 401 in the model, but 403 is what was seen
    "AccessDenied": 403,
    "ExpiredToken": 403,
    "ExpiredTokenException": 403,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "InternalServiceException": 500,
    "InvalidClientTokenId": 403,
    "InvalidSignatureException": 403,
    "NotAuthorizedException": 401,
    "RequestTimeout": 408,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "UnrecognizedClientException": 403,
}
"""The HTTP statuses of the errors common to AWS's services, where the model has none.

Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/CommonErrors.html
"""

_NOT_READ = "SerializationException"
_KINESIS_VIDEO_PATHS = frozenset(path.format("").rstrip("$") for path in urls.url_paths)
_stubber = BotocoreStubber()


def carry_out(call: Call) -> Answer:
    """Have moto carry out the call. Whatever goes wrong becomes an answer, never an exception."""
    refusal = _refusal(call) or _unreadable(call)
    if refusal is not None:
        return refusal
    try:
        answer = price_list.answer(call) if call.service == "pricing" else _ask_moto(call)
    except NotImplementedError as error:
        return error_answer(501, "NotImplemented", f"kvsops local: {error}")
    except Exception:
        # A bug of ours or moto's must not end the server; the client sees what AWS would show.
        log.exception("%s failed", call.operation)
        return error_for(call, "InternalFailure", "kvsops local failed: see its log.")
    return answer or unknown(f"the operation {call.operation} of {call.service}")


def error_for(call: Call, code: str, message: str) -> Answer:
    """Return the error of that code in the call's protocol."""
    if "x-www-form-urlencoded" in call.headers.get("content-type", ""):
        return query_error_answer(status_of(code), code, message)
    return error_answer(status_of(code), code, message)


def unknown(what: str) -> Answer:
    """Return the answer for something the emulator does not have."""
    return error_answer(404, "UnknownOperationException", f"kvsops local does not have {what}.")


def status_of(code: str) -> int:
    """Return the HTTP status of an AWS error code."""
    if code in STATUSES:
        return STATUSES[code]
    for operation in operations("kinesisvideo").values():
        for shape in operation.error_shapes:
            if shape.name == code:
                return int(shape.metadata["error"]["httpStatusCode"])
    return 400


def _refusal(call: Call) -> Answer | None:
    """Return an error for a call that moto would not understand or would mistake for S3's."""
    if not call.service:
        return unknown(f"{call.method} {call.path}: it is not a signed call of an AWS service")
    if call.headers.get("content-type") == "application/cbor":  # moto knows JSON and query
        return unknown(f"{call.service} in CBOR: let the client speak JSON")
    if call.service in _HANDLERS and call.region not in kinesisvideo_backends[ACCOUNT_ID]:
        return unknown(f"a region {call.region} of {call.service}")
    if call.service == "kinesisvideo":
        if call.path not in _KINESIS_VIDEO_PATHS:
            return unknown(f"the operation {call.operation} of kinesisvideo")
    elif call.service != "pricing" and not _moto_has(call):
        return unknown(f"a service {call.service}")
    return None


def _unreadable(call: Call) -> Answer | None:
    """Return an error for a body that is not text, on which moto fails."""
    try:
        call.body.decode()
    except UnicodeDecodeError:
        code = "InvalidArgumentException" if call.service == "kinesisvideo" else _NOT_READ
        return error_for(call, code, "The request's body is not UTF-8.")
    return None


def _moto_has(call: Call) -> bool:
    patterns = backend_index.backend_url_patterns
    return any(pattern.match(_host(call)) for _, pattern in patterns)


def _host(call: Call) -> str:
    return f"https://{call.service}.{call.region}.amazonaws.com"


def _ask_moto(call: Call) -> Answer | None:
    """Moto's answer to a call of a service it has; None if it lacks the operation."""
    url = _host(call) + call.target
    if call.service in _HANDLERS:  # straight there: moto would try the patterns of all services
        request = Request.from_primitives(call.method, url, call.headers, call.body)
        return _answer(_HANDLERS[call.service].dispatch(request, url, request.headers))
    headers: Any = call.headers  # a dictionary is all that moto reads
    prepared = AWSPreparedRequest(call.method, url, headers, call.body, stream_output=False)
    answered = _stubber.process_request(prepared)
    return _answer(answered) if answered is not None and answered[2] != _NOT_THERE else None


_NOT_THERE = "Not yet implemented"
_HANDLERS: dict[str, Any] = {
    "kinesisvideo": KinesisVideoResponse,
    "monitoring": CloudWatchResponse,
    "tagging": ResourceGroupsTaggingAPIResponse,
}


def _answer(answered: tuple[int, Mapping[str, object], str | bytes]) -> Answer:
    status, headers, body = answered
    plain = {name.lower(): str(value) for name, value in dict(headers).items()}
    plain.pop("status", None)  # moto's own, not HTTP's
    return Answer(status, body.encode() if isinstance(body, str) else body, plain)
