"""Durations and moments in words, and moments read back."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsops.core.text import age, moment, parsed_moment, spelled


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.9, "0s"),
        (1, "1s"),
        (59.9, "59s"),
        (60, "1m"),
        (119, "1m"),
        (3_599, "59m"),
        (3_600, "1h"),
        (3_659, "1h"),
        (3_660, "1h1m"),
        (12_000, "3h20m"),
        (86_399, "23h59m"),
        (86_400, "1d"),
        (187_200, "2d4h"),
        (29 * 86_400 + 82_800, "29d23h"),
        (30 * 86_400 + 82_800, "30d"),
        (63 * 86_400, "63d"),
        (-300, "in 5m"),
        (-0.5, "in 0s"),
    ],
)
def test_age(seconds: float, text: str) -> None:
    """A duration in its two largest units, cut, never rounded up."""
    assert age(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (60, "1 minute"),
        (12_000, "3 hours 20 minutes"),
        (187_200, "2 days 4 hours"),
        (1_234 * 86_400, "1,234 days"),
    ],
)
def test_spelled(seconds: float, text: str) -> None:
    """The same in words."""
    assert spelled(timedelta(seconds=seconds)) == text


@given(st.timedeltas(timedelta(0), timedelta(days=30) - timedelta(seconds=1)))
def test_age_is_cut_short(delta: timedelta) -> None:
    """What is said is never more than the duration, and less by under one of its lesser unit."""
    sizes = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
    parts = re.findall(r"(\d+)([dhms])", age(delta))
    said = sum(int(number) * sizes[unit] for number, unit in parts)
    cut = {"d": 3_600, "h": 60, "m": 60, "s": 1}[parts[0][1]]
    assert said <= delta.total_seconds() < said + cut


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (datetime(2026, 11, 22, 10, 0, 0, 999_999, UTC), "2026-11-22T10:00:00Z"),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))), "2025-12-31T23:30:00Z"),
    ],
)
def test_moment(time: datetime, text: str) -> None:
    """ISO 8601, in UTC whatever the zone, to the second."""
    assert moment(time) == text


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026-11-22T10:00:00Z", 10),
        ("2026-11-22T10:00:00+00:00", 10),
        ("2026-11-22 10:00:00Z", 10),
        ("20261122T100000Z", 10),
        ("2026-11-22T10:00Z", 10),
        ("2026-11-22T10:00:00+05:00", 5),
        ("2026-11-22T10:00:00-05:30", 15.5),
    ],
)
def test_parsed_moment(text: str, hour: float) -> None:
    """ISO 8601 with a zone, in whichever of its forms, is that moment in UTC."""
    parsed = parsed_moment(text)
    assert parsed == datetime(2026, 11, 22, tzinfo=UTC) + timedelta(hours=hour)
    assert parsed is not None
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "never",
        "1700000000",
        "2026",
        "2026-11-22",
        "2026-11-22T10:00:00",
        " 2026-11-22T10:00:00Z",
        "2026-11-22T25:00:00Z",
        "2026-02-30T10:00:00Z",
        "2026-11-22T10:00:00 UTC",
        "22.11.2026 10:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_no_moment(text: str) -> None:
    """Without a zone, garbled, or outside the calendar, it is none: never a guess."""
    assert parsed_moment(text) is None


@given(st.text())
def test_any_text_is_a_moment_or_none(text: str) -> None:
    """Whatever a tag holds, reading it raises nothing."""
    parsed = parsed_moment(text)
    assert parsed is None or parsed.tzinfo is UTC


@given(st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds are naive
def test_moment_round_trip(time: datetime) -> None:
    """What is written is read back, to the second."""
    assert parsed_moment(moment(time)) == time.replace(microsecond=0)
