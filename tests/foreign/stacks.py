"""The foreign stacks: each one's program, versions, and what it cannot do.

A new one is a row in `STACKS` and its program in `clients/`.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

from kvsops.core.wire.ice import Role
from tests.foreign.fetch import UnavailableError, fetched, version
from tests.foreign.peer import Codec, Transport

ROLES: Final[tuple[Role, ...]] = ("master", "viewer")
TRANSPORTS: Final[tuple[Transport, ...]] = ("direct", "relay-udp", "relay-tls")
CODECS: Final[tuple[Codec, ...]] = ("VP8", "H264")
CHROMIUM: Final = Path("/usr/bin/chromium")
FIREFOX: Final = Path("/usr/bin/firefox-esr")
PULSEAUDIO: Final = Path("/usr/bin/pulseaudio")
CERTUTIL: Final = Path("/usr/bin/certutil")


@dataclass(frozen=True, slots=True)
class Stack:
    """Somebody else's WebRTC stack. `cannot` has what it cannot do, by transport or codec: why."""

    name: str
    program: str
    versions: Callable[[], str]
    require: Callable[[], object] = fetched
    """Raises `UnavailableError` where it cannot be had."""
    cannot: tuple[tuple[Transport | Codec, str], ...] = ()
    interpreter: str = sys.executable
    encodes: bool = True
    """Whether it encodes and decodes pictures itself; else it sends prepared ones."""
    imitated: bool = False
    """Whether it is ours, and behaves as another's is known to."""

    @property
    def passed(self) -> Literal["passed", "imitated"]:
        """What a cell is called that went well."""
        return "imitated" if self.imitated else "passed"

    def why_not(self, transport: Transport, codec: Codec) -> str | None:
        """Return why it cannot do this; None where it can."""
        return next((why for what, why in self.cannot if what in (transport, codec)), None)


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination to try."""

    stack: Stack
    role: Role
    transport: Transport = "direct"
    codec: Codec = "VP8"

    def __str__(self) -> str:
        return f"{self.stack.name}-{self.role}-{self.transport}-{self.codec}"

    @property
    def impossible(self) -> str | None:
        """Why the stack cannot do this; None where it can."""
        return self.stack.why_not(self.transport, self.codec)


def npm(*packages: str) -> Callable[[], str]:
    """Return what tells the versions of npm packages and of Node."""

    def told() -> str:
        node = subprocess.run(["node", "--version"], capture_output=True, check=True, text=True)
        each = [f"{package} {version(package)}" for package in packages]
        return ", ".join([*each, f"Node {node.stdout.strip().lstrip('v')}"])

    return told


SYSTEM_PYTHON: Final = "/usr/bin/python3"
_DEBIAN: Final = (
    "gir1.2-gst-plugins-bad-1.0",
    "gstreamer1.0-libav",
    "gstreamer1.0-nice",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-ugly",
    "python3-aiohttp",
    "python3-gi",
)
"""What `clients/gstreamer.py` needs; `.ci/run` installs them."""


def debian(*packages: str) -> Callable[[], str]:
    """Return what tells the versions of Debian's packages."""

    def told() -> str:
        asked = ["dpkg-query", "--show", "--showformat=${Package} ${Version}, ", *packages]
        return subprocess.run(asked, capture_output=True, check=True, text=True).stdout.strip(", ")

    return told


def debian_python() -> None:
    """Raise `UnavailableError` unless Debian's packages for GStreamer are all installed."""
    if shutil.which("dpkg-query") is None:
        raise UnavailableError("its packages are Debian's")
    asked = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *_DEBIAN]
    said = subprocess.run(asked, capture_output=True, check=False, text=True).stdout.splitlines()
    if missing := [name for name in _DEBIAN if f"{name} installed" not in said]:
        raise UnavailableError(f"apt-get install {' '.join(missing)}")


def browser(*needs: Path) -> Callable[[], object]:
    """Return what raises `UnavailableError` unless Debian has these, and npm the packages."""

    def require() -> Path:
        if missing := [path.name for path in needs if not path.exists()]:
            raise UnavailableError(f"apt-get install {' '.join(missing)}")
        return fetched()

    return require


def browser_versions(path: Path, driver: str) -> Callable[[], str]:
    """Return what tells the versions of a browser, of what runs in it, and of what drives it."""

    def told() -> str:
        asked = subprocess.run([path, "--version"], capture_output=True, check=True, text=True)
        named = re.search(r"\w+ [\d.]+\w*", asked.stdout)
        packages = npm(_SIGNALING, "@aws-sdk/client-kinesis-video", driver)()
        return f"{named[0] if named else path.name}, {packages}"

    return told


_SIGNALING: Final = "amazon-kinesis-video-streams-webrtc"
STACKS: Final = (
    Stack(
        "chromium",
        "chromium.mjs",
        browser_versions(CHROMIUM, "playwright-core"),
        require=browser(CHROMIUM),
    ),
    Stack(
        "firefox",
        "firefox.mjs",
        browser_versions(FIREFOX, "puppeteer-core"),
        require=browser(FIREFOX, PULSEAUDIO, CERTUTIL),
        cannot=(
            ("H264", "Mozilla's build comes as a plugin, from its own servers"),
            ("relay-tls", "it takes a TURN server over TLS by name alone, and this one has none"),
        ),
    ),
    Stack(
        "libwebrtc",
        "libwebrtc.mjs",
        npm("@roamhq/wrtc", _SIGNALING),
        cannot=(
            ("H264", "the build on npm has no H264"),
            ("relay-tls", "it trusts the roots compiled into it, and no authority that is added"),
        ),
    ),
    Stack(
        "libdatachannel",
        "libdatachannel.mjs",
        npm("node-datachannel", _SIGNALING),
        cannot=(("relay-tls", "the build on npm has libjuice, which knows TURN over UDP alone"),),
        encodes=False,
    ),
    Stack("werift", "werift.mjs", npm("werift", _SIGNALING), encodes=False),
    Stack(
        "gstreamer",
        "gstreamer.py",
        debian("gstreamer1.0-plugins-bad", "gstreamer1.0-nice", "gstreamer1.0-libav"),
        require=debian_python,
        cannot=(("relay-tls", "libnice 0.1.21 has no TLS to a TURN server"),),
        interpreter=SYSTEM_PYTHON,
    ),
    Stack(
        "c-imitated",
        "imitated_c.py",
        lambda: f"our imitation of AWS's C client 1.10.2, on aiortc {metadata.version('aiortc')}",
        require=lambda: None,
        imitated=True,
    ),
)


def cells() -> list[Cell]:
    """Return all cells, those too that are impossible."""
    return [
        Cell(stack, role, transport, codec)
        for stack in STACKS
        for role in ROLES
        for transport in TRANSPORTS
        for codec in CODECS
    ]
