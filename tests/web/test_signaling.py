"""The browser's end of signaling, and its peer connections: two pages through the emulator."""

import pytest
from playwright.sync_api import Page

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.local.server import LocalServer
from tests.fleet import From
from tests.web.conftest import NewPage, until
from tests.web.serving import Serving, serving

BEGIN = """async (media) => {
  const { Server, takeToken } = await import("/server.js");
  const { Signaling } = await import("/signaling.js");
  const { Peer } = await import("/peer.js");
  const server = new Server(takeToken());
  server.run();
  const { role } = await server.seated;
  const log = window.log = [];
  const signaling = window.signaling = new Signaling((how) => server.connect(how));
  const peers = window.peers = {};
  const make = (name, to) => {
    peers[name]?.close();
    const send = ({ description, candidate }) => description
      ? signaling.send(description.type, description, to)
      : signaling.send("candidate", candidate, to);
    const peer = peers[name] = new Peer({ iceServers: window.iceServers, send });
    peer.addEventListener("state", ({ detail }) => log.push(detail.state));
    peer.addEventListener("channel", ({ detail: { channel } }) => {
      channel.onmessage = ({ data }) => channel.send(`${data} yourself`);
    });
    return peer;
  };
  const begin = () => {
    const peer = make("master");
    const channel = peer.connection.createDataChannel("talk");
    channel.onopen = () => channel.send("hello");
    channel.onmessage = ({ data }) => log.push(data);
    if (media) {
      for (const kind of ["audio", "video"]) {
        peer.connection.addTransceiver(kind, { direction: "sendrecv" });
      }
    }
  };
  for (const name of ["open", "lost", "over", "refused", "ice-servers"]) {
    signaling.addEventListener(name, ({ detail }) => log.push(detail.why ?? name));
  }
  signaling.addEventListener("open", ({ detail }) => {
    window.iceServers = detail.iceServers;
    if (role === "viewer" && detail.first) begin();
  });
  signaling.addEventListener("offer", ({ detail }) => {
    make(detail.from, detail.from).take({ description: detail.description });
  });
  for (const name of ["answer", "candidate"]) {
    signaling.addEventListener(name, ({ detail }) => {
      window.offer = peers[detail.from]?.connection.localDescription;
      peers[detail.from]?.take(name === "answer" ? { description: detail.description } : detail);
    });
  }
  signaling.run();
}"""

GATHERED = """async () => {
  const { Peer } = await import("/peer.js");
  const sent = [];
  const send = ({ candidate }) => candidate && sent.push(candidate.candidate);
  const { connection } = new Peer({ send });
  connection.createDataChannel("talk");
  await new Promise((resolve) => connection.addEventListener("icegatheringstatechange", () =>
    connection.iceGatheringState === "complete" && resolve()));
  connection.close();
  return sent;
}"""


def meet(served: Serving, new_page: NewPage, *, media: bool = False) -> tuple[Page, Page]:
    """Let two pages join, master and viewer."""
    links = served.url("master", seats=1), served.url()
    # At a file of the server's, where no other scripts run.
    master, viewer = (new_page(link.replace("/#", "/page.css#")) for link in links)
    for page in (master, viewer):
        page.evaluate(BEGIN, media)
    return master, viewer


def wait_for(page: Page, what: str, times: int = 1) -> None:
    """Wait until a page's log has this, so many times."""
    until(page, f"log.filter((each) => each === {what!r}).length >= {times}")


@pytest.mark.parametrize("media", [False, True], ids=["data", "media"])
def test_two_pages_talk(served: Serving, new_page: NewPage, *, media: bool) -> None:
    """A master and a viewer connect through the channel, and a message goes there and back."""
    _, viewer = meet(served, new_page, media=media)
    wait_for(viewer, "hello yourself")
    assert "connected" in viewer.evaluate("log")


def test_without_a_relay(scope: Scope, arn: str, new_page: NewPage) -> None:
    """With a certificate that the browser trusts, as AWS's, pages connect to the service itself."""
    with serving(scope, arn, relayed=False) as served:
        _, viewer = meet(served, new_page)
        wait_for(viewer, "hello yourself")
        assert served.server._signaling == set()


def test_candidates_sent(served: Serving, new_page: NewPage) -> None:
    """TCP candidates that only call others are not sent: they are of no use, and billed."""
    sent = new_page(served.url().replace("/#", "/page.css#")).evaluate(GATHERED)
    assert [each for each in sent if " udp " in each]
    assert not [each for each in sent if "tcptype active" in each]


def test_an_offer_fits(served: Serving, new_page: NewPage) -> None:
    """One of audio, video and data has less than the 10,000 characters of base64 at most."""
    _, viewer = meet(served, new_page, media=True)
    wait_for(viewer, "hello yourself")
    size = viewer.evaluate("btoa(JSON.stringify(offer)).length")
    assert 2_000 < size < 10_000


@pytest.mark.parametrize(
    "fault", [("go-away", "open", 2), ("reconnect-ice-server", "ice-servers", 1)]
)
def test_what_the_service_tells(
    served: Serving,
    new_page: NewPage,
    emulator: LocalServer,
    fault: tuple[str, str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On GO_AWAY a page connects anew; on RECONNECT_ICE_SERVER it asks for servers; both go on."""
    name, told, times = fault
    monkeypatch.setattr(emulator.settings, "faults", (From("ConnectAsViewer", name, last=1),))
    _, viewer = meet(served, new_page)
    wait_for(viewer, told, times)
    wait_for(viewer, "hello yourself")
    assert "lost" not in viewer.evaluate("log")


def test_a_lost_connection(served: Serving, new_page: NewPage) -> None:
    """It is opened again, and the peers that there are stay connected."""
    master, viewer = meet(served, new_page)
    wait_for(viewer, "hello yourself")
    served.break_off()
    wait_for(viewer, "open", 2)
    wait_for(master, "open", 2)
    assert viewer.evaluate("peers.master.state") == "connected"


def test_the_channel_is_gone(scope: Scope, arn: str, served: Serving, new_page: NewPage) -> None:
    """A page that is refused because the channel was deleted is told so, and asks no more."""
    _, viewer = meet(served, new_page)
    wait_for(viewer, "hello yourself")
    channels.delete_made(scope, arn)
    wait_for(viewer, "gone")
