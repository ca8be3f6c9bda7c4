"""Who is in a meeting, as the pages say, and what each page counted."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from kvsops.web.links import Seat

NAME_MAXIMUM: Final = 40
"""Characters of a name."""
_NO_CHARACTERS: Final = {"Cc", "Cs", "Co", "Cn"}
_DIRECTIONS: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_COUNT_MAXIMUM: Final = 10_000_000
"""No page counts beyond it: what a page says is bounded."""
_PAGES_MAXIMUM: Final = 1_000


def plain(text: object, longest: int) -> str:
    """Return what people can read of a text: one line, without controls, not too long.

    What joins the parts of an emoji stays; what turns the direction of a whole line goes.
    """
    if not isinstance(text, str):
        return ""
    line = " ".join(text[: 4 * longest].split())
    shown = (
        each
        for each in line
        if each not in _DIRECTIONS and unicodedata.category(each) not in _NO_CHARACTERS
    )
    return "".join(shown)[:longest].strip()


@dataclass(eq=False, slots=True)
class Person:
    """One who has joined; `here` says that the page is there just now."""

    seat: Seat
    name: str
    token: str = field(repr=False)
    """The page's own: another's at the same seat is somebody else's."""
    page: str = ""
    """Tells one load of the page from the next."""
    microphone: bool = False
    camera: bool = False
    screen: bool = False
    here: bool = True

    def shows(self, message: Mapping[str, Any]) -> None:
        """Take note of what is on: anything but true is off."""
        for name in ("microphone", "camera", "screen"):
            setattr(self, name, message.get(name) is True)

    def told(self) -> dict[str, Any]:
        """Return what every page is told of it."""
        return {
            "id": self.seat.client_id,
            "host": self.seat.role == "master",
            "name": self.name,
            "page": self.page,
            "microphone": self.microphone,
            "camera": self.camera,
            "screen": self.screen,
            "here": self.here,
        }


@dataclass(frozen=True, slots=True)
class Counted:
    """What pages counted: connections to the channel, messages, minutes in which TURN relayed."""

    connects: int = 0
    sent: int = 0
    received: int = 0
    turn_minutes: int = 0

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        """Read a page's report; what is no number in bounds is 0."""
        values = {each.name: message.get(each.name) for each in fields(cls)}
        sound = {
            name: value
            for name, value in values.items()
            if type(value) is int and 0 <= value <= _COUNT_MAXIMUM
        }
        return cls(**sound)

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(
            self.connects + other.connects,
            self.sent + other.sent,
            self.received + other.received,
            self.turn_minutes + other.turn_minutes,
        )


@dataclass(slots=True)
class Tally:
    """Sums what each page counted since it was loaded: the last that it said of each counts."""

    _pages: dict[tuple[str, str], Counted] = field(default_factory=dict)

    def take(self, seat: Seat, message: Mapping[str, Any]) -> None:
        """Take a page's report; `page` in it tells one load of a page from the next."""
        key = seat.client_id, plain(message.get("page"), NAME_MAXIMUM)
        if key in self._pages or len(self._pages) < _PAGES_MAXIMUM:
            self._pages[key] = Counted.read(message)

    @property
    def total(self) -> Counted:
        """The sum of all pages."""
        return sum(self._pages.values(), Counted())
