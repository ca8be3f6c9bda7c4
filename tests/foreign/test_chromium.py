"""AWS's JavaScript SDK in Chromium: two pages with each other, and what only browsers do."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import av
import boto3
import pytest

from kvsops.core.wire.ice import Role
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.local.settings import utc_now
from tests.fleet import put
from tests.foreign.conftest import unavailable
from tests.foreign.fetch import UnavailableError
from tests.foreign.meet import KVSOPS, meet
from tests.foreign.peer import Foreign, Transport, Wish
from tests.foreign.stacks import STACKS, Cell

CHROMIUM: Final = next(stack for stack in STACKS if stack.name == "chromium")
QUARTERS: Final = [(200, 40, 40), (40, 180, 40), (40, 40, 200), (200, 200, 40)]
"""What the page sends, as red, green and blue, from the top left to the bottom right."""
COLUMNS: Final = 20
CORNERS: Final = [2 * COLUMNS + 2, 2 * COLUMNS + 17, 12 * COLUMNS + 2, 12 * COLUMNS + 17]
"""A block of each quarter, of the 20 by 15 that are told."""
MIDDLE: Final = slice(7 * COLUMNS, 8 * COLUMNS)
"""The row of blocks in which a bar moves."""

Open = Callable[..., Foreign]


@pytest.fixture(autouse=True)
def there() -> None:
    """Skip where Chromium cannot be had."""
    try:
        CHROMIUM.require()
    except UnavailableError as error:
        unavailable(str(error))


@pytest.fixture
def channel(emulator: LocalServer) -> str:
    """Return a channel's ARN."""
    return put(emulator, "cam").arn


@pytest.fixture
def page(emulator: LocalServer, channel: str) -> Iterator[Open]:
    """Return what opens a page, and waits until its signaling is connected."""
    with ExitStack() as opened:

        def begin(role: Role, **more: Any) -> Foreign:
            wish = Wish(role, channel, **{"environment": emulator.environment(), **more})
            client = opened.enter_context(Foreign(CHROMIUM.program, wish))
            client.wait_for("ready")
            return client

        yield begin


@pytest.fixture
def smoke(emulator: LocalServer, channel: str) -> Callable[..., dict[str, Any]]:
    """Return what meets the page that is the channel's master, and returns its result."""

    def meet_it(*options: str) -> dict[str, Any]:
        argv = [*KVSOPS, "smoke", channel, "--viewer-only", "--duration", "2s", *options]
        ended = subprocess.run(
            [*argv, "-o", "json"],
            env=emulator.environment(),
            capture_output=True,
            check=False,
            text=True,
            timeout=90,
        )
        told: dict[str, Any] = json.loads(ended.stdout)
        return told

    return meet_it


def is_like(found: list[int], wanted: tuple[int, int, int]) -> bool:
    """Whether a colour is this one; a codec changes it a little."""
    return all(abs(a - b) < 40 for a, b in zip(found, wanted, strict=True))


def corners(image: Path) -> list[list[int]]:
    """Return a colour of each quarter of an image."""
    with av.open(str(image)) as opened:
        frame = next(opened.decode(video=0)).reformat(format="rgb24")
    plane, width, height = frame.planes[0], frame.width, frame.height
    starts = (
        height * y // 8 * plane.line_size + width * x // 8 * 3 for y in (1, 7) for x in (1, 7)
    )
    return [list(memoryview(plane)[start : start + 3]) for start in starts]


def shows_the_other(client: Foreign) -> bool:
    """Whether what a page received is what such a page sends, and moves."""
    pictures = [said.more["colours"] for said in client.all("picture")]
    still = all(
        is_like(picture[corner], colour)
        for picture in pictures
        for corner, colour in zip(CORNERS, QUARTERS, strict=True)
    )
    return still and len({json.dumps(picture[MIDDLE]) for picture in pictures}) > 1


@pytest.mark.parametrize(
    ("transport", "trickle", "codec"),
    [
        ("direct", True, "VP8"),
        ("direct", False, "H264"),
        ("relay-udp", True, "H264"),
        ("relay-tls", False, "VP8"),
    ],
)
def test_two_pages(page: Open, transport: Transport, *, trickle: bool, codec: str) -> None:
    """Master and viewer see each other, and their data comes, however they connect."""
    wish = {"transport": transport, "trickle": trickle, "codec": codec}
    pages = [page("master", **wish), page("viewer", **wish)]
    for each in pages:
        each.wait_for("picture", count=3)
    for each in pages:
        figures = each.all("stats")[-1].more
        assert shows_the_other(each)
        assert (figures["codec"], figures["codecSent"]) == (codec, codec)
        relayed = [figures["local"] == "relay", figures["remote"] == "relay"]
        assert relayed == [transport != "direct"] * 2
        assert figures["dataReceived"] == 1


def test_a_codec_that_was_not_answered(
    page: Open, smoke: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """AWS's page at its defaults answers H264 alone, yet Chromium sends VP8: smoke sees it."""
    master, seen = page("master", codec="H264"), tmp_path / "seen.png"
    told = smoke("--snapshot", str(seen))
    assert (told["passed"], told["reason"]) == (True, None)
    assert {said.more["codecSent"] for said in master.all("stats")} == {"VP8"}
    found = corners(seen)
    assert all(is_like(*each) for each in zip(found, QUARTERS, strict=True)), found


def test_candidates_of_the_answer(page: Open, smoke: Callable[..., dict[str, Any]]) -> None:
    """A page that trickles none names them in the first section alone: a relay lets in no other."""
    page("master", trickle=False)
    told = smoke("--relay")
    assert (told["passed"], told["reason"]) == (True, None)
    assert told["selected_pair"]["local_type"] == "relay"


@pytest.mark.parametrize("role", ["master", "viewer"])
def test_a_camera(emulator: LocalServer, role: Role) -> None:
    """The browser's own camera will do, too; and a session token, which signs all that it asks."""
    made = boto3.client(
        "sts",
        endpoint_url=emulator.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=emulator.environment()["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=emulator.environment()["AWS_SECRET_ACCESS_KEY"],
    ).get_session_token()["Credentials"]
    credentials = {
        "accessKeyId": made["AccessKeyId"],
        "secretAccessKey": made["SecretAccessKey"],
        "sessionToken": made["SessionToken"],
    }
    more = {"camera": True, "credentials": credentials}
    outcome = meet(Cell(CHROMIUM, role), emulator, 3, trickle=False, more=more)
    assert outcome.smoke["passed"], outcome.why
    assert outcome.smoke["selected_pair"]["remote_type"] != "relay"


def test_go_away(emulator: LocalServer, page: Open) -> None:
    """The SDK says nothing of GO_AWAY; a minute later the page connects anew, its call goes on."""
    emulator.settings.faults = (Fault("ConnectAsMaster", "go-away"),)
    master = page("master", more={"reconnect": True})
    emulator.settings.faults = ()
    viewer = page("viewer")
    viewer.wait_for("picture")
    assert master.all("signaling-closed") == []
    emulator.settings.clock = lambda: utc_now() + timedelta(seconds=61)
    master.wait_for("ready", count=2)
    for each in (master, viewer):
        each.wait_for("picture", count=len(each.all("picture")) + 2)
    assert emulator.calls["ConnectAsMaster"] == 2
    assert viewer.all("disconnected") == []
