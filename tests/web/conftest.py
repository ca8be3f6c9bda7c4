"""A channel on the emulator, the server of a page for it, and Chromium."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

from kvsops.aws.scope import Scope
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.fleet import put
from tests.foreign.conftest import unavailable
from tests.web.meetings import NOTES_WORDS, Guests, guests
from tests.web.serving import Serving, serving

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--ignore-certificate-errors",  # the emulator's, where a page connects to it directly
]

NewPage = Callable[..., Page]


def until(page: Page, expression: str, seconds: float = 30) -> Any:
    """Wait until an expression of a page's is true, and return its value.

    Playwright's own wait evaluates a string within the page, which its policy forbids.
    """
    ends = time.monotonic() + seconds
    while not (value := page.evaluate(expression)):
        assert time.monotonic() < ends, (expression, page.evaluate("[window.log, window.said]"))
        page.wait_for_timeout(50)
    return value


def posted(page: Page) -> list[str]:
    """Note to which URLs a page posts, from now on."""
    urls = list[str]()

    def note(request: Request) -> None:
        if request.method == "POST":
            urls.append(request.url)

    page.on("request", note)
    return urls


@pytest.fixture(scope="module")
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator for all tests of a file, each of which has a channel of its own."""
    with LocalServer(Settings(quotas=False, state_delay=timedelta())) as server:
        yield server


@pytest.fixture
def arn(emulator: LocalServer) -> str:
    """Put a channel there, and return its ARN."""
    return put(emulator, f"cam-{secrets.token_hex(4)}").arn


@pytest.fixture
def served(scope: Scope, arn: str) -> Iterator[Serving]:
    """Yield a server for the channel."""
    with serving(scope, arn) as found:
        yield found
    assert found.warnings == []


@contextmanager
def chromium(arguments: Sequence[str] = ARGUMENTS) -> Iterator[Browser]:
    """Have Chromium until the block ends; without it the test is skipped, or fails in CI."""
    if not CHROMIUM.exists():
        unavailable("Debian's package chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield Chromium, one for all tests of a file."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def people(browser: Browser) -> Iterator[Guests]:
    """Yield what opens pages; at the end they are closed, and none has met with an error."""
    with guests(browser) as people:
        yield people


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Return what opens a page in a browser context of its own, and notes what goes wrong there."""
    wrong: list[str] = []

    def heed(said: ConsoleMessage) -> None:
        if "Content Security" in said.text:
            wrong.append(said.text)

    with ExitStack() as opened:

        def open_page(url: str = "about:blank", **more: Any) -> Page:
            context: BrowserContext = browser.new_context(**more)
            opened.callback(context.close)
            context.set_default_timeout(20_000)
            page = context.new_page()
            page.add_init_script(NOTES_WORDS)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", heed)
            page.goto(url)
            return page

        yield open_page
    assert wrong == []
