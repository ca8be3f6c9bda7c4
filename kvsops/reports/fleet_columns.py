"""Where a channel is, in tables of many accounts and regions: its ARN tells."""

from typing import Final

from kvsops.fleet.place import Missed
from kvsops.output.rows import Column
from kvsops.sweep.item import Item

ITEM_PLACE: Final = (
    Column[Item](
        "account_id",
        "ACCOUNT",
        lambda item: _arn(item)[4],
        shared="account {}".format,
    ),
    Column[Item]("region", "REGION", lambda item: _arn(item)[3], shared="region {}".format),
)
"""The columns of a channel's account and region; the keys are an interface."""


def _arn(item: Item) -> list[str]:
    return item.channel.channel_arn.split(":")


def place_of(item: Item) -> str:
    """Name its account and region."""
    return f"{_arn(item)[4]} {_arn(item)[3]}"


def missed_text(missed: Missed) -> tuple[str, str]:
    """Say what was not looked at, and why."""
    where = f"{missed.account_id or 'all accounts'} {missed.region or 'all regions'}"
    return where, missed.why
