"""Cameras and microphones that cannot be had, as Chromium itself has it, on both pages."""

from typing import Any

import pytest

from kvsops.aws.scope import Scope
from tests.web.camera import camera
from tests.web.conftest import ARGUMENTS, chromium, until
from tests.web.meetings import SEEN, Held, guests
from tests.web.serving import serving

ASKS_A_PERSON = [each for each in ARGUMENTS if each != "--use-fake-ui-for-media-stream"]
NO_CAMERA = [each + "=device-count=0" * ("fake-device" in each) for each in ARGUMENTS]
AS_IT_IS = "0"  # a script that changes nothing
DENIED: dict[str, Any] = {"permissions": []}
CASES = {
    "denied": (
        *(ASKS_A_PERSON, DENIED),
        ["The camera is blocked for this page. Allow", "The microphone is blocked for this page."],
        "allow both beside the address, then load the page again. You only watch for now.",
    ),
    "none there": (
        *(NO_CAMERA, {}),
        ["No camera was found. Plug one in, or take part without."],
        "No camera or microphone was found: connect one, then load the page again.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_no_camera(scope: Scope, arn: str, case: str) -> None:
    """What is wrong is said, and what to do; one takes part, or watches, all the same."""
    arguments, more, in_the_meeting, in_the_view = CASES[case]
    with chromium(arguments) as browser, guests(browser) as people:
        with Held(scope) as held:
            page = people.open(held.guest_url, "Ben", script=AS_IT_IS, **more)
            for said in in_the_meeting:
                page.get_by_text(said).wait_for()
            page.get_by_label("Your name").fill("Ben")
            page.get_by_role("button", name="Join").click()
            page.get_by_text("Ben · you").wait_for()
            assert page.evaluate(SEEN) == {"Ben": None}
            page.get_by_role("button", name="Camera on").click()
            page.get_by_role("alert").get_by_text(in_the_meeting[0]).wait_for()
        with serving(scope, arn) as served, camera(scope, arn):
            served.room.greets = {"channel": "cam-door", "place": "us-east-1", "mirror": True}
            page = people.open(served.url(), "Ben", script=AS_IT_IS, **more)
            page.get_by_text(in_the_view).wait_for()
            until(page, "document.getElementById('curtain').hidden")
