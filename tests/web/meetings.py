"""A meeting held on the emulator, and people in browsers who take part in it."""

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.cli.access import access_of
from kvsops.local.server import LocalServer
from kvsops.web.door import Door
from kvsops.web.links import Links
from kvsops.web.meeting import Ending, Meeting
from kvsops.web.server import Server
from kvsops.web.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE: Final = 60.0
HOUR: Final = timedelta(hours=1)

CAMERAS: Final = {
    "Hana": ((200, 30, 30), 500),
    "Ben": ((30, 180, 30), 1000),
    "Cy": ((30, 30, 200), 1500),
    "Dee": ((200, 200, 30), 2000),
}
"""Each person's colour and the pitch of their voice, in hertz; their screen has the opposite."""

DEVICES: Final = """
(([red, green, blue], pitch) => {
  const drawn = (...colour) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 120 });
    const paint = canvas.getContext("2d");
    let count = 0;
    setInterval(() => {
      paint.fillStyle = `rgb(${colour})`;
      paint.fillRect(0, 0, 160, 120);
      paint.fillStyle = "white";
      paint.fillRect((count++ * 5) % 160, 108, 12, 12);
    }, 200);
    return canvas.captureStream(5).getVideoTracks()[0];
  };
  const voice = () => {
    const sound = new AudioContext();
    const [oscillator, sink] = [sound.createOscillator(), sound.createMediaStreamDestination()];
    oscillator.frequency.value = pitch;
    oscillator.connect(sink);
    oscillator.start();
    addEventListener("click", () => sound.resume()); // browsers want one first
    return sink.stream.getAudioTracks()[0];
  };
  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => new MediaStream(
    [...(audio ? [voice()] : []), ...(video ? [drawn(red, green, blue)] : [])]);
  navigator.mediaDevices.getDisplayMedia = async () => new MediaStream(
    [drawn(255 - red, 255 - green, 255 - blue)]);
  const Real = RTCPeerConnection;
  window.made = [];
  window.RTCPeerConnection = function (...given) {
    const one = new Real({ ...given[0], iceTransportPolicy: POLICY });
    window.made.push(one);
    return one;
  };
  window.RTCPeerConnection.prototype = Real.prototype;
})(COLOUR, PITCH);
"""
"""A camera of one colour, in which a square wanders; and all connections are kept in sight."""

NOTES_WORDS: Final = """
window.said = [];
new MutationObserver((changes) => {
  for (const { target } of changes) {
    const words = (target.nodeType === Node.TEXT_NODE ? target.parentNode : target)?.textContent;
    if (words) window.said.push(words);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""
"""Keeps what a page says, for those who look later."""

SEEN: Final = """() => Object.fromEntries([...document.querySelectorAll(".tile")].map((tile) => {
  const video = tile.querySelector("video");
  const name = tile.querySelector("bdi").textContent;
  if (!video.videoWidth || !tile.classList.contains("picture")) return [name, null];
  const canvas = new OffscreenCanvas(16, 12);
  const paint = canvas.getContext("2d");
  paint.drawImage(video, 0, 0, 16, 12);
  return [name, [...paint.getImageData(8, 4, 1, 1).data].slice(0, 3)];
}))"""

HEARD: Final = """async (pitches) => {
  const sound = new AudioContext();
  await sound.resume();
  const heard = {};
  for (const tile of document.querySelectorAll(".tile:not(.mine)")) {
    const stream = tile.querySelector("video").srcObject;
    if (!stream?.getAudioTracks().length) continue;
    const analyser = new AnalyserNode(sound, { fftSize: 4096, smoothingTimeConstant: 0 });
    sound.createMediaStreamSource(new MediaStream(stream.getAudioTracks())).connect(analyser);
    heard[tile.querySelector("bdi").textContent] = analyser;
  }
  const loudest = Object.fromEntries(Object.keys(heard).map((name) => [name, []]));
  for (let look = 0; look < 6; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const [name, analyser] of Object.entries(heard)) {
      const levels = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(levels);
      const at = (pitch) => Math.round(pitch * analyser.fftSize / sound.sampleRate);
      for (const pitch of pitches) {
        const level = Math.max(...levels.slice(at(pitch) - 2, at(pitch) + 3));
        if (level > -55 && !loudest[name].includes(pitch)) loudest[name].push(pitch);
      }
    }
  }
  await sound.close();
  return loudest;
}"""
"""Whose tile sounds with which of these pitches."""


@dataclass
class Held:
    """A meeting on a channel of the emulator, served in a thread: `with Held(scope) as held`."""

    scope: Scope
    mesh: int = 4
    grace_seconds: float = 30.0
    expires: timedelta = HOUR
    seats: int = 10
    relayed: bool = True

    def __enter__(self) -> Self:
        self.ending: Ending | None = None
        self.told: list[str] = []
        self.warned: list[str] = []
        self.channel_arn = channels.create(self.scope, f"meet-{secrets.token_hex(4)}", {})
        channels.wait_until_active(self.scope, self.channel_arn)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True)
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end("the test is over")

    async def _serve(self) -> None:
        self.links, site = Links(), Site.opened()
        host = self.links.issue("master", ["host"], HOUR)
        ids = [f"guest-{number}" for number in range(1, self.seats + 1)]
        guests = self.links.issue("viewer", ids, self.expires)
        self.meeting = Meeting(
            mesh=self.mesh,
            grace_seconds=self.grace_seconds,
            told=self.told.append,
        )
        door = Door(access_of(self.scope), self.channel_arn, relayed=self.relayed)
        server = Server(
            site,
            self.links,
            door,
            self.meeting,
            page="meet.html",
            roles=("master", "viewer"),
            warn=self.warned.append,
        )
        self._server = server
        async with server:
            invitation = server.url_of(guests)
            self.meeting.begin(server.pages, invitation=invitation, until=guests.expires_at)
            self.url, self.guests = site.local_url, guests
            self.host_url, self.guest_url = server.url_of(host), server.url_of(guests)
            self._loop = asyncio.get_running_loop()
            self._ready.set()
            self.ending = await self.meeting.until_over()

    def cut(self) -> None:
        """Break off all connections to the server, which passes on those to the channel."""

        def abort() -> None:
            assert self._server._runner.server is not None
            for connection in self._server._runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()

        self._loop.call_soon_threadsafe(abort)

    def vanish(self) -> None:
        """Be gone without a word, as a process that was killed."""

        async def stop() -> None:
            for site in [*self._server._runner.sites]:
                await site.stop()

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(PATIENCE)
        self.cut()

    def end(self, why: str) -> Ending:
        """End the meeting, unless it has ended; return how it did."""
        with suppress(RuntimeError):  # its loop has ended
            self._loop.call_soon_threadsafe(self.meeting.end, why)
        return self.ended()

    def ended(self) -> Ending:
        """Wait for its end; return how it ended."""
        self._thread.join(PATIENCE)
        assert self.ending is not None
        return self.ending


def devices(name: str, *, relayed: bool = False) -> str:
    """Return the script that gives a person's page their camera and voice."""
    colour, pitch = CAMERAS.get(name, ((90, 90, 90), 3000))
    given = {"COLOUR": colour, "PITCH": pitch, "POLICY": "relay" if relayed else "all"}
    script = DEVICES
    for what, value in given.items():
        script = script.replace(what, json.dumps(value))
    return script


class Guests:
    """Opens a page for each person, with their own camera, in a context of its own."""

    def __init__(self, browser: "Browser") -> None:
        self._browser = browser
        self.pages: list[Page] = []
        self.errors: list[str] = []
        self.relayed = False

    def open(self, url: str, name: str, *, script: str | None = None, **more: Any) -> "Page":
        """Open the page at its door."""
        context = self._browser.new_context(viewport={"width": 480, "height": 400}, **more)
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("pageerror", lambda error: self.errors.append(f"{name}: {error}"))
        page.on("console", lambda said: self._heed(name, said.text))
        page.add_init_script(NOTES_WORDS)
        page.add_init_script(devices(name, relayed=self.relayed) if script is None else script)
        page.goto(url)
        self.pages.append(page)
        return page

    def _heed(self, name: str, said: str) -> None:
        if "Content Security" in said:
            self.errors.append(f"{name}: {said}")

    def join(self, url: str, name: str, **more: Any) -> "Page":
        """Open the page, enter a name, and go in."""
        page = self.open(url, name, **more)
        page.get_by_label("Your name").fill(name)
        page.locator("#join").click()
        page.locator("#room").wait_for()
        return page

    def close(self) -> None:
        """Close all pages."""
        for page in self.pages:
            page.context.close()


class Asked(Protocol):
    """A page of whichever browser, as far as it is asked what it shows."""

    def evaluate(self, expression: str, arg: Any = None) -> Any:
        """Return what a function of the page's gives."""

    def wait_for_timeout(self, timeout: float) -> None:
        """Let so many milliseconds pass."""


def until(page: Asked, script: str, wanted: Callable[[Any], bool], argument: object = None) -> Any:
    """Ask the page again and again, until its answer is wanted."""
    ends = time.monotonic() + PATIENCE
    while not wanted(found := page.evaluate(script, argument)):
        assert time.monotonic() < ends, (found, page.evaluate("document.body.innerText"))
        page.wait_for_timeout(100)
    return found


def was_told(page: Asked, words: str) -> None:
    """Wait until the page has said this, be it for a moment."""
    until(page, "(words) => said.some((each) => each.includes(words))", bool, words)


def sees(page: Asked, *names: str, screens: tuple[str, ...] = ()) -> None:
    """Wait until the page shows these people by the pixels of their cameras, and nobody else."""

    def right(found: dict[str, list[int] | None]) -> bool:
        return found.keys() == {*names} and all(
            _is(found[name], CAMERAS[name][0], opposite=name in screens) for name in names
        )

    until(page, SEEN, right)


def _is(seen: list[int] | None, colour: tuple[int, ...], *, opposite: bool) -> bool:
    wanted = [255 - each for each in colour] if opposite else colour
    return seen is not None and all(abs(a - b) < 60 for a, b in zip(seen, wanted, strict=True))


def hears(page: Asked, *names: str) -> None:
    """Wait until the page sounds with these voices, each from its own tile, and no other."""
    wanted = {name: [CAMERAS[name][1]] for name in names}

    def right(found: dict[str, list[int]]) -> bool:
        return {name: pitches for name, pitches in found.items() if pitches} == wanted

    until(page, HEARD, right, [pitch for _, pitch in CAMERAS.values()])


def still_connected(emulator: LocalServer) -> int:
    """Return how many connections to channels there still are, once some time was given to end."""
    ends = time.monotonic() + PATIENCE
    while True:
        calls = emulator.calls
        there = calls["ConnectAsMaster"] + calls["ConnectAsViewer"] - calls["Disconnect"]
        if not there or time.monotonic() > ends:
            return there
        time.sleep(0.05)


def all_closed(page: Asked) -> None:
    """Wait until the page has closed each connection that it ever made."""
    closed = "() => window.made.every(({ connectionState }) => connectionState === 'closed')"
    until(page, closed, bool)


@contextmanager
def guests(browser: "Browser") -> Iterator[Guests]:
    """Have what opens pages; at the end they are closed, and none has met with an error."""
    people = Guests(browser)
    yield people
    people.close()
    assert people.errors == []
