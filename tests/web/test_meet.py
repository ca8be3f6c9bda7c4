"""A meeting in Chromium: who sees and hears whom, by pixels and pitches, and how it ends."""

from collections.abc import Iterator

import pytest

from kvsops.aws.scope import Scope
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.web.meetings import (
    SEEN,
    Guests,
    Held,
    all_closed,
    devices,
    hears,
    sees,
    still_connected,
    until,
    was_told,
)

STATUS = "() => document.getElementById('status').textContent"
REPLACED = """() => {
  window.replaced = [];
  const real = RTCRtpSender.prototype.replaceTrack;
  RTCRtpSender.prototype.replaceTrack = function (track) {
    replaced.push(track?.kind);
    return real.call(this, track);
  };
}"""
HOST_LEFT = "The host's page was closed."


@pytest.fixture(autouse=True)
def faultless(emulator: LocalServer) -> Iterator[None]:
    """Leave no faults behind."""
    yield
    emulator.settings.faults = ()


ROOM_AT_THE_OFFER = """
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (text) {
  if (text.includes("SDP_OFFER")) window.roomAtTheOffer = !document.getElementById("room").hidden;
  send.call(this, text);
};
"""


def test_the_call_goes_first(people: Guests, scope: Scope) -> None:
    """A guest's room is laid out once the host is called, and the picture at the door let go."""
    with Held(scope) as held:
        people.join(held.host_url, "Hana")
        page = people.open(held.guest_url, "Ben", script=devices("Ben") + ROOM_AT_THE_OFFER)
        page.get_by_label("Your name").fill("Ben")
        page.locator("#join").click()
        sees(page, "Hana", "Ben")
        assert page.evaluate("roomAtTheOffer") is False
        assert page.evaluate("document.getElementById('preview').srcObject") is None


def test_two(people: Guests, scope: Scope) -> None:
    """Both see and hear each other, write, mute, share a screen, load the page anew, and leave."""
    with Held(scope) as held:
        hana = people.join(held.host_url, "Hana")
        ben = people.join(held.guest_url, "Ben")
        for page in (hana, ben):
            sees(page, "Hana", "Ben")
            assert page.url == f"{held.url}/"
        hears(hana, "Ben")
        hears(ben, "Hana")
        assert hana.get_by_label("Link for guests").input_value() == held.guest_url
        assert not ben.get_by_label("Link for guests").is_visible()

        hana.get_by_role("button", name="Chat").click()
        hana.get_by_label("Message to all").fill("<img src=x onerror=alert(1)> \u202egnal")
        hana.get_by_role("button", name="Send").click()
        ben.get_by_role("button", name="Chat (1)").click()
        lines = ben.get_by_role("log", name="Messages").locator("li")
        assert lines.all_text_contents() == ["Hana: <img src=x onerror=alert(1)> gnal"]

        ben.get_by_role("button", name="Mute").click()
        hana.get_by_text("Ben · muted").wait_for()
        hears(hana)
        ben.get_by_role("button", name="Unmute").click()
        hears(hana, "Ben")
        ben.get_by_role("button", name="Camera off").click()
        until(hana, SEEN, lambda found: found["Ben"] is None)
        ben.get_by_role("button", name="Camera on").click()
        sees(hana, "Hana", "Ben")
        ben.get_by_role("button", name="Share screen").click()
        sees(hana, "Hana", "Ben", screens=("Ben",))
        ben.get_by_role("button", name="Stop sharing").click()
        sees(hana, "Hana", "Ben")

        ben.reload()
        sees(ben, "Hana", "Ben")
        sees(hana, "Hana", "Ben")
        hana.reload()
        sees(hana, "Hana", "Ben")
        sees(ben, "Hana", "Ben")

        ben.get_by_role("button", name="Leave").click()
        ben.get_by_role("heading", name="You have left the meeting").wait_for()
        sees(hana, "Hana")
        assert held.told == ["Hana joined", "Ben joined", "Ben left"]
        assert held.warned == []


def test_what_is_sent_stays(people: Guests, scope: Scope) -> None:
    """A track that is sent already is not put in its own place: that would begin it anew."""
    with Held(scope) as held:
        hana = people.open(held.host_url, "Hana")
        hana.evaluate(REPLACED)
        hana.get_by_label("Your name").fill("Hana")
        hana.get_by_role("button", name="Start").click()
        ben = people.join(held.guest_url, "Ben")
        sees(ben, "Hana", "Ben")
        until(hana, "() => replaced", lambda found: len(found) >= 2)
        assert sorted(hana.evaluate("() => replaced")) == ["audio", "video"]


def test_four(people: Guests, scope: Scope, emulator: LocalServer) -> None:
    """All see and hear all others, though guests reach the host only; nobody hears themself."""
    with Held(scope) as held:
        pages = {"Hana": people.join(held.host_url, "Hana")}
        for name in ("Ben", "Cy", "Dee"):
            pages[name] = people.join(held.guest_url, name)
        for page in pages.values():
            sees(page, *pages)
        for name, page in pages.items():
            hears(page, *(other for other in pages if other != name))
        pages["Cy"].get_by_role("button", name="Share screen").click()
        sees(pages["Dee"], *pages, screens=("Cy",))
        pages["Cy"].reload()  # which ends the sharing, and calls again
        for page in pages.values():
            sees(page, *pages)

        pages["Hana"].get_by_role("button", name="End meeting").click()
        pages["Hana"].get_by_role("dialog").get_by_role("button", name="End meeting").click()
        for page in pages.values():
            page.get_by_role("heading", name="The meeting has ended").wait_for()
            page.get_by_text("The host ended the meeting.").wait_for()
            all_closed(page)
        ending = held.ended()
    assert (ending.why, ending.guests) == ("the host ended the meeting", 3)
    assert ending.counted.connects >= 4
    assert still_connected(emulator) == 0


def test_more_than_the_mesh(people: Guests, scope: Scope) -> None:
    """One guest too many, and guests see the host only, which the pages say; until one leaves."""
    with Held(scope, mesh=1) as held:
        hana = people.join(held.host_url, "Hana")
        ben = people.join(held.guest_url, "Ben")
        sees(ben, "Hana", "Ben")
        cy = people.join(held.guest_url, "Cy")
        note = "There are more than 1 guest, so guests see and hear the host only."
        for page in (hana, ben, cy):
            page.get_by_text(note).wait_for()
        sees(hana, "Hana", "Ben", "Cy")
        hears(cy, "Hana")
        assert cy.evaluate(SEEN)["Ben"] is None
        cy.get_by_text("Ben · not shown").wait_for()
        cy.get_by_role("button", name="Leave").click()
        sees(ben, "Hana", "Ben")
        assert not hana.get_by_text(note).is_visible()


def test_a_guest_waits_for_the_host(people: Guests, scope: Scope, emulator: LocalServer) -> None:
    """Who is early is told so, and is in as soon as the host comes; GO_AWAY disturbs nobody."""
    emulator.settings.faults = (Fault("ConnectAsMaster", "go-away"),)
    with Held(scope) as held:
        ben = people.open(held.guest_url, "Ben")
        ben.get_by_text("The host is not here yet: you can join and wait.").wait_for()
        ben.get_by_label("Your name").fill("Ben")
        ben.get_by_role("button", name="Join").click()
        ben.get_by_text("Waiting for the host.").wait_for()
        hana = people.join(held.host_url, "Hana")
        sees(ben, "Hana", "Ben")
        sees(hana, "Hana", "Ben")
        cy = people.join(held.guest_url, "Cy")
        sees(cy, "Hana", "Ben", "Cy")
    assert emulator.calls["ConnectAsMaster"] >= 2


def test_the_hosts_tab_is_killed(people: Guests, scope: Scope, emulator: LocalServer) -> None:
    """A reload within the time is no end; a tab that stays away is: guests are told."""
    with Held(scope, grace_seconds=3) as held:
        hana = people.join(held.host_url, "Hana")
        ben = people.join(held.guest_url, "Ben")
        sees(ben, "Hana", "Ben")
        hana.reload()
        sees(ben, "Hana", "Ben")
        hana.close()
        was_told(ben, "The host is connecting again…")
        ben.get_by_role("heading", name="The meeting has ended").wait_for()
        ben.get_by_text(HOST_LEFT).wait_for()
        all_closed(ben)
        assert held.ended().why == "the host's page was closed"
    assert still_connected(emulator) == 0


def test_lost_connections(people: Guests, scope: Scope, emulator: LocalServer) -> None:
    """A call that breaks off, and a network that does, are said, and all come back."""
    with Held(scope) as held:
        hana = people.join(held.host_url, "Hana")
        ben = people.join(held.guest_url, "Ben")
        sees(ben, "Hana", "Ben")
        hana.evaluate("() => window.made.at(-1).close()")
        was_told(ben, "The connection with the host was lost. Connecting again…")
        sees(ben, "Hana", "Ben")
        held.cut()
        was_told(hana, "again…")
        until(hana, STATUS, "1 guest is here.".__eq__)
        until(ben, STATUS, "".__eq__)
        sees(hana, "Hana", "Ben")
        sees(ben, "Hana", "Ben")
    assert emulator.calls["ConnectAsViewer"] >= 2


def test_relayed(people: Guests, scope: Scope, emulator: LocalServer) -> None:
    """Through TURN alone it works as well, and each end's minute is counted."""
    emulator.settings.faults = (Fault("ConnectAsViewer", "reconnect-ice-server"),)
    with Held(scope) as held:
        people.relayed = True
        hana = people.join(held.host_url, "Hana")
        ben = people.join(held.guest_url, "Ben")
        sees(hana, "Hana", "Ben")
        sees(ben, "Hana", "Ben")
        ben.wait_for_timeout(5_000)
        ending = held.end("the test is over")
    assert ending.counted.turn_minutes in {2, 3, 4}  # a minute may have begun meanwhile


def test_the_server_is_killed(people: Guests, scope: Scope) -> None:
    """A page whose server is gone for long says so, and is connected to nobody any more."""
    with Held(scope, grace_seconds=1) as held:
        hana = people.join(held.host_url, "Hana")
        ben = people.join(held.guest_url, "Ben")
        sees(ben, "Hana", "Ben")
        held.vanish()
        for page in (hana, ben):
            page.get_by_role("heading", name="The host's computer does not answer").wait_for()
            all_closed(page)
