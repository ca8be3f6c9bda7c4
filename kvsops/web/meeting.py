"""A meeting of a host and guests: who is in it, what they write, and when it ends.

The host's page is the channel's master, a guest's a viewer. Pictures and sound go between the
pages; here it is kept who is there, so that all pages show the same people under the same names.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from kvsops.core.text import moment
from kvsops.web.links import Seat
from kvsops.web.pages import Message, Pages
from kvsops.web.people import NAME_MAXIMUM, Counted, Person, Tally, plain

GUESTS_MAXIMUM: Final = 10
"""Viewers that a channel lets in.

Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
"""
GRACE_SECONDS: Final = 30.0
"""How long a page that has gone may take to come back: a page cannot tell a close from a reload."""
TEXT_MAXIMUM: Final = 1_000
"""Characters of a chat message."""
_KEPT: Final = 100  # messages, for whoever joins later

HOST_ENDED: Final = "the host ended the meeting"
HOST_LEFT: Final = "the host's page was closed"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a meeting ended: why, after how many seconds, how many guests it had at most."""

    why: str
    seconds: float
    guests: int
    counted: Counted
    joined: bool
    """Whether anybody joined at all."""


class Meeting:
    """What the pages of a meeting are there for; a `pages.Room`.

    Up to `mesh` guests see and hear each other; if there are more, the host alone. A page that has
    gone for `grace_seconds` has left; if it is the host's, the meeting has ended. `told` hears who
    comes and goes.
    """

    def __init__(
        self,
        *,
        mesh: int,
        grace_seconds: float = GRACE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._mesh, self._grace = mesh, grace_seconds
        self._invitation: dict[str, str] = {}
        self._clock, self._began, self._note = clock, clock(), told
        self._people: dict[Seat, Person] = {}
        self._leaving: dict[Seat, asyncio.TimerHandle] = {}
        self._written: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._tally, self._most, self._ever = Tally(), 0, False
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.pages: Pages

    def begin(self, pages: Pages, *, invitation: str, until: datetime) -> None:
        """Begin it: these are its pages, that the link for guests, of which the host is told."""
        self.pages = pages
        self._invitation = {"invitation": invitation, "until": moment(until)}

    async def until_over(self) -> Ending:
        """Wait until it ends; tell all pages why."""
        why = await self._over
        for handle in self._leaving.values():
            handle.cancel()
        for seat in self.pages.seats():
            self.pages.dismiss(seat, "ended", why)
        seconds = self._clock() - self._began
        return Ending(why, seconds, self._most, self._tally.total, self._ever)

    def end(self, why: str) -> None:
        """End it, once."""
        if not self._over.done():
            self._over.set_result(why)

    # As the pages' room

    def greeting(self, seat: Seat) -> Message:
        """Return what the page begins with; the host's learns the link for guests."""
        mine = self._invitation if seat.role == "master" else {}
        return (
            {"role": seat.role, "id": seat.client_id, "mesh": self._mesh}
            | mine
            | {"grace": self._grace}
        )

    async def came(self, seat: Seat) -> None:
        """Take note that a page is there: the first time, or again."""
        if handle := self._leaving.pop(seat, None):
            handle.cancel()
        person = self._people.get(seat)
        if person and person.token != seat.token:  # another has the place now
            self._gone(seat)
        self.pages.tell(seat, self._told())

    async def left(self, seat: Seat) -> None:
        """Take note that a page has gone: it may come back."""
        if self._over.done():
            return
        if person := self._people.get(seat):
            person.here = False
            self._tell_all()
        loop = asyncio.get_running_loop()
        self._leaving[seat] = loop.call_later(self._grace, self._gone, seat)

    async def said(self, seat: Seat, message: Mapping[str, Any]) -> None:
        """Do what a page says; what is not understood is not answered."""
        known: dict[object, Callable[[Seat, Mapping[str, Any]], None]] = {
            "join": self._join,
            "shows": self._shows,
            "write": self._write,
            "counted": self._tally.take,
            "leave": self._leave,
        }
        kind = message.get("type")
        if kind in known:
            known[kind](seat, message)
        elif kind == "end" and seat.role == "master":
            self.end(HOST_ENDED)

    def _join(self, seat: Seat, message: Mapping[str, Any]) -> None:
        """Let somebody in under a name; who is in already came back."""
        person = self._people.get(seat)
        if person is None or person.token != seat.token:
            person = Person(seat, self._name(seat, message), seat.token)
            self._people[seat] = person
            self._note(f"{person.name} joined")
        person.here, person.page = True, plain(message.get("page"), NAME_MAXIMUM)
        person.shows(message)
        self._ever, self._most = True, max(self._most, len(self._guests()))
        self.pages.tell(seat, {"type": "written", "all": [*self._written]})
        self._tell_all()

    def _name(self, seat: Seat, message: Mapping[str, Any]) -> str:
        """Return the name that somebody gave, told from the same of another."""
        name = plain(message.get("name"), NAME_MAXIMUM) or "Somebody"
        taken = {each.name for other, each in self._people.items() if other is not seat}
        more = (f"{name} ({number})" for number in range(2, GUESTS_MAXIMUM + 3))
        return next(each for each in (name, *more) if each not in taken)

    def _shows(self, seat: Seat, message: Mapping[str, Any]) -> None:
        if person := self._people.get(seat):
            person.shows(message)
            self._tell_all()

    def _write(self, seat: Seat, message: Mapping[str, Any]) -> None:
        person, text = self._people.get(seat), plain(message.get("text"), TEXT_MAXIMUM)
        if person and text:
            line = {"id": seat.client_id, "name": person.name, "text": text}
            self._written.append(line)
            self._tell_joined({"type": "written", "new": line})

    def _leave(self, seat: Seat, _message: Mapping[str, Any]) -> None:
        """Let a guest go at once, who said so."""
        if seat.role == "viewer":
            self._gone(seat)

    def _gone(self, seat: Seat) -> None:
        self._leaving.pop(seat, None)
        if seat.role == "master":
            self.end(HOST_LEFT)
        elif person := self._people.pop(seat, None):
            self._note(f"{person.name} left")
            self._tell_all()

    def _guests(self) -> list[Person]:
        return [each for each in self._people.values() if each.seat.role == "viewer"]

    def _told(self) -> Message:
        """Return who is in, and whether the guests are passed on to each other."""
        people = [each.told() for each in self._people.values()]
        everybody = len(self._guests()) <= self._mesh
        return {"type": "people", "people": people, "everybody": everybody}

    def _tell_all(self) -> None:
        self.pages.tell_all(self._told())

    def _tell_joined(self, message: Message) -> None:
        for seat in [*self._people]:
            self.pages.tell(seat, message)
