"""What AWS and botocore report, told in one line: what failed, where, and what to do."""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from botocore import exceptions as botocore_errors

from kvsops.aws.answers import UnreadableAnswerError
from kvsops.aws.clock import SIGNATURES_LIVE
from kvsops.aws.quotas import IAM_PREFIXES, OPERATIONS
from kvsops.core.text import age
from kvsops.errors import AwsError, CredentialsError, DeniedError, KvsopsError, NotFoundError

# This service throttles with ClientLimitExceededException (HTTP 400), which botocore retries in
# none of its modes; the others are the codes that botocore itself knows.
THROTTLES: Final = frozenset(
    {
        "ClientLimitExceededException",
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
TRANSIENT: Final = frozenset(
    {"InternalFailure", "InternalServerError", "InternalServiceException", "RequestTimeout"}
    | {"RequestTimeoutException", "ServiceUnavailable", "ServiceUnavailableException"}
)
DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "NotAuthorizedException", "UnauthorizedOperation"}
)
BAD_CREDENTIALS: Final = {
    "ExpiredToken": "the credentials have expired: sign in again",
    "ExpiredTokenException": "the credentials have expired: sign in again",
    "IncompleteSignature": "AWS could not read the signature: check the credentials",
    "InvalidClientTokenId": "AWS does not know the access key: check the profile or environment",
    "InvalidSignatureException": "the signature does not match: check the secret key and the clock",
    "RequestExpired": "the request was signed at another time: check this machine's clock",
    "SignatureDoesNotMatch": "the signature does not match: check the secret key and the clock",
    "UnrecognizedClientException": "AWS does not know the access key: check the profile or"
    " environment",
}
SIGNATURE_CODES: Final = frozenset(
    {"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch"}
)
ANSWERS_TAKE: Final = timedelta(seconds=10)
"""How much later than it was made an answer may be looked at."""
TRY_LOCALLY: Final = "to try kvsops without AWS: kvsops local --fleet 20 -- kvsops list"

_NO_CREDENTIALS = (
    botocore_errors.NoCredentialsError,
    botocore_errors.PartialCredentialsError,
    botocore_errors.CredentialRetrievalError,
    botocore_errors.TokenRetrievalError,
    botocore_errors.SSOError,
    botocore_errors.NoAuthTokenError,
    botocore_errors.LoginError,
)
# The request left or may have left; what became of it is not known.
_ANSWER_LOST = (
    botocore_errors.ReadTimeoutError,
    botocore_errors.ConnectionClosedError,
    botocore_errors.ResponseStreamingError,
    botocore_errors.IncompleteReadError,
    UnreadableAnswerError,
)
_ON_THE_WAY = (
    *_ANSWER_LOST,
    botocore_errors.ConnectTimeoutError,
    botocore_errors.EndpointConnectionError,
    botocore_errors.HTTPClientError,
)


BOTOCORE_ERRORS: Final = (botocore_errors.ClientError, botocore_errors.BotoCoreError, OSError)
"""What botocore raises; OSError where a file with a token of the credentials cannot be read."""


def code_of(error: Exception) -> str:
    """Return AWS's error code, or the name of botocore's own error."""
    if isinstance(error, botocore_errors.ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def throttled(error: Exception) -> bool:
    """Whether AWS said to slow down."""
    return code_of(error) in THROTTLES


def transient(error: Exception) -> bool:
    """Whether the same call may succeed later: a throttle, a fault of the service or on the way."""
    if isinstance(error, botocore_errors.ClientError):
        return code_of(error) in THROTTLES | TRANSIENT or _faulted(error)
    if isinstance(error, UnreadableAnswerError):
        return error.transient
    if isinstance(error, (botocore_errors.SSLError, botocore_errors.ProxyConnectionError)):
        return False
    return isinstance(error, _ON_THE_WAY)


def unreachable(error: Exception) -> bool:
    """Whether nobody answered at all, or no such host is known: the call never left."""
    return isinstance(
        error, (botocore_errors.EndpointConnectionError, botocore_errors.ConnectTimeoutError)
    )


def answer_lost(error: Exception) -> bool:
    """Whether the call may have been carried out though no good answer came."""
    if isinstance(error, botocore_errors.ClientError):
        return _faulted(error)
    return isinstance(error, _ANSWER_LOST)


def translated(
    error: Exception,
    operation: str,
    parameters: Mapping[str, Any],
    *,
    sent: bool,
    ahead: timedelta = timedelta(),
) -> KvsopsError:
    """Return the error to raise for what botocore raised.

    `sent` is as in `AwsError`; `ahead` is how far AWS's clock is ahead of this machine's.
    """
    code = code_of(error)
    if code in SIGNATURE_CODES and abs(ahead) > SIGNATURES_LIVE - ANSWERS_TAKE:
        side = "behind" if ahead > timedelta() else "ahead of"
        msg = (
            f"this machine's clock is {age(abs(ahead))} {side} AWS's, so no signature holds: set it"
        )
        return CredentialsError(f"{msg} ({code})")
    if code in BAD_CREDENTIALS or _before_the_call(error, operation):
        return _credentials(error, code)
    if code in DENIED:
        actions = iam_action(operation)
        if operation == "CreateSignalingChannel" and "Tags" in parameters:
            actions += f" and {iam_action('TagResource')}"
        needs = f"{actions} on {_iam_resource(parameters)}"
        return DeniedError(f"{operation} denied: the credentials need {needs}", code)
    if code == "ResourceNotFoundException":
        return NotFoundError(f"no such channel: {_subject(parameters)}", code, sent=sent)
    if isinstance(error, botocore_errors.ClientError):
        said = " ".join(str(error.response["Error"].get("Message", "")).split())
        text = f"{operation} failed for {_subject(parameters)}: {code}: {said}"
    else:
        text = f"{operation} failed: {' '.join(str(error).split())}"
    return AwsError(text.rstrip(": "), code, sent=sent, transient=transient(error))


def iam_action(operation: str) -> str:
    """Return the IAM action that allows the operation."""
    return f"{IAM_PREFIXES[OPERATIONS[operation].service]}:{operation}"


def _before_the_call(error: Exception, operation: str) -> bool:
    """Whether the credentials for the operation were not to be had, from STS for one."""
    if isinstance(error, botocore_errors.ClientError):
        return bool(error.operation_name != operation)
    return isinstance(error, _NO_CREDENTIALS) or not isinstance(
        error, botocore_errors.BotoCoreError
    )


def _faulted(error: botocore_errors.ClientError) -> bool:
    """Whether the fault was the service's own (HTTP 5xx)."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return bool(status >= HTTPStatus.INTERNAL_SERVER_ERROR)


def _credentials(error: Exception, code: str) -> KvsopsError:
    if isinstance(error, botocore_errors.NoCredentialsError):
        return CredentialsError(
            f"no AWS credentials: sign in, or give --profile or AWS_PROFILE; {TRY_LOCALLY}"
        )
    if code in BAD_CREDENTIALS:
        return CredentialsError(f"{BAD_CREDENTIALS[code]} ({code})")
    return CredentialsError(f"the AWS credentials cannot be had: {' '.join(str(error).split())}")


def _subject(parameters: Mapping[str, Any]) -> str:
    for key in ("ChannelName", "ChannelARN", "ResourceARN"):
        if key in parameters:
            return str(parameters[key])
    return "the account"


def _iam_resource(parameters: Mapping[str, Any]) -> str:
    if "ChannelName" in parameters:
        return f"channel/{parameters['ChannelName']}/*"
    subject = _subject(parameters)
    return '"*"' if subject == "the account" else subject
