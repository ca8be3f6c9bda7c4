"""Streams as the service tells of them, and as a stranger might."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kvsops.aws import streams
from kvsops.aws.iam import Grant, grants
from kvsops.aws.scope import Scope
from kvsops.core.stream import Stream, Tier
from kvsops.errors import AwsError, DeniedError, NotFoundError
from kvsops.local.environment import child_environment
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.between import Answer, between
from tests.fleet import NOON, Time

ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:stream/s/1777636800000"  # at noon


def make(emulator: LocalServer, name: str, hours: int = 24, tier: str = "HOT", **tags: str) -> str:
    """Make a stream; return its ARN."""
    return emulator.backend().create_stream(None, name, None, None, hours, tags, tier)


def ask(scope: Scope, operation: str, arn: str) -> object:
    """Ask by this operation."""
    if operation == "ListStreams":
        return [*streams.listed(scope)]
    if operation == "ListTagsForStream":
        return streams.tags_of(scope, arn)
    if operation == "DescribeMappedResourceConfiguration":
        return streams.link_of(scope, arn)
    return streams.tier_of(scope, arn)


def test_listed(scope: Scope, emulator: LocalServer) -> None:
    """A listing tells all that storage is reckoned by, page by page, each stream once."""
    emulator.settings.page_limit = 2
    arns = [make(emulator, name, hours) for name, hours in (("a", 0), ("b", 24), ("c", 87_600))]
    found = [*streams.each_listed(scope)]
    assert [each.stream_arn for each in found] == arns
    assert [each.data_retention_hours for each in found] == [0, 24, 87_600]
    assert [each.retention for each in found][1] == timedelta(days=1)
    assert {each.creation_time for each in found} == {NOON}
    assert {(each.status, each.doubt) for each in found} == {("ACTIVE", "")}
    assert emulator.calls == {"ListStreams": 2}
    assert [each.stream_name for each in streams.each_listed(scope, "b")] == ["b"]


def test_none(scope: Scope) -> None:
    """An account may have no streams."""
    assert [*streams.each_listed(scope)] == []


def test_tags_and_tiers(scope: Scope, emulator: LocalServer) -> None:
    """Each is read of one stream, by its ARN."""
    arn = make(emulator, "s", tier="WARM", team="x")
    assert streams.tags_of(scope, arn) == {"team": "x"}
    assert streams.tier_of(scope, arn) is Tier.WARM
    assert streams.tier_of(scope, make(emulator, "t")) is Tier.HOT
    for read in (streams.tags_of, streams.tier_of):
        with pytest.raises(NotFoundError, match=r"no such stream: arn:aws:.*:stream/s/1 "):
            read(scope, arn.rpartition("/")[0] + "/1")


@pytest.mark.parametrize(
    ("operation", "needs"),
    [
        ("ListStreams", r'kinesisvideo:ListStreams on "\*"'),
        ("DescribeStreamStorageConfiguration", "StorageConfiguration on arn:aws:.*:stream/s/"),
        ("ListTagsForStream", "kinesisvideo:ListTagsForStream on arn:aws:.*:stream/s/"),
    ],
)
def test_denied(scope: Scope, emulator: LocalServer, operation: str, needs: str) -> None:
    """A failed look is never an empty one: it says which permission is missing."""
    arn = make(emulator, "s")
    emulator.settings.faults = (Fault(operation, "AccessDeniedException"),)
    with pytest.raises(DeniedError, match=f"{operation} denied: the credentials need .*{needs}"):
        ask(scope, operation, arn)


def told(**changes: Any) -> dict[str, Any]:
    """Answer a row of a listing, changed."""
    row = {
        "StreamName": "s",
        "StreamARN": ARN,
        "Status": "ACTIVE",
        "CreationTime": NOON.timestamp(),
        "DataRetentionInHours": 24,
    }
    return {key: value for key, value in (row | changes).items() if value is not ...}


@pytest.mark.parametrize(
    ("changes", "retention", "doubt"),
    [
        ({}, 24, ""),
        ({"DataRetentionInHours": ...}, None, ""),
        ({"DataRetentionInHours": -1}, None, "its DataRetentionInHours is -1"),
        ({"DataRetentionInHours": 87_601}, None, "its DataRetentionInHours is 87601"),
        ({"StreamName": "t"}, 24, "its ARN is of a stream named s"),
        ({"StreamARN": ARN.replace(":stream/", ":channel/")}, 24, "its ARN is not a stream's"),
        (
            {"StreamARN": ARN.replace("us-east-1", "eu-west-1")},
            24,
            "its ARN is of region eu-west-1",
        ),
        ({"CreationTime": 0}, 24, "its CreationTime is 1970-01-01"),
    ],
)
def test_what_cannot_be(changes: dict[str, Any], retention: int | None, doubt: str) -> None:
    """A retention that cannot be is not known, and never nothing; an ARN is held to its row."""
    row = told(**changes)
    created = datetime.fromtimestamp(row["CreationTime"], UTC)
    stream = Stream(
        row["StreamName"], row["StreamARN"], "ACTIVE", created, row.get("DataRetentionInHours")
    ).doubted("us-east-1", "123456789012", NOON)
    assert (stream.data_retention_hours, stream.doubt) == (retention, doubt)
    if "CreationTime" in changes:
        assert stream.creation_time is None


OTHER_TYPE = {"s: its DataRetentionInHours is of another type": 1}


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("rows", "names", "doubts"),
    [
        ([told()], ["s"], {}),
        (
            [told(DataRetentionInHours="24")],
            ["s"],
            {"s: its DataRetentionInHours is of another type": 1},
        ),
        ([told(StreamName=...), told()], ["s"], {"a row of the streams: it has no StreamName": 1}),
        ([None, told()], ["s"], {"a row of the streams: empty": 1}),
        ([told(), told()], ["s"], {}),
    ],
)
def test_rows_of_a_stranger(
    emulator: LocalServer, time: Time, rows: list[Any], names: list[str], doubts: dict[str, int]
) -> None:
    """A row that is wrong spoils no other; what is wrong of it is not known, and told."""

    def change(_: str, answer: Answer) -> Answer:
        return replace(answer, body=json.dumps({"StreamInfoList": rows}).encode())

    with between(emulator.endpoint_url, change) as url:
        scope = time.scope(child_environment(url, "us-east-1", {}))
        found = [*streams.each_listed(scope)]
    assert [each.stream_name for each in found] == names
    assert scope.doubts == doubts
    assert [each.data_retention_hours for each in found] == [
        None if "s: its" in str(doubts) else 24
    ]


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("ListStreams", "{}"),
        ("ListStreams", '{"StreamInfoList": null}'),
        ("ListStreams", "<html>"),
        ("ListStreams", '{"StreamInfoList": [], "NextToken": 7}'),
        ("ListTagsForStream", '{"Tags": null}'),
        ("ListTagsForStream", '{"Tags": {"a": 1}}'),
        ("DescribeStreamStorageConfiguration", "{}"),
        ("DescribeStreamStorageConfiguration", '{"StreamStorageConfiguration": {}}'),
        ("DescribeMappedResourceConfiguration", "{}"),
        ("DescribeMappedResourceConfiguration", '{"MappedResourceConfigurationList": null}'),
        ("DescribeMappedResourceConfiguration", '{"MappedResourceConfigurationList": [{}]}'),
    ],
)
def test_no_answer_of_the_service(
    emulator: LocalServer, time: Time, operation: str, body: str
) -> None:
    """What is not the operation's own answer is a failed look, never an empty one."""
    arn = make(emulator, "s")

    def change(_: str, answer: Answer) -> Answer:
        return replace(answer, body=body.encode())

    with between(emulator.endpoint_url, change) as url:
        scope = time.scope(child_environment(url, "us-east-1", {}))
        with pytest.raises(AwsError, match=operation):
            ask(scope, operation, arn)


def test_permissions() -> None:
    """A listing is granted on anything; a read of one stream where the channels are."""
    channels = [f"arn:aws:kinesisvideo:us-east-1:123456789012:channel/{n}/*" for n in ("a", "b*")]
    place = "arn:aws:kinesisvideo:us-east-1:123456789012:stream/*/*"
    assert grants("ListStreams", channels) == {Grant("kinesisvideo:ListStreams", "*")}
    for operation in ("ListTagsForStream", "DescribeStreamStorageConfiguration"):
        assert grants(operation, channels) == {Grant(f"kinesisvideo:{operation}", place)}


def test_a_tier_that_nobody_knows(scope: Scope, emulator: LocalServer) -> None:
    """It is a failed look, not the usual one."""
    arn = make(emulator, "s", tier="TEPID")
    with pytest.raises(AwsError, match="told a tier that is not known: 'TEPID'"):
        streams.tier_of(scope, arn)
