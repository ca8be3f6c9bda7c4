"""The browser of whoever typed the command."""

import os
import webbrowser
from datetime import timedelta
from typing import Final

OPENING_LASTS: Final = timedelta(minutes=2)
"""How long the browser may take: other users of this machine see the URL it is started with."""


def opened(url: str) -> bool:
    """Open the browser; return whether there is one that shows more than text."""
    try:
        found = webbrowser.get()
    except webbrowser.Error:
        return False
    textual = type(found) is webbrowser.GenericBrowser and not os.environ.get("BROWSER")
    return not textual and found.open(url)
