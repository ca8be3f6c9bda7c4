"""botocore's clients, shared by scopes: one for a service, region and endpoint, whoever calls.

A client takes a tenth of a megabyte, milliseconds, and connections with their handshakes, so that
a hundred accounts share one. It therefore has no say in who signs: each call brings its own
credentials, and what was signed is looked at before it leaves.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore import xform_name

from kvsops.aws.answers import whole
from kvsops.aws.quotas import OPERATIONS, writes
from kvsops.errors import KvsopsError, WriteRefusedError

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.credentials import ReadOnlyCredentials

    from kvsops.aws.session import Account

CONNECTIONS: Final = 128
"""At most this many calls of all scopes together are on their way at once."""
POOLED: Final = 32
"""As many connections each client keeps open."""
_SIGNER: Final = "_kvsops_signer"


class Clients:
    """Clients by what they call; any thread may ask. Those that may not write refuse to.

    `pooled` connections of each are kept open, `connections` is the bound of all.
    """

    def __init__(self, pooled: int = POOLED, connections: int = CONNECTIONS) -> None:
        self._pooled = pooled
        self._lock = threading.RLock()
        self._made: dict[tuple[str, str, str | None, bool], BaseClient] = {}
        self._connections = threading.BoundedSemaphore(connections)

    @contextmanager
    def connection(self) -> Iterator[None]:
        """Wait until one may be used, and use it."""
        with self._connections:
            yield

    def call(
        self,
        account: "Account",
        operation: str,
        parameters: Mapping[str, Any],
        signer: "ReadOnlyCredentials",
        *,
        endpoint_url: str | None,
        read_only: bool,
    ) -> dict[str, Any]:
        """Make the call, signed with these credentials; return its answer."""
        client = self._client(account, OPERATIONS[operation].service, endpoint_url, read_only)
        call = getattr(client, xform_name(operation))
        answer: dict[str, Any] = call(**parameters, **{_SIGNER: signer})
        return answer

    def _client(
        self,
        account: "Account",
        service: str,
        endpoint_url: str | None,
        read_only: bool,  # noqa: FBT001 - of one caller
    ) -> "BaseClient":
        key = (service, account.region, endpoint_url, read_only)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(account, service, endpoint_url, read_only)
            return self._made[key]

    def _make(
        self,
        account: "Account",
        service: str,
        endpoint_url: str | None,
        read_only: bool,  # noqa: FBT001 - of one caller
    ) -> "BaseClient":
        client = account.client(service, self._pooled, endpoint_url)
        events: Any = client.meta.events
        session = client._endpoint.http_session  # type: ignore[attr-defined]  # no public name
        # Not as a handler of before-send: all of them are called, whoever has answered.
        session.send = partial(whole, session.send)
        events.register_first("provide-client-params", _take_signer)
        if read_only:
            events.register_first("provide-client-params", _refuse_writes)
        events.register_last("request-created", _check_signer)
        return client


def _refuse_writes(model: Any, **_: object) -> None:
    """Stop a write before anything of it leaves: botocore calls this first for every call."""
    if writes(model.name):
        raise WriteRefusedError(f"a dry run does not call {model.name}")


def _take_signer(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
    """Take the credentials out of the call's parameters, to where botocore signs by them.

    A call without any does not leave.
    """
    from botocore.credentials import Credentials

    signer: ReadOnlyCredentials = params.pop(_SIGNER)
    key, secret = str(signer.access_key), str(signer.secret_key)
    own = Credentials(key, secret, signer.token)
    context.setdefault("signing", {})["request_credentials"] = own
    context[_SIGNER] = key


def _check_signer(request: Any, **_: object) -> None:
    """Stop a request that another's credentials signed: accounts are never mixed up."""
    if f"Credential={request.context[_SIGNER]}/" not in str(request.headers.get("Authorization")):
        raise KvsopsError("a call was signed with other credentials than its own: not sent")
