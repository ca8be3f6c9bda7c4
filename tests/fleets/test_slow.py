"""What the progress of many places tells beside its number."""

from kvsops.fleet.slow import Slow
from kvsops.output.stage import Stage
from tests.fleet import Time
from tests.fleets.test_everywhere import places


def test_what_else_is_to_be_known() -> None:
    """Whatever was told to say it, until a place is slow; then that place."""
    time, stage = Time(), Stage("planning", None)
    slow = Slow(stage, "planning", time.clock)
    slow.stage("accounts and regions", None)
    slow.beside(lambda: "listing accounts, 40 so far")
    (place,) = places(1)
    with slow.at(place):
        slow.advance(3)
        said = "planning accounts and regions 3 · listing accounts, 40 so far"
        assert str(stage) == said
        time.sleep(25)
        assert str(stage) == (
            "planning accounts and regions 3 · slow: 000000000000 us-east-1 (25 s)"
        )
    slow.of(5)
    assert str(stage) == "planning accounts and regions 3/5 · listing accounts, 40 so far"
