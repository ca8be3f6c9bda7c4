"""`kvsops meet`: the channel, the link, and what is refused."""

import json
import re
import signal
import time
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from kvsops.aws.iam import action_of
from kvsops.aws.scope import Scope
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.cli.iam import actions_of
from tests.cli.meets import PATIENCE, Meet, Running
from tests.fleet import From, names, put
from tests.web.camera import camera
from tests.web.serving import run

CREATE, DELETE, TAG = "CreateSignalingChannel", "DeleteSignalingChannel", "TagResource"
EXPIRES, OWNER = "kvsops:expires-at", "kvsops:owner"


@pytest.mark.parametrize(
    "argv",
    [(), ("standup", "--keep"), ("cam", "--reuse"), ("cam", "--reuse", "--take-over")],
)
def test_the_policy_is_what_the_calls_need(
    meet: Meet, kvsops: Kvsops, emulator: LocalServer, argv: tuple[str, ...]
) -> None:
    """Every action allowed is taken, and no other; a create's lost answer is looked up."""
    put(emulator, "cam")
    emulator.settings.faults = (From(CREATE, "drop-after", 1, last=1),)
    running = meet(*argv)
    run(connected(running))
    running.process.send_signal(signal.SIGTERM)
    assert running.ended()[0] == 130
    called = {*emulator.calls} - {"Disconnect", "SendSdpOffer", "SendIceCandidate"}
    printed = kvsops("iam", " ".join(("meet", *argv)))
    creates = {"TagResource", CREATE, "ListTagsForResource"}
    needed = {action_of(each) for each in called | creates}
    assert actions_of(json.loads(printed.out)) == needed


async def connected(running: Running) -> None:
    """Be a host's page and a guest's, as far as both connect to the channel."""
    server = running.guest_url.partition("/#")[0]
    async with aiohttp.ClientSession(headers={"Origin": server}) as client:
        for url in (running.host_url, running.guest_url):
            events = await client.ws_connect(f"{server}/events")
            await events.send_json({"link": url.partition("#")[2]})
            seat = (await events.receive_json())["seat"]
            signaling = await client.ws_connect(f"{server}/signaling")
            await signaling.send_json({"seat": seat})
            await signaling.receive()  # an empty text, once it is connected
            await signaling.close()
            await events.close()


def test_nobody_came(meet: Meet, emulator: LocalServer) -> None:
    """A meeting that nobody joined cost nothing; the lease was set with the channel."""
    running = meet("standup", "--ttl", "30m")
    channel = emulator.backend().channels["standup"]
    assert channel.tags.keys() == {EXPIRES, OWNER}
    assert emulator.calls[TAG] == 0
    running.process.send_signal(signal.SIGINT)
    code, out, _ = running.ended()
    assert code == 130
    assert out[0].endswith("Nobody had joined. standup was deleted.")
    assert out[-1] == "Nothing connected: it cost nothing."
    assert names(emulator) == set()


def test_for_guests_elsewhere(meet: Meet) -> None:
    """The link leads through the proxy, whose Host is answered; the host's page is here."""
    running = meet("--public-url", "https://meet.example.com")
    assert re.fullmatch(r"https://meet\.example\.com/#[\w-]{43}", running.guest_url)
    assert re.match(r"http://127\.0\.0\.1:\d+/#", running.host_url)
    here = running.host_url.partition("#")[0]

    async def asked(host: str) -> int:
        async with (
            aiohttp.ClientSession() as client,
            client.get(here, headers={"Host": host}) as at,
        ):
            return at.status

    assert [run(asked(host)) for host in ("meet.example.com", "evil.example")] == [200, 421]


def test_the_browser_is_opened(meet: Meet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's page is opened, and its link stands nowhere; only the guests' is printed."""
    script, told = tmp_path / "browser", tmp_path / "url"
    script.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {told}\n')
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(script))
    running = meet(opens=True)
    assert running.host_url == "is open in your browser"
    ends = time.monotonic() + PATIENCE
    while not (told.exists() and told.read_text()) and time.monotonic() < ends:
        time.sleep(0.05)
    url = told.read_text()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#[\w-]{43}", url)
    running.process.send_signal(signal.SIGTERM)
    _, out, err = running.ended()
    assert url not in "".join((running.guest_url, *out, *err))


def test_kept_then_reused(meet: Meet, emulator: LocalServer) -> None:
    """A channel that is kept has no lease, and serves the next meeting, which leaves it, too."""
    for argv in (("standup", "--keep"), ("standup", "--reuse", "--take-over")):
        running = meet(*argv)
        assert emulator.backend().channels["standup"].tags.keys() == {OWNER}
        running.process.send_signal(signal.SIGTERM)
        code, out, _ = running.ended()
        assert (code, names(emulator)) == (130, {"standup"})
        assert out[0].endswith("standup was kept.")
    assert (emulator.calls[CREATE], emulator.calls[DELETE]) == (1, 0)


def test_the_channel_is_deleted_meanwhile(
    meet: Meet, kvsops: Kvsops, emulator: LocalServer
) -> None:
    """The meeting ends when its lease finds no channel: it is said, and a failure."""
    running = meet("--ttl", "1s")
    (name,) = names(emulator)
    assert kvsops("delete", name, "--yes").code == 0
    code, out, err = running.ended()
    assert code == 1
    assert "the channel was deleted by somebody" in out[0]
    assert "warning: the channel was deleted by somebody" in "\n".join(err)


def test_the_lease_lapses(meet: Meet, emulator: LocalServer) -> None:
    """A lease that cannot be renewed ends the meeting before a sweep ends it."""
    emulator.settings.faults = (Fault(TAG, "AccessDeniedException"),)
    running = meet("--ttl", "1s")
    code, out, _ = running.ended()
    assert code == 1
    assert "the lease has lapsed: a sweep may delete the channel" in " ".join(out)
    assert names(emulator) == set()


def test_delete_denied(meet: Meet, emulator: LocalServer) -> None:
    """A channel that cannot be deleted is named, and how it goes: exit code 1, or Ctrl-C's."""
    emulator.settings.faults = (Fault(DELETE, "AccessDeniedException"),)
    running = meet("--ttl", "1s")
    emulator.settings.faults += (Fault(TAG, "AccessDeniedException"),)
    code, _, err = running.ended()
    assert code == 1
    assert any("was not deleted: DeleteSignalingChannel denied" in line for line in err)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--reuse",), "--reuse needs the NAME of the channel to meet on"),
        (("cam", "--reuse", "--keep"), "--reuse never deletes the channel: drop --keep"),
        (("standup", "--keep", "--ttl", "2h"), "a channel that is kept has no lease: drop --ttl"),
        (
            ("standup", "--take-over"),
            "nobody is on a channel that is made for the meeting: drop --take-over",
        ),
        (("cam",), "there is a channel cam (us-east-1"),
        (("cam", "--keep"), "there is a channel cam (us-east-1"),
        (("stored", "--reuse"), "stored is linked to storage"),
        (("--host", "::"), "no address that a browser can open"),
        (("--host", "192.0.2.1"), "needs --tls-cert and --tls-key"),
        (("--public-url", "http://meet.example.com"), "it is https://HOST"),
        (("--tls-cert", "here.pem"), "--tls-cert and --tls-key belong together"),
        (("--mesh", "11"), "11 is not in the range 0<=x<=10"),
        (("--expires", "8"), "not a duration: '8'"),
        (("a b",), "not a channel name: 'a b'"),
    ],
)
def test_wrong_usage(
    kvsops: Kvsops, emulator: LocalServer, *, argv: tuple[str, ...], said: str
) -> None:
    """What cannot be is refused in one line, and nothing is made."""
    put(emulator, "cam")
    put(emulator, "stored", stored=True)
    ended = kvsops("meet", *argv)
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert (emulator.calls[CREATE], emulator.calls[DELETE]) == (0, 0)


def test_a_camera_that_is_there(kvsops: Kvsops, emulator: LocalServer, scope: Scope) -> None:
    """It keeps its place: the meeting does not begin, and the channel stays as it was."""
    emulator.settings.state_delay = timedelta()
    arn = put(emulator, "cam").arn
    with camera(scope, arn) as there:
        ended = kvsops("meet", "cam", "--reuse")
        assert there.offers == ["kvsops-play"]
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines() == [
        "looking whether a master is there, 10 s at most; --take-over does not ask",
        "error: a master is connected, and answers: connecting as master would disconnect it; "
        "--take-over does it anyway",
    ]
    assert (emulator.calls["ConnectAsMaster"], emulator.calls[TAG]) == (1, 0)


def test_a_port_that_is_taken(kvsops: Kvsops, emulator: LocalServer) -> None:
    """It is said before a channel is made."""
    ended = kvsops("meet", "--port", str(emulator.port))
    assert (ended.code, ended.out) == (2, "")
    assert "the port is taken: give another --port" in ended.err
    assert emulator.calls == {}
