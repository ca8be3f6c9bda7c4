"""What all tests share: no way to a real AWS account, an emulator, and a scope that uses it."""

import os
import signal
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import settings

from kvsops.aws.scope import Scope
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.fleet import Time
from tests.goldens import REWRITE, Golden

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import WorkStealingScheduling

# Property tests look for what is right, not for what is fast: no deadline on a busy machine.
settings.register_profile("kvsops", deadline=None, database=None, max_examples=200)
settings.load_profile("kvsops")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that rewrites the golden files."""
    parser.addoption(REWRITE, action="store_true", help="Write golden files; see CONTRIBUTING.md.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where golden files are rewritten, run their tests alone."""
    if config.getoption(REWRITE):
        items[:] = [item for item in items if "golden" in getattr(item, "fixturenames", ())]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "WorkStealingScheduling":
    """Let a process that has no more tests take another's: some take a minute, most no time."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return what compares with the test's golden file, or rewrites it."""
    name = f"{request.path.stem}.{request.node.originalname}.txt"
    path = request.path.parent / "golden" / name
    return Golden(path, rewrite=request.config.getoption(REWRITE))


@pytest.fixture(scope="session", autouse=True)
def heed_interrupts() -> None:
    """Let the children heed Ctrl-C even where the tests run as a shell's background job."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def models_read_once() -> Iterator[None]:
    """Let botocore read each of its files once, and not again for every command that is run."""
    read = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: read(path))
        yield


@pytest.fixture(autouse=True)
def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the user's own AWS configuration, CI's variables, state and cache."""
    cis = ("CI_", "GITHUB_", "BUILDKITE", "CIRCLE", "CODEBUILD_", "SYSTEM_TEAMPROJECT", "JOB_NAME")
    ours = ("AWS_", "KVSOPS_", *cis)
    for name in [*filter(lambda name: name.startswith(ours), os.environ)]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)  # many files, which each emulator would read
    for name in ("WORKSPACE", "BUILD_ARTIFACTSTAGINGDIRECTORY", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator without quotas; its settings may be turned while it runs."""
    with LocalServer(Settings(quotas=False)) as server:
        yield server


@pytest.fixture
def environment(emulator: LocalServer, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Point this process, and the children that get the result, at the emulator."""
    environment = emulator.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment


@pytest.fixture
def time(emulator: LocalServer) -> Time:
    """Let the emulator's time stand until a scope sleeps."""
    time = Time()
    emulator.settings.clock = time.now
    return time


@pytest.fixture
def scope(environment: dict[str, str]) -> Scope:
    """Return a scope on the emulator that has its whole quota."""
    return Scope(environ=environment, quota_share=1)
