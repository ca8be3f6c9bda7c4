"""Tags on a channel, and what the Resource Groups Tagging API knows of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.conftest import failure

if TYPE_CHECKING:
    from tests.local.conftest import Emulator

CHANNELS = ["kinesisvideo:channel"]


def pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    """Write tags as the API takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def found(tagging: Any, **parameters: Any) -> dict[str, dict[str, str]]:
    """Answer tags by channel name, as GetResources has them, on all pages."""
    answers = tagging.get_paginator("get_resources").paginate(**parameters)
    return {
        resource["ResourceARN"].split("/")[1]: {t["Key"]: t["Value"] for t in resource["Tags"]}
        for answer in answers
        for resource in answer["ResourceTagMappingList"]
    }


@pytest.fixture
def tagging(emulator: Emulator) -> Any:
    """Make a client of the Resource Groups Tagging API."""
    return emulator.client("resourcegroupstaggingapi")


def test_tags_come_and_go(emulator: Emulator, kvs: Any) -> None:
    """Tags given at creation, added, changed and removed; keys not there are ignored."""
    arn = emulator.active("a", Tags=pairs({"one": "1", "two": "2"}))
    kvs.tag_resource(ResourceARN=arn, Tags=pairs({"two": "zwei", "three": "3"}))
    assert kvs.list_tags_for_resource(ResourceARN=arn)["Tags"] == {
        "one": "1",
        "two": "zwei",
        "three": "3",
    }
    kvs.untag_resource(ResourceARN=arn, TagKeyList=["one", "three", "nine"])
    assert kvs.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"two": "zwei"}


def test_fifty_tags(emulator: Emulator, kvs: Any) -> None:
    """50 tags hold, AWS's own not counted; one more is refused, and none of its call is kept."""
    fifty = {f"k{number}": "v" for number in range(50)}
    arn = emulator.active("a", Tags=pairs(fifty))
    channel = emulator.backend().channels["a"]
    emulator.backend().put_tags(channel, channel.tags | {"aws:cloudformation:stack-name": "s"})
    kvs.tag_resource(ResourceARN=arn, Tags=pairs({"k0": "other"}))
    refused = failure(kvs.tag_resource, ResourceARN=arn, Tags=pairs({"k1": "x", "k50": "v"}))
    assert refused[:2] == ("TagsPerResourceExceededLimitException", 400)
    tags = kvs.list_tags_for_resource(ResourceARN=arn)["Tags"]
    assert (len(tags), tags["k0"], tags["k1"]) == (51, "other", "v")


def test_fifty_one_tags_at_creation(kvs: Any) -> None:
    """A channel cannot begin with more than 50 tags, and is then not made."""
    tags = pairs({f"k{number}": "v" for number in range(51)})
    refused = failure(kvs.create_signaling_channel, ChannelName="a", Tags=tags)
    assert refused[:2] == ("TagsPerResourceExceededLimitException", 400)
    assert failure(kvs.describe_signaling_channel, ChannelName="a")[1] == 404


@pytest.mark.parametrize("key", ["aws:cloudformation:stack-name", "AWS:x"])
def test_keys_of_aws(emulator: Emulator, kvs: Any, key: str) -> None:
    """Users can neither add nor remove AWS's own tags."""
    arn = emulator.active("a")
    message = f"Tag key '{key}': keys that begin with aws: are reserved for AWS."
    for refused in (
        failure(kvs.create_signaling_channel, ChannelName="b", Tags=pairs({key: "v"})),
        failure(kvs.tag_resource, ResourceARN=arn, Tags=pairs({key: "v"})),
        failure(kvs.untag_resource, ResourceARN=arn, TagKeyList=[key]),
    ):
        assert refused == ("InvalidArgumentException", 400, message)


def test_list_tags_token(emulator: Emulator, kvs: Any) -> None:
    """All tags are on one page, so a token is never ours."""
    arn = emulator.active("a")
    assert failure(kvs.list_tags_for_resource, ResourceARN=arn, NextToken="abc")[1] == 400


def test_odd_tags_can_be_sown(emulator: Emulator, kvs: Any) -> None:
    """What the API would refuse can be put there directly, and is answered as it is."""
    arn = emulator.active("a")
    odd = {"k\n": "\x1b[31mred\x07", "q": '"', "u": "💥"}
    emulator.backend().put_tags(emulator.backend().channels["a"], odd)
    assert kvs.list_tags_for_resource(ResourceARN=arn)["Tags"] == odd


def test_never_tagged_channels_are_left_out(emulator: Emulator, tagging: Any, kvs: Any) -> None:
    """The bulk look knows tagged and once tagged channels only."""
    never = emulator.active("never")
    tagged = emulator.active("tagged", Tags=pairs({"k": "v"}))
    once = emulator.active("once", Tags=pairs({"k": "v"}))
    kvs.untag_resource(ResourceARN=once, TagKeyList=["k"])
    expected = {"tagged": {"k": "v"}, "once": {}}
    assert found(tagging, ResourceTypeFilters=CHANNELS) == expected
    assert found(tagging, ResourceARNList=[never, tagged, once]) == expected


def test_arns_of_nothing(tagging: Any) -> None:
    """ARNs that are not there are left out without an error."""
    gone = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/gone/1"
    assert found(tagging, ResourceARNList=[gone, "arn:aws:s3:::bucket"]) == {}


def test_index_lag(emulator: Emulator, tagging: Any, kvs: Any) -> None:
    """The bulk look learns of each change one lag later, the direct one at once."""
    emulator.settings.index_lag = timedelta(minutes=10)
    arn = emulator.active("a", Tags=pairs({"k": "old"}))
    assert found(tagging, ResourceARNList=[arn]) == {}
    emulator.clock.forward(minutes=10)
    kvs.tag_resource(ResourceARN=arn, Tags=pairs({"k": "new"}))
    assert kvs.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"k": "new"}
    assert found(tagging, ResourceARNList=[arn]) == {"a": {"k": "old"}}
    emulator.clock.forward(minutes=10)
    assert found(tagging, ResourceARNList=[arn]) == {"a": {"k": "new"}}

    kvs.delete_signaling_channel(ChannelARN=arn)
    emulator.clock.forward(minutes=10)
    assert failure(kvs.describe_signaling_channel, ChannelARN=arn)[1] == 404
    assert found(tagging, ResourceARNList=[arn]) == {"a": {"k": "new"}}
    emulator.clock.forward(seconds=1)
    assert found(tagging, ResourceARNList=[arn]) == {}


def test_lag_turned_off_while_running(emulator: Emulator, tagging: Any) -> None:
    """A shorter lag holds at once, for changes made before it too."""
    emulator.settings.index_lag = timedelta(hours=1)
    arn = emulator.active("a", Tags=pairs({"k": "v"}))
    assert found(tagging, ResourceARNList=[arn]) == {}
    emulator.settings.index_lag = timedelta()
    assert found(tagging, ResourceARNList=[arn]) == {"a": {"k": "v"}}


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([{"Key": "env"}], {"a", "b"}),
        ([{"Key": "env", "Values": ["ci"]}], {"a"}),
        ([{"Key": "env", "Values": ["ci", "dev"]}], {"a", "b"}),
        ([{"Key": "env", "Values": ["ci"]}, {"Key": "team"}], set()),
        ([{"Key": "team"}], {"c"}),
    ],
)
def test_tag_filters(
    emulator: Emulator, tagging: Any, filters: list[dict[str, Any]], names: set[str]
) -> None:
    """Filters are joined by and, a filter's values by or."""
    emulator.active("a", Tags=pairs({"env": "ci"}))
    emulator.active("b", Tags=pairs({"env": "dev"}))
    emulator.active("c", Tags=pairs({"team": "x"}))
    assert set(found(tagging, TagFilters=filters)) == names


@pytest.mark.parametrize(
    ("types", "count"), [(CHANNELS, 1), (["kinesisvideo"], 1), (["s3:bucket"], 0), ([], 1)]
)
def test_type_filters(emulator: Emulator, tagging: Any, types: list[str], count: int) -> None:
    """Channels are of the type kinesisvideo:channel."""
    emulator.active("a", Tags=pairs({"k": "v"}))
    assert len(found(tagging, ResourceTypeFilters=types)) == count


def test_other_services_are_found_too(in_process: Emulator) -> None:
    """Where moto's other services are, their resources are found by ARN and in a scan."""
    sns, tagging = in_process.client("sns"), in_process.client("resourcegroupstaggingapi")
    topic = sns.create_topic(Name="t", Tags=pairs({"k": "v"}))["TopicArn"]
    in_process.active("a", Tags=pairs({"k": "v"}))
    answers = [
        tagging.get_resources(ResourceARNList=[topic]),
        tagging.get_resources(ResourceTypeFilters=["sns"]),
    ]
    for answer in answers:
        assert [r["ResourceARN"] for r in answer["ResourceTagMappingList"]] == [topic]


def test_pages_of_a_scan(emulator: Emulator, tagging: Any) -> None:
    """Pages are as asked for, none repeats or skips, and one can be asked for again."""
    for number in range(7):
        emulator.active(f"c{number}", Tags=pairs({"k": "v"}))
    first = tagging.get_resources(ResourcesPerPage=3)
    second = tagging.get_resources(ResourcesPerPage=3, PaginationToken=first["PaginationToken"])
    again = tagging.get_resources(ResourcesPerPage=3, PaginationToken=first["PaginationToken"])
    third = tagging.get_resources(ResourcesPerPage=3, PaginationToken=second["PaginationToken"])
    sizes = [len(answer["ResourceTagMappingList"]) for answer in (first, second, third)]
    assert (sizes, third["PaginationToken"]) == ([3, 3, 1], "")
    assert again["ResourceTagMappingList"] == second["ResourceTagMappingList"]
    assert len(found(tagging, ResourcesPerPage=3)) == 7


def test_tags_per_page(emulator: Emulator, tagging: Any) -> None:
    """AWS's own example: 22 resources of 10 tags, 100 tags a page, are 10, 10 and 2."""
    for number in range(22):
        emulator.active(f"c{number}", Tags=pairs({f"k{key}": "v" for key in range(10)}))
    answers = tagging.get_paginator("get_resources").paginate(TagsPerPage=100)
    assert [len(answer["ResourceTagMappingList"]) for answer in answers] == [10, 10, 2]


def test_a_hundred_arns_in_one_answer(emulator: Emulator, tagging: Any) -> None:
    """A list of ARNs is never paged, whatever tags they have."""
    tags = {f"k{key}": "v" for key in range(5)}
    backend, now = emulator.backend(), emulator.clock()
    arns = [backend.put_channel(f"c{n}", now, now, tags=tags).arn for n in range(100)]
    answer = tagging.get_resources(ResourceARNList=arns)
    assert (len(answer["ResourceTagMappingList"]), answer["PaginationToken"]) == (100, "")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ResourceARNList": ["a"] * 101}, "ResourceARNList can hold at most 100 ARNs, not 101."),
        (
            {"ResourceARNList": ["a"], "TagFilters": [{"Key": "k"}]},
            "ResourceARNList and TagFilters cannot be given together.",
        ),
        (
            {"ResourceARNList": ["a"], "ResourceTypeFilters": CHANNELS},
            "ResourceARNList and ResourceTypeFilters cannot be given together.",
        ),
        (
            {"ResourceARNList": ["a"], "ResourcesPerPage": 10},
            "ResourceARNList and ResourcesPerPage cannot be given together.",
        ),
        ({"ResourcesPerPage": 101}, "ResourcesPerPage must be between 1 and 100."),
        ({"ResourcesPerPage": 0}, "ResourcesPerPage must be between 1 and 100."),
        ({"TagsPerPage": 99}, "TagsPerPage must be between 100 and 500."),
    ],
)
def test_bulk_look_refused(tagging: Any, parameters: dict[str, Any], message: str) -> None:
    """What AWS documents as not allowed is refused."""
    refused = failure(tagging.get_resources, **parameters)
    assert refused == ("InvalidParameterException", 400, message)


def test_old_scans_expire(emulator: Emulator, tagging: Any) -> None:
    """Only the latest scans are kept; the token of an older one has expired."""
    emulator.active("a", Tags=pairs({"k": "v"}))
    emulator.active("b", Tags=pairs({"k": "v"}))
    tokens = [tagging.get_resources(ResourcesPerPage=1)["PaginationToken"] for _ in range(9)]
    refused = failure(tagging.get_resources, PaginationToken=tokens[0])
    assert refused[0] == "PaginationTokenExpiredException"
    assert len(tagging.get_resources(PaginationToken=tokens[1])["ResourceTagMappingList"]) == 1


@pytest.mark.parametrize("token", ["99.1", "1.x", "nonsense"])
def test_foreign_pagination_tokens(tagging: Any, token: str) -> None:
    """A token that is not ours has expired, as AWS puts it."""
    refused = failure(tagging.get_resources, PaginationToken=token)
    assert refused[:2] == ("PaginationTokenExpiredException", 400)


def test_tagging_by_the_bulk_api(emulator: Emulator, tagging: Any, kvs: Any) -> None:
    """TagResources and UntagResources reach the channels."""
    arn = emulator.active("a")
    tagging.tag_resources(ResourceARNList=[arn], Tags={"k": "v", "l": "w"})
    tagging.untag_resources(ResourceARNList=[arn], TagKeys=["l"])
    assert kvs.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"k": "v"}


def test_tagging_by_arn_tells_what_failed(emulator: Emulator, kvs: Any) -> None:
    """What cannot be tagged is in the answer, ARN by ARN, and the others are tagged."""
    arn = emulator.active("a")
    tagging = emulator.client("resourcegroupstaggingapi")
    gone, bucket = f"{arn}0", "arn:aws:s3:::b"
    many = {"ResourceARNList": [gone, arn, bucket]}
    for failed in (
        tagging.tag_resources(**many, Tags={"k": "v"})["FailedResourcesMap"],
        tagging.untag_resources(**many, TagKeys=["l"])["FailedResourcesMap"],
    ):
        assert {arn: each["ErrorCode"] for arn, each in failed.items()} == {
            gone: "InvalidParameterException",
            bucket: "InternalServiceException",
        }
    assert kvs.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"k": "v"}
