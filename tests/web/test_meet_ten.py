"""As many guests as a channel lets in, and one more."""

from kvsops.aws.scope import Scope
from tests.web.crowd import crowd
from tests.web.meetings import CAMERAS, SEEN, Guests, Held, until

NINE = [f"Guest {number}" for number in range(1, 10)]
NOTE = "There are more than 4 guests, so guests see and hear the host only."


def test_ten_guests(people: Guests, scope: Scope) -> None:
    """The host sees all ten, they see the host, and are told so; the eleventh is told why not."""
    with Held(scope) as held:
        hana = people.join(held.host_url, "Hana")
        with crowd(held, NINE):
            ben = people.join(held.guest_url, "Ben")
            everybody = {"Hana", "Ben", *NINE}
            until(hana, SEEN, lambda found: found.keys() == everybody and all(found.values()))
            shown = until(ben, SEEN, lambda found: found["Hana"])
            assert shown.keys() == everybody
            assert {name for name, colour in shown.items() if colour} == {"Hana", "Ben"}
            pairs = zip(shown["Hana"], CAMERAS["Hana"][0], strict=True)
            assert all(abs(seen - drawn) < 40 for seen, drawn in pairs)
            for page in (hana, ben):
                page.get_by_text(NOTE).wait_for()
            ben.get_by_text("Guest 1 · muted · not shown").wait_for()
            eleventh = people.open(held.guest_url, "Dee")
            eleventh.get_by_role("heading", name="The meeting is full").wait_for()
            eleventh.get_by_text(
                "All places are taken. Try again when somebody has left."
            ).wait_for()
        assert held.warned == []
