"""The meeting of `kvsops meet`: its server, from the link that is printed to the end."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from kvsops.cli.browser import OPENING_LASTS, opened_or_url
from kvsops.cli.media import run
from kvsops.cli.options import screen
from kvsops.output.figures import moment
from kvsops.output.qr import qr_code
from kvsops.peers.waits import end_all
from kvsops.web.links import Link, Links
from kvsops.web.meeting import GUESTS_MAXIMUM, Ending, Meeting
from kvsops.web.server import Server

if TYPE_CHECKING:
    from kvsops.output.console import Console
    from kvsops.web.door import Door
    from kvsops.web.site import Site

ENDED_HERE: Final = "kvsops meet was ended on the host's computer"
GONE: Final = "the channel was deleted by somebody"
_HOST_LASTS: Final = timedelta(days=30)
"""Longer than any meeting, with which the host's link ends."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom a meeting lets in: up to `mesh` see each other; the link `expires` after a while."""

    channel_name: str
    mesh: int
    expires: timedelta
    opens: bool
    """Whether the host's page is opened in the browser."""


class Ends:
    """Ends the meeting from another thread, also before it has begun."""

    def __init__(self) -> None:
        self.failed = self.interrupted = False
        self._why: str | None = None
        self._meeting: tuple[asyncio.AbstractEventLoop, Meeting] | None = None

    def fail(self, why: str) -> None:
        """End it because the channel can be counted on no more."""
        self.failed, self._why = True, why
        if self._meeting is not None:
            loop, meeting = self._meeting
            loop.call_soon_threadsafe(meeting.end, why)

    def attach(self, meeting: Meeting) -> None:
        """From now on this is the meeting; called in its event loop."""
        self._meeting = asyncio.get_running_loop(), meeting
        if self._why is not None:
            meeting.end(self._why)


def hold(
    door: "Door", site: "Site", invitation: Invitation, ends: Ends, console: "Console"
) -> Ending:
    """Hold the meeting to its end; a signal ends it, too, and a second Ctrl-C leaves at once."""
    held = partial(_held, invitation, ends, console, door=door, site=site)
    return run(held, console)


async def _held(
    invitation: Invitation,
    ends: Ends,
    console: "Console",
    *,
    door: "Door",
    site: "Site",
) -> Ending:
    meeting = Meeting(mesh=invitation.mesh, told=console.note)
    server = Server(
        site,
        Links(),
        door,
        meeting,
        page="meet.html",
        roles=("master", "viewer"),
        warn=console.warn,
    )
    async with server:
        guests = _guests(server, invitation)
        meeting.begin(server.pages, invitation=server.url_of(guests), until=guests.expires_at)
        ends.attach(meeting)
        over = asyncio.ensure_future(meeting.until_over())
        gone = asyncio.ensure_future(door.gone.wait())
        try:
            _invite(server, guests, invitation, console)
            await _host(server, console, opens=invitation.opens)
            await asyncio.wait([over, gone], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:  # by a signal, which is a way to end it
            ends.interrupted = True
        ends.failed = ends.failed or gone.done()
        meeting.end(GONE if gone.done() else ENDED_HERE)
        await end_all([gone])
        return await over


def _guests(server: Server, invitation: Invitation) -> Link:
    """Make the link for guests."""
    ids = [f"guest-{number}" for number in range(1, GUESTS_MAXIMUM + 1)]
    return server.links.issue("viewer", ids, invitation.expires)


def _invite(server: Server, guests: Link, invitation: Invitation, console: "Console") -> None:
    """Print the link for guests; off a terminal it stands alone on standard output."""
    url, shown, here = server.url_of(guests), screen(), server.site.only_here
    if shown.width is None:
        click.echo(url)
    else:
        until = moment(guests.expires_at)
        click.echo(f"Meeting on {invitation.channel_name}. Link for guests, until {until}:\n{url}")
        click.echo("" if here else qr_code(url, shown), nl=False)
    if here:
        console.note(
            "The link opens on this computer only; for guests elsewhere give --public-url or --host"
        )


async def _host(server: Server, console: "Console", *, opens: bool) -> None:
    """Open the host's page, or say where it is. The page keeps its place beyond its link."""

    def url(*, opening: bool) -> str:
        lasts = OPENING_LASTS if opening else _HOST_LASTS
        return server.url_of(server.links.issue("master", ["host"], lasts), local=True)

    link = await opened_or_url(url, console, opens=opens)
    said = ", is open in your browser" if link is None else f": {link}"
    console.note(f"Your own page, as the host{said}")
    console.note("To end the meeting: the page's button, or Ctrl-C")
