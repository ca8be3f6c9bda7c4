"""IAM policies: what is granted on which resources, as few and as narrow as will do.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkinesisvideostreams.html
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from kvsops.aws.denial import iam_action
from kvsops.aws.quotas import IAM_PREFIXES, KINESIS_VIDEO
from kvsops.core.channel import TagFilter

ANY: Final = "*"
_CHANNELS: Final = IAM_PREFIXES[KINESIS_VIDEO]
LARGEST: Final = 6_144
"""Characters, not counting white space, that a managed policy may have.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

# Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
_NEEDS_NOTHING: Final = frozenset({"GetCallerIdentity"})
_OF_NO_CHANNEL: Final = frozenset({"ListSignalingChannels", "ListStreams"})
_OF_ROLES: Final = frozenset({"AssumeRole"})
_OF_STREAMS: Final = frozenset(
    {
        "DescribeMappedResourceConfiguration",
        "DescribeStreamStorageConfiguration",
        "ListTagsForStream",
    }
)

# They are no calls of an API, but what opening a WebSocket must be allowed.
_CONNECTS: Final = frozenset({"ConnectAsMaster", "ConnectAsViewer"})


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """An action, allowed on a resource; with tags, only where the resource carries all of them."""

    action: str
    resource: str
    tags: tuple[tuple[str, str | None], ...] = ()

    def covers(self, other: "Grant") -> bool:
        """Whether whoever has this needs the other no more."""
        return (
            self.action == other.action
            and set(self.tags) <= set(other.tags)
            and fnmatchcase(other.resource, self.resource)
        )


def grants(operation: str, channels: Iterable[str], tags: Iterable[TagFilter] = ()) -> set[Grant]:
    """Return what allows the operation on these channels' ARNs, or that on roles on those of roles.

    Only operations on a channel can be narrowed: a listing, the tag index, metrics and prices
    are granted on any resource, or not at all. Those on streams are granted on all streams that
    are where the channels are: a stream's name is not its channel's.
    """
    if operation in _NEEDS_NOTHING:
        return set()
    action = action_of(operation)
    if operation in _OF_ROLES:
        return {Grant(action, arn) for arn in channels}
    if not action.startswith(f"{_CHANNELS}:") or operation in _OF_NO_CHANNEL:
        return {Grant(action, ANY)}
    if operation in _OF_STREAMS:
        places = {arn.partition(":channel/")[0] for arn in channels}
        return {Grant(action, f"{place}:stream/*/*") for place in places}
    carried = tuple(sorted({(tag.key, tag.value) for tag in tags}, key=str))
    return {Grant(action, arn, carried) for arn in channels}


def granted_on(operation: str, resource: str) -> set[Grant]:
    """Return what allows the operation on a resource that is no channel."""
    return {Grant(action_of(operation), resource)}


def action_of(operation: str) -> str:
    """Return the action that allows the operation, or to connect."""
    return f"{_CHANNELS}:{operation}" if operation in _CONNECTS else iam_action(operation)


def document(wanted: Iterable[Grant]) -> dict[str, Any]:
    """Return the policy that grants all of it and, as far as can be said, no more."""
    return {"Version": "2012-10-17", "Statement": _statements(_least(set(wanted)))}


def trust(caller: str, partition: str, external_id: str | None) -> dict[str, Any]:
    """Return whom a role trusts: an account's number, whose policies say who, or an ARN.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
    """
    arn = caller if caller.startswith("arn:") else f"arn:{partition}:iam::{caller}:root"
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": arn},
        "Action": "sts:AssumeRole",
    }
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def size(policy: str) -> int:
    """Return how much of `LARGEST` a policy's text takes."""
    return len("".join(policy.split()))


def _least(wanted: set[Grant]) -> list[Grant]:
    """Leave out what another covers."""
    return sorted(
        each for each in wanted if not any(other.covers(each) for other in wanted - {each})
    )


def _statements(least: Sequence[Grant]) -> list[dict[str, Any]]:
    """Put actions together that are allowed on the same resources under the same condition."""
    places: dict[tuple[str, tuple[tuple[str, str | None], ...]], list[str]] = {}
    for each in least:
        places.setdefault((each.action, each.tags), []).append(each.resource)
    alike: dict[tuple[tuple[str, ...], tuple[tuple[str, str | None], ...]], list[str]] = {}
    for (action, tags), resources in places.items():
        alike.setdefault((tuple(resources), tags), []).append(action)
    ordered = sorted(alike.items(), key=lambda pair: (ANY not in pair[0][0], str(pair[0])))
    return [_statement(actions, resources, tags) for (resources, tags), actions in ordered]


def _statement(
    actions: list[str], resources: tuple[str, ...], tags: tuple[tuple[str, str | None], ...]
) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": actions,
        "Resource": resources[0] if len(resources) == 1 else list(resources),
    }
    condition = {
        "StringEquals": {
            f"aws:ResourceTag/{key}": value for key, value in tags if value is not None
        },
        "Null": {f"aws:ResourceTag/{key}": "false" for key, value in tags if value is None},
    }
    if tags:
        statement["Condition"] = {kind: keys for kind, keys in condition.items() if keys}
    return statement
