"""Schedule expressions of EventBridge Scheduler.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import re
from datetime import timedelta
from typing import Final

from kvsops.errors import UsageError

_RATE: Final = re.compile(r"rate\(([1-9][0-9]{0,4}) (minute|hour|day)s?\)")
_FIELD: Final = r"[0-9A-Za-z*?,/#-]+"
_FIELDS: Final = " ".join(
    f"(?P<{name}>{_FIELD})" for name in ("minute", "hour", "date", "month", "weekday", "year")
)
_CRON: Final = re.compile(rf"cron\({_FIELDS}\)")
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WEEKDAYS: Final = re.compile(rf"([1-7]|{'|'.join(_DAYS)})(?:-([1-7]|{'|'.join(_DAYS)}))?")
LIKE: Final = "write rate(1 day) or cron(0 3 ? * MON-FRI *)"
SHORTEST: Final = timedelta(hours=1)
"""A run of a large organization may take most of that: two at once would share the quotas."""
_SLACK: Final = timedelta(hours=1)


def checked(text: str) -> str:
    """Return the expression; raises `UsageError` for one that AWS would refuse, or too fast."""
    if rate := _RATE.fullmatch(text):
        if _every(rate) < SHORTEST:
            raise UsageError(f"{text}: runs would overlap: at most one an hour")
        return text
    cron = _CRON.fullmatch(text)
    if cron is None:
        raise UsageError(f"not a schedule: {text!r}: {LIKE}")
    if (cron["date"] == "?") == (cron["weekday"] == "?"):
        said = "one of day-of-month and day-of-week is ?, and only one"
        raise UsageError(f"not a schedule: {text!r}: {said}: {LIKE}")
    return text


def alarm_after(text: str) -> timedelta | None:
    """Return after how long without a run something is wrong; None where that cannot be told.

    Of a cron it can where only days of the week are left out: as long as the longest gap of them.
    """
    if rate := _RATE.fullmatch(text):
        return _every(rate) + _SLACK
    cron = _CRON.fullmatch(text)
    if cron is None or cron["date"] not in "*?" or (cron["month"], cron["year"]) != ("*", "*"):
        return None
    days = _weekdays(cron["weekday"])
    gaps = [(after - day) % 7 or 7 for day, after in zip(days, days[1:] + days[:1], strict=True)]
    return timedelta(days=max(gaps)) + _SLACK if gaps else None


def _weekdays(field: str) -> list[int]:
    """Return the days of the week, Sunday 0; none where the field is more than names and ranges."""
    if field in "*?":
        return [*range(7)]
    days: set[int] = set()
    for part in field.upper().split(","):
        named = _WEEKDAYS.fullmatch(part)
        if named is None:
            return []
        first, last = (_weekday(each) for each in (named[1], named[2] or named[1]))
        days |= {day % 7 for day in range(first, last + (1 if first <= last else 8))}
    return sorted(days)


def _weekday(name: str) -> int:
    return _DAYS.index(name) if name in _DAYS else int(name) - 1


def _every(rate: re.Match[str]) -> timedelta:
    return timedelta(**{f"{rate[2]}s": int(rate[1])})
