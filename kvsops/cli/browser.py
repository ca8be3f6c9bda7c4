"""The browser of whoever typed the command."""

import os
import webbrowser
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from kvsops.signaling.threads import in_thread

if TYPE_CHECKING:
    from kvsops.output.console import Console

OPENING_LASTS: Final = timedelta(minutes=2)
"""How long the browser may take: other users of this machine see the URL it is started with."""


async def opened_or_url(url: Callable[..., str], console: "Console", *, opens: bool) -> str | None:
    """Open a page in the browser; where that is not wanted, or fails, return its URL to be told.

    `url(opening=True)` makes the one that the browser gets, `url(opening=False)` that for people.
    """
    if opens:
        if await in_thread(_opened, url(opening=True)):
            return None
        console.warn("no browser could be opened here: open the link in one yourself")
    return url(opening=False)


def _opened(url: str) -> bool:
    """Open the browser; return whether there is one that shows more than text."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return False
    textual = type(found) is webbrowser.GenericBrowser and not os.environ.get("BROWSER")
    return not textual and found.open(url)
