"""How soon `kvsops view`'s page shows a picture, beside two peer connections in one page.

`joined_ms` is the time from the page's scripts beginning to its first picture, through the
server, the emulator's signaling and a master in another page; `floor_ms` that of two peer
connections in one page, handed each other's descriptions; both with the same drawn picture, in
the same Chromium, in turn. `paint_ms` is the time from the page's response to its first paint,
`paint_floor_ms` that of some lines of plain text; each in a browser context that is new, so that
nothing is cached, and a process that has just begun.
Medians; prints one JSON line. Targets: `over` at most 1.5, `paint_ms` at most 100.
Run: python tests/benchmarks/page.py [RUNS]
"""

import json
import os
import statistics
import sys
from datetime import timedelta

from playwright.sync_api import Browser, Page, sync_playwright

from kvsops.aws.scope import Scope
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.fleet import put
from tests.web.conftest import ARGUMENTS, CHROMIUM
from tests.web.serving import Serving, serving

RUNS = 10
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
WATCH = """
window.seen = new Promise((resolve) => addEventListener("DOMContentLoaded", () =>
  document.getElementById("picture").requestVideoFrameCallback(resolve)));
"""
JOINED = """async () =>
  await seen - performance.getEntriesByType("navigation")[0].domContentLoadedEventStart
"""
PAINTED = """() => new Promise((resolve) => {
  const [page] = performance.getEntriesByType("navigation");
  new PerformanceObserver((list) => list.getEntriesByName("first-paint").forEach((paint) =>
    resolve(paint.startTime - page.responseEnd))).observe({ type: "paint", buffered: true });
})"""
FLOOR = """async () => {
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
  one.ontrack = ({ track: got }) => (video.srcObject = new MediaStream([got]));
  one.addTransceiver("audio", { direction: "recvonly" });
  one.addTransceiver("video", { direction: "recvonly" });
  one.createDataChannel("data");
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


def main() -> None:
    """Time both in turn, so that a slower moment slows both."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with LocalServer(Settings(quotas=False, state_delay=timedelta())) as local:
        os.environ.update(local.environment())
        scope = Scope(environ=local.environment())
        arn = put(local, "cam").arn
        with serving(scope, arn, relayed=False) as served, sync_playwright() as playwright:
            served.room.greets = {"channel": "cam", "place": "here", "mirror": False}
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            bare = served.url("master", seats=1).replace(
                "/#", "/page.css#"
            )  # no scripts of its own
            opened(browser, bare, PICTURE).evaluate(MASTER)
            times = [(*joined(browser, served), *floor(browser, served)) for _ in range(runs + 1)]
            browser.close()
    medians = (statistics.median(each) for each in zip(*times[1:], strict=True))
    shown, painted, least, text = medians
    result = {
        "benchmark": "page",
        "joined_ms": round(shown, 1),
        "floor_ms": round(least, 1),
        "over": round(shown / least, 2),
        "target": TARGET,
        "paint_ms": round(painted, 1),
        "paint_floor_ms": round(text, 1),
        "paint_target_ms": PAINT_TARGET_MS,
    }
    sys.stdout.write(json.dumps(result) + "\n")


def opened(browser: Browser, url: str, script: str) -> Page:
    """Open a page in a context of its own, with a script before its own."""
    page = browser.new_context().new_page()
    page.add_init_script(script)
    page.goto(url)
    return page


def joined(browser: Browser, served: Serving) -> tuple[float, float]:
    """Open the page of a viewer; return when it showed a picture, and when it first painted."""
    page = opened(browser, served.url(), WATCH)
    shown, painted = page.evaluate(JOINED), page.evaluate(PAINTED)
    page.context.close()
    return shown, painted


def floor(browser: Browser, served: Serving) -> tuple[float, float]:
    """Let two peer connections of one page show a picture; and when a page of text painted."""
    page = opened(browser, f"{served.server.site.local_url}/page.css", PICTURE)
    painted, spent = page.evaluate(PAINTED), page.evaluate(FLOOR)
    page.context.close()
    return spent, painted


if __name__ == "__main__":
    main()
