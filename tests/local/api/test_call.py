"""What the emulator reads out of a request, and out of moto's answers."""

import pytest

from kvsops.local.api.call import Answer, Call

FORM = "application/x-www-form-urlencoded; charset=utf-8"
SIGNED = {
    "authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260501/eu-west-1/kinesisvideo/"
    "aws4_request, SignedHeaders=host, Signature=0"
}


@pytest.mark.parametrize(
    ("target", "headers", "body", "operation"),
    [
        ("/listSignalingChannels", SIGNED, b"{}", "ListSignalingChannels"),
        ("/TagResource?x=1", SIGNED, b"{}", "TagResource"),
        ("/listSignalingChannels", {}, b"{}", "POST /listSignalingChannels"),
        (
            "/",
            {"x-amz-target": "ResourceGroupsTaggingAPI_20170126.GetResources"},
            b"{}",
            "GetResources",
        ),
        ("/service/GraniteServiceVersion20100801/operation/ListMetrics", {}, b"", "ListMetrics"),
        (
            "/",
            {"content-type": FORM},
            b"Action=GetCallerIdentity&Version=2011-06-15",
            "GetCallerIdentity",
        ),
        ("/", {"content-type": FORM}, b"\xff", "POST /"),
        ("/nope?x=1", {}, b"", "POST /nope"),
    ],
)
def test_operation(target: str, headers: dict[str, str], body: bytes, operation: str) -> None:
    """Each protocol has its own place for the operation's name."""
    assert Call("POST", target, headers, body).operation == operation


@pytest.mark.parametrize(
    ("headers", "body", "found"),
    [
        (SIGNED, b"", ("kinesisvideo", "eu-west-1", "AKIDEXAMPLE")),
        ({"content-type": FORM}, b"Version=2011-06-15", ("sts", "us-east-1", "")),
        ({"authorization": "Basic abc"}, b"", ("", "us-east-1", "")),
        ({}, b"", ("", "us-east-1", "")),
    ],
)
def test_signature(headers: dict[str, str], body: bytes, found: tuple[str, str, str]) -> None:
    """Service, region and key come from the signature; STS alone is also called without."""
    call = Call("POST", "/", headers, body)
    assert (call.service, call.region, call.access_key_id) == found


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"ChannelARN": "arn:aws:kinesisvideo:us-east-1:1:channel/a/2"}', "a"),
        (b'{"ResourceARN": "arn:aws:kinesisvideo:us-east-1:1:channel/b/2"}', "b"),
        (b'{"ChannelName": "c"}', "c"),
        (b'{"ChannelARN": 7, "ChannelName": ["c"]}', None),
        (b"[]", None),
        (b"{", None),
        (b"", None),
    ],
)
def test_channel_name(body: bytes, name: str | None) -> None:
    """The channel is known by name, however it is given, and nonsense is none."""
    assert Call("POST", "/", SIGNED, body).channel_name == name


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200), "ok"),
        (Answer(204), "ok"),
        (
            Answer(400, b"", {"x-amzn-errortype": "VersionMismatchException"}),
            "VersionMismatchException",
        ),
        (Answer(400, b'{"__type": "com.amazonaws#LimitExceededFault"}'), "LimitExceededFault"),
        (Answer(403, b"<Error><Code>AccessDenied</Code></Error>"), "AccessDenied"),
        (Answer(500, b"oops"), "HTTP 500"),
    ],
)
def test_outcome(answer: Answer, outcome: str) -> None:
    """The log has the error's code, wherever the protocol puts it."""
    assert answer.outcome == outcome
