"""What the Python programs share: the service's calls and WebSocket, and the tests' contract.

The standard library signs and calls; aiohttp is the WebSocket. Nothing of kvsops is used here, so
that a mistake of its own shows, and the Python of the system can run it, too.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
import sys
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

COLUMNS, ROWS = 20, 15
"""The blocks of kvsops' numbered picture."""
EXPIRES_SECONDS = 299
"""As AWS's JavaScript client presigns."""


@dataclass(frozen=True)
class Task:
    """What the program is to do: the first line of its standard input."""

    role: str
    channel: str
    endpoint: str
    region: str
    credentials: dict[str, str | None]
    clientId: str | None = None  # noqa: N815 - the contract's name
    transport: str = "direct"
    trickle: bool = True
    codec: str | None = None
    send: tuple[str, ...] = ("video",)
    ca: str | None = None

    @classmethod
    def read(cls) -> "Task":
        """Read it from standard input; keys this program does not know are left alone."""
        given = json.loads(sys.stdin.readline())
        known = {name: given[name] for name in cls.__dataclass_fields__ if name in given}
        return cls(**known | {"send": tuple(given.get("send") or ())})

    def tls(self) -> ssl.SSLContext:
        """Trust the emulator's authority alone, where one is given."""
        return ssl.create_default_context(cafile=self.ca)


def tell(event: str, **more: object) -> None:
    """Print one event."""
    sys.stdout.write(json.dumps({"event": event} | more) + "\n")
    sys.stdout.flush()


class Channel:
    """A channel as the service sees it."""

    def __init__(self, task: Task, expires_seconds: int = EXPIRES_SECONDS) -> None:
        self._task, self._expires_seconds = task, expires_seconds
        configuration = {"Protocols": ["WSS", "HTTPS"], "Role": task.role.upper()}
        answer = self._post(
            task.endpoint,
            "/getSignalingChannelEndpoint",
            {
                "ChannelARN": task.channel,
                "SingleMasterChannelEndpointConfiguration": configuration,
            },
        )
        self.endpoints: dict[str, str] = {
            each["Protocol"]: each["ResourceEndpoint"] for each in answer["ResourceEndpointList"]
        }

    def ice_servers(self, client_id: str | None = None) -> list[dict[str, Any]]:
        """Ask for the TURN servers: `Uris`, `Username`, `Password`."""
        body = {"ChannelARN": self._task.channel, "Service": "TURN"}
        if client_id:
            body["ClientId"] = client_id
        answer = self._post(self.endpoints["HTTPS"], "/v1/get-ice-server-config", body)
        return list(answer["IceServerList"])

    def presigned_url(self) -> str:
        """Presign the WebSocket's URL."""
        parts = urlsplit(self.endpoints["WSS"])
        moment = datetime.now(UTC)
        scope = f"{moment:%Y%m%d}/{self._task.region}/kinesisvideo/aws4_request"
        credentials = self._task.credentials
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-ChannelARN": self._task.channel,
            "X-Amz-Credential": f"{credentials['accessKeyId']}/{scope}",
            "X-Amz-Date": f"{moment:%Y%m%dT%H%M%SZ}",
            "X-Amz-Expires": str(self._expires_seconds),
            "X-Amz-SignedHeaders": "host",
        }
        if self._task.role == "viewer":
            query["X-Amz-ClientId"] = self._task.clientId or "viewer"
        if token := credentials.get("sessionToken"):
            query["X-Amz-Security-Token"] = token
        text = "&".join(f"{name}={quote(query[name], safe='')}" for name in sorted(query))
        request = "\n".join(
            ["GET", "/", text, f"host:{parts.netloc}\n", "host", hashlib.sha256(b"").hexdigest()]
        )
        return f"{parts.geturl()}/?{text}&X-Amz-Signature={self._signature(request, moment)}"

    def _post(self, endpoint: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call an operation, signed in its headers."""
        data, moment, parts = json.dumps(body).encode(), datetime.now(UTC), urlsplit(endpoint)
        headers = {"host": parts.netloc, "x-amz-date": f"{moment:%Y%m%dT%H%M%SZ}"}
        if token := self._task.credentials.get("sessionToken"):
            headers["x-amz-security-token"] = token
        signed = ";".join(sorted(headers))
        lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
        request = "\n".join(
            ["POST", path, "", *lines, "", signed, hashlib.sha256(data).hexdigest()]
        )
        scope = f"{moment:%Y%m%d}/{self._task.region}/kinesisvideo/aws4_request"
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self._task.credentials['accessKeyId']}/{scope}, "
            f"SignedHeaders={signed}, Signature={self._signature(request, moment)}"
        )
        headers["content-type"] = "application/json"
        url = endpoint.rstrip("/") + path
        asked = urllib.request.Request(url, data, headers)  # noqa: S310 - the emulator's
        handler = urllib.request.HTTPSHandler(context=self._task.tls())
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), handler)
        with opener.open(asked, timeout=20) as answer:
            return dict(json.load(answer))

    def _signature(self, request: str, moment: datetime) -> str:
        """Sign a canonical request.

        Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
        """
        day, region = f"{moment:%Y%m%d}", self._task.region
        scope = f"{day}/{region}/kinesisvideo/aws4_request"
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{moment:%Y%m%dT%H%M%SZ}\n{scope}\n{digest}"
        key = f"AWS4{self._task.credentials['secretAccessKey']}".encode()
        for part in (day, region, "kinesisvideo", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Signaling:
    """The WebSocket of one peer. `capitals` writes the names of members as AWS's C client does."""

    def __init__(
        self, connected: aiohttp.ClientWebSocketResponse, *, capitals: bool = False
    ) -> None:
        self._connected, self._capitals = connected, capitals

    async def send(self, action: str, payload: object, recipient: str | None) -> None:
        """Send a message; a viewer's recipient is the master, whoever it names."""
        members = {"messagePayload": base64.b64encode(json.dumps(payload).encode()).decode()}
        if recipient:
            members["recipientClientId"] = recipient
        if self._capitals:
            members = {name[0].upper() + name[1:]: value for name, value in members.items()}
        message = {"action": action} | members
        await self._connected.send_str(json.dumps(message))

    async def received(self) -> AsyncIterator[tuple[str, str | None, Any]]:
        """Yield the type, the sender and the payload of each message; empty frames are none."""
        async for frame in self._connected:
            if frame.type is aiohttp.WSMsgType.TEXT and frame.data.strip():
                message = json.loads(frame.data)
                text = base64.b64decode(message.get("messagePayload") or "")
                payload = json.loads(text) if text else message.get("statusResponse")
                yield message["messageType"], message.get("senderClientId"), payload


def blocks(data: bytes, width: int, height: int, stride: int) -> list[int]:
    """Return the brightness in the middle of each block of a picture, row by row."""
    lines = [(2 * row + 1) * height // (2 * ROWS) * stride for row in range(ROWS)]
    columns = [(2 * column + 1) * width // (2 * COLUMNS) for column in range(COLUMNS)]
    return [data[line + column] for line in lines for column in columns]


async def standard_input_closes() -> None:
    """Wait until there is no more standard input: the program is to end."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass
