"""A camera that speaks RTSP, as little of it as FFmpeg needs, and RTP within the same connection.

Source: https://www.rfc-editor.org/rfc/rfc2326 (10.12 has the framing).
"""

import socket
import ssl
import struct
import threading
import time
from contextlib import suppress
from fractions import Fraction
from types import TracebackType
from typing import Final, Self

from aiortc.codecs.h264 import H264Encoder

from kvsops.peers.picture import Mark, draw

_SDP: Final = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n"
    "a=control:video\r\n"
)
_REFUSED: Final = (
    'RTSP/1.0 401 Unauthorized\r\nCSeq: {cseq}\r\nWWW-Authenticate: Basic realm="camera"\r\n\r\n'
)
_FPS: Final = 15
_SIZE: Final = (320, 240)


class RtspCamera:
    """Serves one client after the other until the block ends. `asked` has the paths they wanted.

    One that is `silent` takes the connection, and says nothing; one that `raves` answers all with
    what is no RTSP; one that `refuses` lets nobody in. `pictures` is how many it sends before it
    breaks off. With `tls` it is an rtsps:// one.
    """

    def __init__(
        self,
        *,
        silent: bool = False,
        raves: bool = False,
        refuses: bool = False,
        pictures: int = 1_000,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.asked: list[str] = []
        self._silent, self._raves, self._refuses = silent, raves, refuses
        self._pictures, self._tls = pictures, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        """Where it is."""
        scheme = "rtsps" if self._tls else "rtsp"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}/cam"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        with socket.create_connection(self._listener.getsockname()):  # so that it wakes up
            pass
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            client, _ = self._listener.accept()
            with client, suppress(OSError):
                if self._tls is None:
                    self._talk(client)
                else:
                    with self._tls.wrap_socket(client, server_side=True) as secured:
                        self._talk(secured)

    def _talk(self, client: socket.socket) -> None:
        if self._silent:
            client.settimeout(0.1)
            while not self._ended.is_set():
                try:
                    if not client.recv(4096):
                        return
                except TimeoutError:
                    continue
        if self._raves:
            client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\nnonsense")
            return
        requests = client.makefile("rb")
        while line := requests.readline().decode():
            method, url, _ = line.split(" ", 2)
            headers = {}
            while (header := requests.readline().decode().strip()) != "":
                name, _, value = header.partition(":")
                headers[name.lower()] = value.strip()
            self.asked.append(f"{method} {url.rpartition('/')[2]}")
            if self._refuses:
                client.sendall(_REFUSED.format(**headers).encode())
                continue
            client.sendall(self._answer(method, headers))
            if method == "PLAY":
                self._play(client)
                return

    def _answer(self, method: str, headers: dict[str, str]) -> bytes:
        body, more = "", ""
        if method == "OPTIONS":
            more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            body, more = _SDP, "Content-Type: application/sdp\r\n"
        elif method == "SETUP":
            more = f"Transport: {headers['transport']}\r\n"
        size = f"Content-Length: {len(body)}\r\n" if body else ""
        start = f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\nSession: 1\r\n"
        return f"{start}{more}{size}\r\n{body}".encode()

    def _play(self, client: socket.socket) -> None:
        """Send pictures, in their time."""
        encoder, sequence, began = H264Encoder(), 0, time.monotonic()
        for number in range(self._pictures):
            frame = draw(Mark(5, number), *_SIZE)
            frame.pts, frame.time_base = number, Fraction(1, _FPS)
            payloads, timestamp = encoder.encode(frame, force_keyframe=number % _FPS == 0)
            for index, payload in enumerate(payloads):
                last = 0x80 if index == len(payloads) - 1 else 0
                header = struct.pack(">BBHII", 0x80, last | 96, sequence, timestamp, 7)
                packet = header + payload
                client.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
                sequence = (sequence + 1) % 65_536
            if self._ended.wait(max(0.0, began + (number + 1) / _FPS - time.monotonic())):
                return
