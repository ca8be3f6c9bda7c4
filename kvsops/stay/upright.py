"""Pictures turned as their file says that they are to be shown: phones film as they are held."""

from typing import Final

from av import VideoFrame
from av.filter import Graph

_FILTERS: Final[dict[int, list[tuple[str, str | None]]]] = {
    90: [("transpose", "cclock")],
    180: [("hflip", None), ("vflip", None)],
    270: [("transpose", "clock")],
}
"""By how far to turn, counter-clockwise, in degrees."""


class Upright:
    """Turns pictures by quarters; most are as they are to be shown, and are left alone."""

    def __init__(self) -> None:
        self._graphs: dict[tuple[object, ...], Graph] = {}
        """The one for the pictures that come now."""

    def turned(self, frame: VideoFrame) -> VideoFrame:
        """Return the picture as it is to be shown; it may be the same frame."""
        degrees = round(frame.rotation / 90) * 90 % 360
        if not degrees:
            return frame
        source = (degrees, frame.width, frame.height, frame.format.name, frame.time_base)
        if source not in self._graphs:
            self._graphs = {source: _made(frame, degrees)}
        self._graphs[source].push(frame)
        turned = self._graphs[source].pull()
        assert isinstance(turned, VideoFrame)  # noqa: S101 - for the type checker
        return turned


def _made(frame: VideoFrame, degrees: int) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    turns = [graph.add(name, arguments) for name, arguments in _FILTERS[degrees]]
    graph.link_nodes(source, *turns, graph.add("buffersink")).configure()
    return graph
