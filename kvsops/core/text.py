"""How durations and moments are put in words; the words of reasons and of tables alike."""

from datetime import UTC, datetime, timedelta

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_WORDS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_DAYS_ALONE_FROM = 30


def age(delta: timedelta) -> str:
    """Say a duration in its two largest units: 45s, 12m, 3h20m, 2d4h, 63d; ahead: in 5m."""
    text = "".join(f"{number}{unit}" for number, unit in _parts(delta))
    return f"in {text}" if delta < timedelta() else text


def spelled(delta: timedelta) -> str:
    """Say a duration as `age` does, in words: 12 minutes, 3 hours 20 minutes, 63 days."""
    parts = _parts(delta)
    return " ".join(f"{n:,} {_WORDS[unit]}{'' if n == 1 else 's'}" for n, unit in parts)


def _parts(delta: timedelta) -> list[tuple[int, str]]:
    seconds = int(abs(delta).total_seconds())
    at = next((i for i, (_, size) in enumerate(_UNITS) if seconds >= size), len(_UNITS) - 1)
    (unit, size), following = _UNITS[at], _UNITS[at + 1 : at + 2]
    parts = [(seconds // size, unit)]
    if following and not (unit == "m" or (unit == "d" and seconds // size >= _DAYS_ALONE_FROM)):
        (unit, lesser), rest = following[0], seconds % size
        parts += [(rest // lesser, unit)] if rest >= lesser else []
    return parts


def moment(time: datetime) -> str:
    """Say a moment as ISO 8601 in UTC, to the second: 2026-11-22T10:00:00Z."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parsed_moment(text: str) -> datetime | None:
    """Read an ISO 8601 moment that names its zone; None when it is not one (never a guess)."""
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):  # the latter at the calendar's ends
        return None
