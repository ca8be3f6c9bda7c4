"""The imitation of AWS's C client does what the client is known to do, and smoke bears with it."""

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from kvsops.core.wire.message import Action, MessageType
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.fleet import put
from tests.foreign.fetch import HERE
from tests.foreign.peer import Foreign, Wish
from tests.local.signaling.peers import Peer, Peers, run
from tests.namespace import at_aws_names

PROGRAM = "imitated_c.py"
SHA_512 = re.compile(r"^a=fingerprint:(?!sha-256 ).*\r?\n", re.MULTILINE)


@pytest.fixture
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator without quotas whose channels are ACTIVE at once."""
    with LocalServer(Settings(quotas=False, state_delay=timedelta())) as server:
        yield server


@pytest.fixture
def arn(emulator: LocalServer) -> str:
    """Make a channel."""
    return put(emulator, "camera").arn


@pytest.fixture
def camera(emulator: LocalServer, arn: str) -> Iterator[Foreign]:
    """Yield an imitated master that has connected."""
    with Foreign(PROGRAM, Wish("master", arn, emulator.environment())) as running:
        running.wait_for("ready")
        yield running


Body = Callable[[Peers, RTCPeerConnection, RTCSessionDescription], Coroutine[Any, Any, None]]


def with_offer(emulator: LocalServer, body: Body) -> None:
    """Run the body with an offer of aiortc's: three fingerprints, all candidates, no trickle."""

    async def main(peers: Peers) -> None:
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        try:
            connection.addTransceiver("video", direction="recvonly")
            await connection.setLocalDescription(await connection.createOffer())
            await body(peers, connection, connection.localDescription)
        finally:
            await connection.close()

    run(emulator, main)


async def send(viewer: Peer, text: str) -> None:
    """Send an offer."""
    await viewer.send(Action.SDP_OFFER, json.dumps({"type": "offer", "sdp": text}))


async def answer(viewer: Peer) -> str:
    """Wait for the answer, which is what comes first."""
    message = await viewer.receive()
    assert message.message_type is MessageType.SDP_ANSWER
    return str(json.loads(message.payload or "")["sdp"])


@pytest.mark.parametrize("lines", [1, 3])
def test_the_last_fingerprint_wins(
    emulator: LocalServer, arn: str, camera: Foreign, lines: int
) -> None:
    """With sha-256 alone it connects; with aiortc's three it fails, as cameras in the field do."""

    async def body(
        peers: Peers, connection: RTCPeerConnection, offer: RTCSessionDescription
    ) -> None:
        assert len(re.findall("^a=fingerprint:", offer.sdp, re.MULTILINE)) == 3
        viewer = await peers.viewer(arn)
        await send(viewer, offer.sdp if lines == 3 else SHA_512.sub("", offer.sdp))
        told = RTCSessionDescription(type="answer", sdp=await answer(viewer))
        await connection.setRemoteDescription(told)
        event = "connected" if lines == 1 else "failed"
        await asyncio.to_thread(camera.wait_for, event)

    with_offer(emulator, body)
    assert len(camera.all("connected")) == (lines == 1)


@pytest.mark.parametrize("trickle", [False, True])
def test_when_it_answers(
    emulator: LocalServer, arn: str, camera: Foreign, *, trickle: bool
) -> None:
    """To an offer that says trickle, at once; to others, once it has all its candidates."""

    async def body(peers: Peers, _: RTCPeerConnection, offer: RTCSessionDescription) -> None:
        line = "\r\na=ice-options:trickle" if trickle else ""
        viewer = await peers.viewer(arn)
        await send(viewer, offer.sdp.replace("\r\nm=", f"{line}\r\nm=", 1))
        found = "a=candidate:" in await answer(viewer)
        assert found is not trickle
        if trickle:
            message = await viewer.receive()
            assert message.message_type is MessageType.ICE_CANDIDATE

    with_offer(emulator, body)
    assert camera.all("failed") == []


def test_one_peer_for_each_viewer_id(emulator: LocalServer, arn: str, camera: Foreign) -> None:
    """It answers the first offer of an id; the next one of it gets none, and another id's does."""

    async def body(peers: Peers, _: RTCPeerConnection, offer: RTCSessionDescription) -> None:
        text = offer.sdp.replace("\r\nm=", "\r\na=ice-options:trickle\r\nm=", 1)
        first, other = await peers.viewer(arn, "v1"), await peers.viewer(arn, "v2")
        await send(first, text)
        await answer(first)
        await send(first, text)
        await send(other, text)
        await answer(other)
        kinds = set()
        while not first.ws.closed:
            try:
                async with asyncio.timeout(1):
                    kinds.add((await first.receive()).message_type)
            except TimeoutError:
                break
        assert kinds <= {MessageType.ICE_CANDIDATE}

    with_offer(emulator, body)
    assert "Peer connection v1 is in progress" in camera.errors


def smoke(emulator: LocalServer, arn: str, *options: str) -> dict[str, Any]:
    """Run `kvsops smoke` as the camera's viewer; return its result."""
    command = [sys.executable, "-m", "kvsops", "smoke", arn, "--viewer-only", *options]
    environment = os.environ | emulator.environment()
    done = subprocess.run(
        [*command, "-o", "json"], env=environment, capture_output=True, text=True, check=False
    )
    return dict(json.loads(done.stdout))


def test_what_it_does_not_use_is_freed(emulator: LocalServer, arn: str) -> None:
    """Smoke uses the pair that the camera uses: freed TURN allocations take no picture away."""
    environment = emulator.environment() | {"IMITATED_FREE_SECONDS": "1"}
    with Foreign(PROGRAM, Wish("master", arn, environment)) as camera:
        camera.wait_for("ready")
        result = smoke(emulator, arn, "--duration", "4s")
        camera.wait_for("freed")
    assert (result["passed"], result["reason"]) == (True, None)
    assert result["selected_pair"]["remote_type"] != "relay"


def test_after_a_viewer_that_died(emulator: LocalServer, arn: str, camera: Foreign) -> None:
    """An id is in progress after a run of smoke's was killed; the next run passes all the same."""
    command = [sys.executable, "-m", "kvsops", "smoke", arn, "--viewer-only", "--duration", "60s"]
    environment = os.environ | emulator.environment()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as killed:
        camera.wait_for("connected")
        killed.kill()
    result = smoke(emulator, arn, "--duration", "2s")
    assert (result["passed"], result["reason"]) == (True, None)


_SMOKE = """
(
aws kinesisvideo create-signaling-channel --channel-name door --query ChannelARN --output text \
  > $HOSTS.arn
sleep 1
sed -e "s|@arn|$(cat $HOSTS.arn)|" -e "s|@key|$AWS_ACCESS_KEY_ID|" \
  -e "s|@secret|$AWS_SECRET_ACCESS_KEY|" -e "s|@ca|$SSL_CERT_FILE|" "$WISH" > $HOSTS.wish
mkfifo $HOSTS.input
$PROGRAM < $HOSTS.input > $HOSTS.told &
program=$!
exec 3> $HOSTS.input
cat $HOSTS.wish >&3
until grep -q ready $HOSTS.told; do kill -0 $program; sleep 0.1; done
$KVSOPS smoke door --viewer-only --duration 2s -o json || echo failed
exec 3>&-
wait $program
cat $HOSTS.told >&2
)
"""
"""In a subshell, for the shell outside ends the last that it put into the background."""


def test_at_port_443(tmp_path: Path) -> None:
    """At AWS's own names it needs no port, and STUN at 443 answers it: no gathering of 10 s."""
    wish = {
        "role": "master",
        "channel": "@arn",
        "endpoint": "https://kinesisvideo.eu-west-1.amazonaws.com",
        "region": "eu-west-1",
        "credentials": {"accessKeyId": "@key", "secretAccessKey": "@secret", "sessionToken": None},
        "send": ["video", "audio", "data"],
        "ca": "@ca",
    }
    (tmp_path / "wish").write_text(json.dumps(wish) + "\n")
    program = shlex.join([sys.executable, str(HERE / "clients" / PROGRAM)])
    done, said = at_aws_names(
        tmp_path,
        _SMOKE,
        *("--region", "eu-west-1"),
        WISH=str(tmp_path / "wish"),
        PROGRAM=program,
        AWS_PAGER="",
    )
    result = json.loads(done.stdout)
    assert (result["passed"], result["reason"]) == (True, None), said
    events = [json.loads(line)["event"] for line in done.stderr.splitlines() if line[:1] == "{"]
    assert events[:2] == ["ready", "connected"]
