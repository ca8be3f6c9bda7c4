"""A browser at the TURN server: two peer connections on one page, relayed addresses only."""

from __future__ import annotations

import contextlib
import queue
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.local.turn.client import HOST, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

PAGE = """<!doctype html><script>
const say = (text) => fetch("/said", {method: "POST", body: text});
const peer = (urls) => new RTCPeerConnection({
  iceServers: [{urls, username: "alice", credential: "secret"}], iceTransportPolicy: "relay"});
const one = peer("ONE"), two = peer("TWO");
for (const [from, to] of [[one, two], [two, one]]) {
  from.onicecandidate = ({candidate}) => candidate && to.addIceCandidate(candidate);
  from.onicecandidateerror = ({errorCode, errorText}) => say(`${errorCode} ${errorText}`);
}
two.ondatachannel = ({channel}) => {
  channel.onmessage = ({data}) => channel.send(`${data} yourself`);
};
const channel = one.createDataChannel("chat");
channel.onopen = () => channel.send("hello");
channel.onmessage = ({data}) => say(data);
(async () => {
  await one.setLocalDescription();
  await two.setRemoteDescription(one.localDescription);
  await two.setLocalDescription();
  await one.setRemoteDescription(two.localDescription);
})().catch(say);
</script>"""


@contextlib.contextmanager
def _site(page: str) -> Iterator[tuple[str, queue.Queue[str]]]:
    """Serve the page, and collect what it says."""
    said: queue.Queue[str] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(page.encode())

        def do_POST(self) -> None:
            said.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}/", said
        finally:
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def _browser(url: str, profile: Path) -> Iterator[None]:
    """Open the URL, without a window; no certificate is verified, and `lo` may be all there is."""
    assert CHROMIUM
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--ignore-certificate-errors",
        "--allow-loopback-in-peer-connection",
        f"--user-data-dir={profile}",
        url,
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


@pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
@pytest.mark.parametrize(("one", "two"), [("udp", "udp"), ("udp", "tcp"), ("tcp", "tls")])
def test_chromium(tmp_path: Path, one: str, two: str) -> None:
    """A message goes from relayed address to relayed address, and its answer back."""
    minutes: list[str] = []
    with serving(on_relayed=minutes.append) as (ports, _):
        uris = {
            "udp": f"turn:{HOST}:{ports.udp}?transport=udp",
            "tcp": f"turn:{HOST}:{ports.tcp}?transport=tcp",
            "tls": f"turns:{HOST}:{ports.tls}?transport=tcp",
        }
        page = PAGE.replace("ONE", uris[one]).replace("TWO", uris[two])
        with _site(page) as (url, said), _browser(url, tmp_path):
            assert said.get(timeout=30) == "hello yourself"
        assert minutes == ["alice", "alice"]
