"""The page of `kvsops view` as a person uses it, in Chromium, with a camera of ours."""

import asyncio
import base64
import io
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import av
import pytest
from playwright.sync_api import Page

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.cli.access import access_of
from kvsops.local.server import LocalServer
from kvsops.peers.picture import Mark, read
from kvsops.peers.waits import end_all
from kvsops.stay.play import Wanted, play
from kvsops.stay.sources import Numbered
from tests.web.beside import beside
from tests.web.camera import SENDER, SIZE, Camera, camera
from tests.web.conftest import NewPage, posted, until
from tests.web.meetings import Asked, was_told
from tests.web.serving import Serving

GREETING = {"channel": "cam-door", "place": "us-east-1", "mirror": False}
PIXELS = """() => {
  const video = document.getElementById("picture");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  if (!canvas.width) return null;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}"""
PEERS = """
window.peers = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) {
    super(...given);
    peers.push(this);
  }
};
"""
HOLDS_FIGURES = """() => {
  window.held = [];
  const measured = RTCPeerConnection.prototype.getStats;
  RTCPeerConnection.prototype.getStats = async function () {
    const figures = await measured.call(this);
    await new Promise((resolve) => held.push(resolve));
    return figures;
  };
  new MutationObserver(() => {
    window.released = true;
    for (const release of held) release();
  }).observe(document.getElementById("state"), { childList: true });
}"""
"""Holds what is measured back until the page says that it stands otherwise."""
UNCOVERED = "document.getElementById('curtain').hidden"


def mark_of(png: bytes) -> tuple[Mark | None, tuple[int, int]]:
    """Read the number in a picture, and its size."""
    with av.open(io.BytesIO(png), "r") as opened:
        frame = next(opened.decode(video=0))
    return read(frame.reformat(format="yuv420p")), (frame.width, frame.height)


def number_shown(page: Asked, sender: int = SENDER) -> int:
    """Read the number of the picture that a page shows, as soon as it has one of this sender's."""
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        pixels = page.evaluate(PIXELS)
        mark = mark_of(base64.b64decode(pixels))[0] if pixels else None
        if mark is not None:
            assert mark.sender == sender
            return mark.number
        page.wait_for_timeout(50)
    raise AssertionError("no picture was seen")


def goes_on(page: Asked, number: int) -> bool:
    """Wait until the page shows a picture later than this one."""
    ends = time.monotonic() + 20
    while (shown := number_shown(page)) <= number and time.monotonic() < ends:
        page.wait_for_timeout(50)
    return shown > number


def states(served: Serving) -> list[str]:
    """Return the states that the page told its terminal."""
    return [message["state"] for _, message in served.room.heard]


@pytest.fixture
def greets(served: Serving) -> Serving:
    """Let the server greet a page as `kvsops view` does."""
    served.room.greets = GREETING
    return served


@contextmanager
def watching(
    scope: Scope, arn: str, served: Serving, new_page: NewPage, url: str | None = None
) -> Iterator[tuple[Camera, Page]]:
    """Connect a camera and open a page that shows its picture."""
    with camera(scope, arn) as there:
        page = new_page(url or served.url())
        until(page, UNCOVERED)
        yield there, page


def test_a_person_watches(scope: Scope, arn: str, greets: Serving, new_page: NewPage) -> None:
    """It waits for the camera, joins by itself, and shows the camera's very pictures."""
    page = new_page(greets.url())
    page.get_by_text("Waiting for the master").wait_for()
    assert page.url == greets.server.site.local_url + "/"  # the link is not in the address bar
    assert page.title().startswith("cam-door ")
    assert page.get_by_role("heading", name="cam-door").is_visible()
    with camera(scope, arn) as there:
        until(page, UNCOVERED)
        assert goes_on(page, number_shown(page))
        assert there.offers == ["viewer-0"]  # the one that waited
        page.get_by_text("direct, over UDP").wait_for()
        assert page.get_by_text(re.compile(rf"^{SIZE[0]} . {SIZE[1]}$")).is_visible()
        page.get_by_role("img", name=re.compile("Frames per second in the last minute")).wait_for()
    assert states(greets)[:3] == ["waiting", "connecting", "watching"]


@asynccontextmanager
async def _played(scope: Scope, arn: str) -> AsyncIterator[None]:
    """Play the test picture, as `kvsops play` does."""
    wanted = Wanted(Numbered(SIZE, 15), take_over=True)
    playing = asyncio.ensure_future(play(access_of(scope), arn, wanted, now=scope.now))
    yield
    await end_all([playing])


def test_what_is_played(scope: Scope, arn: str, greets: Serving, new_page: NewPage) -> None:
    """The page shows the very pictures that `kvsops play` numbers, and the next ones."""
    with beside(_played(scope, arn)):
        page = new_page(greets.url())
        first = number_shown(page, sender=0)
        ends = time.monotonic() + 20
        while number_shown(page, sender=0) <= first:
            assert time.monotonic() < ends
            page.wait_for_timeout(50)


def test_a_snapshot(scope: Scope, arn: str, greets: Serving, new_page: NewPage) -> None:
    """It is saved as a PNG named after the channel, and holds the picture."""
    with watching(scope, arn, greets, new_page) as (_, page):
        number_shown(page)
        with page.expect_download() as download:
            page.get_by_role("button", name="Snapshot").press("Enter")
        assert re.fullmatch(r"cam-door-[\d-]{19}\.png", download.value.suggested_filename)
        mark, size = mark_of(Path(download.value.path()).read_bytes())
        assert (mark and mark.sender, size) == (SENDER, SIZE)


def test_talk_and_sound(scope: Scope, arn: str, greets: Serving, new_page: NewPage) -> None:
    """Messages go there and back, shown as text whatever they hold; sound waits for a click."""
    with watching(scope, arn, greets, new_page) as (there, page):
        line = page.get_by_label("Message on the data channel")
        line.fill("<img src=x> hello")
        line.press("Enter")
        page.get_by_text("<img src=x> hello yourself").wait_for()
        assert there.heard == ["<img src=x> hello"]
        assert page.evaluate("document.getElementById('picture').muted")
        page.get_by_role("button", name="Turn on sound").click()
        page.get_by_role("button", name="Turn off sound").wait_for()
        assert not page.evaluate("document.getElementById('picture').muted")


def test_a_channel_that_never_opened(greets: Serving, new_page: NewPage) -> None:
    """Of one that ends before it was there nothing is said."""
    page = new_page(greets.url().partition("#")[0])
    said = """async () => {
      const { Talk } = await import("/talk.js");
      const [list, form] = [document.createElement("ol"), document.createElement("form")];
      const connection = new RTCPeerConnection();
      const channel = connection.createDataChannel("x");
      new Talk(list, form, form, form).attach(channel);
      const closed = new Promise((resolve) => channel.addEventListener("close", resolve));
      connection.close();
      await closed;
      return list.textContent;
    }"""
    assert page.evaluate(said) == ""


def test_a_reload(scope: Scope, arn: str, greets: Serving, new_page: NewPage) -> None:
    """It joins again at its own place, without the link in its address."""
    with watching(scope, arn, greets, new_page) as (there, page):
        page.reload()
        until(page, UNCOVERED)
        number_shown(page)
        assert there.offers == ["viewer-0", "viewer-0"]


ANSWERS_OF_BEFORE = """
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  get onmessage() { return super.onmessage; }
  set onmessage(take) {
    super.onmessage = (message) => {
      if (message.data.includes("SDP_ANSWER")) {
        const before = sessionStorage.getItem("answer");
        if (before && !window.tookBefore) take({ data: before });
        window.tookBefore = true;
        sessionStorage.setItem("answer", message.data);
      }
      take(message);
    };
  }
};
"""


def test_an_answer_to_a_call_of_before(
    scope: Scope, arn: str, greets: Serving, new_page: NewPage
) -> None:
    """A late master answers all that was offered: the page calls again, and is not stuck."""
    with camera(scope, arn) as there:
        page = new_page()
        page.add_init_script(ANSWERS_OF_BEFORE)
        page.goto(greets.url())
        until(page, UNCOVERED)
        page.reload()
        until(page, UNCOVERED)
        number_shown(page)
        assert there.offers == ["viewer-0"] * 3


def test_a_master_that_comes_back(
    scope: Scope, arn: str, greets: Serving, new_page: NewPage
) -> None:
    """When the camera ends the page says so, and shows the next one by itself."""
    with watching(scope, arn, greets, new_page) as (_, page):
        number_shown(page)
    was_told(page, "The master has gone")
    with camera(scope, arn) as there:
        until(page, UNCOVERED)
        number_shown(page)
        assert there.offers


def test_measured_before_the_master_went(
    scope: Scope, arn: str, greets: Serving, new_page: NewPage
) -> None:
    """Figures that come when it has gone do not bring its last picture back."""
    with watching(scope, arn, greets, new_page) as (_, page):
        page.evaluate(HOLDS_FIGURES)
        until(page, "held.length")
    was_told(page, "The master has gone")
    until(page, "released")
    page.wait_for_timeout(100)
    told = page.evaluate("said")
    assert "Connected: the picture is shown." not in told[told.index("The master has gone") :]
    assert not page.evaluate(UNCOVERED)


def test_lost_sockets(scope: Scope, arn: str, greets: Serving, new_page: NewPage) -> None:
    """The picture goes on while signaling and the server are lost, and both come back."""
    with watching(scope, arn, greets, new_page) as (there, page):
        before = number_shown(page)
        greets.break_off()
        assert goes_on(page, before)
        ends = time.monotonic() + 20
        while greets.room.moves[-1] != ("came", "viewer-0") or len(greets.room.moves) < 3:
            assert time.monotonic() < ends, greets.room.moves
            page.wait_for_timeout(50)
        assert there.offers == ["viewer-0"]
        assert page.evaluate(UNCOVERED)


def test_the_start_page(greets: Serving, new_page: NewPage) -> None:
    """Without a link it explains itself, and takes a link that is pasted."""
    page = new_page(greets.server.site.local_url)
    link = page.get_by_label("Link")
    for wrong in ("nonsense", greets.server.site.local_url, "javascript:alert(1)#x"):
        link.fill(wrong)
        link.press("Enter")
        page.get_by_text("That is no link of kvsops view").wait_for()
    link.fill(greets.url())
    page.get_by_role("button", name="Watch").click()
    page.get_by_role("heading", name="cam-door").wait_for()


def test_a_page_that_is_never_painted(greets: Serving, new_page: NewPage) -> None:
    """It joins all the same, if a little later."""
    page = new_page()
    page.add_init_script("window.requestAnimationFrame = () => 0;")
    page.goto(greets.url())
    page.get_by_text("Waiting for the master").wait_for()


def test_before_the_press(
    scope: Scope, arn: str, greets: Serving, new_page: NewPage, emulator: LocalServer
) -> None:
    """The start page makes its peer ready, and asks nobody for anything; then it joins at once."""
    with camera(scope, arn) as there:
        page = new_page()
        page.add_init_script(PEERS)
        page.goto(greets.server.site.local_url)
        until(page, "peers.length && peers[0].getTransceivers().length === 2")
        before = emulator.calls["ConnectAsViewer"]
        page.wait_for_timeout(300)
        assert page.evaluate("peers.map((each) => each.iceGatheringState)") == ["new"]
        assert (greets.room.moves, there.offers) == ([], [])
        page.get_by_label("Link").fill(greets.url())
        addresses: list[str] = []
        page.on("framenavigated", lambda frame: addresses.append(frame.url))
        page.get_by_role("button", name="Watch").click()
        until(page, UNCOVERED)
        assert page.evaluate("peers.length") == 1  # of the same page: it was not loaded anew
        assert addresses == []  # drawing another one holds up the page's connections
        assert emulator.calls["ConnectAsViewer"] - before == 1
        assert (greets.room.moves, there.offers) == ([("came", "viewer-0")], ["viewer-0"])
        assert page.url == greets.server.site.local_url + "/"


def test_what_joining_asks_for(scope: Scope, arn: str, greets: Serving, new_page: NewPage) -> None:
    """A link is joined by one connection to the server and one to the channel, and no request."""
    with camera(scope, arn):
        page = new_page()
        sockets = list[str]()
        page.on("websocket", lambda each: sockets.append(each.url.rpartition("/")[2]))
        posts = posted(page)
        page.goto(greets.url())
        until(page, UNCOVERED)
        assert (sockets, posts) == (["events", "signaling"], [])
        assert greets.room.moves == [("came", "viewer-0")]


def test_the_first_picture(scope: Scope, arn: str, greets: Serving, new_page: NewPage) -> None:
    """It is seen as soon as it is there, and not when it is first measured."""
    with camera(scope, arn):
        page = new_page()
        page.route("**/measures.js", lambda route: route.abort())
        page.goto(greets.url())
        until(page, UNCOVERED)
        number_shown(page)
        page.get_by_role("button", name="Snapshot").and_(page.locator(":enabled")).wait_for()


ENDINGS = {
    "unknown": "The link leads nowhere",
    "expired": "The link has expired",
    "full": "All places are taken",
    "revoked": "kvsops view has ended",
    "gone": "The channel is gone",
}


@pytest.mark.parametrize("how", ENDINGS)
def test_endings(scope: Scope, arn: str, greets: Serving, new_page: NewPage, how: str) -> None:
    """Whatever keeps a page from watching is said in words, and it tries no further."""
    link = greets.link(seats=1, lasts=timedelta() if how == "expired" else timedelta(hours=1))
    url = greets.server.url_of(link)
    if how == "full":
        new_page(url).get_by_role("heading", name="cam-door").wait_for()
    page = new_page(url + ("x" if how == "unknown" else ""))
    if how in ("revoked", "gone"):
        page.get_by_role("heading", name="cam-door").wait_for()
    if how == "revoked":
        greets.do(greets.server.revoke, link)
    if how == "gone":
        channels.delete_made(scope, arn)
        greets.break_off()
    page.get_by_text(ENDINGS[how]).wait_for()
    page.wait_for_timeout(300)
    assert page.get_by_text(ENDINGS[how]).is_visible()


def test_a_mirror(scope: Scope, arn: str, greets: Serving, new_page: NewPage) -> None:
    """One's own camera and microphone are sent, and shown in a corner."""
    greets.room.greets = {**GREETING, "mirror": True}
    with watching(scope, arn, greets, new_page) as (there, page):
        assert page.get_by_label("Your own picture").is_visible()
        [peer] = there.peers.values()
        ends = time.monotonic() + 20
        while not (peer.received.first_video.is_set() and peer.received.first_audio.is_set()):
            assert time.monotonic() < ends
            page.wait_for_timeout(50)


def test_less_motion(greets: Serving, new_page: NewPage) -> None:
    """Who wants less motion sees no turning wheel."""
    page = new_page(greets.url(), reduced_motion="reduce")
    turns = "getComputedStyle(document.getElementById('curtain'), '::before').animationName"
    page.get_by_text("Joining").or_(page.get_by_text("Waiting")).first.wait_for()
    assert page.evaluate(turns) == "none"
