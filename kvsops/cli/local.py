"""`kvsops local`: the emulator, alone or around a command."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from kvsops.cli.help import Command
from kvsops.cli.local_listening import (
    check_listening,
    listening_options,
    notes,
    refusal,
    whole_number,
)
from kvsops.cli.local_signaling import signaling_options
from kvsops.errors import UsageError, needs_extra

if TYPE_CHECKING:
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


_HELP = """\
Emulate the service on this machine, without an AWS account.

\b
Examples:
  kvsops local --fleet 200 -- kvsops sweep --older-than 2h
  kvsops local --fleet 200 -- aws kinesisvideo list-signaling-channels
  kvsops local --fleet 200 -- bash
  kvsops local --latency 50ms --fault '*:InternalFailure:5%' -- make test
  kvsops local --base-port 4579 --ca-dir ~/.kvsops-ca
  kvsops local --aws-names --host 127.0.0.2

With a COMMAND, run it against the emulator, and end with its exit code. Without one, print
the variables that lead AWS's clients there, for a shell to take, and run until Ctrl-C.

The COMMAND's clients, in any language, find the emulator by AWS_ENDPOINT_URL. They get
throw-away credentials, and cannot see your own AWS configuration. Kinesis Video signaling
channels, tags (Resource Groups Tagging API), CloudWatch and STS are there. Channels have
endpoints that masters and viewers can connect to, and STUN and TURN; SSL_CERT_FILE and the
like let clients trust them. Nothing is kept when it ends.

\b
A fault's ERROR is an AWS error code, such as AccessDeniedException, or
  drop        the connection closes, and nothing is done
  drop-after  it is done, but the answer is never sent
  late        it is done, but the answer comes after the client gave up
OPERATION may be * for all; SHARE is 0 to 1, or 0% to 100%.

\b
ConnectAsMaster, ConnectAsViewer, SendSdpOffer, SendSdpAnswer, SendCandidate and
GetIceServerConfig have ERRORs of their own:
  delay       it takes a second longer
  duplicate   a message is delivered twice
  reorder     a message is overtaken by the next one of its sender
  go-away     a connection gets GO_AWAY at once, and is ended a minute later
  reconnect-ice-server  a connection is told to ask for ICE servers again
and Allocate:turn-refused:SHARE lets TURN forbid allocations. A message that meets drop is
lost; one that meets an AWS error code is refused: its sender is told if it gave a
correlation id. Each refusal, and each peer displaced by another, is a line on stderr.

GetMetricData:partial:SHARE answers that share of each call's queries InternalError.
"""


@click.command(
    cls=Command, name="local", help=_HELP, context_settings={"allow_interspersed_args": False}
)
@click.option(
    "--fleet",
    callback=whole_number(0),
    default="0",
    metavar="N",
    help="Begin with N channels as they pile up in an account that is in use.",
)
@click.option(
    "--seed",
    callback=whole_number(0),
    default="7",
    show_default=True,
    metavar="N",
    help="Draw the fleet and the faults from this; the same seed gives the same ones.",
)
@click.option(
    "--region",
    default="us-east-1",
    show_default=True,
    help="The region of the fleet and of the environment.",
)
@listening_options
@click.option(
    "--quotas/--no-quotas",
    default=True,
    show_default=True,
    help="Throttle calls beyond AWS's documented rates, as AWS does.",
)
@click.option(
    "--latency",
    callback=_delay,
    default="0ms",
    metavar="DURATION",
    help="Let each call take so much longer, such as 50ms.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="OPERATION:ERROR:SHARE",
    help="Let a share of an operation's calls fail; see below. Repeatable.",
)
@click.option(
    "--state-delay",
    callback=_delay,
    default="300ms",
    show_default=True,
    metavar="DURATION",
    help="How long channels stay CREATING, UPDATING, DELETING.",
)
@click.option(
    "--page-limit",
    callback=whole_number(1),
    default="1000",
    show_default=True,
    metavar="N",
    help="List at most N channels a page, however many are asked for.",
)
@click.option(
    "--index-lag",
    callback=_delay,
    default="0s",
    show_default=True,
    metavar="DURATION",
    help="How late the Resource Groups Tagging API learns of changed tags.",
)
@click.option(
    "--channel-quota",
    callback=whole_number(1),
    metavar="N",
    help="Channels per region.  [default: AWS's: 10,000 or 5,000]",
)
@signaling_options
@click.option(
    "--allow-host",
    "allowed_hosts",
    callback=_lower,
    multiple=True,
    metavar="NAME",
    help="Answer requests addressed to NAME, too, such as a container's. Repeatable.",
)
@click.option(
    "--allow-origin",
    "allowed_origins",
    callback=_lower,
    multiple=True,
    metavar="ORIGIN",
    help="Answer pages of ORIGIN, too, not only this machine's. Repeatable.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.pass_context
def local(
    ctx: click.Context,
    /,
    *,
    fleet: int,
    seed: int,
    region: str,
    port: int,
    command: tuple[str, ...],
    faults: tuple[str, ...],
    **options: Any,
) -> None:
    """Emulate the service, around a command or until a signal ends it."""
    from kvsops.cli.child import run

    with _no_aws_configuration():
        _require_moto()
        settings = _settings(faults, seed, options)
        with _started(settings, port, region) as server:
            _sow(server, fleet, seed)
            for note in notes(server):
                click.echo(f"kvsops local: {note}", err=True)
            if command:
                ctx.exit(run(command, server.environment()))
            _serve(server, fleet)


def _settings(faults: tuple[str, ...], seed: int, options: dict[str, Any]) -> "Settings":
    from kvsops.local.faults import Fault, check_operations
    from kvsops.local.settings import Settings

    parsed = tuple(Fault.parse(text) for text in faults)
    if parsed:
        check_operations(parsed)
    return Settings(faults=parsed, seed=seed, **options)


@contextmanager
def _started(settings: "Settings", port: int, region: str) -> Iterator["LocalServer"]:
    """Run the server, its trouble in starting told in one line."""
    from kvsops.local.server import LocalServer, check_region

    check_region(region)
    check_listening(settings)
    server = LocalServer(settings, port=port, region=region)
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


def _sow(server: "LocalServer", fleet: int, seed: int) -> None:
    from kvsops.local.demo.fleet import sow

    quota = server.backend().channel_quota
    if fleet > quota:
        raise UsageError(
            f"--fleet {fleet}: {server.region} holds {quota} channels; raise --channel-quota"
        )
    sow(server.backend(), fleet, seed=seed)


def _serve(server: "LocalServer", fleet: int) -> None:
    """Print what a shell needs, and wait for Ctrl-C or another signal to end."""
    from kvsops.cli.signals import signals_go_to

    stop = Event()
    with signals_go_to(lambda _number: stop.set()):
        click.echo("\n".join(server.export_lines()))
        click.echo(
            f"kvsops local: {fleet} channels in {server.region} at {server.endpoint_url}; "
            "paste the lines above into a shell that shall use them. Ctrl-C ends it.",
            err=True,
        )
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
