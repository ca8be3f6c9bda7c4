"""Listing: pages, tokens, the name condition, and changes between pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.local.conftest import NOON, failure

if TYPE_CHECKING:
    from tests.local.conftest import Emulator


def put(emulator: Emulator, *names: str) -> None:
    """Put ACTIVE channels of these names there."""
    for name in names:
        emulator.backend().put_channel(name, NOON, NOON)


def page(kvs: Any, **parameters: Any) -> tuple[list[str], str | None]:
    """Answer one page's names and its token."""
    answer = kvs.list_signaling_channels(**parameters)
    return [info["ChannelName"] for info in answer["ChannelInfoList"]], answer.get("NextToken")


def all_pages(kvs: Any, **parameters: Any) -> list[list[str]]:
    """Answer the names of every page, by botocore's paginator."""
    pages = kvs.get_paginator("list_signaling_channels").paginate(**parameters)
    return [[info["ChannelName"] for info in answer["ChannelInfoList"]] for answer in pages]


def test_nothing(kvs: Any) -> None:
    """An empty region has one empty page."""
    assert page(kvs) == ([], None)


def test_pages_of_the_size_asked_for(emulator: Emulator, kvs: Any) -> None:
    """MaxResults is honoured, and the last page has no token."""
    put(emulator, "a", "b", "c", "d", "e")
    assert all_pages(kvs, PaginationConfig={"PageSize": 2}) == [["a", "b"], ["c", "d"], ["e"]]
    assert page(kvs, MaxResults=5) == (["a", "b", "c", "d", "e"], None)


def test_page_limit(emulator: Emulator, kvs: Any) -> None:
    """A page holds no more than the limit, however many were asked for."""
    put(emulator, "a", "b", "c")
    emulator.settings.page_limit = 2
    assert all_pages(kvs, PaginationConfig={"PageSize": 10_000}) == [["a", "b"], ["c"]]


def test_default_page_sizes(emulator: Emulator, kvs: Any) -> None:
    """500 where nothing is asked for, 1,000 at most."""
    put(emulator, *(f"c{number:04}" for number in range(1_200)))
    assert [len(names) for names in all_pages(kvs)] == [500, 500, 200]
    sizes = [len(names) for names in all_pages(kvs, PaginationConfig={"PageSize": 10_000})]
    assert sizes == [1_000, 200]


def test_changes_between_pages(emulator: Emulator, kvs: Any) -> None:
    """What goes or comes between two pages neither skips nor repeats another channel."""
    put(emulator, "b", "d", "f", "h", "j")
    first, token = page(kvs, MaxResults=2)
    backend = emulator.backend()
    backend.remove_channel(backend.channels["b"], NOON)
    backend.remove_channel(backend.channels["d"], NOON)
    put(emulator, "a", "c", "g")
    second, token = page(kvs, MaxResults=2, NextToken=token)
    third, token = page(kvs, MaxResults=2, NextToken=token)
    assert (first, second, third, token) == (["b", "d"], ["f", "g"], ["h", "j"], None)


def test_the_same_token_twice(emulator: Emulator, kvs: Any) -> None:
    """A page can be asked for again: its answer may have been lost."""
    put(emulator, "a", "b", "c")
    _, token = page(kvs, MaxResults=1)
    assert page(kvs, MaxResults=1, NextToken=token) == page(kvs, MaxResults=1, NextToken=token)


@pytest.mark.parametrize(
    ("prefix", "pages"),
    [
        ("ci-", [["ci-1", "ci-2"], ["ci-3"]]),
        ("ci-3", [["ci-3"]]),
        ("ci", [["ci-1", "ci-2"], ["ci-3", "cia"]]),
        ("z", [["zz"]]),
        ("none", [[]]),
    ],
)
def test_begins_with(emulator: Emulator, kvs: Any, prefix: str, pages: list[list[str]]) -> None:
    """The name condition is kept on every page."""
    put(emulator, "cam", "ci-1", "ci-2", "ci-3", "cia", "zz")
    condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": prefix}
    found = all_pages(kvs, ChannelNameCondition=condition, PaginationConfig={"PageSize": 2})
    assert found == pages


@pytest.mark.parametrize("token", ["abc", "AAAA", "bm90IG91cnMgYXQgYWxs", "===="])
def test_foreign_tokens(kvs: Any, token: str) -> None:
    """A token that is not ours is refused."""
    assert failure(kvs.list_signaling_channels, NextToken=token)[:2] == (
        "InvalidArgumentException",
        400,
    )


def test_a_token_of_another_listing(emulator: Emulator, kvs: Any) -> None:
    """A token belongs to its name condition."""
    put(emulator, "a", "b")
    _, token = page(kvs, MaxResults=1)
    condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": "b"}
    assert failure(
        kvs.list_signaling_channels, NextToken=token, ChannelNameCondition=condition
    ) == ("InvalidArgumentException", 400, "The NextToken is not valid for this listing.")


def test_streams_in_pages(emulator: Emulator, kvs: Any) -> None:
    """Streams are listed by name, in pages, and by the beginning of their names."""
    for name in ("b", "a2", "c", "a1"):
        kvs.create_stream(StreamName=name)

    def pages(**parameters: Any) -> list[list[str]]:
        found = kvs.get_paginator("list_streams").paginate(**parameters)
        return [[each["StreamName"] for each in page["StreamInfoList"]] for page in found]

    begins = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": "a"}
    assert pages() == [["a1", "a2", "b", "c"]]
    assert pages(MaxResults=3) == [["a1", "a2", "b"], ["c"]]
    assert pages(MaxResults=1, StreamNameCondition=begins) == [["a1"], ["a2"]]
    assert pages(StreamNameCondition=begins | {"ComparisonValue": "z"}) == [[]]
    emulator.settings.page_limit = 2
    assert pages(MaxResults=10_000) == [["a1", "a2"], ["b", "c"]]
    refused = failure(kvs.list_streams, NextToken="nonsense")
    assert refused[:2] == ("InvalidArgumentException", 400)
