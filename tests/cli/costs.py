"""A small fleet that was used, now and last month, for the commands that tell costs."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kvsops.core.cost import Month
from kvsops.core.text import moment
from kvsops.local.server import LocalServer
from tests.fleet import DAY, put
from tests.usage import use

if TYPE_CHECKING:
    from tests.cli.conftest import Ended

COST = ("list", "--cost")
SIX = "own cost: 21 metrics in 4 calls, $0.0002 at most\n"  # 6 + 6 + 6 + 3, and 3 of ListMetrics
"""What reading today's fleet costs, with `list --cost`."""
FIGURES = [
    "last_activity",
    "active_this_month",
    "connections",
    "messages",
    "turn_minutes",
    "month_to_date_usd",
    "estimated_monthly_usd",
    "basis",
]
"""The keys of what a channel costs, beside its own."""
OWN = "own cost: 21 metrics in 11 calls, $0.0003 at most\n"
"""What reading last month's fleet costs."""
LOWER_BOUND = (
    "A lower bound: channels deleted more than two weeks ago are known from journals and an "
    "earlier output (--baseline) only.\n"
)
FREE_USE = """
currency = "USD"
[us-east-1]
channel_month = "0.03"
million_messages = "0"
thousand_turn_minutes = "0"
as_of = "2026-05-01"
source = "a test"
"""
"""Prices with which a month's estimate is its fees, whatever the day."""


def just_now() -> datetime:
    """Answer a moment of today that CloudWatch tells of already."""
    now = datetime.now(UTC)
    return max(now.replace(hour=0, minute=0, second=0), now - timedelta(minutes=1))


def this_month() -> Month:
    """Answer the month that it is."""
    return Month.of(datetime.now(UTC))


def last_month() -> Month:
    """Answer the month before."""
    return Month.of(this_month().start - DAY)


def of_last_month(day: int) -> datetime:
    """Answer a moment of last month."""
    return last_month().start + (day - 1) * DAY + timedelta(hours=9)


def days_ago(day: int) -> str:
    """Say how long a day of last month is ago, as the table does."""
    return f"{(datetime.now(UTC).date() - of_last_month(day).date()).days}d ago".rjust(15)


def bounded(out: str) -> str:
    """Leave out what is said from the 15th of a month on."""
    return re.sub(r"( {2})?\nA lower bound: channels deleted more than[^.]*\.", "", out)


def sow_today(emulator: LocalServer) -> None:
    """Put three channels there, two of them used today, and the use of one that is gone."""
    put(emulator, "cam-door", 100 * DAY, tags={"team": "door", "kvsops:owner": "ops"})
    put(emulator, "cam-yard", 100 * DAY, tags={"team": "yard"})
    put(emulator, "ci-1", 100 * DAY)
    use(emulator, "cam-door", just_now(), masters=3, viewers=2, failed=1, messages=1_500)
    use(emulator, "ci-1", just_now(), masters=1, turn_minutes=7)
    use(emulator, "old-1", just_now(), viewers=1)


def sow_last_month(emulator: LocalServer) -> None:
    """Put the same channels there, used last month; the gone one also today, so it is seen."""
    put(emulator, "cam-door", 100 * DAY, tags={"team": "door", "kvsops:owner": "ops"})
    put(emulator, "cam-yard", 100 * DAY, tags={"team": "yard"})
    put(emulator, "ci-1", 100 * DAY)
    use(
        emulator,
        "cam-door",
        of_last_month(10),
        masters=3,
        viewers=2,
        failed=1,
        messages=1_000_000,
        turn_minutes=1_000,
    )
    use(emulator, "ci-1", of_last_month(11), masters=1)
    use(emulator, "old-1", of_last_month(11), viewers=1)
    use(emulator, "old-1", just_now(), viewers=1)


def free_use(path: Path) -> str:
    """Write the price file of free use; return its path."""
    file = path / "free.toml"
    file.write_text(FREE_USE)
    return str(file)


def told(ended: "Ended") -> Any:
    """Read the JSON that a command wrote."""
    return json.loads(ended.out)


def written(path: Path, name: str, content: Mapping[str, Any] | list[Any]) -> str:
    """Write JSON into a file; return its path."""
    file = path / name
    file.write_text(json.dumps(content))
    return str(file)


def baseline(month: Month, as_of: datetime, names: list[str], **total: Any) -> dict[str, Any]:
    """Make an earlier output of cost."""
    return {
        "month": str(month),
        "region": "us-east-1",
        "as_of": moment(as_of),
        "total": {"estimated_monthly_usd": 2.46, "lower_bound": False, **total},
        "channels": [{"channel_name": name} for name in names],
    }
