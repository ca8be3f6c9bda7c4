"""The columns of prices."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from kvsops.aws.prices import Known
from kvsops.core.cost import Prices
from kvsops.output.figures import usd
from kvsops.output.rows import Column

_PLACES: Final = 4


def price_columns() -> list[Column[Known]]:
    """Return the columns of a region's prices and their origin; the keys are an interface."""
    return [
        Column[Known]("region", "REGION", lambda row: row[0].region),
        _price("channel_month", "CHANNEL", lambda prices: prices.channel_month),
        _price("million_messages", "1M MSGS", lambda prices: prices.million_messages),
        _price("thousand_turn_minutes", "1K TURN", lambda prices: prices.thousand_turn_minutes),
        _price("gb_ingested", "GB IN", lambda prices: prices.gb_ingested),
        _price("gb_consumed", "GB OUT", lambda prices: prices.gb_consumed),
        _price("gb_consumed_by_hls", "GB HLS", lambda prices: prices.gb_consumed_by_hls),
        _price("gb_month_stored", "GB-MONTH", lambda prices: prices.gb_month_stored),
        Column[Known]("as_of", "AS OF", lambda row: row[0].as_of, leaves=1),
        Column[Known]("origin", "ORIGIN", lambda row: row[1], cut="end", leaves=2),
        Column[Known]("source", "SOURCE", lambda row: row[0].source, cut="end", leaves=3),
    ]


def _price(key: str, header: str, of: Callable[[Prices], Decimal | None]) -> Column[Known]:
    return Column[Known](
        key, header, lambda row: of(row[0]), lambda row: usd(of(row[0]), _PLACES), align="right"
    )
