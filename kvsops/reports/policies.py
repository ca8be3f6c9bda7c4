"""What was understood of a policy file: its bounds, then each policy in the file's own words."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from kvsops.core.channel import KEEP_TAG
from kvsops.core.text import age
from kvsops.output.fit import wrapped
from kvsops.output.screen import Screen
from kvsops.output.text import count, safe
from kvsops.sweep.fuse import DEFAULT
from kvsops.sweep.policy import WAIVERS, Policies

_INDENT = "  "


def policies_text(policies: Policies, screen: Screen) -> str:
    """Make the lines, the last one ended too."""
    named = policies.written
    number = count(len(named), "policy", "policies")
    decides = "; the first that condemns a channel decides" if len(named) > 1 else ""
    waived = {flag for flag in WAIVERS if all(values.get(flag) for values in named.values())}
    tables = "".join(
        f"\n[policies.{name}]\n{_lines(_words(values, waived), screen)}"
        for name, values in named.items()
    )
    head = wrapped(safe(f"{policies.path}: {number}{decides}"), screen)
    return head + _lines(_bounds(policies), screen) + tables


def _bounds(policies: Policies) -> dict[str, str]:
    """Say what holds for the whole file."""
    fuse = policies.fuse or DEFAULT
    most = f"{fuse.text} of the channels listed" if fuse.percent else count(fuse.number, "channel")
    default = "" if policies.fuse else " (the default)"
    kept = ", ".join((KEEP_TAG, *policies.protect_tags))
    return {
        "max-deletes": f"{most}{default}: if a run would delete more, it deletes none",
        "protect-tag": f"{kept}: no policy deletes a channel with one of these tags",
    }


def _words(written: Mapping[str, Any], waived: set[str]) -> dict[str, str]:
    """Say what a policy's table has; a waiver alone among the policies does not hold."""
    idle = "true, but not in force: every policy must have it"
    return {
        key: idle if value is True and key in WAIVERS and key not in waived else _text(value)
        for key, value in written.items()
    }


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value)
    if isinstance(value, timedelta):
        return age(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _lines(words: Mapping[str, str], screen: Screen) -> str:
    """Make a line of each key and what it says; what is too long goes on below that."""
    width = max(map(len, words)) + 2
    return "".join(
        wrapped(f"{_INDENT}{key:{width}}{safe(text)}", screen, _INDENT + " " * width)
        for key, text in words.items()
    )
