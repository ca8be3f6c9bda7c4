"""A QR code on a terminal."""

import io

from kvsops.output.screen import Screen

_WHITE_ON_BLACK = "\x1b[97;40m{}\x1b[0m"
_BORDER = 2


def qr_code(text: str, screen: Screen) -> str:
    """Draw it, two rows of modules a line; nothing where there is no room for it.

    Readers want dark on light, which a terminal of any colours shows if it is told both.
    """
    import segno

    drawn = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(drawn, compact=True, border=_BORDER)
    lines = drawn.getvalue().rstrip("\n").split("\n")
    if screen.width is None or max(map(len, lines)) > screen.width:
        return ""
    coloured = _WHITE_ON_BLACK if screen.colour else "{}"
    return "".join(f"{coloured.format(line)}\n" for line in lines)
