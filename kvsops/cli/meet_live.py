"""The meeting of `kvsops meet`: its server, from the link that is printed to the end."""

import asyncio
import signal
import webbrowser
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from kvsops.cli.options import screen
from kvsops.cli.signals import signals_go_to
from kvsops.output.figures import moment
from kvsops.output.qr import qr_code
from kvsops.signaling.threads import Threads
from kvsops.web.links import Link, Links
from kvsops.web.meeting import GUESTS_MAXIMUM, Ending, Meeting
from kvsops.web.server import Server

if TYPE_CHECKING:
    from kvsops.output.console import Console
    from kvsops.web.door import Door
    from kvsops.web.site import Site

ENDED_HERE: Final = "kvsops meet was ended on the host's computer"
_HOST_LASTS: Final = timedelta(days=30)
"""The host's link ends with the meeting."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom a meeting lets in: up to `mesh` see each other; the link `expires` after a while."""

    channel_name: str
    mesh: int
    expires: timedelta
    opens: bool
    """Whether the host's page is opened in the browser."""


class Ends:
    """Ends the meeting from outside its event loop, also before it has begun."""

    def __init__(self) -> None:
        self.failed = self.interrupted = False
        self._why: str | None = None
        self._meeting: tuple[asyncio.AbstractEventLoop, Meeting] | None = None

    def fail(self, why: str) -> None:
        """End it because the channel can be counted on no more."""
        self.failed = True
        self._end(why)

    def interrupt(self) -> None:
        """End it because of a signal."""
        self.interrupted = True
        self._end(ENDED_HERE)

    def attach(self, meeting: Meeting) -> None:
        """From now on this is the meeting; called in its event loop."""
        self._meeting = asyncio.get_running_loop(), meeting
        if self._why is not None:
            meeting.end(self._why)

    def _end(self, why: str) -> None:
        self._why = self._why or why
        if self._meeting is not None:
            loop, meeting = self._meeting
            loop.call_soon_threadsafe(meeting.end, why)


def hold(
    door: "Door", site: "Site", invitation: Invitation, ends: Ends, console: "Console"
) -> Ending:
    """Hold the meeting to its end; a signal ends it, too, and a second Ctrl-C leaves at once."""

    async def until_over() -> Ending:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        loop.set_default_executor(Threads())

        def take(number: int) -> None:
            if ends.interrupted and number == signal.SIGINT and task is not None:
                loop.call_soon_threadsafe(task.cancel)
            ends.interrupt()

        with signals_go_to(take):
            return await _held(door, site, invitation, ends, console)

    try:
        return asyncio.run(until_over())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _held(
    door: "Door", site: "Site", invitation: Invitation, ends: Ends, console: "Console"
) -> Ending:
    links = Links()
    host = links.issue("master", ["host"], _HOST_LASTS)
    ids = [f"guest-{number}" for number in range(1, GUESTS_MAXIMUM + 1)]
    guests = links.issue("viewer", ids, invitation.expires)
    url = f"{site.url}/#{guests.token}"
    meeting = Meeting(mesh=invitation.mesh, invitation=url, told=console.note)
    server = Server(
        site, links, door, meeting, page="meet.html", roles=("master", "viewer"), warn=console.warn
    )
    meeting.pages = server.pages
    ends.attach(meeting)
    async with server:
        _invite(url, guests, invitation, console, here=site.only_here)
        _open(server.url_of(host, local=True), console, opens=invitation.opens)
        return await meeting.until_over()


def _invite(
    url: str, guests: Link, invitation: Invitation, console: "Console", *, here: bool
) -> None:
    """Print the link for guests; off a terminal it stands alone on standard output."""
    shown = screen()
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


def _open(url: str, console: "Console", *, opens: bool) -> None:
    """Open the host's page, or say where it is."""
    if not (opens and webbrowser.open(url)):
        console.note(f"Your own page, as the host: {url}")
    console.note("To end the meeting: the page's button, or Ctrl-C")
