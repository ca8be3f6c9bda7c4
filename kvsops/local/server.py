"""The emulator as a whole: its control plane, its data plane, and what is in them."""

import os
import ssl
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from threading import Thread
from typing import Self, cast

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.kinesisvideo.models import kinesisvideo_backends
from moto.utilities.utils import get_partition

from kvsops.core.likeness import suggestion
from kvsops.errors import UsageError
from kvsops.local import settings as active_settings
from kvsops.local.accounts import ACCOUNT_ID, account_ids
from kvsops.local.api.call import DEFAULT_REGION
from kvsops.local.cloudwatch.index import MetricIndex
from kvsops.local.cloudwatch.models import metrics
from kvsops.local.control_plane import ControlPlane
from kvsops.local.environment import child_environment, export_lines
from kvsops.local.extension import install
from kvsops.local.kinesisvideo.models import KinesisVideoBackend
from kvsops.local.middleware import Entry, Middleware
from kvsops.local.organizations.models import organization
from kvsops.local.settings import Settings
from kvsops.local.signaling.endpoints import Endpoints

_SECONDS_BETWEEN_LOOKS = 0.02  # whether to stop


class LocalServer:
    """The emulator while it runs: `with LocalServer(Settings()) as local: …`.

    It may be started many times in one process, and begins empty each time. Two at once in one
    process would share their channels and settings, for moto's backends are global: start one
    at a time, or one in each process. `port` 0 takes a free one; a port in use raises OSError.
    """

    def __init__(
        self, settings: Settings | None = None, port: int = 0, region: str = DEFAULT_REGION
    ) -> None:
        self.settings = settings or Settings()
        self.region = region
        self._port = port or self.settings.port_of("CONTROL")
        self._middleware = Middleware(self.settings)
        self._endpoints: Endpoints | None = None

    def start(self) -> None:
        """Start answering, with no channels and no counts.

        Raises OSError, whose `filename` is the address, if a port cannot be had; `UsageError` if
        signaling is not installed, or its certificate authority is not what it should be.
        """
        install()
        self._middleware = Middleware(self.settings)
        self._control_plane = ControlPlane(self._port, self._middleware)
        try:
            self._endpoints = self._signaling() if self.settings.signaling else None
        except BaseException:
            self._control_plane.server_close()
            raise
        self.settings.endpoint_of = self._endpoints
        self._before = active_settings.activate(self.settings)
        _forget_everything()
        self.settings.sessions.clear()
        if self.settings.accounts is not None:
            organization(get_partition(self.region)).found(self.settings.accounts, self.region)
        self._thread = Thread(
            target=self._control_plane.serve_forever, args=(_SECONDS_BETWEEN_LOOKS,), daemon=True
        )
        self._thread.start()

    def _signaling(self) -> Endpoints:
        """Make the endpoints, and start them if others were told where they are."""
        endpoints = Endpoints(self._middleware)
        if self.settings.aws_names or self.settings.base_port is not None:
            try:
                endpoints.start()
            except BaseException:
                endpoints.close()
                raise
        return endpoints

    def stop(self) -> None:
        """End the connections and forget the channels."""
        self._middleware.close()
        self._control_plane.shutdown()
        self._thread.join()
        self._control_plane.close_connections()
        self._control_plane.server_close()
        self.settings.endpoint_of = None
        if self._endpoints is not None:
            self._endpoints.close()
        _forget_everything()
        active_settings.activate(self._before)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._control_plane.server_port

    @property
    def endpoint_url(self) -> str:
        """The endpoint for every service: `http://HOST:PORT`."""
        return f"http://{self.settings.host}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the environment for a child process whose AWS clients should use this emulator."""
        return child_environment(
            self.endpoint_url,
            self.region,
            os.environ,
            self.ca_bundle,
            aws_names=self.settings.aws_names,
        )

    def export_lines(self) -> list[str]:
        """Return the lines that give a shell the same environment."""
        return export_lines(
            self.endpoint_url,
            self.region,
            os.environ,
            self.ca_bundle,
            aws_names=self.settings.aws_names,
        )

    @property
    def ca_bundle(self) -> str | None:
        """The file by which clients trust the endpoints of channels; None without signaling."""
        return None if self._endpoints is None else str(self._endpoints.authority.bundle)

    @property
    def authority_expiry(self) -> datetime | None:
        """When its certificate authority expires, aware, in UTC; None without signaling."""
        return None if self._endpoints is None else self._endpoints.authority.expiry

    def client_context(self) -> ssl.SSLContext:
        """Make the TLS context of a client in this process; only with signaling."""
        if self._endpoints is None:
            raise UsageError("this emulator runs without signaling")
        return self._endpoints.authority.client_context()

    @property
    def calls(self) -> Counter[str]:
        """How often each operation was called, whatever came of it."""
        return self._middleware.counts.calls

    @property
    def throttled(self) -> Counter[str]:
        """How often each operation was answered with ClientLimitExceededException."""
        return self._middleware.counts.throttled

    @property
    def log(self) -> list[Entry]:
        """The last 100,000 calls: seconds since the start, operation, `ok` or what went wrong."""
        return self._middleware.counts.log

    def backend(
        self, region: str | None = None, account_id: str = ACCOUNT_ID
    ) -> KinesisVideoBackend:
        """Return the channels themselves, to add what the API would refuse."""
        backend = kinesisvideo_backends[account_id][region or self.region]
        return cast("KinesisVideoBackend", backend)

    def metrics(self, region: str | None = None, account_id: str = ACCOUNT_ID) -> MetricIndex:
        """Return the metrics of signaling channels, to record usage in."""
        return metrics(account_id, region or self.region)

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The active accounts: the caller's own, and what the organization has beside."""
        return account_ids(self.settings.accounts or 1)


def check_regions(regions: Sequence[str]) -> None:
    """Raise `UsageError` unless the service, and so the emulator, has these, of one partition."""
    there = kinesisvideo_backends[ACCOUNT_ID].regions
    for region in regions:
        if region not in there:
            hint = suggestion(region, there, f"there are {', '.join(sorted(there))}")
            raise UsageError(f"--region {region!r}: Kinesis Video Streams is not there; {hint}")
        if get_partition(region) != get_partition(regions[0]):
            raise UsageError(f"--region {region}: it is not in the partition of {regions[0]}")
        if regions.count(region) > 1:
            raise UsageError(f"--region {region}: given twice")


def _forget_everything() -> None:
    BackendDict.reset()
    reset_model_data()
