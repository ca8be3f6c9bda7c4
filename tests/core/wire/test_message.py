"""The wire codec: both ways, both casings, every limit, and whatever nonsense may come."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsops.core.wire.message import (
    Action,
    MessageType,
    Received,
    Sent,
    StatusResponse,
    check_size,
    check_viewer_id,
    decode_received,
    decode_sent,
    encode_received,
    encode_sent,
)
from kvsops.core.wire.payload import Candidate, Description, read_candidate, read_description
from kvsops.errors import MessageError

HELLO = "aGVsbG8="  # hello
IDS = st.text("abcXYZ019_.-", min_size=1, max_size=256)
PAYLOADS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=1_800)
SENT = st.builds(Sent, st.sampled_from(Action), PAYLOADS, st.none() | IDS, st.none() | IDS)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=100)
RECEIVED = st.builds(
    Received,
    st.sampled_from(MessageType),
    st.none() | IDS,
    st.none() | PAYLOADS,
    st.none() | st.builds(StatusResponse, st.none() | IDS, *(3 * [st.none() | TEXTS])),
)
NAMES = st.sampled_from(
    [
        "action",
        "Action",
        "messageType",
        "recipientClientId",
        "RecipientClientId",
        "senderClientId",
        "messagePayload",
        "MessagePayload",
        "correlationId",
        "statusResponse",
        "statusCode",
        "type",
        "sdp",
        "candidate",
        "sdpMid",
        "sdpMLineIndex",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(MessageType)
)
NONSENSE = st.recursive(
    SCALARS | st.just(HELLO),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner),
)
READERS = [decode_sent, decode_received, read_description, read_candidate]


def test_what_a_client_sends() -> None:
    """The members are named as in the guide, and the payload is in base64."""
    sent = Sent(Action.SDP_OFFER, "hello", "viewer-1", "7")
    assert json.loads(encode_sent(sent)) == {
        "action": "SDP_OFFER",
        "recipientClientId": "viewer-1",
        "messagePayload": HELLO,
        "correlationId": "7",
    }
    assert json.loads(encode_sent(Sent(Action.ICE_CANDIDATE, "hello"))) == {
        "action": "ICE_CANDIDATE",
        "messagePayload": HELLO,
    }


def test_what_a_client_receives() -> None:
    """A status is an object of strings, the status code too; what is absent is left out."""
    status = StatusResponse("7", "InvalidArgumentException", "400", "no recipient")
    assert json.loads(encode_received(Received(MessageType.STATUS_RESPONSE, status=status))) == {
        "messageType": "STATUS_RESPONSE",
        "statusResponse": {
            "correlationId": "7",
            "errorType": "InvalidArgumentException",
            "statusCode": "400",
            "description": "no recipient",
        },
    }
    assert encode_received(Received(MessageType.GO_AWAY)) == '{"messageType":"GO_AWAY"}'


@pytest.mark.parametrize(
    "text",
    [
        '{"action":"SDP_ANSWER","recipientClientId":"v","messagePayload":"aGVsbG8=","correlationId":"7"}',
        '{"action":"SDP_ANSWER","RecipientClientId":"v","MessagePayload":"aGVsbG8=","CorrelationId":"7"}',
        '{"action":"SDP_ANSWER","recipientClientId":"v","messagePayload":"aGVsbG8","correlationId":"7","x":[]}',
    ],
    ids=["guide", "c-client", "unpadded-and-more"],
)
def test_casings(text: str) -> None:
    """What AWS's C client writes with capitals means the same."""
    assert decode_sent(text) == Sent(Action.SDP_ANSWER, "hello", "v", "7")
    assert decode_sent(text.encode()) == decode_sent(text)


@pytest.mark.parametrize("encoded", ["Pz8/Pj4+", "Pz8_Pj4-"])
def test_alphabets(encoded: str) -> None:
    """The URL-safe alphabet is read as well, and what came is kept to be passed on as it is."""
    sent = decode_sent(json.dumps({"action": "SDP_OFFER", "messagePayload": encoded}))
    assert (sent.payload, sent.encoded) == ("???>>>", encoded)
    passed_on = Received(MessageType.SDP_OFFER, "v", sent.payload, encoded=sent.encoded)
    assert json.loads(encode_received(passed_on))["messagePayload"] == encoded


def test_empty_is_missing() -> None:
    """The service may fill what it has nothing for with empty strings."""
    text = '{"messageType":"GO_AWAY","senderClientId":"","messagePayload":"","statusResponse":null}'
    assert decode_received(text) == Received(MessageType.GO_AWAY)


def test_status_code_as_a_number() -> None:
    """A status code that is a number is read as its digits."""
    text = '{"messageType":"STATUS_RESPONSE","statusResponse":{"statusCode":400}}'
    assert decode_received(text).status == StatusResponse(None, None, "400", None)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        (b"\xff{}", "not JSON"),
        ("[]", "not a JSON object"),
        ({}, "messagePayload is missing"),
        ({"messagePayload": ""}, "messagePayload is missing"),
        ({"messagePayload": HELLO}, "action is none of SDP_OFFER, SDP_ANSWER, ICE_CANDIDATE"),
        ({"messagePayload": HELLO, "action": "GO_AWAY"}, "action is none of"),
        ({"messagePayload": HELLO, "action": 1}, "action is not a string"),
        ({"action": "SDP_OFFER", "messagePayload": "???"}, "not base64"),
        ({"action": "SDP_OFFER", "messagePayload": "/w=="}, "not base64 of UTF-8"),
        ({"action": "SDP_OFFER", "messagePayload": "aGVs\nbG8="}, "not base64"),
        ({"messagePayload": HELLO, "action": "SDP_OFFER", "recipientClientId": "a b"}, "recipient"),
        (
            {"messagePayload": HELLO, "action": "SDP_OFFER", "recipientClientId": "a" * 257},
            "recipientClientId is not 1 to 256",
        ),
        ({"messagePayload": HELLO, "action": "SDP_OFFER", "correlationId": "é"}, "correlationId"),
        ({"messagePayload": HELLO, "correlationId": 7}, "correlationId is not a string"),
    ],
)
def test_refused(content: str | bytes | dict[str, Any], why: str) -> None:
    """Each thing wrong has its own words, which hold nothing of the payload."""
    with pytest.raises(MessageError, match=why):
        decode_sent(json.dumps(content) if isinstance(content, dict) else content)


@pytest.mark.parametrize(
    ("length", "strict", "why"),
    [
        (7_500, True, None),
        (7_501, True, "has 10,004 characters of base64: it may have 10,000"),
        (9_760, False, None),  # 13,016 characters of base64, more than were seen to arrive
        (9_760, True, "has 13,016 characters of base64"),
        (10_240, False, None),
        (10_241, False, "has 10,241 bytes: it may have 10,240"),
    ],
)
def test_largest_payload(*, length: int, strict: bool, why: str | None) -> None:
    """10k are 10,240 bytes of text, or read strictly, 10,000 characters of its base64."""
    encoded = base64.b64encode(b"a" * length).decode()
    text = json.dumps({"action": "SDP_OFFER", "messagePayload": encoded, "correlationId": "7"})
    sent = decode_sent(text)
    assert sent.payload == "a" * length
    if why is None:
        check_size(sent, strict=strict)
        return
    with pytest.raises(MessageError, match=why) as caught:
        check_size(sent, strict=strict)
    assert (caught.value.correlation_id, caught.value.action) == ("7", "SDP_OFFER")


def test_largest_payload_written() -> None:
    """What the service may take is written, and no more; what it sends is read, however large."""
    largest = Sent(Action.SDP_OFFER, "a" * 10_240)
    assert decode_sent(encode_sent(largest)) == largest
    with pytest.raises(MessageError, match="10,241 bytes"):
        encode_sent(Sent(Action.SDP_OFFER, "a" * 10_241))
    beyond = Received(MessageType.SDP_OFFER, "v", "a" * 30_000)
    assert decode_received(encode_received(beyond)) == beyond


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (Sent(Action.SDP_OFFER, ""), "no characters"),
        (Sent(Action.SDP_OFFER, "\ud800"), "half a character"),
        (Sent(Action.SDP_OFFER, "x", "a b"), "recipientClientId"),
        (Sent(Action.SDP_OFFER, "x", None, ""), "correlationId"),
    ],
)
def test_not_written(message: Sent, why: str) -> None:
    """What the service would refuse does not leave."""
    with pytest.raises(MessageError, match=why):
        encode_sent(message)


def test_error_says_which_message() -> None:
    """The error carries the correlation id and the action where that much could be read."""
    with pytest.raises(MessageError) as caught:
        decode_sent('{"correlationId": "7", "action": "WAVE", "messagePayload": "aGVsbG8="}')
    assert (caught.value.correlation_id, caught.value.action) == ("7", None)
    with pytest.raises(MessageError) as caught:
        decode_sent('{"Action": "SDP_OFFER", "messagePayload": "?"}')
    assert (caught.value.correlation_id, caught.value.action) == (None, "SDP_OFFER")


@pytest.mark.parametrize("client_id", ["a", "A_.-9", "aws-1", "x" * 256])
def test_viewers_ids(client_id: str) -> None:
    """These a viewer may have."""
    check_viewer_id(client_id)


@pytest.mark.parametrize("client_id", ["", "a b", "a/b", "x" * 257, "AWS_", "aws_1", "a\n"])
def test_no_viewers_ids(client_id: str) -> None:
    """These a viewer may not have."""
    with pytest.raises(MessageError, match="the client id"):
        check_viewer_id(client_id)


def test_payloads() -> None:
    """Descriptions and candidates are read as browsers write them."""
    assert read_description('{"type":"offer","sdp":"v=0"}') == Description("offer", "v=0")
    candidate = '{"candidate":"a","sdpMid":"0","sdpMLineIndex":0,"usernameFragment":"u"}'
    assert read_candidate(candidate) == Candidate("a", "0", 0)
    assert read_candidate('{"candidate":""}') == Candidate("", None, None)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        "",
        "[]",
        '{"type":"offer"}',
        '{"type":"pranswer","sdp":"v=0"}',
        '{"type":["offer"],"sdp":"v=0"}',
        '{"candidate":null}',
        '{"candidate":"a","sdpMid":0}',
        '{"candidate":"a","sdpMLineIndex":true}',
        '{"candidate":"a","sdpMLineIndex":"0"}',
    ],
)
def test_no_payloads(payload: str | None) -> None:
    """What is neither is refused as both."""
    with pytest.raises(MessageError):
        read_description(payload)
    with pytest.raises(MessageError):
        read_candidate(payload)


def test_nothing_secret_is_shown() -> None:
    """A payload holds addresses and passwords: it is in no representation."""
    sent = decode_sent(encode_sent(Sent(Action.SDP_OFFER, "a=ice-pwd:secret")))
    shown = repr((sent, Received(MessageType.SDP_OFFER, None, sent.payload, encoded=sent.encoded)))
    assert "secret" not in shown
    assert base64.b64encode(b"a=ice-pwd:secret").decode() not in shown


@given(SENT)
def test_sent_there_and_back(message: Sent) -> None:
    """What is written is read again."""
    assert decode_sent(encode_sent(message)) == message


@given(RECEIVED)
def test_received_there_and_back(message: Received) -> None:
    """What is written is read again; a status without any member is none."""
    assert decode_received(encode_received(message)) == message


@given(st.text(st.characters(codec="utf-8")), st.none() | st.text(st.characters(codec="utf-8")))
def test_payloads_there_and_back(text: str, mid: str | None) -> None:
    """Descriptions and candidates of any text come back as they were."""
    assert read_description(Description("answer", text).to_payload()) == Description("answer", text)
    candidate = Candidate(text, mid, 3)
    assert read_candidate(candidate.to_payload()) == candidate


@pytest.mark.parametrize("read", READERS)
@given(data=st.binary() | st.text() | NONSENSE.map(json.dumps))
def test_nonsense(read: Any, data: bytes | str) -> None:
    """Whatever comes in, only our own error comes out."""
    with suppress(MessageError):
        read(data)


@given(st.text())
def test_any_text_as_payload(text: str) -> None:
    """Any text at all is written and read, or refused with our own error."""
    try:
        assert decode_sent(encode_sent(Sent(Action.SDP_OFFER, text))).payload == text
    except MessageError:
        assert not text or len(text) > 2_500 or any("\ud800" <= c <= "\udfff" for c in text)
