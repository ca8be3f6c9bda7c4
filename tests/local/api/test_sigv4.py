"""Signatures: AWS's own vectors, botocore's of anything, and each thing that can be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from kvsops.local.api.call import Call
from kvsops.local.api.sigv4 import SignatureError, Signer, verify_header, verify_query

# Source of the vectors: AwsV4SignerTest.java in
# https://github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-android
VECTOR_TIME = datetime(2023, 7, 24, 8, 7, 2, tzinfo=UTC)
VECTOR_SECRETS = {
    "AKIAIOSFODNN7EXAMPLE": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AKIAIOSFODJJ7EXAMPLE": "wJalrXUtnFEMI/K7MDENG/bPxQQiCYEXAMPLEKEY",
}
ARN = "arn:aws:kinesisvideo:us-west-2:123456789012:channel/demo-channel/1234567890123"
VECTOR_ARN = quote(ARN, safe="")
VECTOR_SESSION = (
    "&X-Amz-Security-Token=AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT%2BFvwqnKwRcOIfrRh3c%2FL"
    "To6UDdyJwOOvEVPvLXCrrrUtdnniCEXAMPLE%2FIvU1dYUg2RVAJBanLiHb4IgRmpRV3zrkuWJOgQs8IZZaIv2BXIa2R4"
    "OlgkBN9bkUDNCJiBeb%2FAXlzBBko7b15fjrBs2%2BcTQtpZ3CYWFXG8C5zqx37wnOE49mRl%2F%2BOtkIKGO7fAE"
)
CLIENT = "&X-Amz-ClientId=d7d1c6e2-9cb0-4d61-bea9-ecb3d3816557"
HOST = "v-a1b2c3d4.kinesisvideo.us-west-2.amazonaws.com"

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI"
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)


def secret_of(access_key_id: str) -> str | None:
    """Know one key."""
    return SECRET if access_key_id == KEY else None


def presigned(
    url: str = "wss://127.0.0.1:8443/",
    parameters: dict[str, str] | None = None,
    expires: int = 299,
    token: str | None = None,
) -> str:
    """Let botocore sign a URL at noon."""
    query = "&".join(f"{n}={quote(v, safe='')}" for n, v in (parameters or {}).items())
    request = AWSRequest("GET", f"{url}?{query}" if query else url)
    credentials = Credentials(KEY, SECRET, token)
    signer: Any = SigV4QueryAuth(credentials, "kinesisvideo", "us-east-1", expires)
    request.context["timestamp"] = NOW.strftime(SIGV4_TIMESTAMP)
    signer._modify_request_before_signing(request)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(text, request))
    return str(request.url)


def call(url: str, host: str | None = None) -> Call:
    """Return the request for a URL."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}"
    return Call("GET", target, {"host": host or parts.netloc})


@pytest.mark.parametrize(
    ("host", "client", "key", "token", "signature"),
    [
        (
            "m" + HOST[1:],
            "",
            "AKIAIOSFODNN7EXAMPLE",
            VECTOR_SESSION,
            "f8fed632bbe38ac920c7ed2eeaba1a4ba5e2b1bd7aada9f852708112eab76baa",
        ),
        (
            HOST,
            CLIENT,
            "AKIAIOSFODNN7EXAMPLE",
            VECTOR_SESSION,
            "77ea5ff8ede2e22aa268a3a068f1ad3a5d92f0fa8a427579f9e6376e97139761",
        ),
        (
            "m" + HOST[1:],
            "",
            "AKIAIOSFODJJ7EXAMPLE",
            "",
            "0bbef329f0d9d3e68635f7b844ac684c7764a0c228ca013232d935c111b9a370",
        ),
        (
            HOST,
            CLIENT,
            "AKIAIOSFODJJ7EXAMPLE",
            "",
            "cea541f699dc51bc53a55590ce817e63cc06fac2bdef4696b63e0889eb448f0b",
        ),
    ],
    ids=["master-token", "viewer-token", "master", "viewer"],
)
def test_awss_own_vectors(host: str, client: str, key: str, token: str, signature: str) -> None:
    """The URLs that AWS's Android client is tested with are good, and no other ones."""
    target = (
        f"/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-ChannelARN={VECTOR_ARN}{client}"
        f"&X-Amz-Credential={key}%2F20230724%2Fus-west-2%2Fkinesisvideo%2Faws4_request"
        f"&X-Amz-Date=20230724T080702Z&X-Amz-Expires=299{token}"
        f"&X-Amz-SignedHeaders=host&X-Amz-Signature="
    )
    good = Call("GET", target + signature, {"host": host})
    signer, parameters = verify_query(good, VECTOR_SECRETS.get, VECTOR_TIME)
    assert signer == Signer(key, "us-west-2")
    assert parameters["X-Amz-ChannelARN"] == ARN
    for wrong in (signature[::-1], signature.upper()):
        with pytest.raises(SignatureError, match="does not match"):
            verify_query(
                Call("GET", target + wrong, {"host": host}), VECTOR_SECRETS.get, VECTOR_TIME
            )


@given(st.dictionaries(st.sampled_from(["X-Amz-ChannelARN", "X-Amz-ClientId", "a"]), TEXTS))
def test_whatever_botocore_signs(parameters: dict[str, str]) -> None:
    """A URL that botocore signed is good, whatever is in it."""
    signer, seen = verify_query(call(presigned(parameters=parameters)), secret_of, NOW)
    assert signer == Signer(KEY, "us-east-1")
    assert seen.items() >= parameters.items()


@pytest.mark.parametrize("path", ["", "/"])
@pytest.mark.parametrize("port", ["", ":443", ":80", ":8443"])
def test_host_with_its_port(port: str, path: str) -> None:
    """The port is part of the host that is signed, whichever it is; no path is the path `/`."""
    url = presigned(f"wss://127.0.0.1{port}{path}")
    verify_query(call(url), secret_of, NOW)
    with pytest.raises(SignatureError, match="host with its port"):
        verify_query(call(url, host="127.0.0.1:1"), secret_of, NOW)


@pytest.mark.parametrize(
    ("old", "new", "code", "why"),
    [
        ("demo", "other", "InvalidSignatureException", "does not match"),
        ("ClientId=v1", "ClientId=v2", "InvalidSignatureException", "does not match"),
        ("Token=t", "Token=u", "InvalidSignatureException", "does not match"),
        ("Expires=299", "Expires=300", "InvalidSignatureException", "does not match"),
        ("&X-Amz-ClientId=v1", "", "InvalidSignatureException", "does not match"),
        ("X-Amz-ClientId=v1", "X-Amz-ClientId=v1&b=", "InvalidSignatureException", "not match"),
        ("Expires=299", "Expires=604801", "IncompleteSignatureException", "1 to 604800 seconds"),
        ("Expires=299", "Expires=0", "IncompleteSignatureException", "1 to 604800 seconds"),
        ("Expires=299", "Expires=-1", "IncompleteSignatureException", "1 to 604800 seconds"),
        ("Expires=299", "Expires=1.5", "IncompleteSignatureException", "1 to 604800 seconds"),
        ("Expires=299", "Expires=%201", "IncompleteSignatureException", "1 to 604800 seconds"),
        ("Expires=299", "Expires=x", "IncompleteSignatureException", "1 to 604800 seconds"),
        ("Expires=299", "Expires=%D9%A1", "IncompleteSignatureException", "1 to 604800 seconds"),
        ("Date=2026", "Date=9999", "InvalidSignatureException", "not yet current"),
        ("Headers=host", "Headers=host%3Bx", "IncompleteSignatureException", "host alone"),
        ("AWS4-HMAC", "AWS5-HMAC", "IncompleteSignatureException", "algorithm must be"),
        ("kinesisvideo%2Faws4", "s3%2Faws4", "IncompleteSignatureException", "not scoped to"),
        ("%2Faws4_request", "", "IncompleteSignatureException", "not KEY/DATE/REGION"),
        ("20260501%2F", "20260502%2F", "IncompleteSignatureException", "credential's date"),
        ("Date=2026", "Date=x026", "IncompleteSignatureException", "not YYYYMMDD"),
        ("AKIDEXAMPLE", "AKIDOTHER", "UnrecognizedClientException", "not known"),
        ("&X-Amz-Signature", "&X-Amz-S", "MissingAuthenticationTokenException", "Signature"),
        ("ClientId=v1", "ClientId=v1&X-Amz-ClientId=v1", "Missing", "names a parameter twice"),
    ],
)
def test_altered(old: str, new: str, code: str, why: str) -> None:
    """Whatever is altered is noticed, and neither signature nor secret are told."""
    parameters = {"X-Amz-ChannelARN": ARN, "X-Amz-ClientId": "v1", "X-Amz-Security-Token": "t"}
    url = presigned(parameters=parameters)
    assert old in url
    with pytest.raises(SignatureError, match=why) as caught:
        verify_query(call(url.replace(old, new, 1)), secret_of, NOW)
    assert caught.value.code.startswith(code)
    assert SECRET not in str(caught.value)
    assert url.rpartition("=")[2] not in str(caught.value)


@pytest.mark.parametrize(
    ("expires", "later", "why"),
    [
        (299, timedelta(seconds=299), None),
        (299, timedelta(seconds=300), "Signature expired: signed at 20260501T120000Z, and now it"),
        (299, timedelta(minutes=-5), None),
        (299, timedelta(minutes=-5, seconds=-1), "Signature not yet current"),
        (1, timedelta(seconds=1), None),
        (1, timedelta(seconds=2), "Signature expired"),
        (604_800, timedelta(), None),
        (604_800, timedelta(days=7), None),
        (604_800, timedelta(days=7, seconds=1), "Signature expired"),
        (604_800, timedelta(minutes=-5, seconds=-1), "Signature not yet current"),
    ],
)
def test_clocks(expires: int, later: timedelta, why: str | None) -> None:
    """A URL is good from its time on, by the emulator's clock, until it expires: 7 days at most."""
    url = presigned(expires=expires)
    if why is None:
        verify_query(call(url), secret_of, NOW + later)
    else:
        with pytest.raises(SignatureError, match=why):
            verify_query(call(url), secret_of, NOW + later)


def test_session_tokens() -> None:
    """AWS's clients sign a URL with its session token; one that is added afterwards is noticed."""
    token = "a token/+="  # noqa: S105 - of nobody
    _, seen = verify_query(call(presigned(token=token)), secret_of, NOW)
    assert seen["X-Amz-Security-Token"] == token
    with pytest.raises(SignatureError, match="does not match"):
        verify_query(call(f"{presigned()}&X-Amz-Security-Token=t"), secret_of, NOW)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("arn%3Aaws%3A", "arn:aws:"),
        ("%2F1234567890123", "/1234567890123"),
        ("%3A", "%3a"),
        ("X-Amz-ClientId=v1", "X-Amz-ClientId=%76%31"),
    ],
)
def test_other_spellings(old: str, new: str) -> None:
    """What a proxy or client writes otherwise on the way means the same, and is signed the same."""
    url = presigned(parameters={"X-Amz-ChannelARN": ARN, "X-Amz-ClientId": "v1"})
    assert old in url
    _, seen = verify_query(call(url.replace(old, new)), secret_of, NOW)
    assert (seen["X-Amz-ChannelARN"], seen["X-Amz-ClientId"]) == (ARN, "v1")


def posted(body: bytes, **headers: str) -> Call:
    """Let botocore sign a request in its header, at this machine's time."""
    request = AWSRequest("POST", "https://127.0.0.1:8443/v1/x?b=2&a=1%2F", headers, data=body)
    SigV4Auth(Credentials(KEY, SECRET, "token"), "kinesisvideo", "eu-west-1").add_auth(request)
    sent = {name.lower(): value for name, value in request.headers.items()}
    return Call("POST", "/v1/x?b=2&a=1%2F", sent | {"host": "127.0.0.1:8443"}, body)


@given(st.binary(), st.text("abc   ", max_size=20))
def test_signed_in_the_header(body: bytes, value: str) -> None:
    """What botocore signs in a header is good, with any body and other headers signed."""
    made = posted(body, **{"X-Amz-Other": value, "Content-Type": "application/json"})
    now = datetime.now(UTC)
    assert verify_header(made, secret_of, now) == Signer(KEY, "eu-west-1")
    for changed in (
        Call(made.method, made.target, made.headers, body + b"!"),
        Call(made.method, made.target + "0", made.headers, body),
        Call(made.method, made.target, made.headers | {"content-type": "text/plain"}, body),
    ):
        with pytest.raises(SignatureError, match="does not match"):
            verify_header(changed, secret_of, now)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"authorization": ""}, "MissingAuthenticationTokenException"),
        ({"authorization": "Basic x"}, "IncompleteSignatureException"),
        ({"authorization": "AWS4-HMAC-SHA256 Credential=a"}, "IncompleteSignatureException"),
        ({"x-amz-date": "yesterday"}, "IncompleteSignatureException"),
        ({"x-amz-date": "20200101T000000Z"}, "InvalidSignatureException"),
    ],
)
def test_wrong_headers(headers: dict[str, str], code: str) -> None:
    """Each kind of nonsense has its code."""
    made = posted(b"{}")
    with pytest.raises(SignatureError) as caught:
        verify_header(
            Call("POST", made.target, made.headers | headers, b"{}"), secret_of, datetime.now(UTC)
        )
    assert caught.value.code == code


def test_token_that_is_not_signed() -> None:
    """AWS's C client adds the session token's header when it has signed the others."""
    request = AWSRequest("POST", "https://127.0.0.1:8443/v1/x", {}, data=b"{}")
    SigV4Auth(Credentials(KEY, SECRET), "kinesisvideo", "eu-west-1").add_auth(request)
    sent = {name.lower(): value for name, value in request.headers.items()}
    sent |= {"host": "127.0.0.1:8443", "x-amz-security-token": "token"}
    unsigned = Call("POST", "/v1/x", sent, b"{}")
    assert verify_header(unsigned, secret_of, datetime.now(UTC)) == Signer(KEY, "eu-west-1")


def test_host_must_be_signed() -> None:
    """A signature that leaves out the host would be good anywhere."""
    made = posted(b"{}")
    left_out = made.headers["authorization"].replace("host;", "")
    call_of = Call("POST", made.target, made.headers | {"authorization": left_out}, b"{}")
    with pytest.raises(SignatureError, match="host header must be signed"):
        verify_header(call_of, secret_of, datetime.now(UTC))
