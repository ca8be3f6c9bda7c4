"""Values for JSON, and for people."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvsops.output.values import iso, json_ready, plain

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
TOKYO = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("value", "text", "read"),
    [
        (None, "null", "-"),
        ("x", '"x"', "x"),
        ("", '""', ""),
        (True, "true", "yes"),
        (False, "false", "no"),
        (0, "0", "0"),
        (-3, "-3", "-3"),
        (0.5, "0.5", "0.5"),
        (Decimal("0.03"), "0.03", "0.03"),
        (Decimal("0.10"), "0.1", "0.10"),
        (Decimal("12.00"), "12", "12.00"),
        (Decimal("0.0000225"), "2.25e-05", "0.0000225"),
        (Decimal("1E+3"), "1000", "1000"),
        (NOON, '"2026-11-22T12:00:00Z"', "2026-11-22T12:00:00Z"),
        ([], "[]", "-"),
        (["a", 1, None], '["a", 1, null]', "a, 1, -"),
        (("a",), '["a"]', "a"),
        ({}, "{}", "-"),
        ({"k": "v", "at": [NOON]}, '{"k": "v", "at": ["2026-11-22T12:00:00Z"]}',
         "k=v, at=2026-11-22T12:00:00Z"),
    ],
)  # fmt: skip
def test_values(value: object, text: str, read: str) -> None:
    """Each kind of value has one form in JSON and one for people."""
    assert json.dumps(json_ready(value)) == text
    assert plain(value) == read


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (NOON, "2026-11-22T12:00:00Z"),
        (NOON.replace(microsecond=250_000), "2026-11-22T12:00:00.250Z"),
        (NOON.replace(microsecond=999), "2026-11-22T12:00:00Z"),
        (datetime(2026, 11, 22, 1, 0, tzinfo=TOKYO), "2026-11-21T16:00:00Z"),
    ],
)
def test_iso(time: datetime, text: str) -> None:
    """A time is told in UTC whatever its zone, with milliseconds only where there are any."""
    assert iso(time) == text


def test_a_time_without_a_zone_is_refused() -> None:
    """A time that isn't aware is an error in the program, never a guess."""
    with pytest.raises(ValueError, match="does not say its time zone"):
        json_ready([datetime(2026, 11, 22)])  # noqa: DTZ001  the error is what is tested


def test_what_json_cannot_hold_is_refused() -> None:
    """An object JSON has no form for is an error in the program."""
    with pytest.raises(TypeError, match="JSON cannot hold a set"):
        json_ready({"a": {1}})


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**8), max_value=10**8
    )
)
def test_a_decimal_keeps_its_digits(amount: Decimal) -> None:
    """Up to 15 digits, the number in JSON is the Decimal, without binary noise."""
    assert json.loads(json.dumps(json_ready(amount)), parse_float=Decimal) == amount
