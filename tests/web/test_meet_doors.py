"""The ways into a meeting in Chromium, and what is said where there is none."""

import time
from datetime import timedelta

import pytest

from kvsops.aws.scope import Scope
from kvsops.local.server import LocalServer
from tests.web.conftest import posted
from tests.web.meetings import SEEN, Guests, Held, sees, until

IN_USE = """
navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("", "NotReadableError");
};
"""


def test_the_start_page(people: Guests, scope: Scope) -> None:
    """Without a link the page asks for one, says what is none, and goes in by one pasted."""
    with Held(scope) as held:
        page = people.open(f"{held.url}/", "Ben")
        page.get_by_role("heading", name="Join a meeting").wait_for()
        page.get_by_label("Link", exact=True).fill("hello")
        page.get_by_role("button", name="Continue").click()
        page.get_by_text("This is no link to a meeting").wait_for()
        page.get_by_label("Link", exact=True).fill(f" {held.guest_url} ")
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Your name").fill("Ben")
        page.keyboard.press("Enter")
        page.get_by_text("Waiting for the host.").wait_for()
        assert page.url == f"{held.url}/"
        sees(page, "Ben")


def test_a_camera_in_use(people: Guests, scope: Scope) -> None:
    """It is said, with what to do; one can take part without. No flag of Chromium's makes it so."""
    said = "The camera is in use by another program. Close it there"
    with Held(scope) as held:
        page = people.open(held.guest_url, "Ben", script=IN_USE)
        page.get_by_text(said).wait_for()
        page.get_by_text(said.replace("camera", "microphone")).wait_for()
        page.get_by_label("Your name").fill("Ben")
        page.get_by_role("button", name="Join").click()
        page.get_by_text("Ben · you · muted").wait_for()
        assert page.evaluate(SEEN) == {"Ben": None}
        page.get_by_role("button", name="Camera on").click()
        page.get_by_role("alert").get_by_text(said).wait_for()


def test_at_the_door_for_long(people: Guests, scope: Scope, emulator: LocalServer) -> None:
    """A URL that grew old is fetched anew, once somebody is about to join, and used only then."""
    with Held(scope) as held:
        page = people.open(held.guest_url, "Ben")
        page.get_by_label("Your name").wait_for()
        asked = posted(page)
        page.get_by_label("Your name").press("B")
        assert asked == []  # what was told with the seat is young
        page.evaluate("{ const now = Date.now; Date.now = () => now() + 130_000; }")
        before = emulator.calls["ConnectAsViewer"]
        with page.expect_response("**/connect"):
            page.get_by_label("Your name").press("e")
        page.get_by_label("Your name").press("n")
        assert emulator.calls["ConnectAsViewer"] == before
        page.get_by_role("button", name="Join").click()
        page.get_by_text("Waiting for the host.").wait_for()
        assert asked == [f"{held.url}/connect"]
        ends = time.monotonic() + 20
        while emulator.calls["ConnectAsViewer"] == before:
            assert time.monotonic() < ends
            page.wait_for_timeout(20)
        assert emulator.calls["ConnectAsViewer"] == before + 1


@pytest.mark.parametrize(
    ("case", "title", "hint"),
    [
        ("unknown", "The link leads nowhere", "Ask the host for the link again"),
        ("expired", "The link has expired", "Ask the host to begin another one"),
        ("full", "The meeting is full", "Try again when somebody has left"),
    ],
)
def test_no_way_in(people: Guests, scope: Scope, case: str, title: str, hint: str) -> None:
    """Why a link lets nobody in is said, with what to do."""
    expires = timedelta() if case == "expired" else timedelta(hours=1)
    with Held(scope, seats=0 if case == "full" else 1, expires=expires) as held:
        url = f"{held.url}/#{'x' * 43}" if case == "unknown" else held.guest_url
        page = people.open(url, "Ben")
        page.get_by_role("heading", name=title).wait_for()
        page.get_by_text(hint).wait_for()


def test_keyboard_and_names(people: Guests, scope: Scope) -> None:
    """Everything that can be done has a name, and is reached by Tab in the order of the page."""
    with Held(scope) as held:
        page = people.join(held.host_url, "Hana")
        until(page, "() => document.activeElement.textContent", "Meeting".__eq__)
        reached = []
        for _ in range(7):
            page.keyboard.press("Tab")
            script = "document.activeElement.labels?.[0]?.textContent"
            reached.append(page.evaluate(f"{script} || document.activeElement.textContent"))
        assert reached.pop(0).startswith("Link for guests, until ")
        assert reached == [
            *("Copy link", "Mute", "Camera off", "Share screen", "Chat"),
            "End meeting",
        ]
        unnamed = """() => [...document.querySelectorAll("button, input, select, video, meter")]
          .filter((each) => !each.ariaLabel && !each.labels?.length && !each.textContent.trim())
          .length"""
        assert page.evaluate(unnamed) == 0
