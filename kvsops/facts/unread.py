"""Looks that failed, told: what is not known of a channel because it could not be read."""

from collections.abc import Iterable
from typing import Final

from kvsops.core.facts import Fact, Facts, Need, Source, Unknown
from kvsops.facts.look import GONE

NAMED: Final = 3
"""At most this many channels are named in a message; the rest are counted."""


def unread(known: Iterable[Facts], need: Need) -> list[str]:
    """Return a line on the channels of which the fact could not be read, and why the first's.

    That a channel was deleted meanwhile is no failure.
    """
    names, reasons = [], []
    for facts in known:
        fact = facts.get(need)
        if isinstance(fact, Unknown) and fact.why != GONE:
            names.append(facts.channel.channel_name)
            reasons.append(fact.why)
    if not names:
        return []
    more = f" and {len(names) - NAMED:,} more" if names[NAMED:] else ""
    return [f"{need.value} could not be read: {', '.join(names[:NAMED])}{more}: {reasons[0]}"]


def unindexed(known: Iterable[Facts]) -> list[str]:
    """Return a line on the channels whose tags are not known for want of a direct read."""
    found = [facts.tags for facts in known if isinstance(facts.tags, Fact)]
    number = sum(fact.source is Source.NOT_INDEXED for fact in found)
    if not number:
        return []
    why = "never tagged, or too recently for AWS's tag index"
    return [f"the tags of {number:,} channels are not known ({why}): --direct reads each"]
