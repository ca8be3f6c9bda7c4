"""What is told when a meeting ends, and what of its cost is known."""

from decimal import Decimal

import pytest

from kvsops.core.cost import Prices
from kvsops.output.screen import NO_SCREEN, Screen
from kvsops.reports.meeting import ending_text
from kvsops.web.meeting import Ending
from kvsops.web.people import Counted

PRICES = Prices("us-east-1", Decimal("0.03"), Decimal("2.25"), Decimal("0.12"), "2026", "a test")
COUNTED = Counted(connects=3, sent=600, received=400, turn_minutes=50)
ENDING = Ending("the host ended the meeting", 754.0, 2, COUNTED, joined=True)
FATE = "kvsops-meet-1 was deleted."


def test_known() -> None:
    """The first line says how it ended, the last what it cost."""
    assert ending_text(ENDING, FATE, PRICES, NO_SCREEN) == (
        "The meeting is over after 12 minutes, 2 guests at most: the host ended the meeting. "
        "kvsops-meet-1 was deleted.\n"
        "\n"
        "ITEM                     USED     COST\n"
        "channel fee         the month    $0.03\n"
        "signaling messages      1,000  $0.0023\n"
        "TURN minutes               50   $0.006\n"
        "\n"
        "Messages and TURN minutes are what the pages counted; AWS bills what it counts itself. "
        "The fee is the channel's for this month, however often it is used.\n"
        "It cost $0.0383.\n"
    )


def test_fits_a_terminal() -> None:
    """No line is wider than the terminal."""
    lines = ending_text(ENDING, FATE, PRICES, Screen(80, 24)).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "It cost $0.0383."


def test_no_prices() -> None:
    """Where no prices are known, nothing is said to cost anything."""
    text = ending_text(ENDING, FATE, None, NO_SCREEN)
    assert "$" not in text
    assert text.count("not known") == 4
    assert "no prices are known for this region" in text


def test_no_page_told() -> None:
    """Of pages that died before they told of a connection the fee is not known; it is not 0."""
    ending = Ending("the host's page was closed", 40.0, 0, Counted(), joined=True)
    text = ending_text(ending, FATE, PRICES, NO_SCREEN)
    assert text.startswith("The meeting is over after 40 seconds, without a guest: ")
    assert text.endswith("What it cost is not known.\n")


@pytest.mark.parametrize("prices", [PRICES, None])
def test_nobody_joined(prices: Prices | None) -> None:
    """A channel that nothing connected to costs nothing, whatever the prices are."""
    ending = Ending("kvsops meet was ended", 5.0, 0, Counted(), joined=False)
    text = ending_text(ending, FATE, prices, NO_SCREEN)
    assert text.splitlines()[-1] == "Nothing connected: it cost nothing."
