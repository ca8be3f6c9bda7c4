"""Channel names for a shell to complete: asked for once, without a scope's patience."""

from collections.abc import Mapping
from dataclasses import dataclass

from kvsops.aws.listing import PAGE
from kvsops.aws.quotas import KINESIS_VIDEO
from kvsops.aws.session import Account


@dataclass(frozen=True, slots=True)
class Names:
    """The names that begin with a prefix; `whole` unless there are more."""

    prefix: str
    names: list[str]
    whole: bool


def names(
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    environ: Mapping[str, str],
    prefix: str,
) -> Names:
    """Read one page of the names; raises whatever stands in the way.

    A profile that asks for a code is left alone: nobody is there to type one.
    """
    account = Account.open(profile, region, endpoint_url, environ)
    if account.session.get_scoped_config().get("mfa_serial"):
        return Names(prefix, [], whole=False)
    condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": prefix}
    narrowed = {"ChannelNameCondition": condition} if prefix else {}
    client = account.client(KINESIS_VIDEO, 1)
    answer = client.list_signaling_channels(MaxResults=PAGE, **narrowed)  # type: ignore[attr-defined]  # made at run time
    found = [str(info["ChannelName"]) for info in answer["ChannelInfoList"]]
    return Names(prefix, sorted(found), whole=not answer.get("NextToken"))
