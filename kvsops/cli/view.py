"""`kvsops view`."""

import secrets
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from kvsops.cli.help import Command, section
from kvsops.cli.media import place_of, require_extra, run
from kvsops.cli.options import TARGET, in_region, scope_options
from kvsops.cli.page_options import PageOptions, page_options
from kvsops.cli.signals import INTERRUPTED
from kvsops.cli.where import Where
from kvsops.core.channel import ChannelArn
from kvsops.errors import KvsopsError

if TYPE_CHECKING:
    from kvsops.output.console import Console
    from kvsops.web.links import Link
    from kvsops.web.server import Server

PAGES: Final = 10
"""How many pages may be open by a link: as many viewers a channel lets in."""
LASTS: Final = timedelta(hours=12)
_GOOD_BYE_SECONDS: Final = 1.0


@click.command(
    cls=Command,
    epilog="Cost: a viewer makes the channel active for the month ($0.03 in us-east-1), and its "
    "messages and relayed minutes are billed as any other viewer's.",
)
@click.argument("target", type=TARGET, metavar="NAME|ARN")
@section("Media")
@click.option("--mirror", is_flag=True, help="Also send the picture and sound of your own camera.")
@page_options
@scope_options
def view(*, where: Where, page: PageOptions, target: str, mirror: bool) -> None:
    """Watch in a browser what a channel's master sends, and how well it arrives.

    \b
    Examples:
      kvsops view cam-door
      kvsops view cam-door --mirror           # send your own camera, too
      kvsops view cam-door --no-browser       # print the link instead

    Your browser opens as a viewer of the channel: picture, sound, the path that was found, round
    trip, frames, bitrate, loss and jitter over the last minute, what is said on data channels,
    and a button that saves the picture. If no master is connected it waits, and joins by itself;
    it connects again after whatever is lost. Ctrl-C ends it.

    The browser gets no key of AWS's: for each connection the page asks this command for a URL,
    valid for 299 seconds, and for ICE servers. The link lets anybody in who has it, for 12 hours
    or until this command ends. It opens on this computer only, unless you give --public-url, of a
    proxy or tunnel with TLS that leads to --port, or --host with a certificate.
    """
    require_extra("web", ("aiohttp", "cryptography"))
    from kvsops.cli.access import access_of, staying_in
    from kvsops.output.console import Console
    from kvsops.web.door import Door
    from kvsops.web.links import Links
    from kvsops.web.server import Server
    from kvsops.web.viewing import Viewing

    console = Console()
    site = page.site()  # a port that is taken is told before anything is asked
    try:
        scope = where.open(read_only=True)
        in_region(scope, (target,))
        arn = staying_in(scope, target)
        door = Door(access_of(scope), arn, relayed=scope.emulated)
        name = ChannelArn.parse(arn).channel_name
        room = Viewing(name, place_of(where, scope), mirror, console.note)
        server = Server(
            site, Links(), door, room, page="view.html", roles=("viewer",), warn=console.warn
        )
        run(partial(_served, server, name, console, opens=not page.no_browser), console)
    finally:
        site.close()
    click.get_current_context().exit(INTERRUPTED)


async def _served(server: "Server", name: str, console: "Console", *, opens: bool) -> None:
    """Serve the page until a signal; raises `KvsopsError` when the channel is gone."""
    import asyncio

    async with server:
        await _hand_out(server, name, console, opens=opens)
        try:
            await server.door.gone.wait()
        except asyncio.CancelledError:  # by the signal, which is how it is meant to end
            return
        await asyncio.sleep(_GOOD_BYE_SECONDS)  # the page is just being told
        raise KvsopsError(f"{name} was deleted while it was watched")


async def _hand_out(server: "Server", name: str, console: "Console", *, opens: bool) -> None:
    """Open the page in the browser, or print its link."""
    from kvsops.cli.browser import OPENING_LASTS, opened_or_url

    def url(*, opening: bool) -> str:
        if opening:
            return server.url_of(_link(server, 1, OPENING_LASTS), local=True)
        return server.url_of(_link(server, PAGES, LASTS))

    link = await opened_or_url(url, console, opens=opens)
    if link is None:
        console.note(f"{name}: opened in your browser ({server.site.local_url}); Ctrl-C ends it")
        return
    click.echo(link)
    where = " on this computer" if server.site.only_here else ""
    console.note(f"{name}: whoever opens the link{where} can watch; Ctrl-C ends it")


def _link(server: "Server", pages: int, lasts: timedelta) -> "Link":
    """Make a link for so many pages.

    Client ids are new each time, lest two who watch a channel take each other's place.
    """
    name = f"kvsops-view-{secrets.token_hex(3)}"
    return server.links.issue("viewer", [f"{name}-{each + 1}" for each in range(pages)], lasts)
