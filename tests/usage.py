"""Use of channels for tests: put into the metrics behind the service's back, and read whole."""

from collections.abc import Sequence
from datetime import UTC, datetime

from kvsops.aws import activity
from kvsops.aws.activity import FIRST, REST
from kvsops.aws.metric_data import QUERIES
from kvsops.aws.scope import Scope
from kvsops.core.cost import Usage
from kvsops.local.demo.channel_usage import ChannelUsage, Used, record
from kvsops.local.server import LocalServer


def day(year: int, month: int, number: int, hour: int = 9) -> datetime:
    """Answer a moment of a day, in UTC."""
    return datetime(year, month, number, hour, tzinfo=UTC)


def use(
    emulator: LocalServer,
    name: str,
    *at: datetime,
    masters: int = 0,
    viewers: int = 0,
    failed: int = 0,
    messages: int = 0,
    turn_minutes: int = 0,
) -> None:
    """Put the same use of a name into the metrics, at each of these times."""
    days = [Used(each, masters, viewers, failed, messages, turn_minutes) for each in at]
    record(emulator.metrics(), [ChannelUsage(name, None, days)])


def everything(
    scope: Scope, names: Sequence[str], start: datetime, end: datetime
) -> dict[str, Usage]:
    """Ask every metric of every name; return those that have points."""
    asked = [(name, query) for name in names for query in (*FIRST, *REST)]
    found: activity.Points = {}
    for at in range(0, len(asked), QUERIES):
        points, untold = activity.read(scope, asked[at : at + QUERIES], start, end)
        assert untold == {}
        activity.merge(found, points)
    return {name: Usage(days) for name, days in found.items()}
