"""The look after the deletes, until they are gone."""

from datetime import timedelta

import pytest

from kvsops.aws.scope import Scope
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.sweep.settling import settle
from tests.fleet import HOUR, Time, put, put_many
from tests.sweep.runs import DELETE, DENIED, Run


def test_settling_waits_until_they_are_gone(
    run: Run, emulator: LocalServer, scope: Scope, time: Time
) -> None:
    """After the deletes the listing is read until it shows none of them."""
    emulator.settings.state_delay = timedelta(seconds=1)
    put_many(emulator, ["ci-1", "ci-2"])
    put(emulator, "other", timedelta(minutes=1))
    run()
    emulator.calls.clear()
    before = emulator.calls["ListSignalingChannels"]
    began = time.clock()
    settle(scope, run.items, 60)
    assert run.outcomes == {"ci-1": "deleted", "ci-2": "deleted"}
    assert run.reasons == dict.fromkeys(("ci-1", "ci-2"), "1d old")
    assert emulator.calls["ListSignalingChannels"] - before == 4
    assert time.clock() - began == pytest.approx(1.0)
    assert set(emulator.backend().channels) == {"other"}


def test_still_deleting_when_the_time_is_over(
    run: Run, emulator: LocalServer, scope: Scope
) -> None:
    """A channel that is DELETING at the end is deleted all the same, and its reason says so."""
    emulator.settings.state_delay = HOUR
    put(emulator, "ci-1")
    run()
    settle(scope, run.items, 5)
    assert run.outcomes == {"ci-1": "deleted"}
    assert run.reasons == {"ci-1": "1d old; still DELETING after 5 s"}


def test_still_there_when_the_time_is_over(run: Run, emulator: LocalServer, scope: Scope) -> None:
    """A channel whose delete was accepted and that stays ACTIVE was not deleted: that failed."""
    put(emulator, "ci-1")
    run()
    backend = emulator.backend()
    backend.channels["ci-1"].gone_from = None  # the service forgot what it was told
    backend._leaving.clear()
    settle(scope, run.items, 5)
    assert run.outcomes == {"ci-1": "failed"}
    assert run.reasons == {"ci-1": "still listed as ACTIVE after 5 s"}


def test_nothing_deleted_is_not_looked_for(run: Run, emulator: LocalServer, scope: Scope) -> None:
    """Where nothing was deleted nothing is listed again."""
    put(emulator, "ci-1")
    emulator.settings.faults = (Fault(DELETE, DENIED),)
    run()
    listed = emulator.calls["ListSignalingChannels"]
    settle(scope, run.items, 5)
    assert emulator.calls["ListSignalingChannels"] == listed
