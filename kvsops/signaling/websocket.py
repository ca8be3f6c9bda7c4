"""One connection to the service, from a presigned URL to its end."""

import asyncio
import os
import ssl
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

CLOSE_SECONDS: Final = 2.0
_LOOPS_TO_CLOSE: Final = 3
_GOODBYE_SECONDS: Final = 0.05


class WebSocket:
    """One WebSocket, and the HTTP session beneath it."""

    socket: aiohttp.ClientWebSocketResponse

    def __init__(self) -> None:
        self.refusal = ""
        """What the service said when it refused the upgrade."""
        self._transport: asyncio.Transport | None = None

    async def open(self, url: str, ping_seconds: float, connect_seconds: float) -> Exception | None:
        """Connect; return what went wrong, if anything."""
        tls = _tls(*(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")))
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls), middlewares=(self._note_refusal,)
        )
        failure: Exception | None = None
        try:
            async with asyncio.timeout(connect_seconds):
                self.socket = await self._http.ws_connect(
                    URL(url, encoded=True),
                    proxy=_proxy_to(urlsplit(url).hostname or ""),
                    heartbeat=ping_seconds,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: of a strange URL
            failure = error
        except BaseException:
            await self._let_go()
            raise
        if failure is not None:
            await self._let_go()
        return failure

    async def close(self) -> None:
        """End the connection in order, and leave nothing of it to the loop."""
        await self.socket.close()
        await self._let_go()

    async def _let_go(self) -> None:
        """Close what is beneath; TLS would say goodbye for longer than the loop may run."""
        await self._http.close()
        if self._transport is None:  # out of reach: aiohttp gave the connection up by itself
            await asyncio.sleep(_GOODBYE_SECONDS)
        else:
            self._transport.abort()
        for _ in range(_LOOPS_TO_CLOSE):
            await asyncio.sleep(0)

    async def _note_refusal(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        if response.connection is not None:
            self._transport = response.connection.transport
        if response.status != 101:  # noqa: PLR2004 - Switching Protocols
            self.refusal = await response.text(errors="replace")
        return response


@lru_cache(1)
def _tls(_file: str | None, _directory: str | None) -> ssl.SSLContext:
    """Return a context, made once for what these variables say: that takes 30 ms.

    aiohttp's own was made before SSL_CERT_FILE was set.
    """
    return ssl.create_default_context()


def _proxy_to(host: str) -> str | None:
    """Return the proxy of HTTPS, as for all other calls: aiohttp looks for one of wss only."""
    return None if proxy_bypass(host) else getproxies().get("https")
