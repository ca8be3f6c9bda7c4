"""What the metrics tell of a few channels: their use since they were made, and who came lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kvsops.aws import activity
from kvsops.aws.activity import BY_ROLE, EVERY
from kvsops.aws.scope import Scope
from kvsops.bill import usage
from kvsops.bill.bill import window
from kvsops.bill.usage import Metered
from kvsops.core.channel import Channel
from kvsops.core.cost import Cost, Month, Prices, Usage, estimate, midnight
from kvsops.core.rules.activity import LEAST_IDLE, METRICS_REACH
from kvsops.errors import UsageError

_PERIOD: Final = 300
_REACH: Final = METRICS_REACH - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Closeup:
    """A channel's use and cost; None is not known, and `why` says why.

    `usage` is its own, by day, since it was made or as far back as CloudWatch keeps metrics.
    `lately` are the connections that began within `LEAST_IDLE`, by role: each may still be held.
    `cost` is this month's.
    """

    usage: Usage | None = None
    lately: Mapping[str, int] | None = None
    cost: Cost | None = None
    why: str = ""
    why_no_cost: str = ""


NOT_ASKED: Final = Closeup(why="CloudWatch was not asked", why_no_cost="CloudWatch was not asked")


def read(
    scope: Scope, channels: Sequence[Channel], prices: Prices | UsageError
) -> dict[str, Closeup]:
    """Read the metrics of these channels; return what they tell, by channel name.

    Raises `CheckFailedError`, before anything is asked, where it may cost more than the scope's
    budget.
    """
    now, found = scope.now(), Metered()
    names = [each.channel_name for each in channels]
    most = len(names) * (EVERY + sum(map(len, BY_ROLE.values())))
    scope.metric_budget.refuse_to_overspend(len(names), most)
    start = min([window(Month.of(now), now)[0], *(_made(each, scope) for each in channels)])
    usage.read(scope, found, names, midnight(start), now)
    lately, untold = _lately(scope, names)
    unknown = found.unknown | untold
    return {
        each.channel_name: _closeup(
            each, found, unknown.get(each.channel_name), lately, prices=prices, scope=scope
        )
        for each in channels
    }


def _made(channel: Channel, scope: Scope) -> datetime:
    earliest = scope.now() - _REACH
    return max(channel.creation_time or earliest, earliest)


def _lately(scope: Scope, names: Sequence[str]) -> tuple[dict[str, dict[str, int]], dict[str, str]]:
    """Return the connections that began lately, by role and name, and the names not told."""
    end = scope.now()
    begun: dict[str, dict[str, int]] = {}
    untold: dict[str, str] = {}
    for role, queries in BY_ROLE.items():
        asked = [(name, query) for name in names for query in queries]
        points, missing = activity.ask(scope, asked, end - LEAST_IDLE, end, _PERIOD)
        begun[role] = {
            name: sum(used.connections for used in each.values()) for name, each in points.items()
        }
        untold |= missing
    return begun, untold


def _closeup(
    channel: Channel,
    found: Metered,
    why: str | None,
    lately: Mapping[str, Mapping[str, int]],
    *,
    prices: Prices | UsageError,
    scope: Scope,
) -> Closeup:
    used, now = found.of(channel.channel_name), scope.now()
    if why or used is None:
        return Closeup(why=why or "", why_no_cost=why or "")
    _, own = used.split(channel.creation_time)
    roles = {role: names.get(channel.channel_name, 0) for role, names in lately.items()}
    if isinstance(prices, UsageError):
        return Closeup(own, roles, None, why_no_cost=f"no prices are known for {scope.region}")
    return Closeup(own, roles, estimate(own, prices, Month.of(now), now))
