"""Faults: errors, dropped connections and late answers, in shares that repeat."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from kvsops.errors import UsageError
from kvsops.local.faults import Fault, check_operations, first_to_strike
from tests.local.conftest import failure

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer
    from tests.local.conftest import Emulator


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("A1:drop:1", Fault("A1", "drop", 1.0)),
        ("*:InternalFailure:5%", Fault("*", "InternalFailure", 0.05)),
        ("GetResources:late:0.25", Fault("GetResources", "late", 0.25)),
        ("GetResources:drop-after:.5", Fault("GetResources", "drop-after", 0.5)),
        (
            " TagResource : AccessDeniedException : 100% ",
            Fault("TagResource", "AccessDeniedException", 1.0),
        ),
        ("TagResource:drop:0", Fault("TagResource", "drop", 0.0)),
        ("*:not-enabled:1:eu-south-1", Fault("*", "not-enabled", 1.0, None, "eu-south-1")),
        ("*:scp-deny:1:200000000002", Fault("*", "scp-deny", 1.0, "200000000002")),
        (
            "AssumeRole:AccessDenied:50%:200000000002/us-gov-east-1",
            Fault("AssumeRole", "AccessDenied", 0.5, "200000000002", "us-gov-east-1"),
        ),
    ],
)
def test_read(text: str, fault: Fault) -> None:
    """Operation, error, and a share as a fraction or in percent."""
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "give OPERATION:ERROR:SHARE"),
        ("TagResource:drop", "give OPERATION:ERROR:SHARE"),
        ("TagResource:drop:1:2:3", "give OPERATION:ERROR:SHARE"),
        ("TagResource:drop:1:2", "'2' is no place, such as 200000000002, eu-west-1 or"),
        ("TagResource:drop:1:", "'' is no place"),
        ("TagResource:drop:1:200000000002/", "'200000000002/' is no place"),
        ("TagResource:drop:1:/eu-west-1", "'/eu-west-1' is no place"),
        ("SendSdpOffer:drop:1:eu-west-1", "SendSdpOffer fails everywhere; leave out the place"),
        (":drop:1", "'' is no API operation's name, nor *"),
        ("tag-resource:drop:1", "'tag-resource' is no API operation's name, nor *"),
        ("TagResource:dropp:1", "'dropp' is no AWS error code, nor drop, drop-after or late"),
        ("TagResource::1", "'' is no AWS error code, nor drop, drop-after or late"),
        ("TagResource:drop:", "the share '' is not 0 to 1, nor 0% to 100%"),
        ("TagResource:drop:2", "the share '2' is not 0 to 1, nor 0% to 100%"),
        ("TagResource:drop:101%", "the share '101%' is not 0 to 1, nor 0% to 100%"),
        ("TagResource:drop:-0.1", "the share '-0.1' is not 0 to 1, nor 0% to 100%"),
        ("TagResource:drop:nan", "the share 'nan' is not 0 to 1, nor 0% to 100%"),
        ("TagResource:drop:1e-1", "the share '1e-1' is not 0 to 1, nor 0% to 100%"),
    ],
)
def test_unreadable(text: str, why: str) -> None:
    """One line says which part is wrong, and what would be right."""
    with pytest.raises(UsageError) as caught:
        Fault.parse(text)
    assert str(caught.value).startswith(f"fault {text!r}: {why}")
    assert "\n" not in str(caught.value)


def test_unknown_operation() -> None:
    """A fault that could never strike is refused, with the name that may be meant."""
    check_operations([Fault("*", "drop"), Fault("GetResources", "drop")])
    with pytest.raises(UsageError, match="did you mean DeleteSignalingChannel"):
        check_operations([Fault("DeleteSignallingChannel", "drop")])
    with pytest.raises(UsageError, match="Xyz is no operation of cloudwatch"):
        check_operations([Fault("Xyz", "drop")])


def test_the_same_seed_strikes_the_same_calls() -> None:
    """A share is drawn from the seed, so that a run repeats."""
    faults = [Fault("A1", "drop", 0.2)]

    def struck(seed: int) -> list[bool]:
        random = Random(seed)  # noqa: S311 - what is tested
        return [first_to_strike(faults, "A1", random) is not None for _ in range(1_000)]

    assert struck(1) == struck(1) != struck(2)
    assert 150 < sum(struck(1)) < 250


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("AccessDeniedException", 403),
        ("ClientLimitExceededException", 400),
        ("ExpiredTokenException", 403),
        ("InternalFailure", 500),
        ("ResourceNotFoundException", 404),
        ("ServiceUnavailable", 503),
        ("NeverHeardOf", 400),
    ],
)
@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("kinesisvideo", "ListSignalingChannels"),
        ("resourcegroupstaggingapi", "GetResources"),
        ("cloudwatch", "ListMetrics"),
        ("sts", "GetCallerIdentity"),
    ],
)
def test_errors(
    *,
    over_http: Emulator,
    local: LocalServer,
    service: str,
    operation: str,
    error: str,
    status: int,
) -> None:
    """An error comes with its code and status, in every service's protocol, and is logged."""
    over_http.settings.faults = (Fault(operation, error),)
    client = over_http.client(service)
    with pytest.raises(ClientError) as caught:
        client._make_api_call(operation, {})
    response: Any = caught.value.response
    assert response["Error"]["Code"] == error
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert [entry[1:] for entry in local.log] == [(operation, error)]


def test_a_fault_is_not_carried_out(over_http: Emulator) -> None:
    """What fails with an error did not happen, and other operations go on."""
    over_http.settings.faults = (Fault("CreateSignalingChannel", "InternalFailure"),)
    kvs = over_http.client()
    assert failure(kvs.create_signaling_channel, ChannelName="a")[:2] == ("InternalFailure", 500)
    assert kvs.list_signaling_channels()["ChannelInfoList"] == []


@pytest.mark.parametrize(("error", "carried_out"), [("drop", False), ("drop-after", True)])
def test_dropped_connections(
    over_http: Emulator,
    local: LocalServer,
    error: str,
    carried_out: bool,  # noqa: FBT001 - a row
) -> None:
    """The connection closes without an answer, before or after the operation."""
    kvs = over_http.client()
    over_http.settings.faults = (Fault("CreateSignalingChannel", error),)
    with pytest.raises(ConnectionClosedError):
        kvs.create_signaling_channel(ChannelName="a")
    over_http.settings.faults = ()
    assert len(kvs.list_signaling_channels()["ChannelInfoList"]) == carried_out
    assert [entry[1:] for entry in local.log] == [
        ("CreateSignalingChannel", error),
        ("ListSignalingChannels", "ok"),
    ]


def test_late_answers(over_http: Emulator, local: LocalServer) -> None:
    """The operation is carried out, but the client has given up; stopping waits for nobody."""
    over_http.settings.faults = (Fault("CreateSignalingChannel", "late"),)
    assert over_http.settings.late_by == timedelta(minutes=2)
    kvs = over_http.client(read_timeout=0.1)
    with pytest.raises(ReadTimeoutError):
        kvs.create_signaling_channel(ChannelName="a")
    assert list(over_http.backend().channels) == ["a"]
    assert [entry[1:] for entry in local.log] == [("CreateSignalingChannel", "late")]


def test_late_but_in_time(over_http: Emulator) -> None:
    """A patient client gets a late answer in the end."""
    over_http.settings.faults = (Fault("*", "late"),)
    over_http.settings.late_by = timedelta(milliseconds=10)
    assert over_http.client().list_signaling_channels()["ChannelInfoList"] == []


def test_a_share_of_all_calls(over_http: Emulator, local: LocalServer) -> None:
    """A star stands for every operation, and a share is about kept."""
    over_http.settings.faults = (Fault("*", "ServiceUnavailable", 0.2),)
    kvs = over_http.client()
    for _ in range(200):
        with suppress(ClientError):
            kvs.list_signaling_channels()
    assert {outcome for _, _, outcome in local.log} == {"ok", "ServiceUnavailable"}
    failed = sum(outcome != "ok" for _, _, outcome in local.log)
    assert 20 <= failed <= 60
