"""Smoke against the emulator, the whole way: what it proves, and what it leaves alone."""

import gc
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from kvsops.aws.scope import Scope
from kvsops.cli.smoke_channel import smoke_channel
from kvsops.core.wire.ice import Endpoints, IceServer
from kvsops.local.server import LocalServer
from kvsops.output.console import Console
from kvsops.peers.internals import KNOWN_VERSIONS
from kvsops.smoke.plan import Limits, Subject, Wanted
from tests.aws.first_calls import FirstCalls
from tests.fleet import names, put
from tests.smoke.conftest import ADDRESSES, ALL, QUICK, RELAYED, Smoke, failed, with_calls


def test_the_whole_way(run: Smoke) -> None:
    """Every step goes well, in order, and media flows both ways and is the right one."""
    report = run(Wanted(duration=1))
    assert [step.key for step in report.steps] == [*ALL, "steady"]
    assert {step.status for step in report.steps} == {"ok", "skipped"}
    assert (report.passed, report.reason) == (True, None)
    directions = [(each.source, each.sink) for each in report.media.directions]
    assert directions == [("master", "viewer-1"), ("viewer-1", "master")]
    for direction in report.media.directions:
        assert direction.video.frames > 5
        assert direction.video.wrong_pictures == 0
        assert direction.video.latency_ms is not None
        assert direction.packets > 0
    assert report.media.round_trips[0].returned > 0
    assert report.selected_pair is not None
    assert report.measured("connect") == report.connect_ms is not None


def test_a_library_that_is_newer(run: Smoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an aioice whose private parts may be others, no pair is told, and why not."""
    monkeypatch.setitem(KNOWN_VERSIONS, "aioice", "0.0.")
    report = run(QUICK)
    assert report.passed, report.reason
    assert report.selected_pair is None
    [detail] = [step.detail for step in report.steps if step.key == "ice_connected"]
    assert (detail or "").startswith("the selected pair is not known with aioice 0.")


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_codec(run: Smoke, codec: Any) -> None:
    """Either codec is decoded, and the picture is the right one."""
    assert run(Wanted(duration=0, codec=codec)).passed


@pytest.mark.parametrize("transport", [None, "udp", "tls"])
def test_relay(run: Smoke, transport: Any) -> None:
    """Over TURN alone, however it is reached."""
    report = run(Wanted(duration=0, relay=True, transport=transport))
    assert report.passed, report.reason
    pair = report.selected_pair
    assert pair is not None
    assert (pair.local_type, pair.remote_type) == ("relay", "relay")
    assert pair.relay_transport == (transport or "udp")


def test_viewers(run: Smoke) -> None:
    """Many viewers see the same master; the first sends back."""
    report = run(Wanted(duration=0.5, viewers=3))
    assert report.passed, report.reason
    assert [direction.sink for direction in report.media.directions] == [
        "viewer-1",
        "master",
        "viewer-2",
        "viewer-3",
    ]


def test_somebody_elses_channel(run: Smoke, scope: Scope, emulator: LocalServer) -> None:
    """On a channel that smoke did not make nothing connects, unless it is told to."""
    put(emulator, "cam-yard")
    with smoke_channel(scope, "cam-yard", Console(), ephemeral=False) as subject:
        report = run(QUICK, subject)
        assert [step.key for step in report.steps] == ALL[:7]
        assert (report.mode, report.passed) == ("checks", True)
        assert report.notes[0].startswith("cam-yard was not made by kvsops smoke: ")
        assert not {"ConnectAsMaster", "ConnectAsViewer"} & {
            operation for _, operation, _ in emulator.log
        }
        [(step, reason)] = failed(run(Wanted(duration=0, mode="master-only"), subject))
        assert step == "describe"
        assert (reason or "").endswith("the one already there; --take-over does it anyway")
        assert run(Wanted(duration=0, take_over=True), subject).passed


def test_go_away(run: Smoke, emulator: LocalServer) -> None:
    """GO_AWAY is obeyed, and the media goes on."""
    emulator.settings.faults = (
        FirstCalls("ConnectAsMaster", "go-away", 1),
        FirstCalls("ConnectAsViewer", "go-away", 1),
    )
    report = run(Wanted(duration=1))
    assert report.passed, report.reason
    assert report.notes == [
        "GO_AWAY: the master reconnected",
        "GO_AWAY: the viewer reconnected",
    ]
    assert all(direction.video.wrong_pictures == 0 for direction in report.media.directions)


@pytest.mark.parametrize(
    ("relay", "note"),
    [
        (True, "RECONNECT_ICE_SERVER: reconnected through the new servers"),
        (False, "RECONNECT_ICE_SERVER: nothing of ours had to reconnect"),
    ],
)
def test_reconnect_ice_server(run: Smoke, emulator: LocalServer, *, relay: bool, note: str) -> None:
    """What goes over TURN is joined anew over new servers, and what does not is left alone."""
    if not relay and not ADDRESSES:
        pytest.skip("this machine has no address but loopback ones: all goes over TURN")
    emulator.settings.faults = (FirstCalls("ConnectAsViewer", "reconnect-ice-server", 1),)
    report = run(Wanted(duration=0.5, relay=relay))
    assert report.passed, report.reason
    assert report.notes == [note]
    assert emulator.calls["GetIceServerConfig"] == (2 if relay else 1)
    assert {direction.video.wrong_pictures for direction in report.media.directions} == {0}


def test_no_secret_in_the_report(
    run: Smoke, subject: Subject, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the report nor a log holds a URL or a credential that was used."""
    secrets: list[str] = []

    def url(endpoints: Endpoints, arn: str, client_id: str | None) -> str:
        signed = subject.access.url(endpoints, arn, client_id)
        secrets.append(signed.partition("?")[2])
        return signed

    def ice_servers(endpoints: Endpoints, arn: str) -> list[IceServer]:
        servers = subject.access.ice_servers(endpoints, arn)
        for server in servers:
            secrets.extend(filter(None, (server.username, server.password)))
        return servers

    caplog.set_level(logging.INFO)
    report = run(RELAYED, with_calls(subject, url=url, ice_servers=ice_servers))
    told = f"{report!r} {report.to_json()} {caplog.text}"
    assert report.passed, report.reason
    assert len(secrets) >= 6
    assert [secret for secret in secrets if secret in told] == []


@pytest.mark.timeout(900)
def test_a_soak(run: Smoke, scope: Scope, emulator: LocalServer) -> None:
    """40 runs leave no task, thread, open file, allocation or channel behind."""

    def left() -> tuple[int, int]:
        gc.collect()
        return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))

    def once(number: int) -> None:
        wanted = RELAYED if number % 2 else QUICK
        if number % 4:
            report = run(wanted, limits=Limits())  # which sees to the tasks
        else:
            with smoke_channel(scope, None, Console(), ephemeral=True) as subject:
                report = run(wanted, subject, limits=Limits())
        assert report.passed, report.reason

    once(0)
    once(1)
    threads, files = left()
    for number in range(2, 40):
        once(number)
    threads_left, files_left = left()
    assert threads_left <= threads
    assert files_left <= files
    assert names(emulator) == {"cam-door"}
    assert scope.calls["DeleteSignalingChannel"] == 10
