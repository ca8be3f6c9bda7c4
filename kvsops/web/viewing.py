"""What `kvsops view` is told by its pages: how each of them stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kvsops.web.links import Seat

_STATES: Final = {
    "waiting": "waits for the master",
    "connecting": "the master answered: finding a path to it",
    "watching": "shows the picture",
    "blank": "connected, but no picture has come",
    "lost": "the master has gone: calls it again",
    "pathless": "the master answered, but no path to it was found: tries again",
    "offline": "lost its signaling: connects again",
}
"""What a page may say of itself; all else is left unsaid, as anybody with the link may write it."""


@dataclass
class Viewing:
    """A room of viewers, each by itself. `told` gets a line whenever one's state changes."""

    channel_name: str
    place: str
    mirror: bool
    told: Callable[[str], None]
    _said: dict[Seat, str] = field(default_factory=dict)

    def greeting(self, seat: Seat) -> Mapping[str, Any]:  # noqa: ARG002 - a Room's signature
        """Tell the page which channel it is."""
        return {"channel": self.channel_name, "place": self.place, "mirror": self.mirror}

    async def came(self, seat: Seat) -> None:
        """Tell of a page that was opened."""
        self._tell(seat, "opened")

    async def left(self, seat: Seat) -> None:
        """Tell of a page that was closed, or lost."""
        self._tell(seat, "closed")

    async def said(self, seat: Seat, message: Mapping[str, Any]) -> None:
        """Tell in words of ours how a page says that it stands."""
        state = message.get("state")
        if message.get("type") != "state" or not isinstance(state, str) or state not in _STATES:
            return
        way = ", relayed by TURN" if message.get("relayed") is True else ""
        self._tell(seat, _STATES[state] + (way if state == "watching" else ""))

    def _tell(self, seat: Seat, text: str) -> None:
        if self._said.get(seat) != text:
            self._said[seat] = text
            self.told(f"page {seat.number + 1}: {text}")
