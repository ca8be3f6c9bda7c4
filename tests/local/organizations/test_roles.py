"""Roles of the organization's accounts: who may assume them, and what their credentials reach."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kvsops.local.faults import Fault
from tests.local.conftest import NOON, failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from kvsops.local.server import LocalServer
    from kvsops.local.settings import Settings
    from tests.local.organizations.conftest import Connect

    Assume = Callable[..., dict[str, str]]

OTHER, THIRD = "200000000002", "200000000003"
INVALID = "The security token included in the request is invalid."
EXPIRED = "The security token included in the request is expired"


def test_identity(connect: Connect, assume: Assume) -> None:
    """The credentials of a role are its account's, and name the role and the session."""
    own = connect("sts").get_caller_identity()
    assert own["Account"] == "123456789012"
    assumed = connect("sts", assume(OTHER)).get_caller_identity()
    assert assumed["Account"] == OTHER
    assert assumed["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/kvsops-sweep/me"
    assert assumed["UserId"].startswith("AROA")
    assert assumed["UserId"].endswith(":me")


@pytest.mark.parametrize(
    ("account", "role", "more"),
    [
        ("123456789012", "kvsops-sweep", {}),
        (OTHER, "kvsops-sweep", {}),
        (OTHER, "OrganizationAccountAccessRole", {}),
        (OTHER, "kvsops-external", {"ExternalId": "kvsops-external-id"}),
    ],
)
def test_roles(
    connect: Connect, assume: Assume, account: str, role: str, more: dict[str, str]
) -> None:
    """Each account has the roles that the page on the emulator names."""
    found = connect("sts", assume(account, role, **more)).get_caller_identity()
    assert found["Arn"] == f"arn:aws:sts::{account}:assumed-role/{role}/me"


@pytest.mark.parametrize(
    ("account", "role", "more"),
    [
        (OTHER, "kvsops-sweeper", {}),
        ("123456789012", "OrganizationAccountAccessRole", {}),
        ("111111111111", "kvsops-sweep", {}),
        ("299999999999", "kvsops-sweep", {}),
        (OTHER, "kvsops-external", {}),
        (OTHER, "kvsops-external", {"ExternalId": "another"}),
    ],
    ids=["missing", "not of the management", "unknown account", "suspended", "no id", "other id"],
)
def test_denied(connect: Connect, account: str, role: str, more: dict[str, str]) -> None:
    """AWS does not tell why: there is no such role, account or trust."""
    arn = f"arn:aws:iam::{account}:role/{role}"
    code, status, message = failure(
        connect("sts").assume_role, RoleArn=arn, RoleSessionName="me", **more
    )
    user = "arn:aws:sts::123456789012:user/moto"
    assert (code, status) == ("AccessDenied", 403)
    assert (
        message == f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    )


def test_members_are_not_trusted(connect: Connect, assume: Assume) -> None:
    """Roles trust the management account, and no other."""
    member = connect("sts", assume(OTHER))
    arn = f"arn:aws:iam::{THIRD}:role/kvsops-sweep"
    assert failure(member.assume_role, RoleArn=arn, RoleSessionName="me")[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"RoleSessionName": "a b"}, "Member must satisfy regular expression pattern"),
        ({"DurationSeconds": 899}, "Member must have value greater than or equal to 900"),
        ({"DurationSeconds": 3601}, "exceeds the MaxSessionDuration set for this role."),
        ({"RoleArn": "kvsops-sweep-everywhere"}, "Request ARN is invalid"),
    ],
)
def test_invalid(connect: Connect, parameters: dict[str, Any], said: str) -> None:
    """Names, times and ARNs are as AWS wants them."""
    whole = {"RoleArn": f"arn:aws:iam::{OTHER}:role/kvsops-sweep", "RoleSessionName": "me"}
    code, status, message = failure(connect("sts").assume_role, **(whole | parameters))
    assert (code, status) == ("ValidationError", 400)
    assert said in message


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"SessionToken": "another"}, "UnrecognizedClientException", INVALID),
        ({"SessionToken": None}, "UnrecognizedClientException", INVALID),
        ({"SecretAccessKey": "another"}, "InvalidSignatureException", "does not match"),
        ({"AccessKeyId": "ASIAABCDEFGHIJKLMNOP"}, "UnrecognizedClientException", "not known"),
    ],
)
def test_credentials_are_verified(
    connect: Connect, assume: Assume, changed: dict[str, Any], code: str, said: str
) -> None:
    """Key, secret and token must be those of one session."""
    client = connect("kinesisvideo", assume(OTHER) | changed)
    found, status, message = failure(client.list_signaling_channels)
    assert (found, status) == (code, 403)
    assert said in message


def test_credentials_expire(connect: Connect, assume: Assume, settings: Settings) -> None:
    """Credentials end when they say; the query protocol has another code for it."""
    good = assume(OTHER)
    ends: Any = good["Expiration"]
    assert timedelta(minutes=59) < ends - datetime.now(UTC) <= timedelta(hours=1)
    settings.session_duration = timedelta()
    ended = assume(OTHER)
    kvs = connect("kinesisvideo", ended)
    assert failure(kvs.list_signaling_channels) == ("ExpiredTokenException", 403, EXPIRED)
    sts = connect("sts", ended)
    assert failure(sts.get_caller_identity) == ("ExpiredToken", 403, EXPIRED)
    assert connect("sts", good).get_caller_identity()["Account"] == OTHER


def test_channels_are_of_an_account(local: LocalServer, connect: Connect, assume: Assume) -> None:
    """Of two channels of one name and time, each account sees, tags and deletes its own."""
    for account in ("123456789012", OTHER):
        local.backend(account_id=account).put_channel("same", NOON, NOON)
    own, other = connect("kinesisvideo"), connect("kinesisvideo", assume(OTHER))
    arns = [
        client.list_signaling_channels()["ChannelInfoList"][0]["ChannelARN"]
        for client in (own, other)
    ]
    path = "channel/same/1777636800000"
    assert arns == [
        f"arn:aws:kinesisvideo:us-east-1:123456789012:{path}",
        f"arn:aws:kinesisvideo:us-east-1:{OTHER}:{path}",
    ]
    other.tag_resource(ResourceARN=arns[1], Tags=[{"Key": "team", "Value": "media"}])
    assert failure(other.delete_signaling_channel, ChannelARN=arns[0])[0] == (
        "ResourceNotFoundException"
    )
    other.delete_signaling_channel(ChannelARN=arns[1])
    assert own.list_tags_for_resource(ResourceARN=arns[0])["Tags"] == {}
    assert own.describe_signaling_channel(ChannelName="same")["ChannelInfo"]["ChannelStatus"] == (
        "ACTIVE"
    )


def test_tags_and_metrics_are_of_an_account(
    local: LocalServer, connect: Connect, assume: Assume
) -> None:
    """The tag index and the metrics are the account's and region's, too."""
    local.backend("eu-west-1", OTHER).put_channel("cam", NOON, NOON, tags={"team": "media"})
    local.metrics("eu-west-1", OTHER).connect("cam", "MASTER", NOON)
    role = assume(OTHER)

    def seen(credentials: dict[str, str] | None, region: str) -> tuple[int, int]:
        tagged = connect("resourcegroupstaggingapi", credentials, region).get_resources()
        listed = connect("cloudwatch", credentials, region).list_metrics(
            Namespace="AWS/KinesisVideo", MetricName="Failure"
        )
        return len(tagged["ResourceTagMappingList"]), len(listed["Metrics"])

    assert seen(role, "eu-west-1") == (1, 1)
    assert seen(role, "us-east-1") == (0, 0)
    assert seen(None, "eu-west-1") == (0, 0)


def test_quotas_are_of_an_account(connect: Connect, assume: Assume, settings: Settings) -> None:
    """One account's calls take nothing from another's rate."""
    settings.quotas = True
    own, other = connect("kinesisvideo"), connect("kinesisvideo", assume(OTHER))
    for _ in range(5):
        failure(own.describe_signaling_channel, ChannelName="none")
    throttled = failure(own.describe_signaling_channel, ChannelName="none")[0]
    elsewhere = failure(other.describe_signaling_channel, ChannelName="none")[0]
    assert (throttled, elsewhere) == ("ClientLimitExceededException", "ResourceNotFoundException")


def test_an_account_without_the_role(connect: Connect, settings: Settings) -> None:
    """A fault at an account denies its roles: it is the role's account that counts."""
    settings.faults = (Fault.parse(f"AssumeRole:AccessDenied:1:{THIRD}"),)
    sts = connect("sts")
    role = {"RoleSessionName": "me", "RoleArn": f"arn:aws:iam::{THIRD}:role/kvsops-sweep"}
    assert failure(sts.assume_role, **role)[0] == "AccessDenied"
    sts.assume_role(**role | {"RoleArn": f"arn:aws:iam::{OTHER}:role/kvsops-sweep"})


def test_a_region_that_is_not_enabled(connect: Connect, settings: Settings) -> None:
    """There, no service knows the credentials; elsewhere all do."""
    settings.faults = (Fault.parse("*:not-enabled:1:eu-south-1"),)
    kvs = connect("kinesisvideo", region="eu-south-1")
    assert failure(kvs.list_signaling_channels) == ("UnrecognizedClientException", 403, INVALID)
    sts = connect("sts", region="eu-south-1")
    assert failure(sts.get_caller_identity) == ("InvalidClientTokenId", 403, INVALID)
    connect("kinesisvideo").list_signaling_channels()


def test_a_service_control_policy(connect: Connect, assume: Assume, settings: Settings) -> None:
    """It denies in so many words, in its account and region, and never who one is."""
    role = assume(OTHER)
    settings.faults = (Fault.parse(f"*:scp-deny:1:{OTHER}/eu-west-1"),)
    kvs = connect("kinesisvideo", role, "eu-west-1")
    assert failure(kvs.list_signaling_channels) == (
        "AccessDeniedException",
        403,
        f"User: arn:aws:sts::{OTHER}:assumed-role/kvsops-sweep/me is not authorized to perform: "
        "kinesisvideo:ListSignalingChannels on resource: * with an explicit deny in a service "
        "control policy",
    )
    assert connect("sts", role, "eu-west-1").get_caller_identity()["Account"] == OTHER
    connect("kinesisvideo", role).list_signaling_channels()
    connect("kinesisvideo", region="eu-west-1").list_signaling_channels()
