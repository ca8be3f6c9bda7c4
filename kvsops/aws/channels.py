"""Channels, their tags and their storage links, as the service tells and changes them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kvsops.aws.answers import DOUBTS
from kvsops.aws.clock import TOLERANCE
from kvsops.aws.listing import pages
from kvsops.aws.quotas import channel_quota
from kvsops.aws.scope import ATTEMPTS, Scope
from kvsops.core.channel import Channel, ChannelArn, StorageLink
from kvsops.errors import AwsError, KvsopsError, NoSuchNameError, NotFoundError

INDEX_PAGE: Final = 100  # ARNs a GetResources call takes
POLL_SECONDS: Final = (0.2, 0.3, 0.5, 1.0)  # then the last again
WAIT_SECONDS: Final = 60.0


def listed(scope: Scope, prefix: str | None = None) -> Iterator[list[Channel]]:
    """Yield the scope's channels page by page, the prefix being the service's to apply.

    Each channel comes once. What a row tells that cannot be is said in its `doubt`, and told by
    the scope; a row that names no channel is told alone.
    """
    yield from pages(
        scope, "ListSignalingChannels", prefix, _channel, rows="listing", kind="channel"
    )


def each_listed(scope: Scope, prefix: str | None = None) -> Iterator[Channel]:
    """Yield the scope's channels one by one."""
    for page in listed(scope, prefix):
        yield from page


def described(scope: Scope, target: str) -> Channel:
    """Describe one channel by its name or ARN; raises `NotFoundError`.

    Raises `AwsError` where another channel than that is described.
    """
    info = scope.call("DescribeSignalingChannel", **_target(target))["ChannelInfo"]
    names = info.get("ChannelName"), info.get("ChannelARN")
    if target not in names or None in names:
        msg = f"DescribeSignalingChannel failed for {target}: the answer is of another channel"
        raise AwsError(msg, "UnreadableAnswerError")
    return _channel(scope, info)


def named(scope: Scope, target: str) -> Channel:
    """Describe the channel that somebody named; a `NotFoundError` tells it from others."""
    try:
        return described(scope, target)
    except NotFoundError as error:
        place, why = scope.place(), ""
        if target.startswith("arn:"):
            why = _told_apart(scope, ChannelArn.parse(target), place.account_id)
        msg = f"no such channel: {target} ({place}){why}"
        raise NoSuchNameError(msg, error.code, target) from error


def _told_apart(scope: Scope, arn: ChannelArn, account_id: str | None) -> str:
    """Say what is known of a channel that is not there by its ARN; nothing if that fails, too."""
    if account_id not in (None, arn.account_id):
        return f": the ARN is of account {arn.account_id}"
    with suppress(KvsopsError):
        now = described(scope, arn.channel_name).channel_arn
        return f": that was an earlier channel of the name, which is now {now}"
    return ""


def create(
    scope: Scope, name: str, tags: Mapping[str, str], message_ttl_seconds: int | None = None
) -> str:
    """Create the channel, its tags in the same call; return its ARN.

    Raises `AwsError` with code ResourceInUseException where the name is taken. A create whose
    answer was lost is looked up: a channel made since, with the very tags asked for, is ours.
    """
    parameters: dict[str, Any] = {"ChannelName": name, "ChannelType": "SINGLE_MASTER"}
    if tags:
        parameters["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    if message_ttl_seconds is not None:
        parameters["SingleMasterConfiguration"] = {"MessageTtlSeconds": message_ttl_seconds}
    began = scope.clock()
    try:
        return str(scope.call("CreateSignalingChannel", **parameters)["ChannelARN"])
    except AwsError as error:
        if error.code == "AccountChannelLimitExceededException":
            msg = f"{str(error).rstrip('.')}{_how_full(scope)}"
            raise AwsError(msg, error.code, sent=error.sent) from error
        if error.code != "ResourceInUseException" or not error.sent:
            raise
        channel = described(scope, name)
        asked = scope.service_now() - timedelta(seconds=scope.clock() - began) - TOLERANCE
        since = channel.creation_time is not None and channel.creation_time >= asked
        if not since or tags_of(scope, channel.channel_arn) != dict(tags):
            raise
        return channel.channel_arn


def _how_full(scope: Scope) -> str:
    """Say how many channels there are, and how to have fewer."""
    full = f"; the quota is {channel_quota(scope.region):,} unless AWS raised it"
    with suppress(KvsopsError):
        full = f"; channels there: {sum(1 for _ in each_listed(scope)):,}{full}"
    return f"{full} ({scope.place()}): see what could go with kvsops sweep --older-than 1d"


def update(scope: Scope, channel: Channel, message_ttl_seconds: int) -> None:
    """Set the message TTL; raises `AwsError` with VersionMismatchException if it changed since.

    An update whose answer was lost is looked up: a channel that has the very TTL was updated.
    """
    try:
        scope.call(
            "UpdateSignalingChannel",
            ChannelARN=channel.channel_arn,
            CurrentVersion=channel.version,
            SingleMasterConfiguration={"MessageTtlSeconds": message_ttl_seconds},
        )
    except AwsError as error:
        lost = error.sent and described(scope, channel.channel_arn)
        if not lost or lost.message_ttl_seconds != message_ttl_seconds:
            raise


def delete(scope: Scope, channel: Channel) -> None:
    """Delete this version of the channel, once, in the turn that the caller has taken."""
    scope.call(
        "DeleteSignalingChannel",
        attempts=1,
        in_turn=False,
        ChannelARN=channel.channel_arn,
        CurrentVersion=channel.version,
    )


def delete_made(scope: Scope, channel_arn: str) -> None:
    """Delete a channel that the caller itself made, whatever its version; raises `AwsError`.

    One that is still being made, or changed, is waited for.
    """
    try:
        scope.call("DeleteSignalingChannel", ChannelARN=channel_arn)
    except AwsError as error:
        if error.code != "ResourceInUseException":
            raise
        if described(scope, channel_arn).status == "DELETING":  # by a call whose answer was lost
            return
        wait_until_active(scope, channel_arn)
        scope.call("DeleteSignalingChannel", ChannelARN=channel_arn)


def tags_of(scope: Scope, channel_arn: str, *, attempts: int = ATTEMPTS) -> dict[str, str]:
    """Read a channel's tags directly."""
    pages = scope.answers("ListTagsForResource", attempts=attempts, ResourceARN=channel_arn)
    return {key: value for page in pages for key, value in page.get("Tags", {}).items()}


def indexed_tags(scope: Scope, channel_arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read up to 100 channels' tags from the Resource Groups Tagging API.

    An ARN that is absent from the answer was never tagged, or too recently to be in the index.
    """
    return _mapped(scope, scope.call("GetResources", ResourceARNList=list(channel_arns)))


def _mapped(scope: Scope, answer: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the tags by ARN; of a row that is not as it must be, none, as if it were absent."""
    doubts, found = answer.get(DOUBTS, {}), {}
    for at, row in enumerate(answer["ResourceTagMappingList"]):
        tags = row.get("Tags") or ()
        if at in doubts or any(tag.get("Key") is None or tag.get("Value") is None for tag in tags):
            name = row.get("ResourceARN", "a row")
            scope.doubt(f"{name} in the tag index: {doubts.get(at) or 'a tag without a value'}")
        else:
            found[row["ResourceARN"]] = {tag["Key"]: tag["Value"] for tag in tags}
    return found


def tagged(scope: Scope, key: str, kind: str = "channel") -> dict[str, dict[str, str]]:
    """Read, from the tag index, the tags of all channels, or streams, with this one, by ARN."""
    pages = scope.answers(
        "GetResources",
        "PaginationToken",
        TagFilters=[{"Key": key}],
        ResourceTypeFilters=[f"kinesisvideo:{kind}"],
        ResourcesPerPage=INDEX_PAGE,
    )
    return {arn: tags for page in pages for arn, tags in _mapped(scope, page).items()}


def tag(
    scope: Scope, channel_arn: str, tags: Mapping[str, str], *, attempts: int = ATTEMPTS
) -> None:
    """Set these tags, leaving the others."""
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    scope.call("TagResource", attempts=attempts, ResourceARN=channel_arn, Tags=pairs)


def untag(scope: Scope, channel_arn: str, keys: Sequence[str]) -> None:
    """Take these tags off."""
    scope.call("UntagResource", ResourceARN=channel_arn, TagKeyList=list(keys))


def storage_link_of(scope: Scope, channel_arn: str, *, attempts: int = ATTEMPTS) -> StorageLink:
    """Read the channel's link to a stream."""
    answer = scope.call(
        "DescribeMediaStorageConfiguration", attempts=attempts, ChannelARN=channel_arn
    )
    found = answer["MediaStorageConfiguration"]
    if found.get("Status") is None:
        msg = f"DescribeMediaStorageConfiguration failed for {channel_arn}: it told no Status"
        raise AwsError(msg, "UnreadableAnswerError")
    return StorageLink(found["Status"], found.get("StreamARN"))


def set_storage_link(scope: Scope, channel_arn: str, link: StorageLink) -> None:
    """Link the channel's media to a stream, or unlink it (status DISABLED)."""
    configuration = {"Status": link.status}
    if link.stream_arn is not None:
        configuration["StreamARN"] = link.stream_arn
    scope.call(
        "UpdateMediaStorageConfiguration",
        ChannelARN=channel_arn,
        MediaStorageConfiguration=configuration,
    )


def wait_until_active(scope: Scope, target: str, seconds: float = WAIT_SECONDS) -> Channel:
    """Describe the channel until it is ACTIVE; raises `KvsopsError` when it does not become so."""
    deadline = scope.clock() + seconds
    pauses = polls()
    while True:
        channel = described(scope, target)
        if channel.status == "ACTIVE":
            return channel
        if channel.status == "DELETING":
            raise KvsopsError(f"{channel.channel_name} is DELETING: it is never ACTIVE again")
        if scope.clock() >= deadline:
            msg = f"{channel.channel_name} is {channel.status}, not ACTIVE, after {seconds:.0f} s"
            raise KvsopsError(msg)
        scope.sleep(next(pauses))


def wait_until_gone(scope: Scope, channel_arn: str, seconds: float = WAIT_SECONDS) -> bool:
    """Describe the channel until the service does not know it; False when it still does."""
    deadline = scope.clock() + seconds
    pauses = polls()
    while True:
        try:
            described(scope, channel_arn)
        except NotFoundError:
            return True
        if scope.clock() >= deadline:
            return False
        scope.sleep(next(pauses))


def polls() -> Iterator[float]:
    """Yield how long to wait before each further look, without end."""
    yield from POLL_SECONDS
    while True:
        yield POLL_SECONDS[-1]


def _target(target: str) -> dict[str, Any]:
    return {"ChannelARN" if target.startswith("arn:") else "ChannelName": target}


def _channel(scope: Scope, info: Mapping[str, Any], doubt: str = "") -> Channel:
    """Return what the service told; a column it left out is None."""
    created: datetime | None = info.get("CreationTime")
    configuration = info.get("SingleMasterConfiguration") or {}
    told = Channel(
        channel_name=info["ChannelName"],
        channel_arn=info["ChannelARN"],
        status=info.get("ChannelStatus"),
        creation_time=created and created.astimezone(UTC),
        version=info.get("Version"),
        channel_type=info.get("ChannelType"),
        message_ttl_seconds=configuration.get("MessageTtlSeconds"),
        doubt=doubt,
    )
    channel = told.doubted(scope.region, scope.account_of(told.channel_arn), scope.now())
    if channel.doubt:
        scope.doubt(f"{channel.channel_name}: {channel.doubt}")
    return channel
