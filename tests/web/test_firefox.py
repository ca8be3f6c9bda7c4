"""The pages in Firefox, whose WebRTC is not Chromium's; and people of both in one meeting."""

from collections.abc import Iterator

import pytest

from kvsops.aws.scope import Scope
from tests.foreign.conftest import unavailable
from tests.web.camera import SIZE, camera
from tests.web.firefox import FIREFOX, PULSEAUDIO, Firefox, Page, firefox
from tests.web.meetings import SEEN, Guests, Held, all_closed, devices, hears, sees, until
from tests.web.serving import Serving
from tests.web.test_view import GREETING, goes_on, number_shown, states


@pytest.fixture(scope="module")
def fox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    """Yield Firefox, one for all tests of a file; without it they are skipped, or fail in CI."""
    if not (FIREFOX.exists() and PULSEAUDIO.exists()):
        unavailable("Debian's packages firefox-esr and pulseaudio are not installed")
    with firefox(tmp_path_factory.mktemp("firefox")) as found:
        yield found
        assert found.errors == []


def test_a_person_watches(scope: Scope, arn: str, served: Serving, fox: Firefox) -> None:
    """It waits for the camera, joins by itself, shows its very pictures, and can be written to."""
    served.room.greets = GREETING
    page = fox.open(served.url())
    page.shows("Waiting for the master")
    with camera(scope, arn) as there:
        assert goes_on(page, number_shown(page))
        page.shows("direct, over UDP")
        until(page, f"document.body.innerText.includes('{SIZE[0]} \\u00d7 {SIZE[1]}')", bool)
        page.type("Message on the data channel", "hello")
        page.click("button", "Send")
        page.shows("hello yourself")
        assert there.heard == ["hello"]
    assert states(served)[:3] == ["waiting", "connecting", "watching"]
    page.close()


def joined(fox: Firefox, url: str, name: str) -> Page:
    """Have somebody go in, with a camera and a voice of their own."""
    page = fox.open(url, devices(name))
    page.type("Your name", name)
    page.evaluate("document.getElementById('join').click()")
    until(page, "!document.getElementById('room').hidden", bool)
    return page


def test_a_host(scope: Scope, fox: Firefox, people: Guests) -> None:
    """A host in Firefox, guests in both: all see and hear all, write, mute, share and reload."""
    with Held(scope) as held:
        hana = joined(fox, held.host_url, "Hana")
        ben = people.join(held.guest_url, "Ben")
        cy = joined(fox, held.guest_url, "Cy")
        for page in (hana, ben, cy):
            sees(page, "Hana", "Ben", "Cy")
        hears(hana, "Ben", "Cy")
        hears(ben, "Hana", "Cy")
        hears(cy, "Hana", "Ben")

        hana.click("button", "Chat")
        hana.type("Message to all", "welcome")
        hana.click("button", "Send")
        ben.get_by_role("button", name="Chat (1)").click()
        lines = ben.get_by_role("log", name="Messages").locator("li")
        assert lines.all_text_contents() == ["Hana: welcome"]

        cy.click("button", "Share screen")
        sees(ben, "Hana", "Ben", "Cy", screens=("Cy",))
        cy.click("button", "Mute")
        hears(ben, "Hana")
        ben.get_by_role("button", name="Share screen").click()
        sees(cy, "Hana", "Ben", "Cy", screens=("Ben", "Cy"))

        hana.reload()
        sees(ben, "Hana", "Ben", "Cy", screens=("Ben", "Cy"))
        sees(cy, "Hana", "Ben", "Cy", screens=("Ben", "Cy"))
        cy.reload()
        sees(hana, "Hana", "Ben", "Cy", screens=("Ben",))
        cy.close()
        sees(hana, "Hana", "Ben", screens=("Ben",))
        hana.close()
    assert held.warned == []


def test_a_guest(scope: Scope, fox: Firefox, people: Guests) -> None:
    """A guest in Firefox sees and hears whom a host in Chromium passes on, and ends with all."""
    with Held(scope) as held:
        hana = people.join(held.host_url, "Hana")
        ben = joined(fox, held.guest_url, "Ben")
        dee = people.join(held.guest_url, "Dee")
        for page in (hana, ben, dee):
            sees(page, "Hana", "Ben", "Dee")
        hears(ben, "Hana", "Dee")
        hears(dee, "Hana", "Ben")
        ben.click("button", "Camera off")
        until(dee, SEEN, lambda found: found["Ben"] is None)
        ben.click("button", "Camera on")
        sees(dee, "Hana", "Ben", "Dee")
        hana.get_by_role("button", name="End meeting").click()
        hana.get_by_role("dialog").get_by_role("button", name="End meeting").click()
        ben.shows("The meeting has ended")
        all_closed(ben)
        ben.close()
    assert held.warned == []
