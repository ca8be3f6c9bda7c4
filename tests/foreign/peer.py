"""A foreign peer: somebody else's client in a process of its own, and what it says.

A client program (`clients/NAME.mjs`, `.py`) reads one JSON object, a `Wish`, from the first line of
its standard input, and prints a JSON object a line:

- `{"event": "ready"}`: its signaling is connected.
- `{"event": "connected", "peer": ID}`: to that viewer; null for the master.
- `{"event": "stats", …}`, each second while it is: `framesSent`, `framesDecoded`, `fps` of what it
  receives, `packetsReceived`, `packetsSent` and `packetsLost` of the video, `packetsLostRemotely`
  by its receiver's reports, `local` and `remote` candidate type, `codec`. What its stack does not
  know is null. `framesReceived` counts whole frames, decoded or not; `framesMade` is how many
  the other end made meanwhile, by their numbers or timestamps.
- `{"event": "picture", "pixels": …}`: what it decoded; a list of 300 is the brightness of the 20
  by 15 blocks of kvsops' numbered picture.
- `{"event": "failed", "why": …}`, and `{"event": "closed"}` in the end: when standard input closes.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition, Thread
from typing import IO, Any, Final, Literal, Self

from kvsops.core.wire.ice import Role
from tests.foreign.fetch import HERE, fetched

Transport = Literal["direct", "relay-udp", "relay-tls"]
Codec = Literal["VP8", "H264"]
SECONDS: Final = 40.0
"""How long an event is waited for."""
_END_SECONDS: Final = 10.0


class ForeignError(Exception):
    """The client failed, or said nothing in time; the message says what it said."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client is to do, as it reads it."""

    role: Role
    channel: str
    environment: Mapping[str, str] = field(repr=False)
    """The emulator's: endpoint, region, credentials, authority."""
    transport: Transport = "direct"
    codec: Codec | None = None
    send: tuple[str, ...] = ("video", "audio", "data")
    trickle: bool = True
    client_id: str | None = "foreign-viewer"
    session_token: str | None = None
    media: Path | None = None
    """The folder of encoded pictures and sound, for stacks that encode nothing themselves."""
    more: Mapping[str, object] = field(default_factory=dict)
    """What only this client knows; see its head."""
    drop: float = 0.0
    """The share of its packets that it numbers, but never sends (of those prepared)."""

    def line(self) -> str:
        """Return the line of JSON."""
        told = self.environment
        credentials = {
            "accessKeyId": told["AWS_ACCESS_KEY_ID"],
            "secretAccessKey": told["AWS_SECRET_ACCESS_KEY"],
            "sessionToken": self.session_token,
        }
        wish = {
            "role": self.role,
            "channel": self.channel,
            "endpoint": told["AWS_ENDPOINT_URL"],
            "region": told["AWS_REGION"],
            "credentials": credentials,
            "clientId": self.client_id if self.role == "viewer" else None,
            "transport": self.transport,
            "trickle": self.trickle,
            "codec": self.codec,
            "send": self.send,
            "ca": told["SSL_CERT_FILE"],
            "drop": self.drop,
            "media": None if self.media is None else str(self.media),
        }
        return json.dumps(wish | dict(self.more)) + "\n"


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a client's, and when it came: seconds since the epoch."""

    event: str
    at: float
    more: Mapping[str, Any]


class Foreign:
    """A client program while it runs: `with Foreign("libwebrtc.mjs", wish) as client: …`.

    `interpreter` runs a Python program: the system's, where its modules come from Debian.
    """

    def __init__(self, program: str, wish: Wish, interpreter: str = sys.executable) -> None:
        self.said: list[Said] = []
        self.errors = ""
        self._told = Condition()
        self._command, self._folder = command(program, interpreter)
        self._wish = wish

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=dict(self._wish.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._threads = [
            Thread(target=self._read, args=(self._process.stdout,), daemon=True),
            Thread(target=self._read_errors, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._pipe().write(self._wish.line())
        self._pipe().flush()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> int:
        """Close its standard input, upon which it ends, or is killed; return its exit code."""
        if not self._pipe().closed:
            with suppress(BrokenPipeError):  # it ended by itself
                self._pipe().close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for thread in self._threads:
            thread.join(_END_SECONDS)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        return self._process.wait()

    def wait_for(self, event: str, seconds: float = SECONDS, count: int = 1) -> Said:
        """Return the `count`th such event; raises `ForeignError` if it fails, ends, or is late."""
        deadline = time.monotonic() + seconds
        with self._told:
            while len(found := self.all(event)) < count:
                if (failed := self.all("failed")) and event != "failed":
                    raise ForeignError(str(failed[0].more.get("why")))
                left = deadline - time.monotonic()
                if self._process.poll() is not None or left <= 0:
                    raise ForeignError(f"no {event!r}: {self.errors.strip()[-400:] or 'in time'}")
                self._told.wait(min(left, 0.2))
        return found[count - 1]

    def all(self, event: str) -> list[Said]:
        """Return all events of this name so far."""
        return [said for said in self.said if said.event == event]

    def kill(self) -> None:
        """Let it die as it is."""
        self._process.kill()

    def _pipe(self) -> IO[str]:
        if self._process.stdin is None:
            raise RuntimeError("it has no standard input")
        return self._process.stdin

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            try:
                more = json.loads(line)
                said = Said(more.pop("event"), time.time(), more)
            except (ValueError, KeyError, AttributeError):
                self.errors += line  # a library that prints
                continue
            with self._told:
                self.said.append(said)
                self._told.notify_all()

    def _read_errors(self, lines: IO[str]) -> None:
        for line in lines:
            self.errors += line


def command(program: str, interpreter: str = sys.executable) -> tuple[list[str], Path]:
    """Return what runs a client program, and where; raises `UnavailableError`."""
    run: dict[str, Callable[[], tuple[list[str], Path]]] = {
        ".mjs": lambda: (
            ["node", "--preserve-symlinks", "--preserve-symlinks-main", f"clients/{program}"],
            fetched(),
        ),
        ".py": lambda: ([interpreter, str(HERE / "clients" / program)], HERE),
    }
    return run[Path(program).suffix]()
