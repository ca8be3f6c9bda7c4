"""The fleet's streams: the same for the same seed, linked and alone, and in the metrics as told."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from kvsops.local.demo.fleet import KINDS, sow
from kvsops.local.demo.streams import ALONE, PAST, StreamUse, sow_streams
from tests.local.conftest import NOON, Emulator

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer


def sown(local: LocalServer | Emulator, seed: int, region: str = "us-east-1") -> list[StreamUse]:
    """Put two channels that record there, and six streams beside theirs."""
    backend = local.backend(region)
    for name, days in (("cam-a", 50), ("cam-b", 2)):
        created = NOON - timedelta(days=days)
        backend.store_media(backend.put_channel(name, created, created))
    random = Random(seed)  # noqa: S311 - the fleet must repeat
    return sow_streams(backend, len(ALONE), random, NOON, ("dock", "roof"))


def test_the_same_seed_makes_the_same_streams(local: LocalServer) -> None:
    """Names, retentions and bytes follow from the seed; another seed makes others."""
    one, two = sown(local, 1), sown(local, 1, "eu-west-1")
    assert one == two != sown(local, 2, "us-west-2")
    assert {each.data_retention_hours for each in one} >= {0, 1, 24, 720, 87_600}


def test_truth(over_http: Emulator) -> None:
    """What came in is between a stream's making and now; a linked one is as old as its channel."""
    uses = {each.stream_name: each for each in sown(over_http, 1)}
    infos = over_http.client().list_streams()["StreamInfoList"]
    listed = {each["StreamName"]: each for each in infos}
    assert {name for name, use in uses.items() if use.creation_time} == listed.keys()
    assert sum(use.creation_time is None for use in uses.values()) == 2
    for name, info in listed.items():
        assert info["DataRetentionInHours"] == uses[name].data_retention_hours
        assert info["CreationTime"] == uses[name].creation_time
        for moved in uses[name].moved:
            assert max(info["CreationTime"], NOON - PAST - timedelta(hours=1)) < moved.at <= NOON
    assert uses["cam-a-media"].creation_time == NOON - timedelta(days=50)
    backend = over_http.backend()
    linked = {each.stream_arn for each in backend.channels.values()}
    assert linked == {listed[name]["StreamARN"] for name in ("cam-a-media", "cam-b-media")}


def test_in_the_metrics(over_http: Emulator) -> None:
    """The bytes in CloudWatch are those that were returned."""
    uses = sown(over_http, 1)
    cloudwatch = over_http.client("cloudwatch")
    queries = [
        {
            "Id": f"q{at}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/KinesisVideo",
                    "MetricName": "PutMedia.IncomingBytes",
                    "Dimensions": [{"Name": "StreamName", "Value": use.stream_name}],
                },
                "Period": 86_400,
                "Stat": "Sum",
                "Unit": "Bytes",
            },
        }
        for at, use in enumerate(uses)
    ]
    found = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=NOON - timedelta(days=45), EndTime=NOON
    )["MetricDataResults"]
    sums = [sum(each["Values"]) for each in found]
    assert sums == [sum(moved.ingested for moved in use.moved) for use in uses]
    assert sum(sums) > 0


def test_the_fleet_has_them(local: LocalServer) -> None:
    """Channels that record have their stream, with others beside it, from 16 channels on."""
    sow(local.backend(), len(KINDS), now=NOON)
    backend = local.backend()
    linked = {each.stream_arn for each in backend.channels.values() if each.stream_arn}
    assert linked <= backend.streams.keys()
    assert (len(linked), len(backend.streams)) == (2, 2 + len(ALONE))
