"""From an HTTP call to moto's answer, the way moto's own `mock_aws` does it."""

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from moto.core.request import Request
from moto.kinesisvideo.models import kinesisvideo_backends
from moto.sns.responses import SNSResponse

from kvsops.local import settings
from kvsops.local.accounts import ACCOUNT_ID
from kvsops.local.api.call import Answer, Call, error_to
from kvsops.local.api.model import ALONE, operations, service_model
from kvsops.local.api.sigv4 import SignatureError
from kvsops.local.cloudwatch.responses import CloudWatchResponse
from kvsops.local.kinesisvideo import urls
from kvsops.local.kinesisvideo.responses import KinesisVideoResponse
from kvsops.local.organizations.responses import OPERATIONS, OrganizationsResponse
from kvsops.local.overload import is_exhausted
from kvsops.local.pricing import operations as price_list
from kvsops.local.sts.responses import TokenResponse
from kvsops.local.tagging.responses import ResourceGroupsTaggingAPIResponse

log = logging.getLogger("kvsops.local")

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
    "MissingAuthenticationToken": 403,
    "MissingAuthenticationTokenException": 403,
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

_REGIONAL = frozenset({"kinesisvideo", "monitoring", "sns", "tagging"})
SERVICES = frozenset({"kinesisvideo", "monitoring", "pricing", "sts", "tagging"})
"""The signing names of what the emulator has. moto has more: nothing of it is served, for some
of it sends requests to wherever its caller says, or runs what it is given."""
OF_ORGANIZATION = {
    "organizations": OPERATIONS,
    "sns": frozenset({"CreateTopic", "DeleteTopic", "ListTopics", "Publish"}),
}
"""The operations of those that it has where it has an organization. SNS has no subscriptions: it
sends nothing anywhere."""
UNSIGNED = frozenset({"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
"""What STS answers to unsigned calls: their callers have no key yet."""

_IN_QUERY_PROTOCOL = {
    "IncompleteSignatureException": "IncompleteSignature",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "ExpiredTokenException": "ExpiredToken",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "UnrecognizedClientException": "InvalidClientTokenId",
}
_IAM_NAMES = {"monitoring": "cloudwatch", "tagging": "tag"}
"""What policies call the services whose signing names are others."""
_NOT_READ = "SerializationException"
_KINESIS_VIDEO_PATHS = frozenset(path.format("").rstrip("$") for path in urls.url_paths)


def carry_out(call: Call) -> Answer:
    """Have moto carry out the call. Whatever goes wrong becomes an answer, never an exception."""
    refusal = _refusal(call) or _unreadable(call)
    if refusal is not None:
        return refusal
    try:
        answer = price_list.answer(call) if call.service == "pricing" else _ask_moto(call)
    except NotImplementedError:
        answer = None
    except Exception as error:
        if is_exhausted(error):
            return error_for(
                call, "ServiceUnavailable", "kvsops local has no file descriptor left."
            )
        if missing := _missing(call):
            return missing
        # A bug of ours or moto's must not end the server; the client sees what AWS would show.
        log.exception("%s failed", call.operation)
        return error_for(call, "InternalFailure", "kvsops local failed: see its log.")
    return answer or unknown(call, f"the operation {call.operation} of {call.service}")


def error_for(call: Call, code: str, message: str) -> Answer:
    """Return the error of that code in the call's protocol."""
    return error_to(call, status_of(code), code, message)


def wrongly_signed(call: Call, error: SignatureError) -> Answer:
    """Return what AWS answers then: in its query protocol the codes are others."""
    in_query = _IN_QUERY_PROTOCOL if call.is_form else {}
    return error_for(call, in_query.get(error.code, error.code), str(error))


def denied_by_policy(call: Call) -> Answer:
    """Return what AWS answers where a service control policy of the organization denies a call.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
    """
    session = settings.active().sessions.get(call.access_key_id)
    user = session.arn if session else f"arn:aws:sts::{ACCOUNT_ID}:user/moto"
    action = f"{_IAM_NAMES.get(call.service, call.service)}:{call.operation}"
    return error_for(
        call,
        "AccessDenied" if call.is_form else "AccessDeniedException",
        f"User: {user} is not authorized to perform: {action} on resource: * "
        "with an explicit deny in a service control policy",
    )


def unknown(call: Call, what: str) -> Answer:
    """Return the answer to a call of something that the emulator does not have.

    To HEAD, whose answer has no words, 404 would say that what it asks for is not there.
    """
    said = f"kvsops local does not have {what}."
    status = 501 if call.method == "HEAD" else 404
    return error_to(call, status, "UnknownOperationException", said)


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
    """Return an error for a call of something that is not served."""
    organized = settings.active().accounts is not None
    if call.service not in (SERVICES | OF_ORGANIZATION.keys() if organized else SERVICES):
        without = " without --accounts N" if call.service in OF_ORGANIZATION else ""
        return unknown(call, f"a service {call.service}{without}")
    if call.headers.get("content-type") == "application/cbor":  # moto knows JSON and query
        return unknown(call, f"{call.service} in CBOR: let the client speak JSON")
    if call.service in _REGIONAL and call.region not in kinesisvideo_backends[ACCOUNT_ID]:
        return unknown(call, f"a region {call.region} of {call.service}")
    if call.service == "kinesisvideo" and call.path not in _KINESIS_VIDEO_PATHS:
        return unknown(call, f"the operation {call.operation} of kinesisvideo")
    if call.operation not in OF_ORGANIZATION.get(call.service, (call.operation,)):
        return unknown(call, f"the operation {call.operation} of {call.service}")
    return None


def _unreadable(call: Call) -> Answer | None:
    """Return an error for a body that is not text, on which moto fails."""
    try:
        call.body.decode()
    except UnicodeDecodeError:
        code = "InvalidArgumentException" if call.service == "kinesisvideo" else _NOT_READ
        return error_for(call, code, "The request's body is not UTF-8.")
    return None


def _missing(call: Call) -> Answer | None:
    """Return an error for a call without a parameter that its operation needs."""
    model = service_model(_MODELS[call.service]) if call.service in _MODELS else None
    if model is None or call.operation not in model.operation_names:
        return None
    shape = model.operation_model(call.operation).input_shape
    required = shape.required_members if shape else ()
    missing = [name for name in required if name not in call.parameters]
    said = f"Required, and missing: {', '.join(missing)}."
    code = "InvalidParameterException" if call.service == "tagging" else "ValidationError"
    return error_for(call, code, said) if missing else None


_MODELS = {"monitoring": "cloudwatch", "sts": "sts", "tagging": "resourcegroupstaggingapi"}
"""The services that moto answers without a check of ours: botocore's names by signing name."""


def _ask_moto(call: Call) -> Answer:
    """Moto's answer; raises NotImplementedError if it lacks the operation."""
    url = f"https://{call.service}.{call.region}.amazonaws.com{call.target}"
    account = {"x-moto-account-id": settings.active().account_of(call.access_key_id)}
    request = Request.from_primitives(call.method, url, call.headers | account, call.body)
    handler = _HANDLERS[call.service]
    with nullcontext() if handler in _ready else ALONE:
        answered = handler.dispatch(request, url, request.headers)
    _ready.add(handler)
    return _answer(answered)


_ready: set[type] = set()
"""Those of whose services moto has read all that it reads at the first call."""


_HANDLERS: dict[str, Any] = {
    "kinesisvideo": KinesisVideoResponse,
    "monitoring": CloudWatchResponse,
    "organizations": OrganizationsResponse,
    "sns": SNSResponse,
    "sts": TokenResponse,
    "tagging": ResourceGroupsTaggingAPIResponse,
}


def _answer(answered: tuple[int, Mapping[str, object], str | bytes]) -> Answer:
    status, headers, body = answered
    plain = {name.lower(): str(value) for name, value in dict(headers).items()}
    plain.pop("status", None)  # moto's own, not HTTP's
    return Answer(status, body.encode() if isinstance(body, str) else body, plain)
