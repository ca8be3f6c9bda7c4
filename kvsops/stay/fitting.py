"""Pictures of whatever size fitted into those of one size."""

from fractions import Fraction
from typing import Final

from av import VideoFormat, VideoFrame
from av.filter import Graph

from kvsops.errors import KvsopsError

_FORMAT: Final = "yuv420p"
_ANY_TIME_BASE: Final = Fraction(1, 90_000)


def even(width: int, height: int) -> tuple[int, int]:
    """Return a size as H264 can have it: colours are kept for two pixels by two."""
    return max(2, width // 2 * 2), max(2, height // 2 * 2)


class Fitting:
    """Scales pictures to a size, and centres between black bars those of another shape."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._source: tuple[int, int, str] | None = None
        self._graph: Graph | None = None

    def fit(self, frame: VideoFrame) -> VideoFrame:
        """Return the picture in the size; it may be the same frame."""
        source = (frame.width, frame.height, frame.format.name)
        if source == (*self._size, _FORMAT):
            return frame
        if self._graph is None or source != self._source:
            self._source, self._graph = source, self._made(*source)
        self._graph.push(frame)
        fitted = self._graph.pull()
        if not isinstance(fitted, VideoFrame):
            raise KvsopsError("a picture could not be scaled")
        return fitted

    def _made(self, width: int, height: int, format_: str) -> Graph:
        across, down = self._size
        graph = Graph()
        source = graph.add_buffer(
            width=width, height=height, format=VideoFormat(format_), time_base=_ANY_TIME_BASE
        )
        fit = f"{across}:{down}:force_original_aspect_ratio=decrease:force_divisible_by=2"
        pad = f"{across}:{down}:(ow-iw)/2:(oh-ih)/2"
        graph.link_nodes(
            source,
            graph.add("scale", fit),
            graph.add("pad", pad),
            graph.add("format", _FORMAT),
            graph.add("buffersink"),
        ).configure()
        return graph
