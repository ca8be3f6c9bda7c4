"""The signaling channel and its ARN, and what makes a name, a tag or a pattern a legal one."""

import re
import string
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final, Self

from kvsops.errors import UsageError

# Source of the name, tag and ARN shapes: the service's model,
# https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_CreateSignalingChannel.html
NAME_CHARACTERS: Final = "a-zA-Z0-9_.-"
NAME_MAXIMUM: Final = 256
TAG_KEY_MAXIMUM: Final = 128
TAG_VALUE_MAXIMUM: Final = 256
TAG_PUNCTUATION: Final = "_.:/=+-@"  # beside letters, digits and spaces of any script
TAGS_MAXIMUM: Final = 50
MESSAGE_TTL_SECONDS: Final = range(5, 121)

SERVICE_BEGAN: Final = datetime(2017, 11, 29, tzinfo=UTC)
"""No channel is older. Source: https://aws.amazon.com/about-aws/whats-new/2017/11/introducing-amazon-kinesis-video-streams/"""
MOST_APART: Final = timedelta(minutes=1)
"""How far a channel's creation time may be from the one in its ARN."""

KEEP_TAG: Final = "kvsops:keep"
EXPIRES_AT_TAG: Final = "kvsops:expires-at"
OWNER_TAG: Final = "kvsops:owner"

_NAME = re.compile(f"[{NAME_CHARACTERS}]{{1,{NAME_MAXIMUM}}}")
_ARN = re.compile(
    r"arn:(?P<partition>[a-z0-9-]+):kinesisvideo:(?P<region>[a-z0-9-]+):(?P<account_id>[0-9]+)"
    rf":channel/(?P<channel_name>[{NAME_CHARACTERS}]{{1,{NAME_MAXIMUM}}})"
    r"/(?P<creation_ms>[1-9][0-9]{0,18})"
)
# AWS documents no more of an ARN than the model's pattern; the milliseconds may be left out.
_TOLD_ARN = re.compile(
    r"arn:[a-z0-9-]+:kinesisvideo:(?P<region>[a-z0-9-]+):(?P<account_id>[0-9]+)"
    rf":(?P<kind>[a-z]+)/(?P<name>[{NAME_CHARACTERS}]{{1,{NAME_MAXIMUM}}})"
    r"(?:/(?P<creation_ms>[0-9]{1,19}))?"
)
_BRACKET = re.compile(r"\[!?\]?[^\]]*\]")


@dataclass(frozen=True, slots=True)
class ChannelArn:
    """`arn:PARTITION:kinesisvideo:REGION:ACCOUNT:channel/NAME/CREATION_MS`.

    The last part is the creation time in milliseconds: a channel that is deleted and made again
    under its name has another ARN.
    """

    partition: str
    region: str
    account_id: str
    channel_name: str
    creation_ms: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an ARN; raises `UsageError` with the form expected when it is not a channel's."""
        found = _ARN.fullmatch(text)
        if found is None:
            msg = (
                f"not a signaling channel's ARN: {text!r}: it has the form "
                "arn:aws:kinesisvideo:REGION:ACCOUNT:channel/NAME/CREATION_MS"
            )
            raise UsageError(msg)
        partition, region, account_id, channel_name, creation_ms = found.groups()
        return cls(partition, region, account_id, channel_name, int(creation_ms))

    def __str__(self) -> str:
        return (
            f"arn:{self.partition}:kinesisvideo:{self.region}:{self.account_id}"
            f":channel/{self.channel_name}/{self.creation_ms}"
        )


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel as ListSignalingChannels and DescribeSignalingChannel tell of it.

    What the service left out is None, which is never read as zero, as new or as old. `doubt` says
    what was told of it that cannot be: it is not deleted by that.
    """

    channel_name: str
    channel_arn: str
    status: str | None
    creation_time: datetime | None  # aware, UTC
    version: str | None
    channel_type: str | None = None
    message_ttl_seconds: int | None = None
    doubt: str = ""

    def doubted(self, region: str, account_id: str | None, now: datetime) -> "Channel":
        """Hold it against its ARN, its region and the calendar; return it with what cannot be.

        What is wrong is None in it. `account_id` is None where it is not known.
        """
        told = contradictions(
            "channel",
            self.channel_name,
            self.channel_arn,
            self.creation_time,
            region=region,
            account_id=account_id,
            now=now,
        )
        if told is None:
            return replace(self, doubt=self.doubt or "its ARN is not a channel's")
        doubts, created = told
        ttl = self.message_ttl_seconds
        if ttl is not None and ttl not in MESSAGE_TTL_SECONDS:
            doubts.append(f"its MessageTtlSeconds is {ttl}")
            ttl = None
        if not doubts:
            return self
        doubt = "; ".join(filter(None, (self.doubt, *doubts)))
        return replace(self, creation_time=created, message_ttl_seconds=ttl, doubt=doubt)


def contradictions(
    kind: str,
    name: str,
    arn: str,
    creation_time: datetime | None,
    *,
    region: str,
    account_id: str | None,
    now: datetime,
) -> tuple[list[str], datetime | None] | None:
    """Say what an ARN, region and calendar contradict; return the creation time unless it is wrong.

    `kind` is what the ARN is to be of: `channel` or `stream`. None: it is not one of these.
    """
    found = _TOLD_ARN.fullmatch(arn)
    if found is None or found["kind"] != kind:
        return None
    doubts = []
    if found["name"] != name:
        doubts.append(f"its ARN is of a {kind} named {found['name']}")
    if found["region"] != region:
        doubts.append(f"its ARN is of region {found['region']}")
    if account_id is not None and found["account_id"] != account_id:
        doubts.append(f"its ARN is of account {found['account_id']}")
    if creation_time is not None and (why := _impossible(creation_time, found["creation_ms"], now)):
        doubts.append(why)
        return doubts, None
    return doubts, creation_time


def _impossible(created: datetime, creation_ms: str | None, now: datetime) -> str:
    """Say why a channel cannot have been made then; nothing where it can."""
    if created < SERVICE_BEGAN or created - now > timedelta(days=1):
        return f"its CreationTime is {created:%Y-%m-%d}"
    # An ARN without the milliseconds says nothing.
    apart = abs(created.timestamp() - int(creation_ms) / 1_000) if creation_ms else 0
    return "its CreationTime is not its ARN's" if apart > MOST_APART.total_seconds() else ""


@dataclass(frozen=True, slots=True)
class StorageLink:
    """The stream that a channel's media is stored in, and whether the link is ENABLED."""

    status: str  # ENABLED or DISABLED
    stream_arn: str | None

    @property
    def linked(self) -> bool:
        """Whether the service refuses to delete the channel: anything but DISABLED counts."""
        return self.status != "DISABLED"


@dataclass(frozen=True, slots=True)
class TagFilter:
    """A tag to look for: its key, and its value unless any value will do."""

    key: str
    value: str | None

    def matches(self, tags: "dict[str, str]") -> bool:
        """Whether the tags carry the key (and the value, where one is asked for)."""
        return self.key in tags and self.value in (None, tags[self.key])

    def __str__(self) -> str:
        return self.key if self.value is None else f"{self.key}={self.value}"


def checked_name(text: str) -> str:
    """Return the channel name; raises `UsageError` when the service would refuse it."""
    if not _NAME.fullmatch(text):
        msg = f"not a channel name: {text!r}: use 1 to {NAME_MAXIMUM} of a-z A-Z 0-9 _ . -"
        raise UsageError(msg)
    return text


def checked_tag_key(text: str) -> str:
    """Return the tag key; raises `UsageError` when it is empty or too long."""
    if not 1 <= len(text) <= TAG_KEY_MAXIMUM:
        msg = f"not a tag key: {text!r}: it has 1 to {TAG_KEY_MAXIMUM} characters"
        raise UsageError(msg)
    return text


def checked_tag_filter(text: str) -> TagFilter:
    """Read KEY or KEY=VALUE; raises `UsageError` when the key is empty or a part is too long."""
    key, equals, value = text.partition("=")
    if len(value) > TAG_VALUE_MAXIMUM:
        msg = f"the value of tag {key!r} is too long: at most {TAG_VALUE_MAXIMUM} characters"
        raise UsageError(msg)
    return TagFilter(checked_tag_key(key), value if equals else None)


def checked_tag(text: str) -> tuple[str, str]:
    """Read KEY=VALUE to set on a channel; raises `UsageError` when malformed or reserved."""
    wanted = checked_tag_filter(text)
    if wanted.value is None:
        msg = f"not a tag: {text!r}: write KEY=VALUE (VALUE may be empty: {text}=)"
        raise UsageError(msg)
    if wanted.key.lower().startswith("aws:"):
        msg = f"the tag {wanted.key!r} cannot be set: keys beginning with aws: are AWS's own"
        raise UsageError(msg)
    if wrong := next((each for each in text if not _may_stand_in_a_tag(each)), None):
        msg = f"not a tag: {text!r}: {wrong!r} may not stand in one: letters, digits, spaces and"
        raise UsageError(f"{msg} {TAG_PUNCTUATION} may")
    return wanted.key, wanted.value


def checked_glob(text: str) -> str:
    """Return the shell pattern; raises `UsageError` when no channel name can match it.

    `[^ab]` is refused: a shell reads it as `[!ab]`, and Python as one of `^ab`: the very opposite.
    """
    shortest = _BRACKET.sub("?", text).replace("*", "")
    wrong = re.search(f"[^?{NAME_CHARACTERS}]", shortest)
    empty = next((each for each in _BRACKET.findall(text) if not _stands_for_any(each)), None)
    if not text or len(shortest) > NAME_MAXIMUM:
        msg = f"no channel name can match {text!r}: names have 1 to {NAME_MAXIMUM} characters"
    elif caret := next((each for each in _BRACKET.findall(text) if each[1] == "^"), None):
        msg = f"the pattern {text!r} is not clear: for any but these write [!{caret[2:]}"
    elif empty:
        msg = f"no channel name can match {text!r}: {empty!r} stands for no character of a name"
    elif wrong and wrong[0] == "[":
        msg = f"the pattern {text!r} has a [ without its ]: close it"
    elif wrong:
        msg = f"no channel name can match {text!r}: {wrong[0]!r} never stands in a name"
    else:
        return text
    raise UsageError(msg)


def _may_stand_in_a_tag(letter: str) -> bool:
    return letter in TAG_PUNCTUATION or unicodedata.category(letter)[0] in "LNZ"


def _stands_for_any(bracket: str) -> bool:
    letters = string.ascii_letters + string.digits + "_.-"
    return any(fnmatchcase(letter, bracket) for letter in letters)
