"""Many accounts and regions of one emulator, for tests: the places, and channels put there."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from kvsops.fleet.asked import Asked
from kvsops.fleet.opening import Surroundings
from kvsops.fleet.place import Place, Places
from kvsops.fleet.selection import places_of
from kvsops.local.demo.channel_usage import ChannelUsage, Used, record
from kvsops.local.kinesisvideo.channels import SignalingChannel
from kvsops.local.server import LocalServer
from tests.fleet import DAY, Time

ROLE = "kvsops-sweep"
OWN, OTHER = "123456789012", "200000000002"
EAST, WEST = "us-east-1", "eu-west-1"
At = tuple[str, str]
"""An account and a region."""


def places(emulator: LocalServer, *regions: str, time: Time | None = None) -> Places:
    """Find all accounts of the emulator's organization, in these regions; by this time, if any."""
    environ = emulator.environment()
    around = Surroundings(environ=environ)
    if time is not None:
        around = Surroundings(environ=environ, clock=time.clock, sleep=time.sleep, now=time.now)
    asked = Asked(organization_role=ROLE, regions=regions or (EAST, WEST), quota_share=1)
    return places_of(asked, around)


def at(place: Place) -> At:
    """Return which account and region a place is."""
    return place.account_id, place.region


def put_at(
    emulator: LocalServer,
    where: At,
    name: str,
    age: timedelta = DAY,
    tags: Mapping[str, str] | None = None,
) -> SignalingChannel:
    """Put an ACTIVE channel of that age into an account and region."""
    backend = emulator.backend(where[1], where[0])
    backend.list_signaling_channels(1, None, "")  # lets go what is gone, or it would go later
    created = emulator.settings.clock().replace(microsecond=0) - age
    return backend.put_channel(name, created, created, 60, dict(tags or {}))


def names_at(emulator: LocalServer, where: At) -> set[str]:
    """Answer which channels are in an account and region: neither gone nor on their way out."""
    now = emulator.settings.clock()
    there = emulator.backend(where[1], where[0]).channels.values()
    return {each.channel_name for each in there if each.status(now) != "DELETING"}


def use_at(emulator: LocalServer, where: At, name: str, at: datetime) -> None:
    """Let a master connect to a channel of an account and region then."""
    used = Used(at, 1, 0, 0, 0, 0)
    record(emulator.metrics(where[1], where[0]), [ChannelUsage(name, None, [used])])
