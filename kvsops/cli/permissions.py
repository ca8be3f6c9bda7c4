"""What each command calls under which of its options, and so what it must be allowed to do.

A test runs every command against the emulator: a call too many fails it, and so does one missing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kvsops.core.facts import Need
from kvsops.core.policies import Policy, Rules, listing_rules, no_condition, sweep_rules

Given = Mapping[str, Any]
"""A command line's parameters by click's names (`older_than`); what was not given is falsy."""

When = Callable[[Given], bool]


@dataclass(frozen=True, slots=True)
class Call:
    """An operation that a command calls, and when.

    `tagged` says that it is only ever called on channels that carry each --tag of the command
    line, so that a condition on these tags may narrow it. `of` names what it is called on, where
    that is no channel. `perhaps` says that what is found decides: a run may do without.
    """

    operation: str
    when: When = lambda _: True
    tagged: bool = False
    of: Callable[[Given], str] | None = None
    perhaps: bool = False


def given(*names: str) -> When:
    """Under all of these options."""
    return lambda options: all(options[name] for name in names)


def either(*names: str) -> When:
    """Under any of these options."""
    return lambda options: any(options[name] for name in names)


def without(name: str, when: When = lambda _: True) -> When:
    """Unless this option is given, and then only when."""
    return lambda options: not options[name] and when(options)


def rules_need(need: Need, rules: Callable[[dict[str, Any]], Rules]) -> When:
    """Where a rule that the options bring into force asks for the fact."""

    def when(options: Given) -> bool:
        values = {name.replace("_", "-"): value for name, value in options.items()}
        return rules(values).looks_at(need)

    return when


def _shows_tags(options: Given) -> bool:
    """Whether a listing reads tags: to show them, to go by them, or for its JSON and CSV."""
    listed = options["tags"] or options["output"] in ("json", "csv", "text")
    return bool(listed) or rules_need(Need.TAGS, listing_rules)(options)


def _shows_tags_of_streams(options: Given) -> bool:
    listed = options["tags"] or options["output"] in ("json", "csv", "text")
    return bool(listed or options["tag"] or options["without_tag"])


def _is_table(options: Given) -> bool:
    return bool(options["output"] == "table")


def _prices_recordings(options: Given) -> bool:
    """Whether a listing tells what the streams cost that its channels record to."""
    return bool(options["cost"] and not options["no_metrics"])


def _groups_by_tag(options: Given) -> bool:
    return options["group_by"] not in (None, "prefix", "region", "account")


def _reads_metrics(options: Given) -> bool:
    """Whether a listing reads metrics: for what channels cost, or by a rule on their use."""
    return _prices_recordings(options) or rules_need(Need.ACTIVITY, listing_rules)(options)


# TagResource beside a create: a create that sets tags must be allowed to set them.
# Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_CreateSignalingChannel.html
# A create whose answer was lost is looked up and told by its tags: hence ListTagsForResource.
CALLS: Final[dict[str, tuple[Call, ...]]] = {
    "create": (
        Call("CreateSignalingChannel"),
        Call("TagResource"),
        Call("DescribeSignalingChannel"),
        Call("ListTagsForResource"),
    ),
    "list": (
        Call("ListSignalingChannels"),
        Call("GetResources", without("direct", _shows_tags)),
        Call("ListTagsForResource", _shows_tags),
        Call("ListMetrics", _reads_metrics),
        Call("GetMetricData", _reads_metrics),
        Call("ListStreams", _prices_recordings),
        Call("DescribeMappedResourceConfiguration", _prices_recordings, perhaps=True),
        Call("DescribeMediaStorageConfiguration", _prices_recordings, perhaps=True),
        Call("DescribeStreamStorageConfiguration", _prices_recordings, perhaps=True),
    ),
    "describe": (
        Call("DescribeSignalingChannel"),
        Call("ListTagsForResource"),
        Call("DescribeMediaStorageConfiguration"),
        Call("GetMetricData", without("no_metrics", _is_table)),
    ),
    "update": (Call("DescribeSignalingChannel"), Call("UpdateSignalingChannel")),
    "tag": (Call("DescribeSignalingChannel"), Call("TagResource")),
    "untag": (
        Call("DescribeSignalingChannel"),
        Call("ListTagsForResource"),
        Call("UntagResource"),
    ),
    "delete": (
        Call("DescribeSignalingChannel"),
        Call("ListTagsForResource"),
        Call("DescribeMediaStorageConfiguration"),
        Call("DeleteSignalingChannel", given("yes")),
        Call("ListSignalingChannels", given("yes")),
        Call("UpdateMediaStorageConfiguration", given("yes", "unlink_storage")),
    ),
    "sweep": (
        Call("ListSignalingChannels", without("explain")),
        Call("GetResources", without("explain", without("direct"))),
        Call("GetResources", without("explain", given("grace"))),
        Call("ListTagsForResource"),
        Call("DescribeMediaStorageConfiguration", tagged=True),
        Call("DescribeSignalingChannel", either("yes", "explain"), tagged=True),
        Call("DeleteSignalingChannel", given("yes"), tagged=True),
        Call("UpdateMediaStorageConfiguration", given("yes", "unlink_storage"), tagged=True),
        Call("GetCallerIdentity", given("expect_accounts")),
        Call("ListMetrics", rules_need(Need.ACTIVITY, sweep_rules)),
        Call("GetMetricData", rules_need(Need.ACTIVITY, sweep_rules)),
        Call("TagResource", given("yes", "grace"), tagged=True),
        Call("UntagResource", given("yes", "grace")),
        Call("Publish", given("notify_sns"), of=lambda options: str(options["notify_sns"])),
    ),
    "exec": (
        Call("CreateSignalingChannel"),
        Call("TagResource"),
        Call("DescribeSignalingChannel"),
        Call("ListTagsForResource"),
        Call("DeleteSignalingChannel", without("reuse")),
    ),
    "policy": (),
    "restore": (
        Call("GetCallerIdentity"),
        Call("ListSignalingChannels", without("journal", without("last"))),
        Call("DescribeSignalingChannel", either("journal", "last")),
        Call("DescribeMediaStorageConfiguration", either("journal", "last")),
        Call("CreateSignalingChannel", given("yes")),
        Call("TagResource", given("yes")),
        Call("ListTagsForResource", given("yes")),
        Call("UpdateMediaStorageConfiguration", given("yes")),
    ),
    "smoke": (
        Call("DescribeSignalingChannel"),
        Call("ListTagsForResource"),
        Call("DescribeMediaStorageConfiguration"),
        Call("GetSignalingChannelEndpoint"),
        Call("GetIceServerConfig"),
        Call("ConnectAsMaster", without("viewer_only")),
        Call("ConnectAsViewer", without("master_only")),
        Call("CreateSignalingChannel", without("target")),
        Call("TagResource", without("target")),
        Call("DeleteSignalingChannel", given("ephemeral")),
    ),
    "meet": (
        Call("CreateSignalingChannel"),
        Call("TagResource"),
        Call("DescribeSignalingChannel"),
        Call("ListTagsForResource"),
        Call("DescribeMediaStorageConfiguration", given("reuse")),
        Call("GetSignalingChannelEndpoint"),
        Call("GetIceServerConfig"),
        Call("ConnectAsMaster"),
        Call("ConnectAsViewer"),
        Call("DeleteSignalingChannel", without("reuse", without("keep"))),
    ),
    "play": (
        Call("DescribeSignalingChannel"),
        Call("DescribeMediaStorageConfiguration"),
        Call("GetSignalingChannelEndpoint"),
        Call("GetIceServerConfig"),
        Call("ConnectAsMaster"),
        Call("ConnectAsViewer", without("take_over")),
    ),
    "record": (
        Call("DescribeSignalingChannel"),
        Call("DescribeMediaStorageConfiguration"),
        Call("GetSignalingChannelEndpoint"),
        Call("GetIceServerConfig"),
        Call("ConnectAsViewer"),
    ),
    "view": (
        Call("DescribeSignalingChannel"),
        Call("DescribeMediaStorageConfiguration"),
        Call("GetSignalingChannelEndpoint"),
        Call("GetIceServerConfig"),
        Call("ConnectAsViewer"),
    ),
    "endpoint": (Call("DescribeSignalingChannel"), Call("GetSignalingChannelEndpoint")),
    "ice": (
        Call("DescribeSignalingChannel"),
        Call("GetSignalingChannelEndpoint"),
        Call("GetIceServerConfig"),
    ),
    "cost": (
        Call("ListSignalingChannels"),
        Call("GetResources"),
        Call("ListTagsForResource", _groups_by_tag),
        Call("ListStreams"),
        Call("DescribeStreamStorageConfiguration"),
        Call("ListTagsForStream", _groups_by_tag),
        Call("DescribeMappedResourceConfiguration"),
        Call("ListMetrics"),
        Call("GetMetricData"),
    ),
    "streams": (
        Call("ListStreams"),
        Call("DescribeMappedResourceConfiguration"),
        Call("DescribeStreamStorageConfiguration"),
        Call("GetResources", _shows_tags_of_streams),
        Call("ListTagsForStream", _shows_tags_of_streams),
        Call("ListMetrics"),
        Call("GetMetricData"),
    ),
    "prices": (Call("GetProducts", given("refresh")),),
    "local": (),
    "deploy": (),
    "iam": (),
    "completion": (),
}


def _some(name: str, when: When = lambda _: True) -> When:
    """Where a command has this option, and it is given."""
    return lambda options: bool(options.get(name)) and when(options)


TO_FIND_PLACES: Final = (
    Call("AssumeRole", _some("role_arns")),
    Call("AssumeRole", _some("organization_role")),
    Call("ListAccounts", _some("organization_role", without("ous"))),
    Call("ListAccountsForParent", _some("ous")),
    Call("ListOrganizationalUnitsForParent", _some("ous")),
)
"""What any command calls that takes many accounts, before it looks in them."""


def meant(command: str, options: Given) -> list[Given]:
    """Return the options that a command line stands for: a sweep by policies, those of each."""
    from kvsops.sweep.policy import found

    given = {name.replace("_", "-"): value for name, value in options.items()}
    if command != "sweep" or no_condition(given) is None:
        return [options]
    loaded = found(options["policy"])
    each = [_by_policy(options, policy) for policy in loaded.rules.policies] if loaded else []
    return [line for line in each if line] or [options]


def _by_policy(options: Given, policy: Policy) -> Given | None:
    """Return the command line's options with the policy's; None if their prefixes exclude both."""
    from kvsops.sweep.policy import options as known

    own = {name.replace("-", "_"): policy.given[name] for name in known()}
    shorter, longer = sorted((options["prefix"] or "", own["prefix"] or ""), key=len)
    if not longer.startswith(shorter):
        return None
    tags = (*options["tag"], *own["tag"])
    return {**options, **own, "prefix": longer or None, "tag": tags, "grace": policy.grace}


def names_of(command: str, options: Given) -> list[str]:
    """Return the channels that the command line may touch: names with `*` for any, or ARNs."""
    named = (options.get(each) for each in ("targets", "names", "target", "explain"))
    if targets := next(filter(None, named), None):
        return [targets] if isinstance(targets, str) else list(dict.fromkeys(targets))
    if options.get("prefix"):
        return [f"{options['prefix']}*"]
    return [_OWN_NAMES[command](options) if command in _OWN_NAMES else "*"]


_OWN_NAMES: Final[dict[str, Callable[[Given], str]]] = {
    "create": lambda _: "kvsops-*",
    "exec": lambda options: options["reuse"] or "kvsops-exec-*",
    "meet": lambda options: options["name"] or "kvsops-meet-*",
    "smoke": lambda options: "kvsops-smoke-*" if options["ephemeral"] else "kvsops-smoke",
}
"""What a command calls the channels that it makes where it is given no name."""
