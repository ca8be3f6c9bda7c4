"""What a peer needs to connect: presigned URLs as AWS's own clients make them, endpoints, STUN.

The expected signatures are facts that AWS publishes with its Android SDK. Source:
https://github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-android (AwsV4SignerTest.java).
"""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import ReadOnlyCredentials

from kvsops.aws import connect
from kvsops.aws.scope import Scope
from kvsops.core.wire.ice import IceServer
from kvsops.errors import CredentialsError
from kvsops.local.server import LocalServer
from tests.fleet import put

CHANNEL = "arn:aws:kinesisvideo:us-west-2:123456789012:channel/demo-channel/1234567890123"
MASTER = "wss://m-a1b2c3d4.kinesisvideo.us-west-2.amazonaws.com"
VIEWER = "wss://v-a1b2c3d4.kinesisvideo.us-west-2.amazonaws.com"
CLIENT_ID = "d7d1c6e2-9cb0-4d61-bea9-ecb3d3816557"
SESSION = (
    "AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT+FvwqnKwRcOIfrRh3c/LTo6UDdyJwOOvEVPvLXCrrrUtdnn"
    "iCEXAMPLE/IvU1dYUg2RVAJBanLiHb4IgRmpRV3zrkuWJOgQs8IZZaIv2BXIa2R4OlgkBN9bkUDNCJiBeb/AXlzBBko7b1"
    "5fjrBs2+cTQtpZ3CYWFXG8C5zqx37wnOE49mRl/+OtkIKGO7fAE"
)
TEMPORARY = ReadOnlyCredentials(
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", SESSION
)
LONG_TERM = ReadOnlyCredentials(
    "AKIAIOSFODJJ7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxQQiCYEXAMPLEKEY", None
)
SCOPE = "20230724/us-west-2/kinesisvideo/aws4_request"
AT = datetime(2023, 7, 24, 8, 7, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("endpoint", "client_id", "credentials", "signature"),
    [
        (
            MASTER,
            None,
            TEMPORARY,
            "f8fed632bbe38ac920c7ed2eeaba1a4ba5e2b1bd7aada9f852708112eab76baa",
        ),
        (
            VIEWER,
            CLIENT_ID,
            TEMPORARY,
            "77ea5ff8ede2e22aa268a3a068f1ad3a5d92f0fa8a427579f9e6376e97139761",
        ),
        (
            MASTER,
            None,
            LONG_TERM,
            "0bbef329f0d9d3e68635f7b844ac684c7764a0c228ca013232d935c111b9a370",
        ),
        (
            VIEWER,
            CLIENT_ID,
            LONG_TERM,
            "cea541f699dc51bc53a55590ce817e63cc06fac2bdef4696b63e0889eb448f0b",
        ),
    ],
)
def test_signatures_that_aws_publishes(
    endpoint: str, client_id: str | None, credentials: ReadOnlyCredentials, signature: str
) -> None:
    """A URL is signed as AWS's Android SDK signs it, for each role and kind of credentials."""
    url = connect.signed(endpoint, CHANNEL, client_id, credentials, region="us-west-2", now=AT)
    query = {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}
    expected = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-ChannelARN": CHANNEL,
        "X-Amz-Credential": f"{credentials.access_key}/{SCOPE}",
        "X-Amz-Date": "20230724T080702Z",
        "X-Amz-Expires": "299",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": signature,
    }
    expected |= {"X-Amz-ClientId": client_id} if client_id else {}
    expected |= {"X-Amz-Security-Token": credentials.token} if credentials.token else {}
    assert query == expected
    assert url.startswith(f"{endpoint}/?")


def test_port_is_signed() -> None:
    """A port stands in the URL, and so in the signature, as it stands in the endpoint."""
    plain = connect.signed("wss://127.0.0.1", CHANNEL, None, LONG_TERM, region="us-west-2", now=AT)
    url = connect.signed(
        "wss://127.0.0.1:4443/", CHANNEL, None, LONG_TERM, region="us-west-2", now=AT
    )
    assert url.startswith("wss://127.0.0.1:4443/?X-Amz-ChannelARN=")
    assert plain[-64:] != url[-64:]


@pytest.mark.parametrize(
    ("region", "uri"),
    [
        ("eu-central-1", "stun:stun.kinesisvideo.eu-central-1.amazonaws.com:443"),
        ("cn-north-1", "stun:stun.kinesisvideo.cn-north-1.amazonaws.com.cn:443"),
    ],
)
def test_stun_server_of_the_region(region: str, uri: str) -> None:
    """AWS's answer has no STUN server: each region has one of a known name."""
    assert connect._stun_uri(Scope(region=region, environ={}), []) == uri


@pytest.mark.parametrize(
    ("uris", "uri"),
    [
        (("turns:h:5?transport=tcp", "turn:h:6?transport=udp"), "stun:h:6"),
        (("turn:h:6",), "stun:h:6"),
        (("turns:h:5?transport=tcp",), None),
        (("stun:s:1", "turn:h:6"), None),
        ((), None),
    ],
)
def test_stun_server_of_an_emulator(scope: Scope, uris: tuple[str, ...], uri: str | None) -> None:
    """An emulator is asked for STUN where it serves TURN over UDP, unless it names a server."""
    assert connect._stun_uri(scope, [IceServer(uris)]) == uri


def test_credentials_are_missing(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials nothing can be signed, and the message says what to do."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(CredentialsError, match="no AWS credentials: sign in, or give --profile"):
        Scope(environ=environment).credentials()


def test_nothing_secret_is_shown() -> None:
    """An ICE server is shown without its credentials."""
    server = IceServer(("turn:h:6",), "who", "word", 300)
    assert repr(server) == "IceServer(uris=('turn:h:6',), ttl_seconds=300)"


def test_endpoints(scope: Scope, emulator: LocalServer) -> None:
    """Each role is told where to connect, and where to ask for ICE servers."""
    arn = put(emulator, "cam-door").arn
    master, viewer = (connect.endpoints_of(scope, arn, role) for role in ("master", "viewer"))
    assert master.wss.startswith("wss://")
    assert master.https.startswith("https://")
    assert viewer.role == "viewer"
    assert master.wss != viewer.wss
