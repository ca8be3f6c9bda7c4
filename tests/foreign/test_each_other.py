"""Foreign stacks meet each other through the emulator, without a peer of ours."""

from itertools import pairwise

import pytest

from kvsops.core.wire.ice import Role
from kvsops.local.server import LocalServer
from tests.fleet import put
from tests.foreign.conftest import unavailable
from tests.foreign.fetch import UnavailableError
from tests.foreign.media import encoded
from tests.foreign.peer import Foreign, Wish
from tests.foreign.stacks import STACKS

NAMED = {stack.name: stack for stack in STACKS}
RING = ("libwebrtc", "libdatachannel", "werift", "libwebrtc")
FRAMES = 30
PAIR = ("local", "remote")


@pytest.mark.parametrize(("master", "viewer"), [*pairwise(RING)])
def test_they_meet(emulator: LocalServer, master: str, viewer: str) -> None:
    """Both connect over TURN, and whole frames of VP8 come both ways."""
    try:
        for name in (master, viewer):
            NAMED[name].require()
    except UnavailableError as error:
        unavailable(str(error))
    arn, environment = put(emulator, "cam-theirs").arn, emulator.environment()

    def peer(name: str, role: Role) -> Foreign:
        wish = Wish(role, arn, environment, transport="relay-udp", codec="VP8", media=encoded())
        return Foreign(NAMED[name].program, wish)

    with peer(master, "master") as camera:
        camera.wait_for("ready")
        with peer(viewer, "viewer") as watcher:
            told = [each.wait_for("stats", count=4).more for each in (camera, watcher)]
    assert min(each["framesReceived"] for each in told) >= FRAMES
    assert "relay" in {each[end] for each in told for end in PAIR}
