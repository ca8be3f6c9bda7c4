"""Calls of the emulator over plain HTTP, without an AWS client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY

if TYPE_CHECKING:
    import http.client
    from collections.abc import Mapping

CREDENTIALS = Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY)


def signed(
    method: str,
    url: str,
    body: str | bytes,
    service: str,
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers of a request with those that sign it for a service."""
    request = AWSRequest(method, url, dict(headers or {}), body)
    SigV4Auth(CREDENTIALS, service, "us-east-1").add_auth(request)
    return dict(request.headers.items())


def ask(
    connection: http.client.HTTPConnection,
    path: str,
    *,
    method: str = "POST",
    service: str = "",
    body: str | bytes = "{}",
    headers: dict[str, str] | None = None,
) -> tuple[int, http.client.HTTPMessage, Any]:
    """Send one request; answer status, headers and the JSON of the body."""
    sent = headers or {}
    if service:
        url = f"http://127.0.0.1:{connection.port}{path}"
        sent = signed(method, url, body, service, sent)
    connection.request(method, path, body, sent)
    response = connection.getresponse()
    text = response.read()
    return response.status, response.headers, json.loads(text) if text else None
