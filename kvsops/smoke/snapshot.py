"""The last decoded frame as a PNG, which tells what that camera shows."""

from fractions import Fraction
from pathlib import Path

from av import CodecContext
from av.video.codeccontext import VideoCodecContext

from kvsops.errors import KvsopsError
from kvsops.peers.peer import Peer


def save(peer: Peer, path: Path) -> None:
    """Write the last frame that the peer decoded; raises `KvsopsError` if it cannot be."""
    if peer.last_frame is None:
        raise KvsopsError("no frame was decoded: there is nothing to save")
    frame = peer.last_frame.reformat(format="rgb24")
    codec = CodecContext.create("png", "w")
    if not isinstance(codec, VideoCodecContext):
        raise KvsopsError("this PyAV cannot write PNG")
    codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, "rgb24"
    codec.time_base, frame.pts = Fraction(1, 1), 0
    data = b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)])
    try:
        path.write_bytes(data)
    except OSError as error:
        raise KvsopsError(f"{path} cannot be written: {error.strerror}") from None
