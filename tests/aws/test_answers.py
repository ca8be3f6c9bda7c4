"""Answers that are not the operation's own: each is a failed look, never an empty one."""

import json
import time as real_time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from kvsops.aws import activity, channels, patience
from kvsops.aws.scope import Scope
from kvsops.errors import AwsError
from kvsops.local.server import LocalServer
from tests.between import Answer, Change, between
from tests.fleet import DAY, NOON, Time, put

HTML = b"<html><body>Sign in to the network</body></html>"
ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/a/"
Through = Callable[[Change], Scope]


@pytest.fixture
def through(environment: dict[str, str], time: Time) -> Iterator[Through]:
    """Return what makes a scope whose answers are changed on their way."""
    with ExitStack() as stack:

        def make(change: Change) -> Scope:
            url = stack.enter_context(between(environment["AWS_ENDPOINT_URL"], change))
            return time.scope(environment, endpoint_url=url, quota_share=1)

        yield make


def always(status: int = 200, body: bytes = HTML, kind: str = "text/html") -> Change:
    """Answer so, whatever was asked."""
    return lambda _, __: Answer(status, body, {"content-type": kind})


def edited(edit: Callable[[Any], object]) -> Change:
    """Let the answer's JSON be edited in place."""

    def change(_: str, answer: Answer) -> Answer:
        content = json.loads(answer.body)
        edit(content)
        answer.body = json.dumps(content).encode()
        return answer

    return change


CALLS: dict[str, dict[str, Any]] = {
    "CreateSignalingChannel": {"ChannelName": "new"},
    "DeleteSignalingChannel": {"ChannelARN": ARN + "1"},
    "DescribeMediaStorageConfiguration": {"ChannelARN": ARN + "1"},
    "DescribeSignalingChannel": {"ChannelName": "a"},
    "GetCallerIdentity": {},
    "GetProducts": {"ServiceCode": "AmazonKinesisVideo"},
    "GetResources": {"ResourceARNList": [ARN + "1"]},
    "GetSignalingChannelEndpoint": {"ChannelARN": ARN + "1"},
    "ListMetrics": {},
    "ListSignalingChannels": {},
    "ListTagsForResource": {"ResourceARN": ARN + "1"},
    "TagResource": {"ResourceARN": ARN + "1", "Tags": [{"Key": "k", "Value": "v"}]},
    "UntagResource": {"ResourceARN": ARN + "1", "TagKeyList": ["k"]},
}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, HTML, "text/html"),
        (200, b"", "text/plain"),
        (200, b"[]", "application/json"),
        (200, b"null", "application/json"),
        (200, b"{}", "application/json"),
        (200, b'{"Tags": {}, "x": NaN}', "application/json"),
        (201, b'{"Tags": {}}', "application/json"),
        (302, HTML, "text/html"),
        (403, HTML, "text/html"),
    ],
)
def test_somebody_elses_answer(through: Through, status: int, body: bytes, kind: str) -> None:
    """No operation takes it for its own; its text is not shown, and a write may have been done."""
    scope = through(always(status, body, kind))
    for operation, parameters in CALLS.items():
        with pytest.raises(AwsError) as caught:
            scope.call(operation, **parameters)
        assert caught.value.code == "UnreadableAnswerError"
        assert caught.value.sent
        said = f"{operation} failed: not an answer of {operation} but {kind}, {len(body)} bytes"
        assert str(caught.value).startswith(said)
        assert "Sign in" not in str(caught.value)


@pytest.mark.parametrize(
    "tags",
    [None, [], "", 7, {"kvsops:keep": None}, {"kvsops:keep": 1}, {"a": ["b"]}],
)
def test_tags_of_another_type(through: Through, emulator: LocalServer, tags: object) -> None:
    """They are not none."""
    channel = put(emulator, "a", tags={"kvsops:keep": ""})
    scope = through(edited(lambda answer: answer.update(Tags=tags)))
    with pytest.raises(AwsError, match="not an answer of ListTagsForResource"):
        channels.tags_of(scope, channel.arn)


def test_tags_left_out(through: Through, emulator: LocalServer) -> None:
    """The service may leave them out; a stranger's answer has not its headers."""
    channel = put(emulator, "a")
    scope = through(edited(lambda answer: answer.pop("Tags")))
    assert channels.tags_of(scope, channel.arn) == {}


@pytest.mark.parametrize("configuration", [None, {}, {"Status": None}, {"Status": 7}, "ENABLED"])
def test_storage_that_is_not_told(
    through: Through, emulator: LocalServer, configuration: object
) -> None:
    """It is not unlinked by that."""
    channel = put(emulator, "a", stored=True)
    scope = through(edited(lambda answer: answer.update(MediaStorageConfiguration=configuration)))
    with pytest.raises(AwsError, match="DescribeMediaStorageConfiguration"):
        channels.storage_link_of(scope, channel.arn)


def test_what_may_be_new(through: Through, emulator: LocalServer) -> None:
    """Members and values that are not known yet, and null for what is optional, are no error."""
    put(emulator, "a")

    def edit(answer: Any) -> None:
        row = answer["ChannelInfoList"][0]
        row |= {"ChannelStatus": "RESTING", "Color": ["red"], "ChannelType": None}
        answer |= {"NextToken": None, "More": {}}

    scope = through(edited(edit))
    (channel,) = channels.each_listed(scope)
    assert (channel.status, channel.channel_type, scope.doubts) == ("RESTING", None, {})


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("CreationTime", 0, "its CreationTime is 1970-01-01"),
        ("CreationTime", -1e9, "its CreationTime is 1938-04-24"),
        ("CreationTime", True, "its CreationTime is of another type"),
        ("CreationTime", "yesterday", "its CreationTime is of another type"),
        ("CreationTime", 1_777_636_800_000, "its CreationTime is 9999-12-31"),
        ("CreationTime", 1e300, "its CreationTime is 9999-12-31"),
        ("CreationTime", 1_777_550_400 - 61, "its CreationTime is not its ARN's"),
        ("SingleMasterConfiguration", {"MessageTtlSeconds": 0}, "its MessageTtlSeconds is 0"),
        ("SingleMasterConfiguration", 7, "its SingleMasterConfiguration is of another type"),
        ("ChannelStatus", 7, "its ChannelStatus is of another type"),
        ("ChannelName", "b", "its ARN is of a channel named a"),
        ("ChannelARN", "arn:aws:s3:::a", "its ARN is not a channel's"),
        (
            "ChannelARN",
            "arn:aws:kinesisvideo:eu-west-1:123456789012:channel/a/1777550400000",
            "its ARN is of region eu-west-1",
        ),
        (
            "ChannelARN",
            "arn:aws:kinesisvideo:us-east-1:210987654321:channel/a/1777550400000",
            "its ARN is of account 210987654321",
        ),
    ],
)
def test_a_row_that_cannot_be(
    through: Through, emulator: LocalServer, member: str, value: object, said: str
) -> None:
    """It is unknown, and told; the other channels are as they are."""
    put(emulator, "a")
    put(emulator, "z")

    def edit(answer: Any) -> None:
        answer["ChannelInfoList"].sort(key=lambda row: row["ChannelName"], reverse=True)
        answer["ChannelInfoList"][1][member] = value

    scope = through(edited(edit))
    good, bad = channels.each_listed(scope)
    assert (good.channel_name, good.doubt, bad.doubt) == ("z", "", said)
    assert list(scope.doubts) == [f"{bad.channel_name}: {said}"]


@pytest.mark.parametrize("row", [None, 7, {}, {"ChannelName": None}, {"ChannelName": "a"}])
def test_a_row_that_names_no_channel(through: Through, emulator: LocalServer, row: object) -> None:
    """It is told, and the others come all the same."""
    put(emulator, "z")
    scope = through(edited(lambda answer: answer["ChannelInfoList"].append(row)))
    assert [channel.channel_name for channel in channels.each_listed(scope)] == ["z"]
    assert len(scope.doubts) == 1


def test_an_arn_without_its_time(through: Through, emulator: LocalServer) -> None:
    """It says nothing against the creation time."""
    put(emulator, "a")
    scope = through(
        edited(lambda answer: answer["ChannelInfoList"][0].update(ChannelARN=ARN.rstrip("/")))
    )
    (channel,) = channels.each_listed(scope)
    assert channel.creation_time
    assert not channel.doubt


def test_a_channel_listed_twice(through: Through, emulator: LocalServer) -> None:
    """It is one."""
    put(emulator, "a")
    scope = through(
        edited(lambda answer: answer.update(ChannelInfoList=answer["ChannelInfoList"] * 2))
    )
    assert len([*channels.each_listed(scope)]) == 1


def test_another_channel_described(through: Through, emulator: LocalServer) -> None:
    """Nothing is taken from it."""
    put(emulator, "a")
    scope = through(edited(lambda answer: answer["ChannelInfo"].update(ChannelName="b")))
    with pytest.raises(AwsError, match="the answer is of another channel"):
        channels.described(scope, "a")


@pytest.mark.parametrize(
    ("operation", "token"),
    [
        ("ListSignalingChannels", "NextToken"),
        ("ListMetrics", "NextToken"),
        ("GetResources", "PaginationToken"),
        ("GetProducts", "NextToken"),
    ],
)
def test_a_token_given_twice(through: Through, operation: str, token: str) -> None:
    """The pages would never end."""
    given = edited(lambda answer: answer.update({token: "again"}))
    first: list[Answer] = []

    def change(asked: str, answer: Answer) -> Answer:
        first.append(first[0] if first else given(asked, answer))
        return first[0]

    scope = through(change)
    pages = scope.answers(operation, token, **CALLS[operation])
    with pytest.raises(AwsError, match=f"it gave one {token} twice, so its pages never end"):
        list(pages)
    assert scope.calls[operation] == 2


@pytest.mark.parametrize(
    "members",
    [
        {"Values": [1.0]},
        {"Values": ["1", 1]},
        {"Values": [True, 1]},
        {"Values": [-1, 1]},
        {"Timestamps": 7},
        {"Timestamps": [0, 1]},
        {"Timestamps": [NOON.timestamp()] * 2},
        {"Timestamps": [NOON.timestamp(), 1e300]},
    ],
)
def test_metrics_that_cannot_be(through: Through, time: Time, members: dict[str, Any]) -> None:
    """Those queries are not told; none of the others fails for them."""

    def edit(answer: Any) -> None:
        at = time.now().timestamp()
        times = [at, at - 60]
        good = {"Id": "q0", "StatusCode": "Complete", "Timestamps": times, "Values": [1.0, 1.0]}
        answer["MetricDataResults"] = [good, good | {"Id": "q1"} | members]

    scope = through(edited(edit))
    asked = [("a", activity.FIRST[0]), ("b", activity.FIRST[0])]
    points, untold = activity.read(scope, asked, time.now() - DAY, time.now())
    assert list(points) == ["a"]
    assert list(untold) == ["b"]


def test_too_much(through: Through) -> None:
    """It is not read to the end."""
    scope = through(always(body=b" " * (33 * 2**20)))
    with pytest.raises(AwsError, match="the answer has more than 32 MB"):
        scope.call("ListSignalingChannels")


def test_a_dripping_answer(through: Through, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for within a bound, and a write may have been carried out."""

    def drip(_: str, answer: Answer) -> Answer:
        answer.drip = True
        return answer

    monkeypatch.setattr(patience, "CALL_SECONDS", 1.0)
    began = real_time.monotonic()
    with pytest.raises(AwsError, match="no whole answer came within 1 s") as caught:
        through(drip).call("CreateSignalingChannel", ChannelName="new")
    assert caught.value.sent
    assert real_time.monotonic() - began < 5
