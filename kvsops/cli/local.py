"""`kvsops local`: the emulator, alone or around a command."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from kvsops.cli.help import Command, section
from kvsops.cli.local_help import HELP
from kvsops.cli.local_listening import (
    check_listening,
    listening_options,
    notes,
    refusal,
    whole_number,
)
from kvsops.cli.local_signaling import signaling_options
from kvsops.errors import UsageError, needs_extra
from kvsops.output.text import count

if TYPE_CHECKING:
    from kvsops.cli.local_shell import Activation
    from kvsops.local.server import LocalServer
    from kvsops.local.settings import Settings

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}


def _delay(_ctx: click.Context, param: click.Parameter, text: str) -> timedelta:
    """Read a duration from none at all on, such as 0s, 50ms or 1m30s."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise UsageError(f"{param.opts[0]} {text!r}: give a number and ms, s, m or h, as in 50ms")
    return sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta())


def _lower(_ctx: click.Context, _param: click.Parameter, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.lower().rstrip("/") for name in names)


@click.command(
    cls=Command, name="local", help=HELP, context_settings={"allow_interspersed_args": False}
)
@section("What is in it")
@click.option(
    "--fleet",
    callback=whole_number(0),
    default="0",
    metavar="N",
    help="Start with N channels, such as pile up in a busy account.",
)
@click.option(
    "--seed",
    callback=whole_number(0),
    default="7",
    show_default=True,
    metavar="N",
    help="Seed for the fleet and the faults: the same seed, the same ones.",
)
@click.option(
    "--region",
    "regions",
    multiple=True,
    default=("us-east-1",),
    show_default=True,
    metavar="REGION",
    help="Region of the fleet; the first is the environment's. Repeatable.",
)
@click.option(
    "--accounts",
    callback=whole_number(1, 999),
    metavar="N",
    help="Have an organization of N accounts, whose roles can be assumed; see above.",
)
@section("Where it listens")
@listening_options
@section("How it behaves")
@click.option(
    "--quotas/--no-quotas",
    default=True,
    show_default=True,
    help="Throttle calls above AWS's documented rates, as AWS does.",
)
@click.option(
    "--latency",
    callback=_delay,
    default="0ms",
    metavar="DURATION",
    help="Make each call take this much longer, such as 50ms.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="OPERATION:ERROR:SHARE",
    help="Make a share of an operation's calls fail; see above. Repeatable.",
)
@click.option(
    "--state-delay",
    callback=_delay,
    default="300ms",
    show_default=True,
    metavar="DURATION",
    help="How long channels stay CREATING, UPDATING or DELETING.",
)
@click.option(
    "--page-limit",
    callback=whole_number(1),
    default="1000",
    show_default=True,
    metavar="N",
    help="List at most N channels per page, however many are requested.",
)
@click.option(
    "--index-lag",
    callback=_delay,
    default="0s",
    show_default=True,
    metavar="DURATION",
    help="How long the tag index takes to learn of changed tags.",
)
@click.option(
    "--channel-quota",
    callback=whole_number(1),
    metavar="N",
    help="Channels per region.  [default: AWS's: 10,000 or 5,000]",
)
@signaling_options
@section("Who may use it")
@click.option(
    "--allow-host",
    "allowed_hosts",
    callback=_lower,
    multiple=True,
    metavar="NAME",
    help="Also answer requests addressed to NAME, such as a container's. Repeatable.",
)
@click.option(
    "--allow-origin",
    "allowed_origins",
    callback=_lower,
    multiple=True,
    metavar="ORIGIN",
    help="Also answer pages from ORIGIN, not only this machine's. Repeatable.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.pass_context
def local(
    ctx: click.Context,
    /,
    *,
    fleet: int,
    seed: int,
    regions: tuple[str, ...],
    port: int,
    command: tuple[str, ...],
    faults: tuple[str, ...],
    **options: Any,
) -> None:
    """Emulate the service, around a command or until a signal ends it."""
    from kvsops.cli.local_shell import activation

    with _no_aws_configuration():
        _require_moto()
        settings = _settings(faults, seed, options)
        with _started(settings, port, regions) as server:
            _sow(server, regions, fleet, seed)
            held = f"{count(fleet, 'channel')} in {_where(server, regions)}"
            for note in notes(server):
                click.echo(f"kvsops local: {note}", err=True)
            with activation(server) as files:
                if command:
                    ctx.exit(_run(command, server, held, files))
                _serve(server, held, files)


def _settings(faults: tuple[str, ...], seed: int, options: dict[str, Any]) -> "Settings":
    from kvsops.local.faults import Fault, check_operations
    from kvsops.local.settings import Settings

    parsed = tuple(Fault.parse(text) for text in faults)
    if parsed:
        check_operations(parsed)
    return Settings(faults=parsed, seed=seed, **options)


@contextmanager
def _started(settings: "Settings", port: int, regions: tuple[str, ...]) -> Iterator["LocalServer"]:
    """Run the server, its trouble in starting told in one line."""
    from kvsops.local.server import LocalServer, check_regions

    check_regions(regions)
    check_listening(settings)
    server = LocalServer(settings, port=port, region=regions[0])
    try:
        server.start()
    except OSError as error:
        told = refusal(error, settings, port)
        raise told or error from None
    try:
        yield server
    finally:
        server.stop()


def _require_moto() -> None:
    """Raise `UsageError`, naming the extra to install, where moto is not there."""
    try:
        import moto.core  # noqa: F401 - only whether it is there
    except ModuleNotFoundError:
        raise UsageError(f"this needs the emulator: {needs_extra('local')}") from None


def _sow(server: "LocalServer", regions: tuple[str, ...], fleet: int, seed: int) -> None:
    from kvsops.local.demo.fleet import shares, sow_widely

    places = [(account, region) for account in server.account_ids for region in regions]
    for (_, region), share in zip(places, shares(len(places), fleet, seed), strict=True):
        quota = server.backend(region).channel_quota
        if share > quota:
            raise UsageError(
                f"--fleet {fleet}: {region} holds {quota} channels; raise --channel-quota"
            )
    backends = [server.backend(region, account) for account, region in places]
    sow_widely(backends, fleet, seed=seed)


def _where(server: "LocalServer", regions: tuple[str, ...]) -> str:
    """Name the region, or say how many there are, and accounts."""
    where = regions[0] if len(regions) == 1 else count(len(regions), "region")
    accounts = server.settings.accounts
    return where if accounts is None else f"{where}, {count(accounts, 'account')}"


def _run(command: tuple[str, ...], server: "LocalServer", held: str, files: "Activation") -> int:
    """Run the command, a shell with its prompt marked; return its status."""
    from kvsops.cli.child import run
    from kvsops.cli.local_shell import is_shell, marked, welcome

    environment = server.environment()
    if is_shell(command):
        click.echo(welcome(server, held), err=True)
        command, environment = marked(command, environment, files)
    return run(command, environment)


def _serve(server: "LocalServer", held: str, files: "Activation") -> None:
    """Say what a shell needs, and wait for Ctrl-C or another signal to end.

    The lines to export are for programs, which read them from a pipe: a person sources the file.
    """
    from kvsops.cli.local_shell import directions
    from kvsops.cli.signals import signals_go_to

    stop = Event()
    with signals_go_to(lambda _number: stop.set()):
        if not sys.stdout.isatty():
            click.echo("\n".join(server.export_lines()))
        click.echo(directions(server, held, files), err=True)
        stop.wait()


@contextmanager
def _no_aws_configuration() -> Iterator[None]:
    """Hide the user's AWS and moto configuration from moto, which reads it when it starts."""
    hidden = {n: os.environ.pop(n) for n in [*os.environ] if n.startswith(("AWS_", "MOTO_"))}
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    os.environ.update(nowhere)
    try:
        yield
    finally:
        for name in nowhere:
            os.environ.pop(name, None)
        os.environ.update(hidden)
