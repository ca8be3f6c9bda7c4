"""What a peer needs to connect to a channel: endpoints, a presigned URL, ICE servers."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from botocore.auth import SIGV4_TIMESTAMP, SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.wire.ice import Endpoints, IceServer, IceUri, Role
from kvsops.errors import AwsError, NotFoundError

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

SIGNING_NAME: Final = "kinesisvideo"
EXPIRES_SECONDS: Final = 299
"""How long a presigned URL may be used to connect, as in AWS's own clients.

Source: https://github.com/awslabs/amazon-kinesis-video-streams-webrtc-sdk-js
"""
STUN_PORT: Final = 443
ATTEMPTS: Final = 3
"""Fewer than elsewhere: somebody waits for the answer."""


def endpoints_of(scope: Scope, channel_arn: str, role: Role) -> Endpoints:
    """Ask where a role connects to the channel; raises `AwsError`."""
    wanted = {"Protocols": ["WSS", "HTTPS"], "Role": role.upper()}
    answer = scope.call(
        "GetSignalingChannelEndpoint",
        attempts=ATTEMPTS,
        ChannelARN=channel_arn,
        SingleMasterChannelEndpointConfiguration=wanted,
    )
    told = {
        item.get("Protocol"): item.get("ResourceEndpoint")
        for item in answer["ResourceEndpointList"]
    }
    found = {name: url for name, url in told.items() if name and _is_url(url, name)}
    if missing := [name for name in wanted["Protocols"] if name not in found]:
        text = f"{channel_arn} was given no {' nor '.join(missing)} endpoint"
        raise AwsError(text, "EndpointMissing")
    return Endpoints(role, found["WSS"], found["HTTPS"])


def _is_url(text: str | None, protocol: str) -> bool:
    """Whether it is one of the protocol; an emulator's may do without TLS."""
    try:
        parts = urlsplit(text or "")
    except ValueError:
        return False
    plain = {"WSS": "ws", "HTTPS": "http"}.get(protocol)
    return parts.scheme in (protocol.lower(), plain) and bool(parts.hostname)


def presigned_url(
    scope: Scope, endpoints: Endpoints, channel_arn: str, client_id: str | None = None
) -> str:
    """Sign the URL that one connection is made with; raises `CredentialsError`.

    A viewer has a client id. The URL is a secret while it is valid: never show it.
    """
    credentials, now = scope.credentials(), scope.service_now()
    return signed(endpoints.wss, channel_arn, client_id, credentials, region=scope.region, now=now)


def signed(
    endpoint: str,
    channel_arn: str,
    client_id: str | None,
    credentials: "ReadOnlyCredentials",
    *,
    region: str,
    now: datetime,
) -> str:
    """Sign a WebSocket's URL with SigV4 in its query, the host being the only signed header.

    Source: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-websocket-apis-1.html
    """
    query = {"X-Amz-ChannelARN": channel_arn}
    if client_id is not None:
        query["X-Amz-ClientId"] = client_id
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    request = AWSRequest("GET", f"wss://{urlsplit(endpoint).netloc}/?{text}")
    _QueryAuth(credentials, SIGNING_NAME, region, now).add_auth(request)
    return str(request.url)


def ice_servers_of(scope: Scope, endpoints: Endpoints, channel_arn: str) -> list[IceServer]:
    """Ask for the channel's ICE servers: STUN first, then TURN with its credentials.

    The answer of GetIceServerConfig has no STUN server; every region has one.
    """
    answer = scope.call(
        "GetIceServerConfig",
        attempts=ATTEMPTS,
        endpoint_url=endpoints.https,
        ChannelARN=channel_arn,
        Service="TURN",
    )
    turn = [_ice_server(item) for item in answer.get("IceServerList") or []]
    stun = _stun_uri(scope, turn)
    return [*([IceServer((stun,))] if stun else []), *turn]


def is_gone(scope: Scope, channel_arn: str) -> bool:
    """Whether a channel is deleted, or about to be; raises `AwsError` where that is not known."""
    try:
        return channels.described(scope, channel_arn).status == "DELETING"
    except NotFoundError:
        return True


def _ice_server(item: dict[str, Any]) -> IceServer:
    uris = item.get("Uris") or []
    if not all(isinstance(uri, str) for uri in uris):
        raise AwsError("GetIceServerConfig named a server whose URI is no text", "UriUnreadable")
    return IceServer(tuple(uris), item.get("Username"), item.get("Password"), item.get("Ttl"))


def _stun_uri(scope: Scope, servers: list[IceServer]) -> str | None:
    """Name the region's STUN server; an emulator's TURN server over UDP is one too."""
    if not scope.emulated:
        domain = "amazonaws.com.cn" if scope.region.startswith("cn-") else "amazonaws.com"
        return f"stun:stun.kinesisvideo.{scope.region}.{domain}:{STUN_PORT}"
    uris = [IceUri.parse(uri) for server in servers for uri in server.uris]
    if any(not uri.relay for uri in uris):
        return None
    found = next((uri for uri in uris if uri.kind == "udp"), None)
    return None if found is None else f"stun:{found.host}:{found.port}"


class _QueryAuth(SigV4QueryAuth):
    """botocore's, with the time as an argument."""

    if TYPE_CHECKING:  # what botocore's type stubs leave out

        def _modify_request_before_signing(self, request: AWSRequest) -> None: ...

        def _inject_signature_to_request(self, request: AWSRequest, signature: str) -> None: ...

    def __init__(
        self, credentials: "ReadOnlyCredentials", service: str, region: str, now: datetime
    ) -> None:
        super().__init__(credentials, service, region, expires=EXPIRES_SECONDS)
        self._now = now

    def add_auth(self, request: AWSRequest) -> None:
        """Sign as `SigV4Auth.add_auth` does."""
        request.context["timestamp"] = self._now.strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        signature = self.signature(
            self.string_to_sign(request, self.canonical_request(request)), request
        )
        self._inject_signature_to_request(request, signature)
