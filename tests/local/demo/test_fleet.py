"""The demonstration fleet: the same for the same seed, and like life."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kvsops.local.demo.fleet import KINDS, sow, sow_widely
from kvsops.local.demo.streams import ALONE
from tests.local.conftest import NOON

if TYPE_CHECKING:
    from kvsops.local.kinesisvideo.models import KinesisVideoBackend
    from kvsops.local.server import LocalServer
    from tests.local.conftest import Emulator


def summary(backend: KinesisVideoBackend) -> list[Any]:
    """Answer names, ages and tags."""
    return [
        (channel.channel_name, channel.creation_time, channel.tags, channel.stream_arn is not None)
        for channel in backend.channels.values()
    ]


def test_the_same_seed_makes_the_same_fleet(local: LocalServer) -> None:
    """Names, ages and tags follow from the seed; another seed makes others."""
    one, two, three = (local.backend(region) for region in ("us-east-1", "eu-west-1", "us-west-2"))
    sow(one, 300, seed=1, now=NOON)
    sow(two, 300, seed=1, now=NOON)
    sow(three, 300, seed=2, now=NOON)
    assert summary(one) == summary(two) != summary(three)


def test_ages_are_relative_to_now(local: LocalServer) -> None:
    """A fleet of a day later is the same but for the day."""
    today, tomorrow = local.backend("us-east-1"), local.backend("eu-west-1")
    sow(today, 50, now=NOON)
    sow(tomorrow, 50, now=NOON + timedelta(days=1))
    ages = [
        now - channel.creation_time
        for backend, now in ((today, NOON), (tomorrow, NOON + timedelta(days=1)))
        for channel in backend.channels.values()
    ]
    assert ages[:50] == ages[50:]


def test_a_fleet_in_many_places(local: LocalServer) -> None:
    """Seed, accounts and regions say how many are where, and which; the truth says it of each."""
    places = [(account, region) for account in ("1", "2") for region in ("us-east-1", "eu-west-1")]
    first = [local.backend(region, account) for account, region in places]
    sown = sow_widely(first, 200, seed=7, now=NOON)
    assert [(each.account_id, each.region) for each in sown] == places
    assert [each.channels for each in sown] == [len(backend.channels) for backend in first]
    assert sum(each.channels for each in sown) == 200
    for truth, backend in zip(sown, first, strict=True):
        alive = {usage.channel_name for usage in truth.usages if usage.creation_time is not None}
        assert alive == set(backend.channels)
    names = [name for backend in first for name in backend.channels]
    assert len(set(names)) == 200
    again = [local.backend(region, f"{account}0") for account, region in places]
    counts = [each.channels for each in sow_widely(again, 200, seed=7, now=NOON)]
    assert counts == [each.channels for each in sown]
    assert summary(again[0]) == summary(first[0])


def test_a_fleet_in_one_place(local: LocalServer) -> None:
    """Spread over one place it is the fleet that `sow` makes."""
    one, two = local.backend("us-east-1"), local.backend("eu-west-1")
    sow(one, 60, seed=3, now=NOON)
    (sown,) = sow_widely([two], 60, seed=3, now=NOON)
    assert (sown.channels, summary(two)) == (60, summary(one))


@pytest.mark.parametrize("count", [0, 1, 5, len(KINDS), 1_000])
def test_size(local: LocalServer, count: int) -> None:
    """There are as many channels as asked for."""
    sow(local.backend(), count)
    assert len(local.backend().channels) == count


def test_a_small_fleet_has_one_of_each_kind(over_http: Emulator) -> None:
    """What a sweep must tell apart is there from 16 channels on, as the API shows it."""
    sow(over_http.backend(), len(KINDS), now=NOON)
    kvs = over_http.client()
    infos = kvs.list_signaling_channels()["ChannelInfoList"]
    tags = [kvs.list_tags_for_resource(ResourceARN=i["ChannelARN"])["Tags"] for i in infos]
    stored = [
        kvs.describe_media_storage_configuration(ChannelARN=i["ChannelARN"])[
            "MediaStorageConfiguration"
        ]["Status"]
        for i in infos
    ]
    assert Counter(i["ChannelStatus"] for i in infos) == {
        "ACTIVE": 14,
        "CREATING": 1,
        "DELETING": 1,
    }
    assert Counter(stored) == {"DISABLED": 14, "ENABLED": 2}
    streams = kvs.list_streams()["StreamInfoList"]
    assert sum(each["StreamName"].endswith("-media") for each in streams) == 2
    assert len(streams) == 2 + len(ALONE)
    assert sum(not t for t in tags) == 3
    assert sum("kvsops:keep" in t for t in tags) == 1
    assert sum("aws:cloudformation:stack-name" in t for t in tags) == 1
    expiries = [t["kvsops:expires-at"] for t in tags if "kvsops:expires-at" in t]
    readable = [e for e in expiries if e.startswith("2026-0") and e != "2026-02-30T10:00:00Z"]
    assert (len(expiries), len(readable)) == (5, 4)
    assert sum(e < "2026-05-01T12:00:00Z" for e in readable) == 2


def test_like_life(local: LocalServer) -> None:
    """A large fleet has channels minutes old and months old, most of them ACTIVE."""
    sow(local.backend(), 2_000, now=NOON)
    channels = local.backend().channels.values()
    ages = sorted(NOON - channel.creation_time for channel in channels)
    assert ages[0] < timedelta(minutes=1)
    assert ages[-1] > timedelta(days=300)
    assert ages[500] < timedelta(days=3)
    assert {name.partition("-")[0] for name in local.backend().channels} == {"cam", "ci", "meeting"}
    assert sum(channel.status(NOON) == "ACTIVE" for channel in channels) > 1_900


def test_busy_for_some_minutes(over_http: Emulator) -> None:
    """CREATING and DELETING ones stay so for a while, then become ACTIVE and go."""
    sow(over_http.backend(), len(KINDS), now=NOON)
    kvs = over_http.client()

    def statuses() -> Counter[str]:
        infos = kvs.list_signaling_channels()["ChannelInfoList"]
        return Counter(info["ChannelStatus"] for info in infos)

    over_http.clock.forward(minutes=4)
    assert statuses() == {"ACTIVE": 14, "CREATING": 1, "DELETING": 1}
    over_http.clock.forward(minutes=2)
    assert statuses() == {"ACTIVE": 15}


def test_known_to_a_lagging_index(over_http: Emulator) -> None:
    """What was tagged long ago is in the index, whatever its lag."""
    over_http.settings.index_lag = timedelta(minutes=1)
    sow(over_http.backend(), len(KINDS), now=NOON)
    answer = over_http.client("resourcegroupstaggingapi").get_resources()
    assert len(answer["ResourceTagMappingList"]) >= 12
