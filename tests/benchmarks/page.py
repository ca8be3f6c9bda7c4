"""How soon `kvsops view` and `kvsops meet` show a picture, beside two peer connections in one page.

Each stands beside its own floor, in the same Chromium, in turn, with the same drawn pictures:

- `joined_ms`: from "Watch", pressed on the start page of `kvsops view`, to the picture being seen,
  through the server, the emulator's signaling and a master in another page. `floor_ms`: two peer
  connections in one page, handed each other's descriptions.
- `met_ms`: from "Join", pressed by a guest of `kvsops meet`, to the host's picture.
  `met_floor_ms`: as above, but both send sound and picture, as they do in a meeting.
- `paint_ms`: from the end of the page's response, by a link, to its first paint; `paint_floor_ms`
  that of some lines of plain text: both before the master is there, whose drawing takes a part of
  the machine. `opened_ms`: from that end to the picture being seen, so that nothing gets faster by
  being done before or after what else is measured.

Each has a window of its own, so that nothing is cached; a window is open for a while before
anything is measured there, since Chromium is busy with its own address bar at first.
Medians; prints one JSON line. Targets: `over` and `met_over` at most 1.5, `paint_ms` at most 100.
Run: python -m tests.benchmarks.page [RUNS]
"""

import asyncio
import json
import os
import statistics
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta

from kvsops.aws.scope import Scope
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.benchmarks.chromium import Browser, Page
from tests.fleet import put
from tests.web.conftest import ARGUMENTS
from tests.web.meetings import Held
from tests.web.serving import Serving, serving

RUNS = 10
REST_SECONDS = 1.0
GRACE_SECONDS = 0.2
TARGET, PAINT_TARGET_MS = 1.5, 100
PICTURE = """
window.picture = () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
  const paint = canvas.getContext("2d");
  let drawn = 0;
  setInterval(() => {
    paint.fillStyle = "teal";
    paint.fillRect(0, 0, 640, 480);
    paint.fillStyle = "white";
    paint.fillRect((drawn++ * 7) % 640, 200, 80, 80);
  }, 33);
  return canvas.captureStream(30).getVideoTracks()[0];
};
"""
MASTER = """async () => {
  const { Server, takeToken } = await import("/server.js");
  const { Signaling } = await import("/signaling.js");
  const { Peer } = await import("/peer.js");
  const track = picture();
  const peers = new Map();
  const server = new Server(takeToken());
  server.run();
  const signaling = new Signaling((how) => server.connect(how));
  let iceServers;
  await new Promise((resolve) => {
    signaling.addEventListener("open", ({ detail }) => {
      ({ iceServers } = detail);
      resolve();
    });
    signaling.addEventListener("offer", ({ detail: { from, description } }) => {
      const peer = new Peer({ iceServers, offers: false, send: (each) => each.description
        ? signaling.send("answer", each.description, from)
        : signaling.send("candidate", each.candidate, from) });
      peers.get(from)?.close();
      peers.set(from, peer);
      peer.connection.addTrack(track);
      peer.take({ description });
    });
    signaling.addEventListener("candidate", ({ detail: { from, candidate } }) =>
      peers.get(from)?.take({ candidate }));
    signaling.run();
  });
}"""
CAMERA = (
    PICTURE
    + """
window.silence = () => new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = async ({ audio, video }) =>
  new MediaStream([...(audio ? [silence()] : []), ...(video ? [picture()] : [])]);
"""
)
WATCH = """
window.seen = new Promise((resolve) => addEventListener("DOMContentLoaded", () => {
  const [picture, curtain] = ["picture", "curtain"].map((id) => document.getElementById(id));
  picture.requestVideoFrameCallback((at) => {
    const uncovered = () => curtain.hidden && resolve(Math.max(at, performance.now()));
    new MutationObserver(uncovered).observe(curtain, { attributes: true });
    uncovered();
  });
}));
"""
OPENED = """async () => await seen - performance.getEntriesByType("navigation")[0].responseEnd"""
JOINED = """async (link) => {
  document.getElementById("link").value = link;
  const began = performance.now();
  document.querySelector("#start-form button").click();
  return await seen - began;
}"""
READY = """() => new Promise((resolve) => {
  const preview = document.getElementById("preview");
  const look = () => preview.srcObject ? resolve() : setTimeout(look, 50);
  look();
})"""
HOST = """() => {
  document.getElementById("name").value = "Host";
  document.getElementById("join").click();
}"""
MET = """async () => {
  const seen = new Promise((resolve) => {
    const look = () => document.querySelector(".tile:not(.mine) video")
      ?.requestVideoFrameCallback(resolve);
    new MutationObserver(look).observe(document.getElementById("tiles"), { childList: true });
  });
  document.getElementById("name").value = "Somebody";
  const began = performance.now();
  document.getElementById("join").click();
  return await seen - began;
}"""
PAINTED = """() => new Promise((resolve) => {
  const [page] = performance.getEntriesByType("navigation");
  new PerformanceObserver((list) => list.getEntriesByName("first-paint").forEach((paint) =>
    resolve(paint.startTime - page.responseEnd))).observe({ type: "paint", buffered: true });
})"""
FLOOR = """async (both) => {
  const tracks = both ? [silence(), picture()] : [];
  const track = picture();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const began = performance.now();
  const [one, two] = [new RTCPeerConnection(), new RTCPeerConnection()];
  for (const [from, to] of [[one, two], [two, one]]) {
    from.onicecandidate = ({ candidate }) => candidate && to.addIceCandidate(candidate);
  }
  const video = document.createElement("video");
  Object.assign(video, { muted: true, autoplay: true });
  document.body.append(video);
  one.ontrack = ({ track: got }) => {
    if (got.kind === "video") video.srcObject = new MediaStream([got]);
  };
  for (const at of [0, 1]) {
    if (both) one.addTrack(tracks[at]);
    else one.addTransceiver(["audio", "video"][at], { direction: "recvonly" });
  }
  one.createDataChannel("data");
  if (both) two.addTrack(silence());
  two.addTrack(track);
  const seen = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  await one.setLocalDescription();
  await two.setRemoteDescription(one.localDescription);
  await two.setLocalDescription();
  await one.setRemoteDescription(two.localDescription);
  const ended = await seen;
  one.close();
  two.close();
  return ended - began;
}"""

Times = dict[str, float]


async def main() -> None:
    """Time each and its floor in turn, so that a slower moment slows both."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with LocalServer(Settings(quotas=False, state_delay=timedelta())) as local:
        os.environ.update(local.environment())
        scope = Scope(environ=local.environment())
        found = await watched(scope, put(local, "cam").arn, runs) | await met(scope, runs)
    result = {
        "benchmark": "page",
        **{name: round(value, 1) for name, value in found.items()},
        "over": round(found["joined_ms"] / found["floor_ms"], 2),
        "met_over": round(found["met_ms"] / found["met_floor_ms"], 2),
        "target": TARGET,
        "paint_target_ms": PAINT_TARGET_MS,
    }
    sys.stdout.write(json.dumps(result) + "\n")


async def watched(scope: Scope, arn: str, runs: int) -> Times:
    """Time the page of `kvsops view`."""
    with serving(scope, arn, relayed=False) as served:
        served.room.greets = {"channel": "cam", "place": "here", "mirror": False}
        async with Browser.launched(ARGUMENTS) as browser:
            text = f"{served.server.site.local_url}/page.css"

            async def paint() -> Times:
                least = await painted(browser, text)
                return {"paint_ms": await painted(browser, served.url()), "paint_floor_ms": least}

            paints = await medians(paint, runs)
            # A page without scripts of its own.
            bare = served.url("master", seats=1).replace("/#", "/page.css#")
            await (await opened(browser, bare, PICTURE)).evaluate(MASTER)

            async def run() -> Times:
                least = await floor(browser, text, both=False)
                return await by_link(browser, served) | await by_hand(browser, served) | least

            return paints | await medians(run, runs)


async def met(scope: Scope, runs: int) -> Times:
    """Time the page of `kvsops meet`."""
    with Held(scope, relayed=False, grace_seconds=GRACE_SECONDS) as held:
        async with Browser.launched(ARGUMENTS) as browser:
            host = await opened(browser, held.host_url, CAMERA)
            await host.evaluate(READY)
            await host.evaluate(HOST)

            async def run() -> Times:
                least = await floor(browser, f"{held.url}/page.css", both=True)
                return await joins(browser, held) | {"met_floor_ms": least["floor_ms"]}

            return await medians(run, runs)


async def medians(run: Callable[[], Awaitable[Times]], runs: int) -> Times:
    """Run it so often, and once before that does not count."""
    await run()
    times = [await run() for _ in range(runs)]
    return {name: statistics.median(each[name] for each in times) for name in times[0]}


async def opened(browser: Browser, url: str, script: str) -> Page:
    """Open a page in a window that has come to rest, with a script before its own."""
    page = await browser.page(script)
    await asyncio.sleep(REST_SECONDS)
    await page.open(url)
    return page


async def painted(browser: Browser, url: str) -> float:
    """Open a page, and see when it is painted."""
    page = await opened(browser, url, "")
    spent: float = await page.evaluate(PAINTED)
    await page.close()
    return spent


async def by_link(browser: Browser, served: Serving) -> Times:
    """Open the page of a viewer by its link."""
    page = await opened(browser, served.url(), WATCH)
    times = {"opened_ms": await page.evaluate(OPENED)}
    await page.close()
    return times


async def by_hand(browser: Browser, served: Serving) -> Times:
    """Paste a link on the start page."""
    page = await opened(browser, served.server.site.local_url, WATCH)
    await asyncio.sleep(REST_SECONDS)
    times = {"joined_ms": await page.evaluate(JOINED, served.url())}
    await page.close()
    return times


async def joins(browser: Browser, held: Held) -> Times:
    """Let a guest join, and leave."""
    page = await opened(browser, held.guest_url, CAMERA)
    await page.evaluate(READY)
    await asyncio.sleep(REST_SECONDS)
    times = {"met_ms": await page.evaluate(MET)}
    await page.close()
    return times


async def floor(browser: Browser, url: str, *, both: bool) -> Times:
    """Let two peer connections of one page show a picture."""
    page = await opened(browser, url, CAMERA)
    times = {"floor_ms": await page.evaluate(FLOOR, both)}
    await page.close()
    return times


if __name__ == "__main__":
    asyncio.run(main())
