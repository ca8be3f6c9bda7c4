"""Who is refused before the upgrade, with which status, and in which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from kvsops.local.environment import ACCESS_KEY_ID
from tests.local.signaling.peers import OFFER, Peers, run

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer
    from tests.local.conftest import Clock, Emulator

DENIED = (403, "AccessDeniedException")
INVALID = (400, "InvalidArgumentException")
NOT_FOUND = (404, "ResourceNotFoundException")


def refusal(local: LocalServer, arn: str, role: str = "VIEWER", **changed: Any) -> tuple[Any, ...]:
    """Answer status, code and message of the refusal of a URL signed like this."""
    answered: list[tuple[Any, ...]] = []
    client_id = changed.pop("client_id", "v1" if role == "VIEWER" else None)
    edit = changed.pop("edit", ("", ""))

    async def body(peers: Peers) -> None:
        url = peers.url(role, arn, client_id, **changed).replace(*edit)
        answered.append(await peers.refused(url))

    run(local, body)
    return answered[0]


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (("front-door", "back-door"), "does not match"),
        (("ClientId=v1", "ClientId=v2"), "does not match"),
        (("Expires=299", "Expires=298"), "does not match"),
        (("Expires=299", "Expires=604800"), "does not match"),
        (("Expires=299", "Expires=604801"), "1 to 604800 seconds"),
        (("127.0.0.1", "localhost"), "does not match"),
        (("X-Amz-Signature", "X-Amz-Sig"), "needs X-Amz-Signature"),
    ],
)
def test_altered_urls(local: LocalServer, arn: str, edit: tuple[str, str], why: str) -> None:
    """Whatever is altered after signing ends with 403, also the host's name."""
    status, code, message = refusal(local, arn, edit=edit)
    assert (status, code) == DENIED
    assert why in message


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"credentials": ReadOnlyCredentials(ACCESS_KEY_ID, "other", None)}, "does not match"),
        ({"credentials": ReadOnlyCredentials("AKIAOTHER", "x", None)}, "not known"),
        ({"region": "eu-west-1"}, "Signed for eu-west-1, and not for us-east-1."),
    ],
)
def test_other_credentials(local: LocalServer, arn: str, changed: dict[str, Any], why: str) -> None:
    """A wrong secret, an unknown key, another region: 403 each."""
    status, code, message = refusal(local, arn, **changed)
    assert (status, code) == DENIED
    assert why in message


@pytest.mark.parametrize(("seconds", "why"), [(300, "Signature expired"), (-301, "not yet")])
def test_clocks(local: LocalServer, clock: Clock, arn: str, seconds: int, why: str) -> None:
    """A clock that is off is told so, and the answer carries the emulator's time."""
    signed_at = clock() - timedelta(seconds=seconds)

    async def body(peers: Peers) -> None:
        url = peers.url("VIEWER", arn, "v1", now=signed_at)
        status, code, message = await peers.refused(url)
        assert (status, code) == DENIED
        assert why in message
        async with peers.session.get(url.replace("wss:", "https:")) as response:
            assert parsedate_to_datetime(response.headers["Date"]) == clock()

    run(local, body)


@pytest.mark.parametrize(
    ("role", "changed", "refused"),
    [
        ("VIEWER", {"client_id": None}, (*INVALID, "X-Amz-ClientId is missing")),
        ("VIEWER", {"client_id": ""}, (*INVALID, "X-Amz-ClientId is missing")),
        ("VIEWER", {"client_id": "AWS_1"}, (*INVALID, "begins with AWS_")),
        ("VIEWER", {"client_id": "a b"}, (*INVALID, "not 1 to 256 of")),
        ("VIEWER", {"client_id": "a" * 257}, (*INVALID, "not 1 to 256 of")),
        ("MASTER", {"channel_arn": ""}, (*INVALID, "ChannelARN is missing, or none")),
        ("MASTER", {"channel_arn": "front-door"}, (*INVALID, "ChannelARN is missing, or none")),
        ("MASTER", {"channel_arn": "arn%3Aaws%3Ax"}, (*INVALID, "ChannelARN is encoded twice.")),
    ],
)
def test_parameters(
    *,
    local: LocalServer,
    arn: str,
    role: str,
    changed: dict[str, Any],
    refused: tuple[int, str, str],
) -> None:
    """What is missing or malformed ends with 400: so does a master at the viewers' endpoint."""
    status, code, message = refusal(local, changed.pop("channel_arn", arn), role, **changed)
    assert (status, code) == refused[:2]
    assert refused[2] in message


@pytest.mark.parametrize(
    ("edit", "refused"),
    [
        (("front-door", "back-door"), NOT_FOUND),
        (("/1", "/2"), NOT_FOUND),
        (("us-east-1", "mars-north-1"), NOT_FOUND),
        ((":123456789012:", ":210987654321:"), DENIED),
    ],
)
def test_no_such_channel(
    local: LocalServer, arn: str, edit: tuple[str, str], refused: tuple[int, str]
) -> None:
    """Rightly signed, another name, creation time, region or account is still refused."""
    region = "mars-north-1" if "mars-north-1" in edit else "us-east-1"
    assert refusal(local, arn.replace(*edit), "MASTER", region=region)[:2] == refused


def test_channels_that_are_not_active(local: LocalServer, over_http: Emulator) -> None:
    """A channel that is still made, or being deleted, cannot be connected to."""
    kvs = over_http.client()
    arn = kvs.create_signaling_channel(ChannelName="young")["ChannelARN"]
    assert refusal(local, arn, "MASTER")[:2] == NOT_FOUND
    over_http.clock.forward(seconds=1)
    kvs.delete_signaling_channel(ChannelARN=arn)
    assert refusal(local, arn, "MASTER")[:2] == NOT_FOUND
    over_http.clock.forward(seconds=1)
    assert refusal(local, arn, "MASTER")[:2] == NOT_FOUND


def test_roles_made_here(local: LocalServer, over_http: Emulator, arn: str) -> None:
    """Credentials of a role, with their session token, are good; the token is part of it."""
    role = {"RoleArn": "arn:aws:iam::123456789012:role/camera", "RoleSessionName": "s"}
    made = over_http.client("sts").assume_role(**role)["Credentials"]
    credentials = ReadOnlyCredentials(
        made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]
    )

    async def body(peers: Peers) -> None:
        url = peers.url("MASTER", arn, credentials=credentials)
        assert "X-Amz-Security-Token" in url
        master = await peers.connect(url)
        viewer = await peers.viewer(arn)
        await viewer.send(OFFER, "hello")
        assert await master.payloads(1) == ["hello"]
        without = url.replace("X-Amz-Security-Token", "X-Amz-Other")
        assert (await peers.refused(without))[:2] == DENIED

    run(local, body)


def test_no_websocket(local: LocalServer, arn: str) -> None:
    """A request that is no WebSocket's, or for another path, ends with 400."""

    async def body(peers: Peers) -> None:
        url = peers.url("MASTER", arn).replace("wss:", "https:")
        async with peers.session.get(url) as response:
            assert response.status == 400
            assert "for WebSockets" in (await response.json())["message"]
        async with peers.session.post(url) as response:
            assert response.status == 403
        assert (await peers.refused(url.replace("/?", "/other?")))[:2] == DENIED

    run(local, body)


def test_no_secret_in_a_refusal(local: LocalServer, clock: Clock, arn: str) -> None:
    """A refusal holds neither signature nor token nor secret, nor does the log."""

    async def body(peers: Peers) -> None:
        token = "a-session-token"  # noqa: S105 - of nobody
        credentials = ReadOnlyCredentials(ACCESS_KEY_ID, "a-secret", token)
        url = peers.url("VIEWER", arn, "v1", credentials=credentials)
        for minutes in (0, 10):
            clock.forward(minutes=minutes)
            said = " ".join(map(str, await peers.refused(url)))
            for secret in ("a-secret", token, url.rpartition("=")[2], ACCESS_KEY_ID):
                assert secret not in said

    run(local, body)
    assert {entry[2] for entry in local.log} == {"ok", "AccessDeniedException"}


def test_real_time_is_the_default(local: LocalServer, arn: str) -> None:
    """Whoever signs at another time than the emulator's is refused."""
    assert refusal(local, arn, now=datetime.now(UTC))[:2] == DENIED
