"""The documented quotas: token buckets by operation, account, region and channel."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from kvsops.local.quotas import Throttle
from tests.local.conftest import NOON

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer
    from kvsops.local.settings import Settings
    from tests.local.conftest import Emulator


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Turn the quotas on, as they are by default."""
    settings.quotas = True
    return settings


def accepted(call: Any, times: int, **parameters: Any) -> int:
    """Count how many of so many calls are not throttled."""
    errors = []
    for _ in range(times):
        try:
            call(**parameters)
        except ClientError as error:
            errors.append((error.response["Error"]["Code"], status_of(error)))
    assert errors == [("ClientLimitExceededException", 400)] * len(errors)
    return times - len(errors)


def status_of(error: ClientError) -> int:
    """Answer the HTTP status of an error."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def test_on_by_default(over_http: Emulator) -> None:
    """Who says nothing of quotas gets them."""
    assert type(over_http.settings)().quotas is True


def test_account_quota_refills_with_time(over_http: Emulator, local: LocalServer) -> None:
    """One second's worth at once, then as many as the clock brings, and no more than a second's."""
    kvs = over_http.client()
    assert accepted(kvs.list_signaling_channels, 60) == 50
    over_http.clock.forward(seconds=0.1)
    assert accepted(kvs.list_signaling_channels, 10) == 5
    over_http.clock.forward(minutes=10)
    assert accepted(kvs.list_signaling_channels, 60) == 50
    assert local.calls == {"ListSignalingChannels": 130}
    assert local.throttled == {"ListSignalingChannels": 25}
    assert {outcome for _, _, outcome in local.log} == {"ok", "ClientLimitExceededException"}


@pytest.mark.parametrize(
    ("operation", "parameters", "quota"),
    [
        ("describe_signaling_channel", {}, 5),
        ("delete_signaling_channel", {}, 5),
        ("list_tags_for_resource", {}, 5),
        ("tag_resource", {"Tags": [{"Key": "k", "Value": "v"}]}, 5),
        ("untag_resource", {"TagKeyList": ["k"]}, 5),
        ("describe_media_storage_configuration", {}, 5),
        ("get_signaling_channel_endpoint", {}, 8),
    ],
)
def test_channel_quotas(
    over_http: Emulator, operation: str, parameters: dict[str, Any], quota: int
) -> None:
    """Five calls a second on one channel, where that is documented; another has its own."""
    kvs = over_http.client()
    backend, now = over_http.backend(), over_http.clock()
    member = "ResourceARN" if "tag" in operation else "ChannelARN"
    for name in ("a", "b"):
        parameters = parameters | {member: backend.put_channel(name, now, now).arn}
        counted = 0
        for _ in range(8):
            try:
                getattr(kvs, operation)(**parameters)
            except ClientError as error:
                counted += error.response["Error"]["Code"] == "ClientLimitExceededException"
        assert 8 - counted == quota


def test_name_and_arn_are_one_channel(over_http: Emulator) -> None:
    """A channel's calls count together, whether it is named or its ARN given."""
    kvs = over_http.client()
    arn = over_http.backend().put_channel("a", over_http.clock(), over_http.clock()).arn
    assert accepted(kvs.describe_signaling_channel, 3, ChannelName="a") == 3
    assert accepted(kvs.describe_signaling_channel, 3, ChannelARN=arn) == 2


def test_a_throttled_call_is_not_carried_out(over_http: Emulator) -> None:
    """What is throttled did not happen, and took nothing from the account's bucket."""
    kvs = over_http.client()
    now = over_http.clock()
    arn = over_http.backend().put_channel("a", now, now).arn
    for number in range(8):
        tags = [{"Key": f"k{number}", "Value": ""}]
        accepted(kvs.tag_resource, 1, ResourceARN=arn, Tags=tags)
    assert list(over_http.backend().channels["a"].tags) == ["k0", "k1", "k2", "k3", "k4"]


def test_operations_and_regions_have_their_own(over_http: Emulator) -> None:
    """A drained bucket leaves other operations and other regions alone."""
    kvs = over_http.client()
    assert accepted(kvs.list_signaling_channels, 51) == 50
    kvs.create_signaling_channel(ChannelName="a")
    assert accepted(over_http.client(region="eu-west-1").list_signaling_channels, 51) == 50


def test_streams_have_quotas_of_their_own(over_http: Emulator) -> None:
    """A listing takes of its account's, a read of tags of its stream's as well."""
    kvs = over_http.client()
    assert accepted(kvs.list_streams, 51) == 50
    for name in ("a", "b"):
        arn = kvs.create_stream(StreamName=name)["StreamARN"]
        assert accepted(lambda arn=arn: kvs.list_tags_for_stream(StreamARN=arn), 6) == 5


def test_operations_without_a_quota(over_http: Emulator) -> None:
    """What has no documented rate, and other services, are not throttled."""
    arn = over_http.client().create_stream(StreamName="s")["StreamARN"]
    told = over_http.client().describe_stream_storage_configuration
    assert accepted(lambda: told(StreamARN=arn), 60) == 60
    assert accepted(over_http.client("sts").get_caller_identity, 60) == 60


def test_full_buckets_are_forgotten() -> None:
    """However many channels come by, what long was full again takes no memory."""
    throttle = Throttle()
    operation, now = "TagResource", NOON
    for number in range(30_000):
        throttle.admits(operation, "1", "us-east-1", f"c{number}", now)
        now += timedelta(milliseconds=25)
    assert throttle.size < 21_000
    assert throttle.admits(operation, "1", "us-east-1", "c0", now)


@pytest.mark.parametrize(("scale", "rate"), [(0.2, 10), (2.0, 100), (0.001, 1)])
def test_scaled(scale: float, rate: int) -> None:
    """The rates are multiplied, for benchmarks; one call at a time is always let in."""
    throttle = Throttle(scale)
    admitted = [throttle.admits("TagResource", "1", "eu-west-1", None, NOON) for _ in range(200)]
    assert sum(admitted) == rate


def test_turned_off_while_running(over_http: Emulator) -> None:
    """Without quotas nothing is throttled."""
    over_http.settings.quotas = False
    assert accepted(over_http.client().list_signaling_channels, 60) == 60
