"""How long calls are waited for: until a deadline, and after Ctrl-C not for long.

Each call goes on in a thread of its own, so that whoever waits for it can stop: an answer that
drips by the byte, a name server or a credential process that hangs would else outlast them all.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from kvsops.aws.quotas import writes
from kvsops.aws.threads import THREADS
from kvsops.errors import AwsError

Result = TypeVar("Result")

CALL_SECONDS: Final = 60.0
"""One attempt's whole time, from its first byte to the last."""
LATE_SECONDS: Final = 5.0
"""How long after the deadline a write that has begun is waited for."""
INTERRUPTED_SECONDS: Final = 10.0
"""How long after Ctrl-C it is."""
LAST_READ_SECONDS: Final = 1.5
"""How long a read may take that is begun after Ctrl-C, to put something in order."""
_POLL_SECONDS: Final = 0.1


class Call:
    """One call under way."""

    def __init__(self, operation: str, *, late: bool) -> None:
        self.operation = operation
        self.asked_at = time.monotonic()
        self.late = late  # begun after Ctrl-C
        self.sent_at: float | None = None
        self._given_up = threading.Event()

    def send(self) -> None:
        """Note that an attempt leaves now; raises `AwsError` where nobody waits for it any more."""
        if self._given_up.is_set():
            raise AwsError(f"{self.operation} was given up", "GivenUp")
        self.sent_at = time.monotonic()

    def give_up(self) -> None:
        """Let no attempt leave any more."""
        self._given_up.set()

    @property
    def given_up(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._given_up.is_set()


class Patience:
    """Bounds the calls of a scope by a deadline and by Ctrl-C; any thread may ask.

    Past the deadline no read begins, while what changes something is tried on, or it would be left
    half done. The clock gives seconds; `on_interrupt` hears of Ctrl-C, and which writes are waited
    for.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        on_interrupt: Callable[[list[str]], object] = lambda _: None,
    ) -> None:
        self._clock, self._on_interrupt = clock, on_interrupt
        self._deadline: float | None = None
        self._end: float | None = None
        self._interrupted = threading.Event()
        self._interrupted_at = 0.0
        self._writing: list[str] = []

    @contextmanager
    def reading_until(self, deadline: float | None) -> Iterator[None]:
        """Let no read begin, go on or be tried again, once the deadline has passed on its clock."""
        before, self._deadline = self._deadline, deadline
        try:
            yield
        finally:
            self._deadline = before

    @contextmanager
    def ending_by(self, deadline: float | None) -> Iterator[None]:
        """Wait for no call, not even for a write, for long after the deadline."""
        before, self._end = self._end, deadline
        try:
            yield
        finally:
            self._end = before

    def interrupt(self) -> None:
        """Wait for no read any more, and not for long for a write: a person waits."""
        if not self._interrupted.is_set():
            self.give_up()
            self._on_interrupt(sorted(set(self._writing)))

    def give_up(self) -> None:
        """Do the same where it is no person who waits: what is read would be of no use."""
        self._interrupted_at = time.monotonic()
        self._interrupted.set()

    @property
    def interrupted(self) -> bool:
        """Whether a person waits for the end."""
        return self._interrupted.is_set()

    def left(self, operation: str) -> float | None:
        """Return how long the operation may be tried; raises `AwsError` if it is too late."""
        if self._deadline is None or writes(operation):
            return None
        left = self._deadline - self._clock()
        if left <= 0:
            raise AwsError(f"the deadline passed before {operation} was asked", "DeadlinePassed")
        return left

    def waited_for(self, operation: str, work: Callable[[Call], Result]) -> Result:
        """Do the work in a thread of its own, and wait for it; raises `AwsError` if in vain."""
        call, done = Call(operation, late=self.interrupted), threading.Event()
        writing = [operation] if writes(operation) else []
        self._writing += writing
        answer = THREADS.submit(lambda: work(call))
        answer.add_done_callback(lambda _: done.set())
        try:
            while not done.wait(_POLL_SECONDS):
                self._check(call)
        except BaseException:  # Ctrl-C, too
            call.give_up()
            raise
        finally:
            for each in writing:
                self._writing.remove(each)
        return answer.result()

    def _check(self, call: Call) -> None:
        """Raise `AwsError` where the call is to be waited for no longer."""
        now, operation = time.monotonic(), call.operation
        sent = call.sent_at is not None
        if self._past_deadline(writes(operation)):
            msg = f"the deadline passed before {operation} was answered"
            raise AwsError(msg, "DeadlinePassed", sent=sent)
        if self.interrupted and now >= self._last_moment(call):
            raise AwsError(f"{operation} was interrupted", "Interrupted", sent=sent)
        if call.sent_at is not None and now - call.sent_at >= CALL_SECONDS:
            msg = f"{operation} failed: no whole answer came within {CALL_SECONDS:.0f} s"
            raise AwsError(msg, "AnswerTimeout", sent=True, transient=True)

    def _past_deadline(self, writing: bool) -> bool:  # noqa: FBT001 - of one caller
        now = self._clock()
        reading_over = self._deadline is not None and now >= self._deadline and not writing
        return reading_over or (self._end is not None and now >= self._end + LATE_SECONDS)

    def _last_moment(self, call: Call) -> float:
        if writes(call.operation):
            return max(self._interrupted_at, call.asked_at) + INTERRUPTED_SECONDS
        return call.asked_at + LAST_READ_SECONDS if call.late else self._interrupted_at
