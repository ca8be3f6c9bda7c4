"""GetIceServerConfig and SendAlexaOfferToMaster, by botocore's clients and as a browser asks."""

from __future__ import annotations

import asyncio
import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from kvsops.core.wire.message import MessageType, Received
from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from kvsops.local.faults import Fault
from kvsops.local.settings import Settings
from kvsops.local.turn.credentials import TurnCredentials, channel_arn_of
from tests.local.conftest import NOON, failure
from tests.local.signaling.peers import ANSWER, CANDIDATE, OFFER, Peers, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kvsops.local.server import LocalServer

ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/front-door/1777636800000"


@pytest.fixture
def settings() -> Settings:
    """Keep to this machine's time, for botocore signs at it."""
    return Settings(quotas=False)


@pytest.fixture
def arn(local: LocalServer) -> str:
    """Make a channel."""
    backend = local.backend()
    now = local.settings.clock()
    return backend.put_channel("front-door", now, now).arn


@contextmanager
def client(local: LocalServer, secret: str = SECRET_ACCESS_KEY) -> Iterator[Any]:
    """Make botocore's client of the data plane, at the endpoint that the channel has."""
    endpoints = local.settings.endpoint_of
    assert endpoints is not None
    make: Any = boto3.Session(ACCESS_KEY_ID, secret).client
    made = make(
        "kinesis-video-signaling",
        region_name="us-east-1",
        endpoint_url=endpoints("HTTPS", "VIEWER"),
        verify=local.ca_bundle,
        config=Config(retries={"max_attempts": 0}, parameter_validation=False),
    )
    try:
        yield made
    finally:
        made.close()


def test_ice_servers(local: LocalServer, arn: str) -> None:
    """One server with the three URIs of AWS's, and credentials for this channel for 5 minutes."""
    with client(local) as signaling:
        (server,) = signaling.get_ice_server_config(ChannelARN=arn, ClientId="v1")["IceServerList"]
    assert server["Ttl"] == 300
    kinds = [
        uri.rpartition(":127.0.0.1:")[0] + "?" + uri.partition("?")[2] for uri in server["Uris"]
    ]
    assert kinds == ["turn?transport=udp", "turns?transport=udp", "turns?transport=tcp"]
    assert channel_arn_of(server["Username"]) == arn
    assert len(base64.b64decode(server["Password"])) == 32


def test_credentials_in_awss_form() -> None:
    """The username is an expiry and the channel's ARN; its password holds until then."""
    credentials = TurnCredentials()
    username, password = credentials.make(ARN, NOON)
    expiry, _, subject = username.partition(":")
    assert int(expiry) == NOON.timestamp() + 300
    assert base64.b64decode(subject) == b"v1:" + ARN.encode()
    at = type(NOON).fromtimestamp
    assert credentials.password_of(username, at(int(expiry) - 1, NOON.tzinfo)) == password
    assert credentials.password_of(username, at(int(expiry), NOON.tzinfo)) is None
    assert TurnCredentials().password_of(username, NOON) != password


@pytest.mark.parametrize(
    "username", ["", "x", ":", "1:", "9999999999:?", "9999999999:eDox", "x:djE6", "\u00b2:djE6"]
)
def test_no_credentials(username: str) -> None:
    """What is not of this form has no password."""
    assert TurnCredentials().password_of(username, NOON) is None


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        ({"ChannelARN": ARN}, ("ResourceNotFoundException", 404)),
        ({"ChannelARN": "front-door"}, ("InvalidArgumentException", 400)),
        ({}, ("InvalidArgumentException", 400)),
        ({"ChannelARN": ARN, "ClientId": "a b"}, ("InvalidArgumentException", 400)),
        ({"ChannelARN": ARN, "Service": "STUN"}, ("InvalidArgumentException", 400)),
    ],
)
def test_refused(local: LocalServer, parameters: dict[str, str], refused: tuple[str, int]) -> None:
    """Parameters are held against the service's model."""
    with client(local) as signaling:
        assert failure(signaling.get_ice_server_config, **parameters)[:2] == refused


def test_signed_otherwise(local: LocalServer, arn: str) -> None:
    """A wrong secret is noticed here too."""
    with client(local, secret="other") as signaling:
        refused = failure(signaling.get_ice_server_config, ChannelARN=arn)
    assert refused[:2] == ("InvalidSignatureException", 403)


def test_five_a_second(local: LocalServer, arn: str) -> None:
    """A channel has 5 calls a second."""
    local.settings.quotas = True
    now = local.settings.clock()
    local.settings.clock = lambda: now
    with client(local) as signaling:
        for _ in range(5):
            signaling.get_ice_server_config(ChannelARN=arn)
        refused = failure(signaling.get_ice_server_config, ChannelARN=arn)
    assert refused == ("ClientLimitExceededException", 400, "Rate exceeded")
    assert local.throttled == {"GetIceServerConfig": 1}


@pytest.mark.parametrize("error", ["drop", "drop-after"])
def test_cut_off(local: LocalServer, arn: str, error: str) -> None:
    """The connection closes without an answer."""
    local.settings.faults = (Fault("GetIceServerConfig", error),)
    with client(local) as signaling, pytest.raises(BotoCoreError, match="closed"):
        signaling.get_ice_server_config(ChannelARN=arn)


def test_faults(local: LocalServer, arn: str) -> None:
    """An AWS error code is answered as such."""
    local.settings.faults = (Fault("GetIceServerConfig", "NotAuthorizedException"),)
    with client(local) as signaling:
        refused = failure(signaling.get_ice_server_config, ChannelARN=arn)
    assert refused[:2] == ("NotAuthorizedException", 401)


def test_browsers(local: LocalServer) -> None:
    """A page on this machine may ask, and read what is answered; others may not."""

    async def body(peers: Peers) -> None:
        assert local.settings.endpoint_of is not None
        url = str(local.settings.endpoint_of("HTTPS", "VIEWER")) + "/v1/get-ice-server-config"
        origin = {"Origin": "https://localhost:3000"}
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,x",
        }
        async with peers.session.options(url, headers=origin | asked) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
            assert response.headers["Access-Control-Allow-Headers"] == "authorization,x"
        async with peers.session.post(url, data="{", headers=origin) as response:
            assert response.status == 400
            assert response.headers["Access-Control-Allow-Origin"] == origin["Origin"]
        for forbidden in ({"Origin": "https://page"}, {"Host": "page:8000"}):
            for method in ("OPTIONS", "POST"):
                async with peers.session.request(method, url, headers=forbidden) as response:
                    assert response.status == 403
                    assert "Access-Control-Allow-Origin" not in response.headers
        for method, path in (("GET", ""), ("POST", "/other")):
            async with peers.session.request(method, url + path) as response:
                assert response.status == 404
                assert response.headers["x-amzn-errortype"] == "UnknownOperationException"

    run(local, body)


def test_alexas_offer(local: LocalServer, arn: str) -> None:
    """The offer waits for the master, who sees a viewer, and whose answer is answered."""
    sdp = base64.b64encode(b"the offer").decode()

    async def body(peers: Peers) -> None:
        with client(local) as signaling:
            asked = asyncio.to_thread(
                signaling.send_alexa_offer_to_master,
                ChannelARN=arn,
                SenderClientId="echo",
                MessagePayload=sdp,
            )
            asking = asyncio.ensure_future(asked)
            master = await peers.master(arn)
            assert await master.receive() == Received(MessageType.SDP_OFFER, "echo", "the offer")
            await master.send(CANDIDATE, "nobody takes this", to="echo")
            await master.send(ANSWER, "the answer", to="echo")
            answered = await asking
        assert base64.b64decode(answered["Answer"]) == b"the answer"

    run(local, body)


def test_alexa_unanswered(local: LocalServer, arn: str) -> None:
    """Without a master it ends when the message does; a viewer's id is not taken from it."""
    asked = {"ChannelARN": arn, "SenderClientId": "v1", "MessagePayload": "aGVsbG8="}

    async def body(peers: Peers) -> None:
        viewer = await peers.viewer(arn)
        await viewer.send(OFFER, "hello")
        with client(local) as signaling:

            async def refused(**other: str) -> str:
                call = signaling.send_alexa_offer_to_master
                return (await asyncio.to_thread(failure, call, **asked | other))[0]

            assert await refused() == "InvalidArgumentException"
            local.backend().channels["front-door"].message_ttl_seconds = 0
            assert await refused(SenderClientId="echo") == "ResourceNotFoundException"
            bad = {"SenderClientId": "echo", "MessagePayload": "/w=="}
            assert await refused(**bad) == "InvalidArgumentException"

    run(local, body)
