"""Channels of several accounts and regions, for the commands that look in many."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from kvsops.local.demo.channel_usage import ChannelUsage, Used, record
from kvsops.local.server import LocalServer
from tests.cli.costs import FREE_USE

OWN, OTHER = "123456789012", "200000000002"
HERE, THERE = "us-east-1", "eu-west-1"
BOTH = ("--region", HERE, "--region", THERE)
ORGANIZATION = ("--organization-role", "kvsops-sweep")
LEFT_OUT = "left out: 299999999999: the account is SUSPENDED\n"
PRICES = f"""{FREE_USE}[eu-west-1]
channel_month = "0.05"
million_messages = "0"
thousand_turn_minutes = "0"
as_of = "2026-05-01"
source = "a test"
"""
"""With these a channel that is used costs its region's fee, whatever the day."""


def put_at(
    emulator: LocalServer,
    name: str,
    region: str,
    account_id: str = OWN,
    *,
    days: int = 1,
    used: bool = False,
) -> None:
    """Put a channel there, so many days old, which was used a minute ago or never."""
    now = datetime.now(UTC).replace(microsecond=0)
    created = now - timedelta(days=days)
    backend = emulator.backend(region, account_id)
    backend.put_channel(name, created, created, 60, {})
    if used:
        moment = max(now.replace(hour=0, minute=0, second=0), now - timedelta(minutes=1))
        day = Used(moment, 1, 0, 0, 0, 0)
        record(emulator.metrics(region, account_id), [ChannelUsage(name, None, [day])])


def sow(emulator: LocalServer) -> None:
    """Put the same name in two accounts and two regions; each place is used once but one."""
    put_at(emulator, "cam-1", HERE, days=9, used=True)
    put_at(emulator, "cam-2", HERE, days=8)
    put_at(emulator, "cam-1", THERE, days=7, used=True)
    put_at(emulator, "cam-1", HERE, OTHER, days=9, used=True)


def price_file(directory: Path) -> tuple[str, str]:
    """Write the prices; return the option that takes them."""
    path = directory / "prices.toml"
    path.write_text(PRICES, encoding="utf-8")
    return ("--prices", str(path))
