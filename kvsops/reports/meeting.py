"""What a meeting was, and what it cost, as far as that is known when it ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from kvsops.core.cost import Prices, known_sum
from kvsops.core.text import spelled
from kvsops.output.figures import usd
from kvsops.output.fit import wrapped
from kvsops.output.rows import Column, screen_table
from kvsops.output.screen import Screen
from kvsops.output.text import count
from kvsops.web.meeting import Ending

_CENTS = 4  # places: messages come to hundredths of a cent
_COUNTED = (
    "Messages and TURN minutes are what the pages counted; AWS bills what it counts itself. "
    "The fee is the channel's for this month, however often it is used."
)


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    used: str
    cost: Decimal | None


def ending_text(ending: Ending, fate: str, prices: Prices | None, screen: Screen) -> str:
    """Say why and when it ended, then what it cost; the prices are None where none are known.

    `fate` says what became of the channel.
    """
    length, guests = spelled(timedelta(seconds=ending.seconds)), count(ending.guests, "guest")
    if not ending.joined:
        told = f"The meeting is over after {length}: {ending.why}. Nobody had joined. {fate}"
        return wrapped(told, screen) + wrapped("Nothing connected: it cost nothing.", screen)
    most = f"{guests} at most" if ending.guests else "without a guest"
    told = wrapped(f"The meeting is over after {length}, {most}: {ending.why}. {fate}", screen)
    items = [*_items(ending, prices)]
    columns = [
        Column[_Item]("item", "ITEM", lambda item: item.name),
        Column[_Item]("used", "USED", lambda item: item.used, align="right"),
        Column[_Item](
            "cost", "COST", lambda item: item.cost, lambda item: _dollars(item.cost), align="right"
        ),
    ]
    table = screen_table(items, columns, screen)
    conclusion = wrapped(_COUNTED, screen) + wrapped(_conclusion(items, prices), screen)
    return "\n".join((told, table, conclusion))


def _items(ending: Ending, prices: Prices | None) -> Iterator[_Item]:
    counted = ending.counted
    messages, minutes = counted.sent + counted.received, counted.turn_minutes
    # A page that has joined may have died before it could say that it was connected.
    connected = counted.connects > 0
    fee = prices.channel_month if prices and connected else None
    yield _Item("channel fee", "the month" if connected else "not known", fee)
    for name, used, price in (
        ("signaling messages", messages, prices.messages(messages) if prices else None),
        ("TURN minutes", minutes, prices.turn(minutes) if prices else None),
    ):
        yield _Item(name, f"{used:,}", price)


def _conclusion(items: list[_Item], prices: Prices | None) -> str:
    if prices is None:
        told = "What it cost is not known: no prices are known for this region"
        return f"{told} (kvsops prices --refresh reads them)."
    total = known_sum([item.cost for item in items])
    if total is None:
        return "What it cost is not known."
    some = " at least, what is not known aside" if any(i.cost is None for i in items) else ""
    return f"It cost {_dollars(total)}{some}."


def _dollars(amount: Decimal | None) -> str:
    return usd(amount, _CENTS, unknown="not known", trimmed=True)
