"""The last decoded frame as a PNG, which tells what that camera shows."""

from fractions import Fraction
from pathlib import Path

from av import CodecContext
from av.video.codeccontext import VideoCodecContext

from kvsops.errors import KvsopsError
from kvsops.peers.peer import Peer


class Snapshot:
    """Saves the last picture of a peer, if there is a path; `trouble` tells why it was not."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.trouble = None if path is None else f"no picture was received: {path} was not written"

    def __call__(self, peer: Peer) -> None:
        """Save what this peer received last."""
        if self._path is None:
            return
        try:
            save(peer, self._path)
        except KvsopsError as error:  # reported after the result, which must not be lost for it
            self.trouble = str(error)
        except Exception as error:  # noqa: BLE001 - PyAV raises whatever a strange picture leads to
            self.trouble = f"{self._path} was not written: {type(error).__name__}: {error}"
        else:
            self.trouble = None


def save(peer: Peer, path: Path) -> None:
    """Write the last picture that the peer decoded; raises `KvsopsError` if it cannot be."""
    picture = peer.received.last_picture
    if picture is None:
        raise KvsopsError("no frame was decoded: there is nothing to save")
    frame = picture.reformat(format="rgb24")
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
