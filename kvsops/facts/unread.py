"""Looks that failed, told: what is not known of a channel because it could not be read."""

from collections.abc import Iterable
from typing import Final

from kvsops.core.facts import Facts, Need, Unknown
from kvsops.facts.look import GONE

NAMED: Final = 3
"""At most this many channels are named in a message; the rest are counted."""


def unread(known: Iterable[Facts], need: Need) -> list[str]:
    """Return a line for each reason why the fact could not be read, with the channels.

    That a channel was deleted meanwhile is no failure.
    """
    names: dict[str, list[str]] = {}
    for facts in known:
        fact = facts.get(need)
        if isinstance(fact, Unknown) and fact.why != GONE:
            why = fact.why.replace(facts.channel.channel_arn, "each")
            names.setdefault(why, []).append(facts.channel.channel_name)
    return [_said(need, why, each) for why, each in names.items()]


def _said(need: Need, why: str, names: list[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if names[NAMED:] else ""
    return f"{need.value} could not be read: {', '.join(names[:NAMED])}{more}: {why}"
