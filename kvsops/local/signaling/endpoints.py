"""Where the data plane is. It starts slowly, so only when an endpoint is first asked for."""

import os
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING

from kvsops.errors import UsageError, needs_extra
from kvsops.local.api.call import DEFAULT_REGION
from kvsops.local.middleware import Middleware

if TYPE_CHECKING:
    from kvsops.local.signaling.data_plane import DataPlane

NEEDED = ("aiohttp", "aioice", "trustme")
"""What the data plane needs and the control plane does not."""


class Endpoints:
    """The endpoints of one emulator's channels. Thread-safe.

    Raises `UsageError` unless the whole extra is installed.
    """

    def __init__(self, middleware: Middleware) -> None:
        if missing := [name for name in NEEDED if find_spec(name) is None]:
            names = " and ".join(missing)
            raise UsageError(f"signaling needs {names}: {needs_extra('local')}")
        from trustme import KeyType

        from kvsops.local.signaling.tls import Authority

        settings = middleware.settings
        key_type = KeyType.RSA if settings.aws_names else KeyType.ECDSA  # AWS's are RSA's
        self.authority = Authority(os.environ, settings.host, settings.ca_dir, key_type)
        self._middleware = middleware
        self._data_plane: DataPlane | None = None
        self._closed = False
        self._lock = Lock()

    def __call__(self, protocol: str, role: str, region: str = DEFAULT_REGION) -> str | None:
        """Return the endpoint of a protocol for a role; None when it is being stopped.

        All but WSS have that of HTTPS: what is not answered there is refused there in words.
        """
        with self._lock:
            if self._closed:
                return None
            return self._started().endpoint("WSS" if protocol == "WSS" else "HTTPS", role, region)

    def start(self) -> None:
        """Start it now: who was told its ports need ask for no endpoint. Raises `OSError`."""
        with self._lock:
            self._started()

    def _started(self) -> "DataPlane":
        if self._data_plane is None:
            from kvsops.local.signaling.data_plane import DataPlane

            self._data_plane = DataPlane(self._middleware, self.authority)
        return self._data_plane

    def close(self) -> None:
        """End the data plane, if it was ever started, and remove the authority's file."""
        with self._lock:
            self._closed = True
            if self._data_plane is not None:
                self._data_plane.stop()
        self.authority.close()
