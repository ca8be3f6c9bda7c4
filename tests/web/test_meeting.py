"""Who is in a meeting and what is written there, at the server's WebSocket; no browser."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from kvsops.aws.scope import Scope
from kvsops.web.links import Link
from kvsops.web.meeting import TEXT_MAXIMUM, Ending
from kvsops.web.people import NAME_MAXIMUM, Counted, plain
from tests.web.meetings import Held
from tests.web.serving import run


class Page:
    """A page that says what it is told to, and takes note of what it hears."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.heard: list[dict[str, Any]] = []

    async def say(self, **message: Any) -> None:
        """Send a message."""
        await self._socket.send_str(json.dumps(message))

    async def until(self, right: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Hear until a message is right; return it."""
        while True:
            message = await self._socket.receive()
            assert message.type is aiohttp.WSMsgType.TEXT, (message, self.heard)
            self.heard.append(json.loads(message.data))
            if right(self.heard[-1]):
                return self.heard[-1]

    async def people(self, *names: str) -> dict[str, Any]:
        """Hear until these are in."""
        return await self.until(
            lambda said: (
                said["type"] == "people" and [each["name"] for each in said["people"]] == [*names]
            )
        )

    async def close(self) -> None:
        """Close the page."""
        await self._socket.close()


class Door:
    """Opens pages of a meeting."""

    def __init__(self, held: Held, client: aiohttp.ClientSession) -> None:
        self.held, self._client = held, client
        self._pages: list[Page] = []  # lest one that nobody looks at be closed

    async def open(self, url: str, seat: str | None = None, **headers: str) -> Page:
        """Open a page by a link, or again by its seat."""
        socket = await self._client.ws_connect(
            f"{self.held.url}/events", headers={"Origin": self.held.url} | headers
        )
        page = Page(socket)
        self._pages.append(page)
        await page.say(link=url.partition("#")[2], seat=seat)
        return page

    async def join(self, url: str, name: str, **more: Any) -> Page:
        """Open a page by a link, and join under a name."""
        page = await self.open(url)
        await page.until(lambda said: said["type"] == "seated")
        await page.say(type="join", name=name, page=name, **more)
        return page


def meeting(scope: Scope, story: Callable[[Door], Awaitable[None]], **more: Any) -> Ending:
    """Hold a meeting in which this happens; return how it ended."""

    async def told(held: Held) -> None:
        async with aiohttp.ClientSession() as client:
            await story(Door(held, client))

    with Held(scope, **more) as held:
        run(told(held))
        ending = held.end("the test is over")
        assert held.warned == []
    return ending


def test_who_is_here(scope: Scope) -> None:
    """Each page is told who is in, under which name, and what of theirs is on."""

    async def story(door: Door) -> None:
        hana = await door.join(door.held.host_url, "Hana", camera=True, microphone="yes")
        told = await hana.people("Hana")
        assert told == {
            "type": "people",
            "everybody": True,
            "people": [
                {
                    "id": "host",
                    "host": True,
                    "name": "Hana",
                    "page": "Hana",
                    "here": True,
                    "microphone": False,
                    "camera": True,
                    "screen": False,
                }
            ],
        }
        ben = await door.join(door.held.guest_url, "Ben")
        other = await door.join(door.held.guest_url, " Ben\u202e\n ")
        nobody = await door.join(door.held.guest_url, "\u200f \x00")
        await hana.people("Hana", "Ben", "Ben (2)", "Somebody")
        await ben.say(type="shows", microphone=True, screen=True)
        said = await nobody.until(
            lambda said: said["type"] == "people" and said["people"][1]["screen"]
        )
        assert said["people"][1]["microphone"] is True
        await other.say(type="leave")
        await hana.people("Hana", "Ben", "Somebody")

    ending = meeting(scope, story)
    assert (ending.guests, ending.joined, ending.why) == (3, True, "the test is over")


def test_more_than_the_mesh(scope: Scope) -> None:
    """Beyond so many guests they are not passed on to each other, until one has left."""

    async def story(door: Door) -> None:
        hana = await door.join(door.held.host_url, "Hana")
        await door.join(door.held.guest_url, "Ben")
        assert (await hana.people("Hana", "Ben"))["everybody"] is True
        cy = await door.join(door.held.guest_url, "Cy")
        assert (await hana.people("Hana", "Ben", "Cy"))["everybody"] is False
        await cy.say(type="leave")
        assert (await hana.people("Hana", "Ben"))["everybody"] is True

    meeting(scope, story, mesh=1)


def test_a_page_that_comes_back(scope: Scope) -> None:
    """Who loads the page anew stays who they were; who stays away has left."""

    async def story(door: Door) -> None:
        hana = await door.join(door.held.host_url, "Hana")
        ben = await door.join(door.held.guest_url, "Ben")
        seat = ben.heard[0]["seat"]
        await hana.people("Hana", "Ben")
        await ben.close()
        told = await hana.until(lambda said: not said["people"][1]["here"])
        assert told["people"][1]["name"] == "Ben"
        ben = await door.open(door.held.guest_url, seat)
        await ben.say(type="join", name="Ben", page="second")
        told = await hana.until(lambda said: said["people"][1]["here"])
        assert (told["people"][1]["id"], told["people"][1]["page"]) == ("guest-1", "second")
        await ben.close()
        await hana.people("Hana")

    meeting(scope, story, grace_seconds=1.5)


def test_the_host_goes(scope: Scope) -> None:
    """A host's page that stays away ends the meeting; guests are told why."""

    async def story(door: Door) -> None:
        hana = await door.join(door.held.host_url, "Hana")
        ben = await door.join(door.held.guest_url, "Ben")
        await hana.close()
        over = await ben.until(lambda said: said["type"] == "over")
        assert (over["why"], over["text"]) == ("ended", "the host's page was closed")

    assert meeting(scope, story, grace_seconds=0.3).why == "the host's page was closed"


def test_only_the_host_ends_it(scope: Scope) -> None:
    """What a guest says of ending is not heeded; what the host says is."""

    async def story(door: Door) -> None:
        hana = await door.join(door.held.host_url, "Hana")
        ben = await door.join(door.held.guest_url, "Ben")
        await ben.say(type="end")
        await ben.say(type="write", text="still here")
        await hana.until(lambda said: "new" in said)
        await hana.say(type="end")
        over = await ben.until(lambda said: said["type"] == "over")
        assert over["text"] == "the host ended the meeting"

    assert meeting(scope, story).why == "the host ended the meeting"


def test_chat(scope: Scope) -> None:
    """Lines reach all who are in, bounded and without controls; who comes later gets the last."""

    async def story(door: Door) -> None:
        hana = await door.join(door.held.host_url, "Hana")
        ben = await door.join(door.held.guest_url, "Ben")
        waiting = await door.open(door.held.guest_url)
        for text in ("one\ntwo\x1b[31m", "", 7, "x" * 5000, "<b>bold</b>"):
            await ben.say(type="write", text=text)
        await waiting.say(type="write", text="not in yet")
        await ben.say(type="write", text="last")
        await hana.until(lambda said: said.get("new", {}).get("text") == "last")
        lines = [said["new"] for said in hana.heard if "new" in said]
        assert {(line["id"], line["name"]) for line in lines} == {("guest-1", "Ben")}
        texts = ["one two[31m", "x" * TEXT_MAXIMUM, "<b>bold</b>", "last"]
        assert [line["text"] for line in lines] == texts
        cy = await door.join(door.held.guest_url, "Cy")
        kept = await cy.until(lambda said: "all" in said)
        assert [line["text"] for line in kept["all"]] == texts

    meeting(scope, story)


def test_what_pages_count(scope: Scope) -> None:
    """The last that each load of each page said is summed; what cannot be counts nothing."""

    async def story(door: Door) -> None:
        hana = await door.join(door.held.host_url, "Hana")
        ben = await door.join(door.held.guest_url, "Ben")
        for page in (hana, ben):
            await page.say(type="counted", page="first", connects=1, sent=1, received=1)
            await page.say(type="counted", page="first", connects=1, sent=4, received=3)
        await ben.say(type="counted", page="second", connects=1, sent=-1, received=1e9)
        await ben.say(type="counted", page="third", connects=True, turn_minutes=2, sent="4")
        await ben.say(type="write", text="done")
        await hana.until(lambda said: "new" in said)

    counted = meeting(scope, story).counted
    assert counted == Counted(connects=3, sent=8, received=6, turn_minutes=2)


def test_nobody_joined(scope: Scope) -> None:
    """Who only stood at the door was not in the meeting."""

    async def story(door: Door) -> None:
        page = await door.open(door.held.guest_url)
        await page.people()

    ending = meeting(scope, story)
    assert (ending.joined, ending.guests, ending.counted) == (False, 0, Counted())


@pytest.mark.parametrize("case", ["unknown", "expired", "full"])
def test_strangers(scope: Scope, case: str) -> None:
    """Without a link that is good, or a place, nothing is told but why."""

    async def story(door: Door) -> None:
        links = {
            "unknown": f"{door.held.url}/#{'x' * 43}",
            "expired": door.held.guest_url,
            "full": door.held.guest_url,
        }
        if case == "full":
            await door.join(links[case], "Ben")
        page = await door.open(links[case])
        told = await page.until(lambda said: said["type"] == "over")
        assert told["why"] == case
        assert len(page.heard) == 1

    expires = timedelta() if case == "expired" else timedelta(hours=1)
    meeting(scope, story, seats=1, expires=expires)


def test_a_flood(scope: Scope) -> None:
    """A thousand messages at once, of a stranger or a guest, end that page alone."""

    async def flood(page: Page) -> None:
        try:
            for _ in range(1000):
                await page.say(type="write", text="x")
            while True:
                await page.until(lambda _: False)
        except (AssertionError, ConnectionError, aiohttp.ClientError):
            return  # it was closed

    async def story(door: Door) -> None:
        hana = await door.join(door.held.host_url, "Hana")
        ben = await door.join(door.held.guest_url, "Ben")
        stranger = await door.open(f"{door.held.url}/#{'x' * 43}")
        mallory = await door.join(door.held.guest_url, "Mallory")
        hearing = asyncio.ensure_future(hana.until(_is_bens))
        await asyncio.gather(flood(stranger), flood(mallory))
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await door.open(door.held.guest_url, Origin="https://evil.example")
        await ben.say(type="write", text="still here")
        await hearing

    meeting(scope, story)


def _is_bens(said: dict[str, Any]) -> bool:
    return bool(said.get("new", {}).get("text") == "still here")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë 🏳️‍🌈", "Zoë 🏳️‍🌈"),
        ("a\u202eb\u2066c", "abc"),
        ("\ud800x", "x"),
        ("  a \t\n b ", "a b"),
        ("y" * 99, "y" * NAME_MAXIMUM),
        (None, ""),
        (["x"], ""),
    ],
)
def test_plain(text: object, shown: str) -> None:
    """Names are one line of what can be read, and no longer than allowed."""
    assert plain(text, NAME_MAXIMUM) == shown


def test_the_link_is_revoked_with_the_meeting(scope: Scope) -> None:
    """A link's place is the meeting's own: another meeting's link is unknown."""
    with Held(scope) as first, Held(scope) as second:

        async def story() -> None:
            async with aiohttp.ClientSession() as client:
                page = await Door(first, client).open(second.guest_url)
                told = await page.until(lambda said: said["type"] == "over")
                assert told["why"] == "unknown"

        run(story())
        assert isinstance(first.guests, Link)
