"""The end of a meeting by every road: guests are told, nobody is left, the channel is gone."""

import re
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.cli.meets import Meet
from tests.fleet import HOUR, names
from tests.web.conftest import chromium
from tests.web.meetings import Guests, all_closed, guests, sees, still_connected

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Yield Chromium, one for all tests of this file."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def people(browser: "Browser") -> Iterator[Guests]:
    """Yield what opens pages."""
    with guests(browser) as people:
        yield people


ROADS = {
    "button": (None, 0, "The host ended the meeting."),
    "Ctrl-C": (signal.SIGINT, 130, "Kvsops meet was ended on the host's computer."),
    "SIGTERM": (signal.SIGTERM, 130, "Kvsops meet was ended on the host's computer."),
}


@pytest.mark.parametrize("road", ROADS)
def test_the_end(meet: Meet, people: Guests, emulator: LocalServer, road: str) -> None:
    """Guests are told, nobody is left connected, the channel is gone, and the cost is told."""
    number, status, said = ROADS[road]
    running = meet()
    (name,) = names(emulator)
    assert re.fullmatch(r"kvsops-meet-[0-9a-f]{10}", name)
    hana = people.join(running.host_url, "Hana")
    ben = people.join(running.guest_url, "Ben")
    sees(ben, "Hana", "Ben")
    time.sleep(1.5)  # until what was sent has been counted
    if number is None:
        hana.get_by_role("button", name="End meeting").click()
        hana.get_by_role("dialog").get_by_role("button", name="End meeting").click()
    else:
        running.process.send_signal(number)
    for page in (hana, ben):
        page.get_by_role("heading", name="The meeting has ended").wait_for()
        page.get_by_text(said).wait_for()
        all_closed(page)
    code, out, err = running.ended()
    assert code == status, err
    assert names(emulator) == set()
    assert still_connected(emulator) == 0
    text = "\n".join(out)
    assert re.search(r"^The meeting is over after .*, 1 guest at most: ", text)
    assert re.search(r"^channel fee +the month +\$0\.03$", text, re.MULTILINE)
    assert re.search(r"^signaling messages +[1-9]\d* +<?\$0\.00\d*$", text, re.MULTILINE)
    assert re.search(r"^TURN minutes +0 +\$0\.00$", text, re.MULTILINE)
    assert re.search(r"It cost \$0\.03\d*\.$", text)
    assert "Ben joined" in err


def test_killed(meet: Meet, people: Guests, kvsops: Kvsops, emulator: LocalServer) -> None:
    """Of a meeting that was killed the lease lapses, and the next sweep takes its channel."""
    running = meet()
    hana = people.join(running.host_url, "Hana")
    ben = people.join(running.guest_url, "Ben")
    sees(ben, "Hana", "Ben")
    running.process.send_signal(signal.SIGKILL)
    running.ended()
    ben.get_by_text("The host's computer does not answer. Trying again…").wait_for()
    assert kvsops("sweep", "--expired", "--yes").code == 0
    assert len(names(emulator)) == 1
    before = emulator.settings.clock
    emulator.settings.clock = lambda: before() + 5 * HOUR  # no longer among those lately in use
    assert kvsops("sweep", "--expired", "--yes").code == 0
    assert names(emulator) == set()
    assert still_connected(emulator) == 0
    assert hana.get_by_role("button", name="End meeting").is_visible()
