"""The emulator for tests: over real HTTP, and in process under moto's `mock_aws`."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.kinesisvideo.models import kinesisvideo_backends

from kvsops.local.accounts import ACCOUNT_ID
from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from kvsops.local.extension import install
from kvsops.local.kinesisvideo.models import KinesisVideoBackend
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings, activate

NOON = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@cache
def _session() -> boto3.Session:
    """Keep one session for all tests: to load the services' models takes long."""
    return boto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY)


class Clock:
    """A clock that moves only when told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """Answer the time."""
        return self.now

    def forward(self, **by: float) -> None:
        """Move on by so many `seconds`, `minutes` and so on."""
        self.now += timedelta(**by)


class Emulator:
    """An emulator and clients of it, however they reach it."""

    def __init__(self, settings: Settings, clock: Clock, endpoint_url: str | None) -> None:
        self.settings = settings
        self.clock = clock
        self.endpoint_url = endpoint_url
        self._clients = ExitStack()

    def client(
        self, service: str = "kinesisvideo", region: str = "us-east-1", **config: Any
    ) -> Any:
        """Make a client that makes one attempt and leaves parameters to the service to check."""
        plain: dict[str, Any] = {"retries": {"max_attempts": 0}, "parameter_validation": False}
        make: Callable[..., Any] = _session().client
        client = make(
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            config=Config(**plain | config),
        )
        self._clients.callback(client.close)
        return client

    def backend(self, region: str = "us-east-1") -> KinesisVideoBackend:
        """Answer the channels themselves."""
        backend = kinesisvideo_backends[ACCOUNT_ID][region]
        assert isinstance(backend, KinesisVideoBackend)
        return backend

    def active(self, name: str, **parameters: Any) -> str:
        """Create a channel, wait until it is ACTIVE, and answer its ARN."""
        kvs = self.client()
        arn: str = kvs.create_signaling_channel(ChannelName=name, **parameters)["ChannelARN"]
        self.clock.forward(seconds=1)
        return arn

    def close(self) -> None:
        """Close the clients' connections."""
        self._clients.close()


def failure(call: Callable[..., Any], **parameters: Any) -> tuple[str, int, str]:
    """Answer the code, HTTP status and message of the error that the call must end with."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response: Any = caught.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


@pytest.fixture(autouse=True)
def _no_aws_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off the configuration and credentials of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def clock() -> Clock:
    """Time that stands at noon of 1 May 2026, UTC."""
    return Clock()


@pytest.fixture
def settings(clock: Clock) -> Settings:
    """Make settings without quotas, at the test's clock."""
    return Settings(quotas=False, clock=clock)


@pytest.fixture
def local(settings: Settings) -> Iterator[LocalServer]:
    """Run the server, over HTTP."""
    with LocalServer(settings) as server:
        yield server


@pytest.fixture
def over_http(local: LocalServer, clock: Clock) -> Iterator[Emulator]:
    """Reach the emulator over HTTP only: for what the server alone does."""
    emulator = Emulator(local.settings, clock, local.endpoint_url)
    yield emulator
    emulator.close()


@pytest.fixture
def in_process(settings: Settings, clock: Clock) -> Iterator[Emulator]:
    """Reach the emulator in process, under moto's mock."""
    install()
    before = activate(settings)
    emulator = Emulator(settings, clock, None)
    with mock_aws():
        yield emulator
    emulator.close()
    activate(before)


@pytest.fixture(params=["over_http", "in_process"])
def emulator(request: pytest.FixtureRequest) -> Emulator:
    """Reach the emulator both ways: what holds for one must hold for the other."""
    made: Emulator = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def kvs(emulator: Emulator) -> Any:
    """Make a Kinesis Video client."""
    return emulator.client()
