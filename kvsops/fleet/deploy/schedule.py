"""Schedule expressions of EventBridge Scheduler.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import re
from datetime import timedelta
from typing import Final

from kvsops.errors import UsageError

_RATE: Final = re.compile(r"rate\(([1-9][0-9]{0,4}) (minute|hour|day)s?\)")
_FIELD: Final = r"[0-9A-Za-z*?,/#-]+"
_CRON: Final = re.compile(rf"cron\({_FIELD} {_FIELD} ({_FIELD}) {_FIELD} ({_FIELD}) {_FIELD}\)")
LIKE: Final = "write rate(1 day) or cron(0 3 ? * MON-FRI *)"
SHORTEST: Final = timedelta(hours=1)
"""A run of a large organization may take most of that: two at once would share the quotas."""
_SLACK: Final = timedelta(hours=1)
_OF_CRON: Final = timedelta(days=1)


def checked(text: str) -> str:
    """Return the expression; raises `UsageError` for one that AWS would refuse, or too fast."""
    if rate := _RATE.fullmatch(text):
        if _every(rate) < SHORTEST:
            raise UsageError(f"{text}: runs would overlap: at most one an hour")
        return text
    cron = _CRON.fullmatch(text)
    if cron is None:
        raise UsageError(f"not a schedule: {text!r}: {LIKE}")
    if (cron[1] == "?") == (cron[2] == "?"):
        said = "one of day-of-month and day-of-week is ?, and only one"
        raise UsageError(f"not a schedule: {text!r}: {said}: {LIKE}")
    return text


def alarm_after(text: str) -> timedelta:
    """Return after how long without a run something is wrong: a cron's runs are taken for daily."""
    rate = _RATE.fullmatch(text)
    return (_every(rate) if rate else _OF_CRON) + _SLACK


def _every(rate: re.Match[str]) -> timedelta:
    return timedelta(**{f"{rate[2]}s": int(rate[1])})
