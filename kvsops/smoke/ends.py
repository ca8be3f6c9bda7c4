"""The ends that smoke brings to a call: numbered pictures and a tone, checked where they arrive."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kvsops.core.wire.ice import Role
from kvsops.peers.call import Call
from kvsops.peers.ice import Ice
from kvsops.peers.peer import Peer
from kvsops.peers.tracks import NumberedVideo, numbered
from kvsops.smoke.plan import Mode, Wanted

CHANNEL_LABEL: Final = "kvsops-smoke"
_MASTER, _VIEWER = 0, 1
"""Who sent a picture, as the picture says."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Makes our ends. Where both ends of a call are ours, each expects the other's pictures."""

    wanted: Wanted
    mode: Mode
    clock: Callable[[], float]

    def make(self, role: Role, call: Call, ice: Ice) -> Peer:
        """Make our end of this role; a master's once it has the offer."""
        return self._viewer(call, ice) if role == "viewer" else self._master(call, ice)

    def _viewer(self, call: Call, ice: Ice) -> Peer:
        index = self.wanted.number_of(call.client_id)
        sends = self.mode == "loop" and index == 0  # one viewer that sends is proof enough
        tracks = numbered(_VIEWER, self.wanted.size, self.clock) if sends else ()
        name, codec = f"viewer-{index + 1}", self.wanted.codec
        viewer = Peer(name, ice, tracks, codec=codec, clock=self.clock)
        viewer.open_channel(CHANNEL_LABEL)
        return viewer

    def _master(self, call: Call, ice: Ice) -> Peer:
        video, tone = numbered(_MASTER, self.wanted.size, self.clock)
        master = Peer("master", ice, (video, tone), codec=self.wanted.codec, clock=self.clock)
        if call.viewer is not None:
            call.viewer.received.expect(video)
            sent = call.viewer.tracks.get("video")
            if isinstance(sent, NumberedVideo):
                master.received.expect(sent)
        return master
