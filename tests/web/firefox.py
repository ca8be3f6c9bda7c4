"""Firefox, as Debian has it, led by WebDriver BiDi: the other engine that the page must work in.

Playwright leads a Firefox of its own making alone. Source: https://www.w3.org/TR/webdriver-bidi/
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from websockets.sync.client import ClientConnection, connect

FIREFOX: Final = Path("/usr/bin/firefox-esr")
PULSEAUDIO: Final = Path("/usr/bin/pulseaudio")
PATIENCE: Final = 60.0

PREFERENCES: Final = {
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.systemAddon.update.enabled": False,
    "media.autoplay.default": 0,
    "media.gmp-manager.url": "data:,",
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.loopback": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#",
    "toolkit.telemetry.enabled": False,
}
"""Nothing is fetched from elsewhere; cameras are made up, and need not be allowed."""


class BidiError(Exception):
    """What Firefox answers to a command that it cannot carry out."""


class Firefox:
    """A browser that runs; it obeys commands of BiDi, one after another."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)
        self.errors: list[str] = []
        secure = {"acceptInsecureCerts": True}  # the emulator's certificates
        self.command("session.new", capabilities={"alwaysMatch": secure})
        self.command("session.subscribe", events=["log.entryAdded"])

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have a command carried out, and return its result."""
        number = next(self._numbers)
        asked = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(asked))
        while True:
            told: dict[str, Any] = json.loads(self._socket.recv(PATIENCE))
            if told["type"] == "event":
                self._heed(told["params"])
            elif told["type"] == "error":
                raise BidiError(f"{method}: {told['error']}: {told['message']}")
            elif told["id"] == number:
                result: dict[str, Any] = told["result"]
                return result

    def _heed(self, entry: dict[str, Any]) -> None:
        """Note what is wrong with a page: what it raised, and what its policy forbade.

        Firefox complains of connections that end, too: that is no fault of the page.
        """
        text = entry.get("text") or ""
        if "Content-Security-Policy" in text or re.match(r"uncaught|\w*(Error|Exception)\b", text):
            self.errors.append(text)

    def open(self, url: str, script: str | None = None) -> "Page":
        """Open a page in a context of its own; the script runs before each of its own."""
        whose = self.command("browser.createUserContext")["userContext"]
        made = self.command("browsingContext.create", type="tab", userContext=whose)
        page = Page(self, made["context"])
        if script is not None:
            declared = f"() => {{ if (navigator.mediaDevices) {{ {script} }} }}"
            self.command(
                "script.addPreloadScript", functionDeclaration=declared, contexts=[page.context]
            )
        self.command("browsingContext.navigate", context=page.context, url=url, wait="complete")
        return page


@dataclass(frozen=True, slots=True)
class Page:
    """A page, as far as our tests use one; what they ask of Chromium's they may ask of it."""

    firefox: Firefox
    context: str

    def evaluate(self, expression: str, arg: Any = None) -> Any:
        """Return what a function gives, or an expression."""
        function = expression if "=>" in expression else f"() => ({expression})"
        told = self.firefox.command(
            "script.callFunction",
            functionDeclaration=f"async (text) => JSON.stringify(await ({function})"
            "(...JSON.parse(text)) ?? null)",
            arguments=[{"type": "string", "value": json.dumps([arg])}],
            target={"context": self.context},
            awaitPromise=True,
            userActivation=True,
        )
        if told["type"] == "exception":
            raise BidiError(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])

    def wait_for_timeout(self, timeout: float) -> None:
        """Let so many milliseconds pass."""
        time.sleep(timeout / 1000)

    def text(self) -> str:
        """Return all text that is shown."""
        return str(self.evaluate("document.body.innerText"))

    def shows(self, text: str) -> None:
        """Wait until a text is shown."""
        ends = time.monotonic() + PATIENCE
        while text not in (shown := self.text()):
            assert time.monotonic() < ends, shown
            self.wait_for_timeout(50)

    def click(self, role: str, name: str) -> None:
        """Click what a screen reader calls so, as a mouse does."""
        self._act(self._found(role, name), [])

    def type(self, label: str, text: str) -> None:
        """Type a text into the field of this label."""
        keys = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._act(self._found("textbox", label), keys)

    def reload(self) -> None:
        """Load the page anew."""
        self.firefox.command("browsingContext.reload", context=self.context, wait="complete")

    def close(self) -> None:
        """Close the tab."""
        self.firefox.command("browsingContext.close", context=self.context)

    def _found(self, role: str, name: str) -> dict[str, Any]:
        ends = time.monotonic() + PATIENCE
        locator = {"type": "accessibility", "value": {"role": role, "name": name}}
        while True:
            told = self.firefox.command(
                "browsingContext.locateNodes", context=self.context, locator=locator
            )
            for node in told["nodes"]:
                return {"sharedId": node["sharedId"]}
            assert time.monotonic() < ends, (role, name, self.text())
            self.wait_for_timeout(50)

    def _act(self, element: dict[str, Any], keys: list[dict[str, Any]]) -> None:
        """Click an element, and then press keys."""
        self.firefox.command(
            "script.callFunction",
            functionDeclaration="(element) => element.scrollIntoView({ block: 'center' })",
            arguments=[element],
            target={"context": self.context},
            awaitPromise=False,
        )
        at = {"x": 0, "y": 0, "origin": {"type": "element", "element": element}}
        click = [
            {"type": "pointerMove", **at},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        for kind, actions in (("pointer", click), ("key", keys)):
            source = {"type": kind, "id": kind, "actions": actions}
            self.firefox.command("input.performActions", context=self.context, actions=[source])


@contextmanager
def firefox(directory: Path) -> Iterator[Firefox]:
    """Have Firefox until the block ends, with a profile in this directory."""
    lines = [f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items()]
    (directory / "user.js").write_text("\n".join(lines))
    with _sound(directory) as variables:
        options = ["--headless", "--no-remote", "--remote-debugging-port", "0", "--profile"]
        with _running([FIREFOX, *options, directory], variables) as running:
            with connect(f"{_address(directory)}/session", max_size=None) as socket:
                found = Firefox(socket)
                yield found
                found.command("browser.close")
            running.wait(PATIENCE)


@contextmanager
def _sound(directory: Path) -> Iterator[dict[str, str]]:
    """Have something that plays all sound to nobody: where nothing does, Firefox mixes none."""
    socket = directory / "sound"
    modules = ["module-null-sink", f"module-native-protocol-unix auth-anonymous=1 socket={socket}"]
    loaded = [text for module in modules for text in ("-L", module)]
    variables = {"HOME": str(directory), "XDG_RUNTIME_DIR": str(directory)}
    with _running([PULSEAUDIO, "-n", "--exit-idle-time=-1", *loaded], variables):
        yield variables | {"PULSE_SERVER": f"unix:{socket}"}


@contextmanager
def _running(
    command: list[str | Path], variables: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process until the block ends."""
    quiet = subprocess.DEVNULL
    environment = os.environ | variables
    with subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet) as running:
        try:
            yield running
        finally:
            running.kill()


def _address(directory: Path) -> str:
    """Wait until Firefox listens, and return where."""
    ends, told = time.monotonic() + PATIENCE, directory / "WebDriverBiDiServer.json"
    while not (text := told.read_text() if told.exists() else ""):
        assert time.monotonic() < ends, "Firefox does not start"
        time.sleep(0.05)
    return "ws://{ws_host}:{ws_port}".format(**json.loads(text))
