"""ARNs, names, tags and patterns: what is taken, and what is refused with one line."""

import re
import string
from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsops.core.channel import (
    Channel,
    ChannelArn,
    StorageLink,
    TagFilter,
    checked_glob,
    checked_name,
    checked_tag,
    checked_tag_filter,
    checked_tag_key,
)
from kvsops.errors import UsageError

NAME_ALPHABET = string.ascii_letters + string.digits + "_.-"
NAMES = st.text(NAME_ALPHABET, min_size=1, max_size=256)


def refusal(check: Callable[[str], object], text: str) -> str:
    """Return the one line with which the text is refused."""
    with pytest.raises(UsageError) as caught:
        check(text)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


@given(
    partition=st.sampled_from(["aws", "aws-cn", "aws-us-gov"]),
    region=st.from_regex(r"[a-z]{2}-[a-z]{3,9}-[1-9]", fullmatch=True),
    account_id=st.text(string.digits, min_size=12, max_size=12),
    channel_name=NAMES,
    creation_ms=st.integers(1, 10**15),
)
def test_arn_round_trip(
    partition: str, region: str, account_id: str, channel_name: str, creation_ms: int
) -> None:
    """An ARN is its parts, and its parts are the ARN."""
    arn = ChannelArn(partition, region, account_id, channel_name, creation_ms)
    assert ChannelArn.parse(str(arn)) == arn


@given(st.text() | st.from_regex(r"arn:aws:kinesisvideo:[ -~]{0,40}:channel/[ -~]*/\d*"))
def test_any_text_is_an_arn_or_refused(text: str) -> None:
    """What is taken for an ARN is the very text; all else is refused in one line."""
    try:
        arn = ChannelArn.parse(text)
    except UsageError:
        refusal(ChannelArn.parse, text)
    else:
        assert str(arn) == text


ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/ci-1/1700000000000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "arn:",
        "ci-1",
        ARN + "\n",
        " " + ARN,
        ARN + "/x",
        ARN.replace("channel/", "stream/"),
        ARN.replace("kinesisvideo", "kinesis"),
        ARN.replace("us-east-1", ""),
        ARN.replace("us-east-1", "*"),
        ARN.replace("123456789012", ""),
        ARN.replace("123456789012", "12345678901x"),
        ARN.replace("/1700000000000", ""),
        ARN.replace("1700000000000", "17e11"),
        ARN.replace("1700000000000", "01"),
        ARN.replace("1700000000000", "9" * 5000),
        ARN.replace("ci-1", ""),
        ARN.replace("ci-1", "ci 1"),
        ARN.replace("ci-1", "x" * 257),
    ],
)
def test_bad_arn(text: str) -> None:
    """What is no channel's ARN is refused, with the form it must have."""
    said = refusal(ChannelArn.parse, text)
    assert said.startswith("not a signaling channel's ARN: ")
    assert said.endswith("the form arn:aws:kinesisvideo:REGION:ACCOUNT:channel/NAME/CREATION_MS")


@given(NAMES)
def test_names(name: str) -> None:
    """1 to 256 of the service's characters are a name, `.` and `-` alone too."""
    assert checked_name(name) == name


@pytest.mark.parametrize("text", ["", "a b", "ä", "a/b", "a\n", "a*", "x" * 257, "arn:aws"])
def test_bad_name(text: str) -> None:
    """What the service would refuse is refused here."""
    said = f"not a channel name: {text!r}: use 1 to 256 of a-z A-Z 0-9 _ . -"
    assert refusal(checked_name, text) == said


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("env", TagFilter("env", None)),
        ("env=", TagFilter("env", "")),
        ("env=ci", TagFilter("env", "ci")),
        ("env=a=b=", TagFilter("env", "a=b=")),
        ("aws:x=1", TagFilter("aws:x", "1")),
        ("k" * 128 + "=" + "v" * 256, TagFilter("k" * 128, "v" * 256)),
        ("schlüssel=wért ✓", TagFilter("schlüssel", "wért ✓")),
    ],
)
def test_tag_filter(text: str, wanted: TagFilter) -> None:
    """KEY takes any value, KEY=VALUE that one; it is written as it was read."""
    assert checked_tag_filter(text) == wanted
    assert str(wanted) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a tag key: '': it has 1 to 128 characters"),
        ("=ci", "not a tag key: '': it has 1 to 128 characters"),
        ("k" * 129, f"not a tag key: '{'k' * 129}': it has 1 to 128 characters"),
        ("k=" + "v" * 257, "the value of tag 'k' is too long: at most 256 characters"),
    ],
)
def test_bad_tag_filter(text: str, said: str) -> None:
    """An empty or too long key, or a too long value, is refused."""
    assert refusal(checked_tag_filter, text) == said
    assert refusal(checked_tag, text) == said


def test_tag_key() -> None:
    """A key alone: what it may be is known without a value."""
    assert checked_tag_key("k" * 128) == "k" * 128
    assert refusal(checked_tag_key, "") == "not a tag key: '': it has 1 to 128 characters"


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("a=b", ("a", "b")),
        ("a=", ("a", "")),
        ("awsome=1", ("awsome", "1")),
        ("größe=x y+2@z", ("größe", "x y+2@z")),
    ],
)
def test_tag(text: str, tag: tuple[str, str]) -> None:
    """A tag to set is a key and a value."""
    assert checked_tag(text) == tag


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a", "not a tag: 'a': write KEY=VALUE (VALUE may be empty: a=)"),
        ("aws:a=1", "the tag 'aws:a' cannot be set: keys beginning with aws: are AWS's own"),
        ("AWS:a=1", "the tag 'AWS:a' cannot be set: keys beginning with aws: are AWS's own"),
        (
            "a=1\n",
            "not a tag: 'a=1\\n': '\\n' may not stand in one: "
            "letters, digits, spaces and _.:/=+-@ may",
        ),
        (
            "a✓=1",
            "not a tag: 'a✓=1': '✓' may not stand in one: letters, digits, spaces and _.:/=+-@ may",
        ),
    ],
)
def test_bad_tag(text: str, said: str) -> None:
    """A tag to set needs its value, and is not one of AWS's own."""
    assert refusal(checked_tag, text) == said


@pytest.mark.parametrize(
    ("wanted", "tags", "matches"),
    [
        (TagFilter("a", None), {}, False),
        (TagFilter("a", None), {"a": ""}, True),
        (TagFilter("a", None), {"A": ""}, False),
        (TagFilter("a", ""), {"a": ""}, True),
        (TagFilter("a", ""), {"a": "1"}, False),
        (TagFilter("a", "1"), {"a": "1", "b": "2"}, True),
        (TagFilter("a", "1"), {"b": "1"}, False),
    ],
)
def test_tag_filter_matches(wanted: TagFilter, tags: dict[str, str], *, matches: bool) -> None:
    """The key must be there, and the value too where one is asked for."""
    assert wanted.matches(tags) is matches


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("*", "x"),
        ("ci-*", "ci-1"),
        ("*-ci", "a-ci"),
        ("[ab]?", "a1"),
        ("[!a]*", "b"),
        ("[]a]", "a"),
        ("[!]]", "a"),
        ("[a-z%]", "q"),
        ("x" * 256, "x" * 256),
        ("*" + "x" * 256 + "*", "x" * 256),
        ("?" * 256, "x" * 256),
        ("[ab]" * 256, "ab" * 128),
    ],
)
def test_glob(text: str, name: str) -> None:
    """A pattern that some name matches is taken."""
    assert fnmatchcase(name, checked_glob(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no channel name can match '': names have 1 to 256 characters"),
        ("a b*", "no channel name can match 'a b*': ' ' never stands in a name"),
        ("ci/*", "no channel name can match 'ci/*': '/' never stands in a name"),
        ("ü", "no channel name can match 'ü': 'ü' never stands in a name"),
        ("a\n", "no channel name can match 'a\\n': '\\n' never stands in a name"),
        ("a]", "no channel name can match 'a]': ']' never stands in a name"),
        ("[ab", "the pattern '[ab' has a [ without its ]: close it"),
        ("a[", "the pattern 'a[' has a [ without its ]: close it"),
        ("[%]", "no channel name can match '[%]': '[%]' stands for no character of a name"),
        ("a[z-b]", "no channel name can match 'a[z-b]': '[z-b]' stands for no character of a name"),
        ("[]", "no channel name can match '[]': '[]' stands for no character of a name"),
        ("[!]*", "no channel name can match '[!]*': '[!]' stands for no character of a name"),
        ("a[^bc]*", "the pattern 'a[^bc]*' is not clear: for any but these write [!bc]"),
        ("[^]*", "the pattern '[^]*' is not clear: for any but these write [!]"),
    ],
)
def test_impossible_glob(text: str, said: str) -> None:
    """A pattern that no name can match, or not those that are meant, is refused."""
    assert refusal(checked_glob, text) == said


@pytest.mark.parametrize("text", ["x" * 257, "?" * 257, "[ab]" * 257, "*" + "?x" * 128 + "?"])
def test_too_long_glob(text: str) -> None:
    """A pattern that only names of more than 256 characters could match is refused."""
    assert re.fullmatch(
        r"no channel name can match '.*': names have 1 to 256 characters",
        refusal(checked_glob, text),
    )


@given(st.text(NAME_ALPHABET + "*?[]!-/ ", max_size=12), st.text(NAME_ALPHABET, min_size=1))
def test_a_refused_glob_matches_no_name(text: str, name: str) -> None:
    """Whatever is refused could not have matched."""
    try:
        checked_glob(text)
    except UsageError:
        assert not fnmatchcase(name, text)


@pytest.mark.parametrize(
    ("status", "linked"), [("ENABLED", True), ("DISABLED", False), ("", True), ("disabled", True)]
)
def test_storage_link(status: str, *, linked: bool) -> None:
    """Only DISABLED is no link."""
    assert StorageLink(status, None).linked is linked


def test_channel_is_a_value() -> None:
    """Two looks at an unchanged channel are equal."""
    made = [
        Channel("a", ARN, "ACTIVE", datetime(2026, 1, 1, tzinfo=UTC), "v1", "SINGLE_MASTER", 60)
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert hash(made[0]) == hash(made[1])
