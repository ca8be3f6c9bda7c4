"""Sweeps to run, in a time that stands and in real time; and a journal to write."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.aws.scope import Scope
from kvsops.local.server import LocalServer
from kvsops.sweep.journal import Journal
from tests.fleet import Time
from tests.sweep.runs import Run


@pytest.fixture
def scope(environment: dict[str, str], time: Time) -> Scope:
    """Return a scope for which no time passes but what it sleeps."""
    return time.scope(environment, quota_share=1)


@pytest.fixture
def brisk(emulator: LocalServer, environment: dict[str, str]) -> Scope:
    """Return a scope in real time, for channels by the dozen; what it deletes is gone at once."""
    emulator.settings.state_delay = timedelta()
    return Scope(environ=environment, quota_share=1)


@pytest.fixture
def run(scope: Scope, tmp_path: Path) -> Run:
    """Return a sweep of all that is older than an hour, in a time that stands."""
    return Run(scope, tmp_path / "journal")


@pytest.fixture
def still_run(environment: dict[str, str], time: Time, tmp_path: Path) -> Run:
    """Return a sweep of all that is older than an hour, in which no time passes at all.

    What was read stays fresh, however slow the machine: calls can be counted exactly.
    """
    scope = time.scope(environment, quota_share=1, sleep=lambda _: None)
    return Run(scope, tmp_path / "journal")


@pytest.fixture
def brisk_run(brisk: Scope, tmp_path: Path) -> Run:
    """Return a sweep of all that is older than an hour, in real time."""
    return Run(brisk, tmp_path / "journal")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the journal goes; its directory is not there yet."""
    return tmp_path / "state" / "journals" / "run.jsonl"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """Open a journal."""
    with Journal(path, "run-1") as journal:
        yield journal
