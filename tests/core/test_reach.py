"""Where a policy holds."""

import pytest

from kvsops.core.reach import EVERYWHERE, Reach, Site
from kvsops.errors import UsageError

HERE = Site("123456789012", "us-east-1", ("ou-ab12-0123abcd",))


@pytest.mark.parametrize(
    ("reach", "holds"),
    [
        (EVERYWHERE, True),
        (Reach(accounts=("123456789012", "200000000002")), True),
        (Reach(accounts=("200000000002",)), False),
        (Reach(regions=("eu-west-1", "us-east-1")), True),
        (Reach(regions=("eu-west-1",)), False),
        (Reach(organizational_units=("ou-ab12-0123abcd", "ou-ab12-zzzzzzzz")), True),
        (Reach(organizational_units=("ou-ab12-zzzzzzzz",)), False),
        # All that is given must be met.
        (Reach(("123456789012",), ("ou-ab12-0123abcd",), ("us-east-1",)), True),
        (Reach(("123456789012",), ("ou-ab12-0123abcd",), ("eu-west-1",)), False),
        (Reach(("123456789012",), ("ou-ab12-zzzzzzzz",), ("us-east-1",)), False),
        (Reach(("200000000002",), ("ou-ab12-0123abcd",), ("us-east-1",)), False),
    ],
)
def test_where_it_holds(reach: Reach, *, holds: bool) -> None:
    """It holds where each of its lists that is not empty has the place."""
    assert reach.holds(HERE) is holds


def test_units_that_nobody_knows() -> None:
    """What turns on them cannot be answered; what another list excludes already can."""
    unknown = Site("123456789012", "us-east-1")
    units = ("ou-ab12-0123abcd",)
    with pytest.raises(UsageError, match="organizational-units"):
        Reach(organizational_units=units).holds(unknown)
    assert not Reach(organizational_units=units, regions=("eu-west-1",)).holds(unknown)


def test_an_account_that_nobody_knows() -> None:
    """A policy of some accounts does not hold where the account is not known."""
    assert not Reach(accounts=("123456789012",)).holds(Site(None, "us-east-1"))
