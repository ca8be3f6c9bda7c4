"""Chromium, driven over its DevTools protocol with the least that it takes.

Playwright has the browser report each frame of each WebSocket, and whatever is loaded: 25 ms of
processor while a page joins a meeting, and nothing while two peer connections of one page find each
other. What the measuring costs must not depend on what is measured.
https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import itertools
import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import aiohttp

from tests.web.conftest import CHROMIUM

START_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 60.0
_SIZE: Final = {"width": 1280, "height": 720}
_SECONDS_BETWEEN_LOOKS: Final = 0.05


class Browser:
    """A running Chromium.

    Raises `RuntimeError` with what it says of a call that failed, `TimeoutError` where it says
    nothing.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)
        self._unanswered: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loading: dict[str, asyncio.Future[None]] = {}

    @classmethod
    @asynccontextmanager
    async def launched(cls, arguments: Sequence[str]) -> AsyncIterator[Self]:
        """Have one without a window until the block ends."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            process = await asyncio.create_subprocess_exec(
                CHROMIUM,
                "--headless=new",
                "--remote-debugging-port=0",
                f"--user-data-dir={profile}",
                "--hide-scrollbars",
                "--mute-audio",
                *arguments,
                "about:blank",
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                async with asyncio.timeout(START_SECONDS):
                    url = await _told(Path(profile, "DevToolsActivePort"))
                async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
                    browser = cls(socket)
                    reading = asyncio.create_task(browser._read())
                    yield browser
                    reading.cancel()
            finally:
                process.terminate()
                await process.wait()

    async def page(self, script: str) -> "Page":
        """Open a window of its own, with nothing cached, in which a script runs before a page's."""
        context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        opened = {"url": "about:blank", "browserContextId": context, **_SIZE}
        target = (await self.call("Target.createTarget", **opened))["targetId"]
        attached = await self.call("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self, context, attached["sessionId"])
        await page.call("Page.enable")  # without it the script is not run
        await page.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        return page

    async def call(self, method: str, session: str | None = None, **given: Any) -> dict[str, Any]:
        """Call a method of the protocol, in the session of a page or of the browser itself."""
        number = next(self._numbers)
        answered = self._unanswered[number] = asyncio.get_running_loop().create_future()
        said = {"id": number, "method": method, "params": given}
        await self._socket.send_json(said | ({"sessionId": session} if session else {}))
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await answered
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def load(self, session: str, url: str) -> None:
        """Have a page load another one, and wait until it has."""
        loaded = self._loading[session] = asyncio.get_running_loop().create_future()
        await self.call("Page.navigate", session, url=url)
        async with asyncio.timeout(ANSWER_SECONDS):
            await loaded

    async def _read(self) -> None:
        async for frame in self._socket:
            message = json.loads(frame.data)
            if answered := self._unanswered.pop(message.get("id"), None):
                answered.set_result(message)
            elif message.get("method") == "Page.loadEventFired" and (
                loaded := self._loading.pop(message["sessionId"], None)
            ):
                loaded.set_result(None)


class Page:
    """A window of its own."""

    def __init__(self, browser: Browser, context: str, session: str) -> None:
        self._browser, self._context, self._session = browser, context, session

    async def open(self, url: str) -> None:
        """Open a page there, and wait until it is loaded."""
        await self._browser.load(self._session, url)

    async def evaluate(self, function: str, argument: object = None) -> Any:
        """Call a function of JavaScript's, which a user's click may have called, in the page."""
        return await self._value(f"({function})({json.dumps(argument)})")

    async def close(self) -> None:
        """Close the window."""
        await self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)

    async def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Call a method of the protocol for this page."""
        return await self._browser.call(method, self._session, **given)

    async def _value(self, expression: str) -> Any:
        asked = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = await self.call("Runtime.evaluate", expression=expression, **asked)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"].get("exception", {}).get("description"))
        return answer["result"].get("value")


async def _told(file: Path) -> str:
    """Return the URL that Chromium writes there once it listens."""
    while not (file.exists() and len(told := file.read_text().split()) == 2):
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
    port, path = told
    return f"ws://127.0.0.1:{port}{path}"
