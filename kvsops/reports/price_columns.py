"""The columns of prices."""

from kvsops.aws.prices import Known
from kvsops.output.rows import Column


def price_columns() -> list[Column[Known]]:
    """Return the columns of a region's prices and their origin; the keys are an interface."""
    return [
        Column[Known]("region", "REGION", lambda row: row[0].region),
        Column[Known]("channel_month", "CHANNEL", lambda row: row[0].channel_month, align="right"),
        Column[Known](
            "million_messages", "1M MESSAGES", lambda row: row[0].million_messages, align="right"
        ),
        Column[Known](
            "thousand_turn_minutes",
            "1K TURN MINUTES",
            lambda row: row[0].thousand_turn_minutes,
            align="right",
        ),
        Column[Known]("as_of", "AS OF", lambda row: row[0].as_of),
        Column[Known]("origin", "ORIGIN", lambda row: row[1]),
        Column[Known]("source", "SOURCE", lambda row: row[0].source),
    ]
