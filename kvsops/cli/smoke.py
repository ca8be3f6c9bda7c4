"""`kvsops smoke`."""

import os
import signal
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Unpack

import click

from kvsops.cli.help import Command
from kvsops.cli.options import (
    DURATION,
    TARGET,
    Where,
    in_region,
    output_options,
    refuse,
    scope_options,
    typed,
)
from kvsops.cli.signals import INTERRUPTED, signals_go_to
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
from kvsops.errors import UsageError, needs_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from kvsops.output.console import Console
    from kvsops.smoke.plan import Subject, Wanted
    from kvsops.smoke.report import Measure, SmokeReport
    from kvsops.smoke.snapshot import Snapshot
    from kvsops.smoke.steps import Step

ENDING: Final = (
    "ending: connections are closed and TURN allocations given back, which takes 10 s at most; "
    "another Ctrl-C ends at once"
)


@click.command(
    cls=Command,
    epilog="Without a NAME it uses the channel kvsops-smoke, which it makes once: each new channel "
    "that something connects to costs a month's fee.",
)
@click.argument("target", required=False, type=TARGET, metavar="[NAME|ARN]")
@click.option(
    "--duration",
    type=DURATION,
    default="5s",
    show_default=True,
    metavar="DURATION",
    help="How long to measure once all is connected.",
)
@click.option("--no-steady", is_flag=True, help="Measure nothing: end at the first media.")
@click.option("--relay", is_flag=True, help="Connect over TURN only.")
@click.option(
    "--transport",
    type=click.Choice(["udp", "tls"]),
    help="Reach the TURN server so; implies --relay. There is none over TCP without TLS.",
)
@click.option(
    "--no-relay-probe",
    is_flag=True,
    help="Do not prove that TURN relays: each allocation that does is billed a TURN minute.",
)
@click.option(
    "--viewers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Connect so many viewers at once; above 10 AWS must have raised the channel's quota.",
)
@click.option(
    "--codec",
    type=click.Choice(["VP8", "H264"]),
    help="Offer, or answer with, this video codec alone.",
)
@click.option("--viewer-only", is_flag=True, help="Meet the master that is there: a camera.")
@click.option("--master-only", is_flag=True, help="Answer a viewer that comes: a browser.")
@click.option("--take-over", is_flag=True, help="Connect as master though one may be there.")
@click.option("--ephemeral", is_flag=True, help="Make a channel, and delete it at the end.")
@click.option("--max-connect", type=MILLISECONDS, metavar="TIME", help="From the offer to DTLS.")
@click.option("--max-rtt", type=MILLISECONDS, metavar="TIME", help="On the data channel.")
@click.option("--min-fps", type=FRAMES, metavar="N", help="Decoded frames a second.")
@click.option("--max-latency", type=MILLISECONDS, metavar="TIME", help="From drawn to decoded.")
@click.option("--max-loss", type=PERCENT, metavar="PERCENT", help="Packets lost.")
@click.option(
    "--max-freeze",
    type=MILLISECONDS,
    metavar="TIME",
    help="Without a picture: 3s unless set otherwise. A longer freeze, or none at the end, fails.",
)
@click.option(
    "--report",
    "reports",
    type=REPORT,
    multiple=True,
    metavar="FILE",
    help="Write the result there too: .xml (JUnit), .prom (OpenMetrics), .json or .md. Repeatable.",
)
@click.option(
    "--snapshot",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the last picture received, as PNG.",
)
@output_options(choices=("table", "json", "text"))
@scope_options
def smoke(
    *, where: Where, target: str | None, output: str, query: str | None, **given: Unpack[Given]
) -> None:
    """Prove with real media that a channel works, or tell at which step it fails and why.

    \b
    Examples:
      kvsops local -- kvsops smoke
      kvsops smoke --relay --transport tls
      kvsops smoke cam-door --viewer-only --snapshot door.png
      kvsops smoke --max-connect 2s --min-fps 20 --report smoke.xml

    A master and a viewer meet through the channel's signaling and send video, audio and data to
    each other. On a channel that smoke did not make, connecting as master would throw out the
    camera that is there: then only endpoints and ICE servers are checked, unless --viewer-only or
    --take-over is given. Exit code 3 tells that a step failed or a limit was passed.
    """
    refuse(objection(target, given))
    require_extra()
    from kvsops.cli.smoke_channel import smoke_channel
    from kvsops.output.console import Console
    from kvsops.smoke.snapshot import Snapshot

    wanted, snapshot = wanted_of(given), Snapshot(given["snapshot"])
    scope, console = where.open(), Console()
    in_region(scope, (target,) if target else ())
    with smoke_channel(scope, target, console, ephemeral=given["ephemeral"]) as subject:
        _silence()
        limits = limits_of(given)
        report = _run(subject, wanted, limits, console, now=scope.now, snapshot=snapshot)
    written = _write(report, console, given["reports"], output, query)
    _tell_ci(report, console)
    if snapshot.trouble is not None:
        console.error(snapshot.trouble)
        written = False
    elif given["snapshot"]:
        console.note(f"picture written: {given['snapshot']}")
    click.get_current_context().exit(3 if not report.passed else 0 if written else 1)


def require_extra() -> None:
    """Raise `UsageError`, naming the extra to install, where a part of it is not there."""
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in ("aiohttp", "aiortc", "av", "junitparser")):
        raise UsageError(f"this needs {needs_extra('smoke')}")


def _run(
    subject: "Subject",
    wanted: "Wanted",
    limits: "dict[Measure, float]",
    console: "Console",
    *,
    now: "Callable[[], datetime]",
    snapshot: "Snapshot",
) -> "SmokeReport":
    """Run the test to its end; a signal ends it in order, too, and a second Ctrl-C at once."""
    import asyncio

    from kvsops.signaling.threads import Threads
    from kvsops.smoke.run import smoke as run_smoke

    async def until_a_signal() -> "SmokeReport":
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        loop.set_default_executor(Threads())
        ending: list[int] = []

        def end() -> None:
            console.note(ENDING)
            if task is not None:
                task.cancel()

        def take(number: int) -> None:  # anywhere in the code: so it does next to nothing
            if ending and number == signal.SIGINT:
                _end_at_once()
            if not ending:
                loop.call_soon_threadsafe(end)
            ending.append(number)

        with signals_go_to(take), _shown(console) as tell:
            return await run_smoke(subject, wanted, limits, tell=tell, now=now, snapshot=snapshot)

    try:
        return asyncio.run(until_a_signal())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _silence() -> None:
    """Let what aiortc logs of strangers' packets go nowhere, unless somebody set up logging."""
    import logging

    for name in ("aioice", "aiortc", "asyncio"):
        logging.getLogger(name).addHandler(logging.NullHandler())


def _end_at_once() -> None:
    """Leave everything as it is: threads of aiortc would be waited for."""
    shown = b"\x1b[?25h" if os.isatty(2) else b""  # the cursor, which a status hides
    with suppress(OSError):
        os.write(2, shown + b"error: interrupted\n")
    os._exit(INTERRUPTED)


@contextmanager
def _shown(console: "Console") -> "Iterator[Callable[[Step], None]]":
    """Show on a terminal each step as it ends, and which is under way; elsewhere nothing."""
    if not console.terminal:
        yield lambda _: None
        return
    from kvsops.reports.smoke import one_step

    with console.rich.status("…") as status:

        def tell(step: "Step") -> None:
            if step.status == "not-reached":
                status.update(f"{step.title} …")
            else:
                console.note(one_step(step))

        yield tell


def _tell_ci(report: "SmokeReport", console: "Console") -> None:
    """Append what came of it to a CI's step summary; where it failed, annotate the job."""
    from kvsops.output.digest import append
    from kvsops.reports.smoke import verdict
    from kvsops.reports.smoke_digest import digest_of

    append(lambda: digest_of(report, typed()), console)
    if not report.passed:
        console.annotate("error", str(verdict(report)))


def _write(
    report: "SmokeReport",
    console: "Console",
    reports: tuple[Path, ...],
    output: str,
    query: str | None,
) -> bool:
    """Write the result where it is wanted; return whether all of that could be written."""
    from kvsops.output.rows import dumps
    from kvsops.reports.files import all_written
    from kvsops.reports.smoke import text
    from kvsops.reports.smoke_files import REPORT

    told = text(report) if output == "table" else dumps(report.to_json(), query, output)
    click.echo(told, nl=False)
    return all_written(report, [(REPORT, path) for path in reports], console)
