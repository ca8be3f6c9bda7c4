"""The SOURCE of `kvsops play`: what it may be, and how it is called."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from kvsops.cli.options import Text
from kvsops.errors import UsageError

if TYPE_CHECKING:
    from kvsops.stay.sources import Opened, Source

SIZE: Final = (640, 480)
FPS: Final = 30
_MOST: Final = (1280, 720)
_BLOCK: Final = (40, 30)
"""The test picture's size is whole such blocks."""
_STREAMS: Final = ("rtsp", "rtsps")


def size(text: str) -> tuple[int, int]:
    """Read 640x480; raises `UsageError`."""
    found = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if found is None:
        raise UsageError(f"not a size: {text!r}: write it like 640x480")
    width, height = int(found[1]), int(found[2])
    near = _near(width, height)
    if (width, height) != near:
        sides = " and ".join(str(side) for side in _BLOCK)
        raise UsageError(
            f"the test picture cannot be {width}x{height}: its sides are multiples of {sides}, "
            f"{_MOST[0]}x{_MOST[1]} at most: {near[0]}x{near[1]} would do"
        )
    return near


SIZED: Final = Text("size", size)


def _near(width: int, height: int) -> tuple[int, int]:
    """Return the nearest size that there is, of at least two blocks each way."""
    sides = zip((width, height), _BLOCK, _MOST, strict=True)
    across, up = (min(max(round(side / block), 2) * block, most) for side, block, most in sides)
    return across, up


def objection(
    source: str | None, *, loop: bool, size: tuple[int, int] | None, fps: int | None
) -> str | None:
    """Return what contradicts itself in what was given, if anything."""
    if source is not None and (size or fps):
        return "--size and --fps are the test picture's: leave them out, or the SOURCE"
    if loop and source is None:
        return "the test picture never ends: drop --loop"
    if loop and _scheme(source) in _STREAMS:
        return "a camera's stream is opened again by itself: drop --loop"
    return None


def source_of(text: str | None, size: tuple[int, int] | None, fps: int | None) -> "Source":
    """Return what is to be played; raises `UsageError` where it cannot be anything."""
    from kvsops.stay.sources import File, Numbered, Rtsp

    if text is None:
        width, height = size or SIZE
        rate = fps or FPS
        return Numbered((width, height), rate, f"the test picture ({width}x{height}, {rate} fps)")
    if _scheme(text) in _STREAMS:
        shown = _shown(text)
        if not urlsplit(text).hostname:
            raise UsageError(f"{shown} names no host: write it like rtsp://192.0.2.7/stream1")
        return Rtsp(text, shown)
    if _scheme(text):
        raise UsageError(f"not a file, nor an rtsp:// URL: {_shown(text)}")
    if not text:
        raise UsageError("the SOURCE is empty: give a file or an rtsp:// URL, or leave it out")
    path = Path(text)
    if path.is_dir():
        raise UsageError(f"{text} is a directory: give a file")
    return File(path.absolute(), text)


def opened(source: "Source") -> "Opened | None":
    """Open what does not run by itself, to see at once whether it can be; raises `UsageError`."""
    from kvsops.stay.sources import SourceError

    if source.live:
        return None
    try:
        return source.open()
    except SourceError as error:
        raise UsageError(f"{source.name} cannot be played: {error}") from None


def _scheme(text: str | None) -> str | None:
    found = re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*)://", text or "")
    return found[1].lower() if found else None


def _shown(url: str) -> str:
    """Show a URL without user, password and query, which hold secrets."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise UsageError("the SOURCE is a URL that cannot be read") from None
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}"
