"""How the values that rules take are read from text, on the command line and in a policy file."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from kvsops.core import channel
from kvsops.core.rule import Parameter
from kvsops.errors import UsageError

LONGEST: Final = timedelta(days=36_500)
_SHORTEST: Final = 0.001  # seconds; far below, a timedelta is zero, which is no condition at all


def duration(text: str) -> timedelta:
    """Read 90s, 30m, 2h, 7d, 1d12h; raises `UsageError` without a unit, or at zero and below.

    A capital M is refused too: who writes 3M means months, which would be read as minutes.
    """
    from pytimeparse.timeparse import timeparse

    unclear = not any(letter.isalpha() for letter in text) or ":" in text or "M" in text
    seconds = None if unclear or text.lstrip().startswith(("-", "+")) else timeparse(text)
    if seconds is None or not _SHORTEST <= seconds <= LONGEST.total_seconds():
        msg = f"not a duration: {text!r}: write a number and its unit, like 90s, 30m, 2h or 7d"
        raise UsageError(msg)
    return timedelta(seconds=seconds)


READERS: Final[dict[Parameter, Callable[[str], object]]] = {
    Parameter.DURATION: duration,
    Parameter.PREFIX: channel.checked_name,
    Parameter.GLOB: channel.checked_glob,
    Parameter.TAG: channel.checked_tag_filter,
    Parameter.KEY: channel.checked_tag_key,
}
"""How each kind of value is read; flags and choices are their own."""
