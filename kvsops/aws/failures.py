"""What AWS and botocore report, told in one line: what failed, where, and what to do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from botocore import exceptions as botocore_errors

from kvsops.aws.answers import UnreadableAnswerError
from kvsops.aws.clock import SIGNATURES_LIVE
from kvsops.aws.quotas import IAM_PREFIXES, OPERATIONS
from kvsops.core.text import age
from kvsops.errors import (
    AwsError,
    CredentialsError,
    DeniedError,
    KvsopsError,
    NotFoundError,
    RegionClosedError,
)

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
CLOSED: Final = frozenset({"OptInRequired", "RegionDisabledException"})
UNKNOWN_KEYS: Final = frozenset({"InvalidClientTokenId", "UnrecognizedClientException"})
"""What AWS answers, too, for a good key in a region that the account has not enabled."""
ALWAYS_ENABLED: Final = frozenset(
    {"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1"}
    | {"ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2"}
    | {"eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"}
)
"""Regions that need not be enabled.

Source: https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
"""
AWS_SAYS: Final = "; AWS says: "
"""What comes before AWS's own words, where it says more than what failed."""
_MOST_WORDS: Final = 400
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
_SSO_ENDED = (
    botocore_errors.SSOError,
    botocore_errors.SSOTokenLoadError,
    botocore_errors.TokenRetrievalError,
    botocore_errors.NoAuthTokenError,
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


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called and from where, as far as it is known without a call."""

    region: str
    account_id: str | None = None
    profile: str | None = None
    proxied: bool = False
    """Whether a proxy answers for an endpoint that is on this machine."""

    def __str__(self) -> str:
        return f"{self.region}, account {self.account_id}" if self.account_id else self.region


def translated(
    error: Exception,
    operation: str,
    parameters: Mapping[str, Any],
    caller: Caller,
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
    if code in BAD_CREDENTIALS or code in CLOSED or _before_the_call(error, operation):
        return _credentials(error, code, caller)
    if code in DENIED:
        return DeniedError(_denial(error, operation, parameters), code)
    if code == "ResourceNotFoundException":
        kind = "stream" if "StreamARN" in parameters else "channel"
        msg = f"no such {kind}: {_subject(parameters)} ({caller})"
        return NotFoundError(msg, code, sent=sent)
    if isinstance(error, botocore_errors.ClientError):
        text = f"{operation} failed for {_subject(parameters)}: {code}: {_words(error)}"
    else:
        text = f"{operation} failed: {' '.join(str(error).split())}"
    text = text.rstrip(": ")
    if caller.proxied:
        text += "; a proxy answers for this machine itself: set NO_PROXY=127.0.0.1,localhost"
    return AwsError(text, code, sent=sent, transient=transient(error))


def uncredited(error: Exception, caller: Caller) -> KvsopsError:
    """Return the error to raise where the credentials were not to be had."""
    return _credentials(error, code_of(error), caller)


def _denial(error: Exception, operation: str, parameters: Mapping[str, Any]) -> str:
    """Say what is missing, or that it is forbidden, in AWS's own words where it has any."""
    actions = iam_action(operation)
    if operation == "CreateSignalingChannel" and "Tags" in parameters:
        actions += f" and {iam_action('TagResource')}"
    on, words = f"{actions} on {_iam_resource(parameters)}", _words(error)
    forbidden = re.search(r"explicit deny(?: in an? ([a-z -]+policy|[a-z -]+boundary))?", words)
    text = f"{operation} denied: the credentials need {on}"
    if forbidden:
        by = f"a {forbidden[1]}" if forbidden[1] else "a policy"
        text = f"{operation} denied: {by} explicitly denies {on}, which no permission outweighs"
    if forbidden or "authorized" in words:  # where it says no more than "denied", neither do we
        text += f"{AWS_SAYS}{words}"
    request = _metadata(error).get("RequestId")
    return f"{text} (request ID {request})" if request else text


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
    status = _metadata(error).get("HTTPStatusCode", 0)
    return bool(status >= HTTPStatus.INTERNAL_SERVER_ERROR)


def _metadata(error: Exception) -> Mapping[str, Any]:
    response = error.response if isinstance(error, botocore_errors.ClientError) else {}
    found: Mapping[str, Any] = response.get("ResponseMetadata", {})
    return found


def _words(error: Exception) -> str:
    """Return what AWS says of its error, in one line."""
    response = error.response if isinstance(error, botocore_errors.ClientError) else {}
    return " ".join(str(response.get("Error", {}).get("Message") or "").split())[:_MOST_WORDS]


def _credentials(error: Exception, code: str, caller: Caller) -> KvsopsError:  # noqa: PLR0911 - one for each cause
    profile = f" --profile {caller.profile}" if caller.profile else ""
    if isinstance(error, botocore_errors.NoCredentialsError):
        return CredentialsError(
            f"no AWS credentials: sign in, or give --profile or AWS_PROFILE; {TRY_LOCALLY}"
        )
    if code in CLOSED or (code in UNKNOWN_KEYS and caller.region not in ALWAYS_ENABLED):
        msg = f"{caller.region} is not enabled for the account, or the access key is not known"
        return RegionClosedError(f"{msg}: enable the region in the account's settings ({code})")
    if code in BAD_CREDENTIALS:
        return CredentialsError(f"{BAD_CREDENTIALS[code]} ({code})")
    if isinstance(error, _SSO_ENDED):
        return CredentialsError(f"the SSO session has ended: aws sso login{profile}")
    if isinstance(error, botocore_errors.LoginError):
        return CredentialsError(f"the login has ended: aws login{profile}")
    if isinstance(error, EOFError):
        msg = "the profile's role asks for an MFA code, and there is no terminal to type it in"
        return CredentialsError(f"{msg}: sign in first, and give the session's credentials")
    if not isinstance(error, BOTOCORE_ERRORS):  # a credential process printed something else
        msg = "the AWS credentials cannot be had: what the profile's process gave is not readable"
        return CredentialsError(f"{msg} ({code})")
    return CredentialsError(f"the AWS credentials cannot be had: {' '.join(str(error).split())}")


def _subject(parameters: Mapping[str, Any]) -> str:
    names = ("ChannelName", "ChannelARN", "ResourceARN", "StreamARN", "TopicArn", "RoleArn")
    for key in (*names, "ParentId", "Key"):
        if key in parameters:
            return str(parameters[key])
    return "the account"


def _iam_resource(parameters: Mapping[str, Any]) -> str:
    if "ChannelName" in parameters:
        return f"channel/{parameters['ChannelName']}/*"
    subject = _subject(parameters)
    return '"*"' if subject == "the account" else subject
