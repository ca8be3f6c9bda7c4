"""Figures as people read them."""

from decimal import Decimal

import pytest

from kvsops.output.figures import NOT_KNOWN, usd


@pytest.mark.parametrize(
    ("amount", "cents", "trimmed"),
    [
        ("0", "$0.00", "$0.00"),
        ("0.00004", "<$0.01", "<$0.0001"),
        ("0.00005", "<$0.01", "$0.0001"),
        ("0.004", "<$0.01", "$0.004"),
        ("0.005", "$0.01", "$0.005"),
        ("-0.004", "<$0.01", "-$0.004"),
        ("-0.005", "-$0.01", "-$0.005"),
        ("-1", "-$1.00", "-$1.00"),
        ("2.4", "$2.40", "$2.40"),
        ("0.0332", "$0.03", "$0.0332"),
        ("0.9999", "$1.00", "$0.9999"),
        ("0.99995", "$1.00", "$1.00"),
        ("1234.5", "$1,234.50", "$1,234.50"),
        ("1000000", "$1,000,000.00", "$1,000,000.00"),
    ],
)
def test_usd(amount: str, cents: str, trimmed: str) -> None:
    """Nothing that is not nothing is shown as zero; beyond the cents only what says something."""
    assert usd(Decimal(amount)) == cents
    assert usd(Decimal(amount), 4, trimmed=True) == trimmed


def test_usd_of_fixed_places() -> None:
    """A column of figures keeps its places."""
    assert [usd(Decimal(each), 4) for each in ("2.4", "0", "-1")] == [
        *("$2.4000", "$0.0000", "-$1.0000")
    ]


def test_usd_unknown() -> None:
    """What is not known is never a zero."""
    assert (usd(None), usd(None, 4), usd(None, unknown=NOT_KNOWN)) == ("?", "?", "not known")
