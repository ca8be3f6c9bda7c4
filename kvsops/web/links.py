"""Links: who holds one may take a seat in the channel, until it expires or is revoked.

A link is a capability, so its token is never logged, and stands in no URL's path or query: only
in the fragment, which browsers keep to themselves.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeVar

from kvsops.core.wire.ice import Role

_TOKEN_BYTES: Final = 32

Why = Literal["unknown", "expired", "ended", "full", "displaced", "busy"]


class Refused(Exception):  # noqa: N818 - it is an answer, not a failure
    """Somebody is not let in. `why` is what the page goes by, the text what it may show."""

    def __init__(self, why: Why, text: str) -> None:
        super().__init__(text)
        self.why: Why = why


@dataclass(frozen=True, slots=True)
class Link:
    """Leads one role to its seats, one for each page that may be open at a time."""

    role: Role
    expires_at: datetime
    token: str = field(repr=False)


@dataclass(eq=False, slots=True)
class Seat:
    """A page's place: the client id that the server chose for it, and the page's own secret."""

    link: Link
    number: int
    client_id: str
    token: str = field(default="", repr=False)
    taken: bool = False
    """Whether a page is there now."""
    left_at: datetime | None = None
    """When the last page left; None if none ever came, or one is there."""

    @property
    def role(self) -> Role:
        """The role of whoever sits here."""
        return self.link.role


_Held = TypeVar("_Held", Link, Seat)


class Links:
    """All links and their seats. `now` tells the time: aware, in UTC."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.now = now
        self._seats: dict[Link, list[Seat]] = {}
        self._ended: list[Link] = []

    def issue(self, role: Role, client_ids: Sequence[str], lasts: timedelta) -> Link:
        """Make a link with a seat for each of these client ids."""
        link = Link(role, self.now() + lasts, secrets.token_urlsafe(_TOKEN_BYTES))
        self._seats[link] = [Seat(link, at, each) for at, each in enumerate(client_ids)]
        return link

    def revoke(self, link: Link) -> list[Seat]:
        """End a link; return its seats, whose pages are to be told."""
        self._ended.append(link)
        return self._seats.pop(link, [])

    @property
    def seats(self) -> list[Seat]:
        """All seats of the links that were not revoked."""
        return [seat for seats in self._seats.values() for seat in seats]

    def take(self, token: str, seat_token: str | None = None) -> Seat:
        """Return the seat that this page has, or a free one; raises `Refused`.

        Who has a seat keeps it beyond the link's end of time: it may have to connect again. A seat
        that is given to another page gets a new token: the old one is worth nothing then.
        """
        link = self._link(token)
        if mine := _held(seat_token or "", self._seats[link]):
            return mine
        if self.now() >= link.expires_at:
            raise Refused("expired", "this link has expired: ask for a new one")
        free = [seat for seat in self._seats[link] if not seat.taken]
        if not free:
            raise Refused("full", "all places are taken: try again when somebody has left")
        # The longest unused first: its page will hardly come back, and the service has long
        # forgotten who had the client id.
        unused = datetime.min.replace(tzinfo=UTC)
        seat = min(free, key=lambda each: each.left_at or unused)
        seat.token = secrets.token_urlsafe(_TOKEN_BYTES)
        return seat

    def seat(self, seat_token: str) -> Seat:
        """Return the seat of a page that has one; raises `Refused`."""
        found = _held(seat_token, self.seats)
        if found is None:
            raise Refused("unknown", "this page has no place here: open the link again")
        return found

    def _link(self, token: str) -> Link:
        found = _held(token, [*self._seats])
        if found is not None:
            return found
        if _held(token, self._ended):
            raise Refused("ended", "this link has ended: ask for a new one")
        raise Refused("unknown", "this link is not known here: ask for a new one")


def _held(token: str, among: Iterable[_Held]) -> _Held | None:
    """Return the one that has this token, in a time that does not tell how much of it is right."""
    found = None
    for each in among:
        if each.token and secrets.compare_digest(
            each.token.encode(), token.encode("utf-8", "replace")
        ):
            found = each
    return found
