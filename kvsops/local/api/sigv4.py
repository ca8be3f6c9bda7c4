"""Verification of Signature Version 4: in a presigned URL's query and in a request's header.

No message holds anything of the signature, the secret or the token.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote

from kvsops.local.api.call import Call

SERVICE: Final = "kinesisvideo"
LONGEST_EXPIRY: Final = timedelta(days=7)
"""The longest that SigV4 lets a presigned URL be valid. AWS's C clients ask for just that, others
ask for 299 seconds; whether Kinesis Video itself takes all of it is not known to us.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far off a signer's clock may be, unless an expiry says otherwise.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
"""

_ALGORITHM = "AWS4-HMAC-SHA256"
_TIME = "%Y%m%dT%H%M%SZ"
_FIELD = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]+)")
_EMPTY = hashlib.sha256(b"").hexdigest()
_QUERY_MEMBERS = tuple(
    f"X-Amz-{name}"
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
)


class SignatureError(Exception):
    """A request that is unsigned, wrongly signed or out of time. `code` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Signer:
    """Who signed, and for which region."""

    access_key_id: str
    region: str


@dataclass(frozen=True)
class _Claim:
    """What a signature claims."""

    credential: str
    time: str
    signed_headers: str
    signature: str

    @property
    def scope(self) -> list[str]:
        """Access key id, date, region, service, and `aws4_request`."""
        return self.credential.split("/")


SecretOf = Callable[[str], str | None]
"""Returns the secret of an access key id; None for an unknown one."""


def verify_query(call: Call, secret_of: SecretOf, now: datetime) -> tuple[Signer, dict[str, str]]:
    """Check a presigned URL; return its signer and parameters. Raises `SignatureError`."""
    pairs = _pairs(call.target.partition("?")[2])
    parameters = dict(pairs)
    missing = [name for name in _QUERY_MEMBERS if not parameters.get(name)]
    if missing or len(parameters) < len(pairs):
        what = f"needs {', '.join(missing)}" if missing else "names a parameter twice"
        raise SignatureError("MissingAuthenticationTokenException", f"The query {what}.")
    _check_algorithm(parameters["X-Amz-Algorithm"])
    claim = _Claim(*(parameters[f"X-Amz-{name}"] for name in _IN_QUERY))
    if claim.signed_headers != "host":
        raise _incomplete("X-Amz-SignedHeaders must be host alone.")
    _check_expiry(claim.time, parameters["X-Amz-Expires"], now)
    canonical_query = _canonical_query(pairs, leaving_out="X-Amz-Signature")
    signer = _signer(claim, SERVICE)
    _check(call, canonical_query, _EMPTY, claim, secret_of)
    return signer, parameters


_IN_QUERY = ("Credential", "Date", "SignedHeaders", "Signature")


def verify_header(call: Call, secret_of: SecretOf, now: datetime, service: str = SERVICE) -> Signer:
    """Check that a request is signed for a service, in its header. Raises `SignatureError`."""
    headers = call.headers
    algorithm, _, rest = headers.get("authorization", "").partition(" ")
    if not algorithm:
        raise SignatureError("MissingAuthenticationTokenException", "The request is not signed.")
    _check_algorithm(algorithm)
    fields = dict(_FIELD.findall(rest))
    if len(fields) < 3 or "x-amz-date" not in headers:  # noqa: PLR2004 - the three fields
        raise _incomplete("It needs X-Amz-Date, Credential, SignedHeaders and Signature.")
    claim = _Claim(
        fields["Credential"], headers["x-amz-date"], fields["SignedHeaders"], fields["Signature"]
    )
    if "host" not in claim.signed_headers.split(";"):
        raise _incomplete("The host header must be signed.")
    if abs(now - _time(claim.time)) > CLOCK_TOLERANCE:
        raise _out_of_time("Signature expired, or not yet current", claim.time, now)
    digest = hashlib.sha256(call.body).hexdigest()
    canonical_query = _canonical_query(_pairs(call.target.partition("?")[2]))
    signer = _signer(claim, service)
    _check(call, canonical_query, digest, claim, secret_of)
    return signer


def signature(secret: str, scope: list[str], time: str, canonical_request: str) -> str:
    """Compute the signature of a canonical request; `scope` is date, region, service and end."""
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    text = "\n".join([_ALGORITHM, time, "/".join(scope), digest])
    key = b"AWS4" + secret.encode()
    for part in [*scope, text]:
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def _check(
    call: Call, canonical_query: str, payload_digest: str, claim: _Claim, secret_of: SecretOf
) -> None:
    """Compute the signature and compare."""
    secret = secret_of(claim.scope[0])
    if secret is None:
        raise SignatureError("UnrecognizedClientException", "The access key id is not known.")
    names = claim.signed_headers.split(";")
    lines = [f"{name}:{' '.join(call.headers.get(name, '').split())}" for name in names]
    ends = ["", claim.signed_headers, payload_digest]
    canonical = "\n".join([call.method, call.path or "/", canonical_query, *lines, *ends])
    expected = signature(secret, claim.scope[1:], claim.time, canonical)
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise SignatureError(
            "InvalidSignatureException",
            "The signature does not match the request: compare the secret access key, the host "
            "with its port, and the parameters signed.",
        )


def _signer(claim: _Claim, wanted: str) -> Signer:
    """Return who signed by a well-formed credential for the service."""
    match claim.scope:
        case [access_key_id, date, region, service, "aws4_request"]:
            if date != claim.time[:8]:
                raise _incomplete("The credential's date is not the signature's.")
            if service != wanted:
                raise _incomplete(f"The credential is not scoped to the service {wanted}.")
            return Signer(access_key_id, region)
    raise _incomplete("The credential is not KEY/DATE/REGION/SERVICE/aws4_request.")


def _check_algorithm(algorithm: str) -> None:
    if algorithm != _ALGORITHM:
        raise _incomplete(f"The algorithm must be {_ALGORITHM}.")


def _check_expiry(time: str, expires: str, now: datetime) -> None:
    longest = int(LONGEST_EXPIRY.total_seconds())
    seconds = int(expires) if re.fullmatch(r"[0-9]{1,6}", expires) else 0
    if not 1 <= seconds <= longest:
        raise _incomplete(f"X-Amz-Expires must be 1 to {longest} seconds.")
    signed_at = _time(time)
    if signed_at > now + CLOCK_TOLERANCE:
        raise _out_of_time("Signature not yet current", time, now)
    if now > signed_at + timedelta(seconds=seconds):
        raise _out_of_time("Signature expired", time, now)


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise _incomplete("X-Amz-Date is not YYYYMMDDTHHMMSSZ.") from None


def _incomplete(message: str) -> SignatureError:
    return SignatureError("IncompleteSignatureException", message)


def _out_of_time(what: str, time: str, now: datetime) -> SignatureError:
    return SignatureError(
        "InvalidSignatureException", f"{what}: signed at {time}, and now it is {now:{_TIME}}."
    )


def _pairs(query: str) -> list[tuple[str, str]]:
    """Split a query. A plus sign is literal: SigV4 writes spaces as %20."""
    split = (part.partition("=") for part in query.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in split]


def _canonical_query(pairs: list[tuple[str, str]], leaving_out: str | None = None) -> str:
    encoded = [(quote(n, safe="-_.~"), quote(v, safe="-_.~")) for n, v in pairs if n != leaving_out]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))
