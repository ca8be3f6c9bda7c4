"""What the relay tells in the log, a line each, for AWS's way is to tell nobody.

No line holds a payload, nor anything of a URL.
"""

import logging

from kvsops.local.signaling.admission import Place, Refused
from kvsops.local.signaling.channel_state import PeerId

log = logging.getLogger("kvsops.local")


def refused_connect(operation: str, place: Place | None, refused: Refused) -> None:
    """Tell of a connection refused: a page in a browser learns no more than that it failed."""
    channel = f" to {place.name}" if place else ""
    log.warning("kvsops local: %s%s was refused: %s: %s", operation, channel, refused.code, refused)


def refused_message(
    channel: str, peer: PeerId, action: str | None, size: int, refused: Refused, *, told: bool
) -> None:
    """Tell of a message refused, `size` characters long; `told` if its sender learns of it too."""
    log.warning(
        "kvsops local: %s: %s of %s characters by %s was refused%s: %s: %s",
        channel,
        action or "a message",
        f"{size:,}",
        _named(peer),
        "" if told else ", untold for want of a correlation id",
        refused.code,
        refused,
    )


def not_relayed(channel: str, peer: PeerId, action: str) -> None:
    """Tell of a message that goes nowhere, since the channel's media is stored."""
    log.warning(
        "kvsops local: %s: %s by %s was not relayed: the channel's media is stored",
        channel,
        action,
        _named(peer),
    )


def displaced(channel: str, peer: PeerId, *, closed: bool) -> None:
    """Tell that a newer connection has taken a peer's place."""
    how = "closed" if closed else "left open"
    log.warning(
        "kvsops local: %s: %s was displaced by another connection, and is %s",
        channel,
        _named(peer),
        how,
    )


def _named(peer: PeerId) -> str:
    return "the master" if peer is None else f"the viewer {peer}"
