"""`kvsops smoke`."""

import signal
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kvsops.cli.options import (
    DURATION,
    TARGET,
    Where,
    in_region,
    output_options,
    refuse,
    scope_options,
)
from kvsops.cli.smoke_options import FRAMES, MILLISECONDS, PERCENT, REPORT, mode_of, objection
from kvsops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kvsops.output.console import Console
    from kvsops.peers.peer import Peer
    from kvsops.smoke.plan import Access, Wanted
    from kvsops.smoke.steps import Step
    from kvsops.smoke.verdict import Measure, SmokeReport

_MEASURES: "Final[tuple[Measure, ...]]" = ("connect", "rtt", "fps", "latency", "loss")


@click.command(
    epilog="Without a NAME it uses the channel kvsops-smoke, which it makes once: each new channel "
    "that something connects to costs a month's fee."
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
    type=click.Choice(["udp", "tcp", "tls"]),
    help="Reach the TURN server so; implies --relay.",
)
@click.option(
    "--viewers",
    type=click.IntRange(1, 10),
    default=1,
    show_default=True,
    metavar="N",
    help="Connect so many viewers at once.",
)
@click.option("--codec", type=click.Choice(["VP8", "H264"]), help="Offer only this video codec.")
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
@output_options(choices=("table", "json"))
@scope_options
def smoke(
    *,
    where: Where,
    target: str | None,
    duration: timedelta,
    no_steady: bool,
    ephemeral: bool,
    reports: tuple[Path, ...],
    snapshot: Path | None,
    output: str,
    query: str | None,
    **given: Any,
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
    mode = mode_of(master_only=given.pop("master_only"), viewer_only=given.pop("viewer_only"))
    limits: dict[Measure, float | None] = {
        name: given.pop(f"{'min' if name == 'fps' else 'max'}_{name}") for name in _MEASURES
    }
    refuse(
        objection(
            target,
            mode,
            take_over=given["take_over"],
            ephemeral=ephemeral,
            viewers=given["viewers"],
        )
    )
    require_extra()
    from kvsops.cli.access import access_to
    from kvsops.output.console import Console
    from kvsops.smoke.plan import Wanted

    given["relay"] = given["relay"] or given["transport"] is not None
    seconds = 0.0 if no_steady else duration.total_seconds()
    wanted = Wanted(mode=mode, duration=seconds, **given)
    scope, console = where.open(), Console()
    in_region(scope, (target,) if target else ())
    with access_to(scope, target, console, ephemeral=ephemeral) as access:
        saver = _Saver(snapshot)
        report = _run(access, wanted, limits, console, now=scope.now, snapshot=saver)
    written = _write(report, console, reports, output, query)
    if saver.trouble is not None:
        console.error(saver.trouble)
        written = False
    click.get_current_context().exit(3 if not report.passed else 0 if written else 1)


def require_extra() -> None:
    """Raise `UsageError`, naming the extra to install, where a part of it is not there."""
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in ("aiohttp", "aiortc", "av", "junitparser")):
        raise UsageError("this needs pip install 'kvsops[smoke]'")


def _run(
    access: "Access",
    wanted: "Wanted",
    limits: "dict[Measure, float | None]",
    console: "Console",
    *,
    now: "Callable[[], datetime]",
    snapshot: "Callable[[Peer], None]",
) -> "SmokeReport":
    """Run the test to its end; a signal ends it in order, too."""
    import asyncio

    from kvsops.cli.signals import ENDING, heeded
    from kvsops.smoke.run import smoke as run_smoke

    given = {name: limit for name, limit in limits.items() if limit is not None}
    others = heeded([each for each in ENDING if each is not signal.SIGINT])
    before = {each: signal.getsignal(each) for each in others}

    async def until_a_signal() -> "SmokeReport":
        task = asyncio.current_task()
        if task is not None:  # Ctrl-C cancels it too, as asyncio.run has it
            for each in others:
                asyncio.get_running_loop().add_signal_handler(each, task.cancel)
        with _shown(console) as tell:
            return await run_smoke(access, wanted, given, tell=tell, now=now, snapshot=snapshot)

    try:
        return asyncio.run(until_a_signal())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


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


class _Saver:
    """Saves the snapshot, if one is wanted; `trouble` tells why there is none."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.trouble: str | None = None
        if path is not None:
            self.trouble = f"no picture was received: {path} was not written"

    def __call__(self, peer: "Peer") -> None:
        """Save what this peer received last."""
        if self._path is None:
            return
        from kvsops.errors import KvsopsError
        from kvsops.smoke import snapshot

        try:
            snapshot.save(peer, self._path)
        except KvsopsError as error:  # told after the result, which must not be lost for it
            self.trouble = str(error)
        else:
            self.trouble = None


def _write(
    report: "SmokeReport",
    console: "Console",
    reports: tuple[Path, ...],
    output: str,
    query: str | None,
) -> bool:
    """Write the result where it is wanted; return whether all of that could be written."""
    from kvsops.errors import KvsopsError
    from kvsops.output.rows import dumps
    from kvsops.reports.smoke import text
    from kvsops.reports.smoke_files import write

    click.echo(text(report) if output == "table" else dumps(report.to_json(), query), nl=False)
    written = True
    for path in reports:
        try:
            write(report, path)
        except KvsopsError as error:
            console.error(str(error))
            written = False
    return written
