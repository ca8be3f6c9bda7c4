"""The steps of a smoke test: each with its time, its result and, if it failed, one reason."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal

from kvsops.errors import AwsError, DeniedError, KvsopsError, NotFoundError, UsageError
from kvsops.signaling.refusals import Kind, SignalingError

Status = Literal["ok", "failed", "skipped", "not-reached"]
Late = str | Callable[[], str]
"""The reason where a step ran out of its time, or what finds that reason."""

TITLES: Final = {
    "describe": "describe",
    "endpoint": "endpoint",
    "ice_servers": "ICE servers",
    "probe": "probe",
    "sign": "sign",
    "master_connects": "master connects",
    "viewer_connects": "viewer connects",
    "offer": "offer",
    "answer": "answer",
    "ice_connected": "ICE connected",
    "dtls": "DTLS",
    "data_channel": "data channel open",
    "first_video": "first video frame",
    "first_audio": "first audio",
    "steady": "measurement",
}
"""The steps in their order, and what people call them. `probe` comes once for each URI."""


class StepFailedError(KvsopsError):
    """A step failed, and why; what comes after it is not reached."""

    exit_code = 3


class SkippedError(KvsopsError):
    """A step came to nothing, which is no failure, and why."""


@dataclass(slots=True)
class Step:
    """One step. Seconds count from the beginning of the test; `seconds` is what it took."""

    key: str
    status: Status = "not-reached"
    at: float | None = None
    seconds: float | None = None
    reason: str | None = None
    detail: str | None = None
    cause: Kind | None = None
    """What kind of failure it was, where the error says so: its advice goes by that."""
    limit: float | None = None
    """How long it may take at most."""
    lasts: float | None = None
    """How long it is to take, where that is known."""

    @property
    def title(self) -> str:
        """What people call it."""
        return TITLES[self.key]

    @property
    def name(self) -> str:
        """Its title, and of a probe the URI."""
        if self.key != "probe" or self.detail is None:  # as long as no URI is known
            return self.title
        return f"{self.title} {self.detail}"


class Steps:
    """The steps as they are planned and taken; `tell` hears of each that begins and that ends."""

    def __init__(
        self,
        keys: Iterable[str],
        tell: Callable[[Step], object] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.all = [Step(key) for key in keys]
        self._tell, self._clock = tell, clock
        self.began = clock()

    def plan(self, keys: Iterable[str]) -> None:
        """Plan anew what was not begun yet: what the channel is decides what is done with it."""
        done = [step for step in self.all if step.at is not None]
        begun = {step.key for step in done}
        self.all = [*done, *(Step(key) for key in keys if key not in begun)]

    def probes(self, uris: Iterable[str]) -> list[Step]:
        """Put one step for each URI in the place of the one planned."""
        place = next(index for index, step in enumerate(self.all) if step.key == "probe")
        steps = [Step("probe", detail=uri) for uri in uris]
        self.all[place : place + 1] = steps
        for step in steps[:1]:
            self._tell(step)
        return steps

    def named(self, key: str) -> Step:
        """Return the step of that key."""
        return next(step for step in self.all if step.key == key)

    def elapsed(self) -> float:
        """Return the seconds since the beginning."""
        return self._clock() - self.began

    @property
    def first_failed(self) -> Step | None:
        """The step that explains a failure."""
        return next((step for step in self.all if step.status == "failed"), None)

    @property
    def _ended(self) -> bool:
        """Whether a step failed that ends the test: probes do not."""
        return any(step.status == "failed" and step.key != "probe" for step in self.all)

    def note(
        self, step: Step, status: Status, at: float, seconds: float, reason: str | None
    ) -> None:
        """Note a step that was taken elsewhere."""
        step.status, step.at, step.seconds, step.reason = status, at, seconds, reason
        self._tell(step)

    def skip(self, key: str, reason: str) -> None:
        """Leave a step out, which is no failure."""
        self.note(self.named(key), "skipped", self.elapsed(), 0.0, reason)

    def blame(self, reason: str) -> None:
        """Note what ended the test outside of any step, unless a step tells it already."""
        if self._ended:
            return
        step = next((step for step in self.all if step.status == "not-reached"), self.all[-1])
        self.note(step, "failed", self.elapsed() if step.at is None else step.at, 0.0, reason)

    @asynccontextmanager
    async def step(
        self, key: str, limit: float, late: Late, lasts: float | None = None
    ) -> AsyncIterator[Step]:
        """Take a step within `limit` seconds; `SkippedError` ends it without a failure.

        Raises `StepFailedError` with the reason, whatever that was: aiortc raises what a strange
        peer or server leads to. Wrong usage and credentials pass as they are.
        """
        step = self.named(key)
        step.at, step.limit, step.lasts = self.elapsed(), limit, lasts
        self._tell(step)
        reason: str | None = None
        status: Status = "failed"
        try:
            async with asyncio.timeout(limit):
                yield step
            status = "ok"
        except UsageError:
            raise
        except TimeoutError:
            step.cause, reason = "timeout", late() if callable(late) else late
        except SkippedError as skipped:
            reason, status = str(skipped), "skipped"
        except (KvsopsError, ConnectionError) as error:
            step.cause = _cause(error)
            reason = " ".join(str(error).split()) or type(error).__name__
        except Exception as error:  # noqa: BLE001 - a test always ends with a report
            reason = " ".join(f"{type(error).__name__}: {error}".split())
        finally:
            step.seconds = self.elapsed() - step.at
        if status != "failed" or not self._ended:  # of steps side by side the first tells why
            step.status, step.reason = status, reason
            self._tell(step)
        if status == "failed":
            raise StepFailedError(reason or "")


def _cause(error: Exception) -> Kind | None:
    """Return what kind of failure an error is; None where that says nothing."""
    if isinstance(error, SignalingError):
        return error.kind
    if isinstance(error, NotFoundError):
        return "not-found"
    if isinstance(error, DeniedError):
        return "denied"
    return "service" if isinstance(error, AwsError) and error.transient else None
