"""Passes a page's signaling on to an emulator, whose certificate no browser knows."""

import asyncio

import aiohttp
from aiohttp import WSCloseCode, web

from kvsops.signaling.session import CONNECT_SECONDS, PING_SECONDS
from kvsops.signaling.websocket import WebSocket


async def relay(page: web.WebSocketResponse, url: str) -> None:
    """Connect to the service, and pass on what both say until one of them ends."""
    service = WebSocket()
    try:
        failure = await service.open(url, PING_SECONDS, CONNECT_SECONDS)
    except TimeoutError as error:
        failure = error
    if failure is not None:  # said in no words of aiohttp's: they hold the URL
        await page.close(code=WSCloseCode.INTERNAL_ERROR, message=b"the service refused")
        return
    try:
        ways = (
            asyncio.create_task(_pass_on(page, service.socket)),
            asyncio.create_task(_pass_on(service.socket, page)),
        )
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    finally:
        await page.close(code=WSCloseCode.GOING_AWAY)
        await service.close()


async def _pass_on(
    come: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    go: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    async for frame in come:
        if frame.type is aiohttp.WSMsgType.TEXT:
            await go.send_str(frame.data)
