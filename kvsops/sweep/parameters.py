"""How the values of options are read from text, on the command line and in a policy file."""

import re
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Fuse:
    """How many deletions one run may make: a number, or a percentage of all channels listed."""

    text: str
    number: int
    percent: bool

    @classmethod
    def parse(cls, text: str) -> "Fuse":
        """Read 250 or 10%; raises `UsageError`."""
        digits = text.removesuffix("%")
        percent = digits != text
        most = 100 if percent else 1_000_000
        if not re.fullmatch("[0-9]{1,7}", digits) or not 1 <= int(digits) <= most:
            msg = f"not a fuse: {text!r}: write a number like 250, or a percentage like 10%"
            raise UsageError(msg)
        return cls(text, int(digits), percent)

    def most(self, listed: int) -> int:
        """Return how many deletions are allowed, of so many channels listed."""
        return listed * self.number // 100 if self.percent else self.number


READERS: Final[dict[Parameter, Callable[[str], object]]] = {
    Parameter.DURATION: duration,
    Parameter.PREFIX: channel.checked_name,
    Parameter.GLOB: channel.checked_glob,
    Parameter.TAG: channel.checked_tag_filter,
    Parameter.KEY: channel.checked_tag_key,
}
"""How each kind of value is read; flags and choices are their own."""
