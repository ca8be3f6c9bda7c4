"""`kvsops meet`."""

import os
import secrets
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from kvsops.cli.help import Command, section
from kvsops.cli.options import DURATION, NAME, refuse, scope_options, screen
from kvsops.cli.page_options import PageOptions, page_options
from kvsops.cli.signals import INTERRUPTED
from kvsops.cli.where import Where
from kvsops.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kvsops.aws.scope import Scope
    from kvsops.cli.meet_live import Ends
    from kvsops.core.cost import Prices
    from kvsops.output.console import Console

TTL: Final = timedelta(hours=1)
MESH: Final = 4


@dataclass(frozen=True, slots=True)
class _Channel:
    """Which channel to meet on, and what becomes of it."""

    name: str | None
    reuse: bool
    keep: bool
    take_over: bool
    ttl: timedelta


@click.command(
    cls=Command,
    epilog="Cost: each new channel costs a month's fee ($0.03 in us-east-1), deleted or not; a "
    "channel kept for many meetings (--keep, then --reuse) costs one fee a month.",
)
@click.argument("name", required=False, type=NAME, metavar="[NAME]")
@section("The channel")
@click.option("--reuse", is_flag=True, help="Meet on the channel NAME, and do not delete it.")
@click.option(
    "--take-over",
    is_flag=True,
    help="With --reuse: connect as master even if that disconnects a camera.",
)
@click.option("--keep", is_flag=True, help="Make the channel, but do not delete it at the end.")
@click.option(
    "--ttl",
    type=DURATION,
    metavar="DURATION",
    help="How long the lease lasts if kvsops itself is killed.  [default: 1h]",
)
@section("Guests")
@click.option(
    "--mesh",
    type=click.IntRange(0, 10),
    default=MESH,
    show_default=True,
    metavar="N",
    help="Up to N guests all see each other; if more come, guests see the host only.",
)
@click.option(
    "--expires",
    type=DURATION,
    default="8h",
    show_default=True,
    metavar="DURATION",
    help="Let nobody new in by the link after this time.",
)
@page_options
@scope_options
def meet(
    *,
    where: Where,
    page: PageOptions,
    name: str | None,
    reuse: bool,
    keep: bool,
    take_over: bool,
    ttl: timedelta | None,
    mesh: int,
    expires: timedelta,
) -> None:
    """Hold a video meeting on a channel that is made for it, and deleted when it ends.

    \b
    Examples:
      kvsops local -- kvsops meet
      kvsops meet --public-url https://meet.example.com --port 8080
      kvsops meet standup --keep        # then: kvsops meet standup --reuse
      kvsops meet --host desk.lan --tls-cert desk.pem --tls-key desk.key

    Your browser opens as the host, the channel's master. Send the link that is printed to up to
    ten guests: all see and hear each other, share screens and write to each other. The meeting
    ends when you end it in the page, close the page for 30 seconds, or press Ctrl-C. Guests are
    then told, the channel is deleted, and what the meeting cost is printed.

    The page is served on this computer. Browsers open cameras only on this computer or over
    https: guests elsewhere need --public-url, of a proxy or tunnel that leads to --port, or --host
    with a certificate. The link lets anybody in who has it: send it to your guests only.

    A channel has one master. Where a camera is connected as master to the channel NAME, --reuse
    leaves it alone, with exit code 2, unless you give --take-over.
    """
    refuse(_contradiction(name, reuse=reuse, keep=keep, take_over=take_over, ttl=ttl))
    from kvsops.cli.media import require_extra

    require_extra("web", ("aiohttp", "cryptography", "segno"))
    from kvsops.cli.access import access_of
    from kvsops.cli.meet_live import Ends, Invitation, hold
    from kvsops.output.console import Console
    from kvsops.reports.meeting import ending_text
    from kvsops.web.door import Door

    console, ends, left = Console(), Ends(), list[str]()
    with closing(page.site()) as site:  # a port that is taken is told before anything is made
        scope, wanted = where.open(), _Channel(name, reuse, keep, take_over, ttl or TTL)
        with _taken(scope, wanted, console, left=left, ends=ends) as (taken, arn):
            ending = hold(
                Door(access_of(scope), arn, relayed=scope.emulated),
                site,
                Invitation(taken, mesh, expires, opens=not page.no_browser),
                ends,
                console,
            )
    fate = f"{taken} was {'not deleted' if left else 'kept' if reuse or keep else 'deleted'}."
    click.echo(ending_text(ending, fate, _prices(scope), screen()), nl=False)
    failed = left or ends.failed
    click.get_current_context().exit(INTERRUPTED if ends.interrupted else 1 if failed else 0)


def _contradiction(
    name: str | None, *, reuse: bool, keep: bool, take_over: bool, ttl: timedelta | None
) -> str | None:
    if reuse and name is None:
        return "--reuse needs the NAME of the channel to meet on"
    if reuse and keep:
        return "--reuse never deletes the channel: drop --keep"
    if keep and ttl:
        return "a channel that is kept has no lease: drop --ttl, or --keep"
    if take_over and not reuse:
        return "nobody is on a channel that is made for the meeting: drop --take-over"
    return None


@contextmanager
def _taken(
    scope: "Scope", wanted: _Channel, console: "Console", *, left: list[str], ends: "Ends"
) -> "Iterator[tuple[str, str]]":
    """Have the channel for as long as the block runs: its name and ARN."""
    from kvsops.cli import leased
    from kvsops.cli.owner import default_owner

    name = wanted.name or f"kvsops-meet-{secrets.token_hex(5)}"
    owner = default_owner(os.environ)
    if wanted.reuse:
        _refuse_used(scope, name, console, take_over=wanted.take_over)
    elif wanted.name:
        _refuse_taken(scope, name)
    if wanted.reuse or wanted.keep:
        taken = leased.reused(scope, name, owner, wanted.ttl, console=console, ended=ends.fail)
    else:
        taken = leased.made(
            scope, name, {}, owner, wanted.ttl, console=console, left=left, ended=ends.fail
        )
    with taken as (name, arn):
        yield name, arn


def _refuse_taken(scope: "Scope", name: str) -> None:
    """Raise `UsageError` where there is such a channel already: it is not ours to delete."""
    from kvsops.aws import channels

    try:
        channels.described(scope, name)
    except NotFoundError:
        return
    told = "give --reuse to meet on it, and it is not deleted; or give another name"
    raise UsageError(f"there is a channel {name} ({scope.place()}): {told}")


def _refuse_used(scope: "Scope", name: str, console: "Console", *, take_over: bool) -> None:
    """Raise `UsageError` where nobody can meet on the channel, or a master is there: a camera."""
    from kvsops.aws import channels
    from kvsops.cli.access import access_of, staying_in
    from kvsops.cli.media import LOOKING, run, silence
    from kvsops.stay.knock import require_no_master

    try:
        arn = channels.wait_until_active(scope, name).channel_arn
    except NotFoundError:  # it is made, and nobody can be there
        return
    staying_in(scope, arn)
    if not take_over:
        console.note(LOOKING)
        silence()
        run(lambda: require_no_master(access_of(scope), arn, now=scope.now), console)


def _prices(scope: "Scope") -> "Prices | None":
    """Return the region's prices, where they are known."""
    from kvsops.aws import prices

    try:
        known = prices.load(None, prices.cache_path(emulated=scope.emulated))
        return prices.prices_of(known, scope.region)
    except UsageError:
        return None
