"""The WebSocket goes the way that the environment gives to HTTPS."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from kvsops.signaling.refusals import SignalingError
from tests.signaling.conftest import Make, run


class Proxy:
    """An HTTP proxy that answers CONNECT with `status`, and if it is 200 leads there."""

    def __init__(self, status: int) -> None:
        self.asked: list[str] = []
        self._status = status
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """Take no more, and wait for what is open."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                self._lead(self._socket.accept()[0])

    def _lead(self, client: socket.socket) -> None:
        with client:
            line = client.recv(4096).decode().splitlines()[0]
            self.asked.append(line)
            client.sendall(f"HTTP/1.1 {self._status} As asked\r\n\r\n".encode())
            if self._status != 200:
                return
            host, port = line.split()[1].split(":")
            with socket.create_connection((host, int(port))) as server:
                back = threading.Thread(target=_pour, args=(server, client))
                back.start()
                _pour(client, server)
                back.join()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Run a proxy, and name it in the environment."""
    with closing(Proxy(request.param)) as proxy:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "")
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        yield proxy


async def connected(make: Make) -> int:
    """Connect, and go."""
    async with make() as viewer:
        return viewer.connects


@pytest.mark.parametrize("proxy", [200], indirect=True)
def test_through_a_proxy(make: Make, proxy: Proxy) -> None:
    """HTTPS_PROXY is asked to lead to the endpoint."""
    assert run(connected(make)) == 1
    [asked] = proxy.asked
    assert asked.startswith("CONNECT 127.0.0.1:")


@pytest.mark.parametrize("proxy", [200], indirect=True)
def test_past_a_proxy(make: Make, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY is obeyed."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert run(connected(make)) == 1
    assert proxy.asked == []


@pytest.mark.parametrize("proxy", [407], indirect=True)
def test_refused_by_a_proxy(make: Make, proxy: Proxy) -> None:
    """A proxy that refuses is told from the service."""
    with pytest.raises(
        SignalingError, match=r"the proxy \(HTTPS_PROXY\) refuses to connect to 127.0"
    ):
        run(connected(make))
    assert len(proxy.asked) == 1


def test_no_proxy_there(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not there is told, too, and its URL, which may hold a password, is not."""
    with socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        monkeypatch.setenv("https_proxy", f"http://user:word@127.0.0.1:{gone.getsockname()[1]}")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(SignalingError) as caught:
        run(connected(make))
    assert str(caught.value) == "the proxy (HTTPS_PROXY) cannot be reached"
