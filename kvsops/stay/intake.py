"""What a peer receives, handed on frame by frame with when each was sent."""

from collections.abc import Callable

from aiortc import RTCRtpTransceiver
from av import AudioFrame, VideoFrame

from kvsops.peers.reception import Incoming, Reception
from kvsops.stay.recording import Frame
from kvsops.stay.timing import Timings


class Intake(Reception):
    """Keeps nothing: `deliver` gets each frame, and the moment of `clock` at which it was sent."""

    def __init__(
        self, clock: Callable[[], float], deliver: Callable[[Frame, float], object]
    ) -> None:
        super().__init__(clock)
        self._timings, self._deliver = Timings(clock), deliver

    def watch(
        self, transceiver: RTCRtpTransceiver, clock_rate: Callable[[int], int | None]
    ) -> None:
        """Watch a track, and how its timestamps go with the clock."""
        self._timings.watch(transceiver.kind, transceiver.receiver, clock_rate)
        super().watch(transceiver, clock_rate)

    def take(self, incoming: Incoming, frame: object) -> None:
        """Hand a picture or a sound on."""
        if isinstance(frame, VideoFrame | AudioFrame):
            self._deliver(frame, self._timings.at(incoming.kind, frame))
