"""`kvsops play`."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from kvsops.cli.choice import Choice
from kvsops.cli.help import Command, section
from kvsops.cli.main import told
from kvsops.cli.media import LOOKING, place_of, require_extra, run, silence
from kvsops.cli.options import DURATION, TARGET, events_option, in_region, refuse, scope_options
from kvsops.cli.play_source import SIZED, objection, opened, source_of
from kvsops.cli.where import Where
from kvsops.errors import KvsopsError, NoSuchNameError

if TYPE_CHECKING:
    import asyncio

    from kvsops.aws.scope import Scope
    from kvsops.cli.play_live import Show
    from kvsops.peers.peer import Codec
    from kvsops.stay.play import Event, Wanted


@click.command(
    cls=Command,
    epilog="The source is decoded once, and encoded once for each codec in use, however many "
    "viewers there are. A picture larger than 1280x720 is made smaller, to H264's level 3.1. The "
    "certificate of an rtsps:// camera is not checked: most sign their own. The service tells "
    "nobody who is connected: without --take-over, play first offers as a viewer, and a master "
    "that answers is left alone; one that answers nobody cannot be seen.",
)
@click.argument("target", type=TARGET, metavar="NAME|ARN")
@click.argument("source", required=False, metavar="[SOURCE]")
@section("Source")
@click.option("--loop", is_flag=True, help="Play the file again and again.")
@click.option(
    "--size", type=SIZED, metavar="WxH", help="Size of the test picture.  [default: 640x480]"
)
@click.option(
    "--fps",
    type=click.IntRange(1, 30),
    metavar="N",
    help="Frames per second of the test picture.  [default: 30]",
)
@click.option("--codec", type=Choice(["VP8", "H264"]), help="Send only this video codec.")
@section("Stay")
@click.option(
    "--take-over", is_flag=True, help="Connect as master even if that disconnects another."
)
@click.option(
    "--duration",
    type=DURATION,
    metavar="DURATION",
    help="End after this long, with exit code 0; 1 if the camera never played.",
)
@events_option
@scope_options
def play(
    *,
    where: Where,
    target: str,
    source: str | None,
    loop: bool,
    size: tuple[int, int] | None,
    fps: int | None,
    codec: "Codec | None",
    take_over: bool,
    duration: timedelta | None,
    output: str,
) -> None:
    """Be a channel's master, and play a picture and sound to every viewer that comes.

    \b
    Examples:
      kvsops play cam-door                  # a numbered picture, and a tone
      kvsops play cam-door clip.mp4 --loop
      kvsops play cam-door rtsp://192.0.2.7/stream1
      kvsops play cam-door --duration 5m -o json

    SOURCE is a file, or a camera's rtsp:// URL; without one it is the test picture. A file begins
    with the first viewer, and play ends with it. A camera that cannot be reached or breaks off is
    tried again. A lost connection to the service is made again; play ends where the channel is
    deleted, or another master takes its place.
    """
    refuse(objection(source, loop=loop, size=size, fps=fps))
    require_extra()
    from kvsops.cli.access import staying_in
    from kvsops.cli.play_live import Show
    from kvsops.output.console import Console
    from kvsops.stay.play import Wanted

    playing = source_of(source, size, fps)
    wanted = Wanted(
        playing,
        opened(playing),
        loop=loop,
        codec=codec,
        take_over=take_over,
        seconds=None if duration is None else duration.total_seconds(),
    )
    scope, console = where.open(), Console()
    in_region(scope, (target,))
    try:
        channel_arn = staying_in(scope, target)
    except NoSuchNameError as error:
        made = "" if target.startswith("arn:") else f"; kvsops create {target} makes it"
        why = told(error, click.get_current_context())
        raise NoSuchNameError(f"{why}{made}", error.code, target) from None
    show = Show(
        console,
        playing.name,
        f"{target} in {place_of(where, scope)}",
        ["kvsops", "view", target, *where.again(scope)],
        json=output == "json",
        now=scope.now,
    )
    if output == "table" and not take_over:
        console.note(LOOKING)
    silence()
    run(lambda: _played(scope, channel_arn, wanted, show), console)


async def _played(scope: "Scope", channel_arn: str, wanted: "Wanted", show: "Show") -> None:
    """Play, and show what happens, to the last of it."""
    import asyncio

    from kvsops.cli.access import access_of
    from kvsops.peers.waits import end_all
    from kvsops.stay.play import play as play_to

    events: asyncio.Queue[Event] = asyncio.Queue()
    playing = asyncio.ensure_future(
        play_to(access_of(scope), channel_arn, wanted, tell=events.put_nowait, now=scope.now)
    )
    with show.table():
        showing = asyncio.ensure_future(show.show_all(events))
        try:
            await asyncio.wait({playing, showing}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await end_all([playing, showing])
            _show_rest(events, show)
            show.end("interrupted")
            raise
        await end_all([playing, showing])
        _show_rest(events, show)
    if not showing.cancelled():
        showing.result()  # what was said could not be
    try:
        show.end(playing.result())
    except KvsopsError as error:
        show.fail(str(error))
        raise


def _show_rest(events: "asyncio.Queue[Event]", show: "Show") -> None:
    while not events.empty():
        show.show(events.get_nowait())
