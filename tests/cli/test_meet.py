"""`kvsops meet`: the channel and the link, and what is left when a meeting ends, by every road."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import IO, TYPE_CHECKING

import aiohttp
import pytest

from kvsops.aws.iam import action_of
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.cli.iam import actions_of
from tests.fleet import HOUR, From, names, put
from tests.foreign.conftest import unavailable
from tests.web.conftest import ARGUMENTS, CHROMIUM
from tests.web.meetings import Guests, all_closed, sees, still_connected
from tests.web.serving import run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CREATE, DELETE, TAG = "CreateSignalingChannel", "DeleteSignalingChannel", "TagResource"
EXPIRES, OWNER = "kvsops:expires-at", "kvsops:owner"
PATIENCE = 60.0


@dataclass
class Running:
    """`kvsops meet` in a process of its own; what it writes is read as it comes."""

    process: "subprocess.Popen[str]"

    def __post_init__(self) -> None:
        self._lines: dict[str, Queue[str]] = {"out": Queue(), "err": Queue()}
        assert self.process.stdout
        assert self.process.stderr
        pairs = (("out", self.process.stdout), ("err", self.process.stderr))
        self._readers = [
            Thread(target=self._read, args=(name, stream), daemon=True) for name, stream in pairs
        ]
        for reader in self._readers:
            reader.start()
        self.guest_url = self.line("out", r"^(https?://[\w.:]+/#[\w-]{43})$")
        self.host_url = self.line("err", r"^Your own page, as the host[:,] (.+)$")

    def _read(self, name: str, stream: IO[str]) -> None:
        for line in stream:
            self._lines[name].put(line.rstrip("\n"))

    def line(self, name: str, pattern: str) -> str:
        """Wait for a line; return what the pattern's group finds in it."""
        while True:
            found = re.search(pattern, self._lines[name].get(timeout=PATIENCE))
            if found:
                return found[1]

    def ended(self) -> tuple[int, list[str], list[str]]:
        """Wait for its end; return its status, and the lines that it wrote since."""
        status = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        out, err = ([*queue.queue] for queue in self._lines.values())
        return status, out, err


Meet = Callable[..., Running]


@pytest.fixture
def meet(environment: dict[str, str]) -> Iterator[Meet]:
    """Yield what starts a meeting; one that goes on at the end of the test is killed."""
    running: list[subprocess.Popen[str]] = []

    def begin(*argv: str, opens: bool = False) -> Running:
        page = () if opens else ("--no-browser",)
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "kvsops", "meet", *page, *argv],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return Running(process)

    yield begin
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stderr.close()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Yield Chromium, one for all tests of this file."""
    if not CHROMIUM.exists():
        unavailable("Debian's package chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def people(browser: "Browser") -> Iterator[Guests]:
    """Yield what opens pages."""
    people = Guests(browser)
    yield people
    people.close()
    assert people.errors == []


ROADS = {
    "button": (None, 0, "The host ended the meeting."),
    "Ctrl-C": (signal.SIGINT, 130, "Kvsops meet was ended on the host's computer."),
    "SIGTERM": (signal.SIGTERM, 130, "Kvsops meet was ended on the host's computer."),
}


@pytest.mark.parametrize("road", ROADS)
def test_the_end(meet: Meet, people: Guests, emulator: LocalServer, road: str) -> None:
    """Guests are told, nobody is left connected, the channel is gone, and the cost is told."""
    number, status, said = ROADS[road]
    running = meet()
    (name,) = names(emulator)
    assert re.fullmatch(r"kvsops-meet-[0-9a-f]{10}", name)
    hana = people.join(running.host_url, "Hana")
    ben = people.join(running.guest_url, "Ben")
    sees(ben, "Hana", "Ben")
    time.sleep(1.5)  # until what was sent has been counted
    if number is None:
        hana.get_by_role("button", name="End meeting").click()
        hana.get_by_role("dialog").get_by_role("button", name="End meeting").click()
    else:
        running.process.send_signal(number)
    for page in (hana, ben):
        page.get_by_role("heading", name="The meeting has ended").wait_for()
        page.get_by_text(said).wait_for()
        all_closed(page)
    code, out, err = running.ended()
    assert code == status, err
    assert names(emulator) == set()
    assert still_connected(emulator) == 0
    text = "\n".join(out)
    assert re.search(r"^The meeting is over after .*, 1 guest at most: ", text)
    assert re.search(r"^channel fee +the month +\$0\.03$", text, re.MULTILINE)
    assert re.search(r"^signaling messages +[1-9]\d* +<?\$0\.00\d*$", text, re.MULTILINE)
    assert re.search(r"^TURN minutes +0 +\$0\.00$", text, re.MULTILINE)
    assert re.search(r"It cost \$0\.03\d*\.$", text)
    assert "Ben joined" in err


def test_killed(meet: Meet, people: Guests, kvsops: Kvsops, emulator: LocalServer) -> None:
    """Of a meeting that was killed the lease lapses, and the next sweep takes its channel."""
    running = meet()
    hana = people.join(running.host_url, "Hana")
    ben = people.join(running.guest_url, "Ben")
    sees(ben, "Hana", "Ben")
    running.process.send_signal(signal.SIGKILL)
    running.ended()
    ben.get_by_text("The host's computer does not answer. Trying again…").wait_for()
    assert kvsops("sweep", "--expired", "--yes").code == 0
    assert len(names(emulator)) == 1
    before = emulator.settings.clock
    emulator.settings.clock = lambda: before() + 5 * HOUR  # no longer among those lately in use
    assert kvsops("sweep", "--expired", "--yes").code == 0
    assert names(emulator) == set()
    assert still_connected(emulator) == 0
    assert hana.get_by_role("button", name="End meeting").is_visible()


@pytest.mark.parametrize("argv", [(), ("standup", "--keep"), ("cam", "--reuse")])
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
    called = {*emulator.calls} - {"Disconnect"}
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
    for argv in (("standup", "--keep"), ("standup", "--reuse")):
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


def test_a_port_that_is_taken(kvsops: Kvsops, emulator: LocalServer) -> None:
    """It is said before a channel is made."""
    ended = kvsops("meet", "--port", str(emulator.port))
    assert (ended.code, ended.out) == (2, "")
    assert "the port is taken: give another --port" in ended.err
    assert emulator.calls == {}
