"""Values as JSON can hold them, and as a person reads them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal


def json_ready(value: object) -> object:
    """Turn a value into what JSON can hold, through lists and mappings.

    A time becomes ISO 8601 UTC (`2026-11-22T10:00:00Z`; milliseconds are kept where not zero).
    A Decimal becomes a JSON number: an integer where it is one, else the nearest float, whose
    shortest text has the same digits up to 15 of them (`Decimal("0.03")` is `0.03`).
    Raises ValueError for a time that is not aware, TypeError for what JSON cannot hold.
    """
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {str(key): json_ready(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(held) for held in value]
    raise TypeError(f"JSON cannot hold a {type(value).__name__}: {value!r}")


def iso(time: datetime) -> str:
    """Tell a time in ISO 8601 UTC; raises ValueError when it is not aware."""
    if time.utcoffset() is None:
        raise ValueError(f"{time!r} does not say its time zone")
    precision = "milliseconds" if time.microsecond // 1000 else "seconds"
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def plain(value: object) -> str:
    """Tell a value to a person: `-` for nothing, `yes` and `no`, `a, b`, `k=v, k2=v2`."""
    if value is None or value in ([], (), {}):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={plain(held)}" for key, held in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    return str(json_ready(value))
