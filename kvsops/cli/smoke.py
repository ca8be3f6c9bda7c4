"""`kvsops smoke`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from kvsops.cli.choice import Choice
from kvsops.cli.help import Command, section
from kvsops.cli.main import told
from kvsops.cli.media import place_of, require_extra, run, silence
from kvsops.cli.options import (
    DURATION,
    TARGET,
    in_region,
    output_options,
    refuse,
    scope_options,
    screen,
)
from kvsops.cli.smoke_options import (
    FRAMES,
    MILLISECONDS,
    PERCENT,
    REPORT,
    Given,
    limits_of,
    objection,
    wanted_of,
)
from kvsops.cli.where import Where

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kvsops.aws.scope import Scope
    from kvsops.cli.smoke_live import Page
    from kvsops.output.console import Console
    from kvsops.smoke.report import SmokeReport
    from kvsops.smoke.snapshot import Snapshot
    from kvsops.smoke.steps import Step


@click.command(
    cls=Command,
    epilog="Without a NAME it uses the channel kvsops-smoke, which it creates once: every new "
    "channel that something connects to costs a month's fee.",
)
@click.argument("target", required=False, type=TARGET, metavar="[NAME|ARN]")
@section("Who meets whom")
@click.option(
    "--viewer-only",
    is_flag=True,
    help="Connect as a viewer, to the master that is there: a camera.",
)
@click.option(
    "--master-only", is_flag=True, help="Connect as master, and wait for a viewer: a browser."
)
@click.option(
    "--take-over", is_flag=True, help="Connect as master even if that disconnects a camera."
)
@click.option("--ephemeral", is_flag=True, help="Create a channel for the test, then delete it.")
@click.option(
    "--viewers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Connect this many viewers at once; more than 10 need a raised quota.",
)
@click.option(
    "--codec", type=Choice(["VP8", "H264"]), help="Offer or accept only this video codec."
)
@section("Path")
@click.option("--relay", is_flag=True, help="Connect through TURN only.")
@click.option(
    "--transport",
    type=Choice(["udp", "tls"]),
    help="Reach TURN over this transport; implies --relay. AWS offers none over plain TCP.",
)
@click.option(
    "--no-relay-probe",
    is_flag=True,
    help="Skip the proof that TURN relays, which is billed as 2 TURN minutes per server.",
)
@section("Measurement")
@click.option(
    "--duration",
    type=DURATION,
    default="5s",
    show_default=True,
    metavar="DURATION",
    help="Measure for this long once everything is connected.",
)
@click.option("--no-steady", is_flag=True, help="Skip the measurement: stop at the first media.")
@section("Limits")
@click.option(
    "--max-connect",
    type=MILLISECONDS,
    metavar="TIME",
    help="Fail if it takes longer from the offer to DTLS.",
)
@click.option(
    "--max-rtt",
    type=MILLISECONDS,
    metavar="TIME",
    help="Fail if a round trip on the data channel takes longer.",
)
@click.option(
    "--min-fps", type=FRAMES, metavar="N", help="Fail if fewer frames per second are decoded."
)
@click.option(
    "--max-latency",
    type=MILLISECONDS,
    metavar="TIME",
    help="Fail if pictures take longer from drawn to decoded.",
)
@click.option("--max-loss", type=PERCENT, metavar="PERCENT", help="Fail if more packets are lost.")
@click.option(
    "--max-freeze",
    type=MILLISECONDS,
    metavar="TIME",
    help="Fail if no picture arrives for longer.  [default: 3s]",
)
@section("Output")
@click.option(
    "--report",
    "reports",
    type=REPORT,
    multiple=True,
    metavar="FILE",
    help="Also write .xml (JUnit), .prom (OpenMetrics), .json or .md. Repeatable.",
)
@click.option(
    "--snapshot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the last picture received, as PNG.",
)
@click.option(
    "-v", "--verbose", is_flag=True, help="Also show when each step ran, and figures over time."
)
@output_options(choices=("table", "json", "text"))
@scope_options
def smoke(
    *,
    where: Where,
    target: str | None,
    output: str,
    query: str | None,
    verbose: bool,
    **given: Unpack[Given],
) -> None:
    """Prove with real media that a channel works, or say at which step it fails and why.

    \b
    Examples:
      kvsops local -- kvsops smoke
      kvsops smoke --relay --transport tls
      kvsops smoke cam-door --viewer-only --snapshot door.png
      kvsops smoke --max-connect 2s --min-fps 20 --report smoke.xml

    A master and a viewer meet through the channel's signaling, and send each other video, audio
    and data. On a channel that smoke did not create, connecting as master would disconnect the
    camera that is there: only its endpoints and ICE servers are checked, unless you give
    --viewer-only or --take-over. Exit code 3 means that a step failed or a limit was exceeded.
    """
    refuse(objection(target, given))
    require_extra()
    from kvsops.cli.smoke_live import Page
    from kvsops.cli.smoke_written import all_written, tell_ci
    from kvsops.output.console import Console
    from kvsops.smoke.snapshot import Snapshot

    scope, console, snapshot = where.open(), Console(), Snapshot(given["snapshot"])
    in_region(scope, (target,) if target else ())
    page = Page(screen() if output == "table" else None, place_of(where, scope))
    report = _tested(scope, target, given, console, page=page, snapshot=snapshot)
    click.echo(page.rest(report, output, query, verbose=verbose), nl=False)
    written = all_written(report, console, given, snapshot)
    tell_ci(report, console)
    click.get_current_context().exit(3 if not report.passed else 0 if written else 1)


def _tested(
    scope: "Scope",
    target: str | None,
    given: Given,
    console: "Console",
    *,
    page: "Page",
    snapshot: "Snapshot",
) -> "SmokeReport":
    """Run the test on the channel that is meant."""
    from kvsops.cli.smoke_channel import smoke_channel
    from kvsops.smoke.run import smoke as run_smoke

    explain = partial(told, ctx=click.get_current_context())
    with smoke_channel(
        scope, target, console, ephemeral=given["ephemeral"], told=explain
    ) as subject:
        silence()
        wanted, limits = wanted_of(given), limits_of(given)
        test = partial(run_smoke, subject, wanted, limits, now=scope.now, snapshot=snapshot)
        return _run(test, console, page.lines_of(subject.channel_name))


def _run(
    test: "Callable[..., Coroutine[None, None, SmokeReport]]",
    console: "Console",
    lines: "Callable[[Step], str] | None",
) -> "SmokeReport":
    """Run the test to its end, and show its steps meanwhile."""
    from kvsops.cli.smoke_live import shown

    async def work() -> "SmokeReport":
        async with shown(console, lines) as tell:
            return await test(tell=tell)

    return run(work, console)
