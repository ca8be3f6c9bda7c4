"""What each call passes through on its way to the operation: latency, faults, quotas, counts."""

import time
from collections import Counter, deque
from threading import Event, Lock
from typing import NamedTuple

from kvsops.local.api.call import Answer, Call
from kvsops.local.api.sigv4 import SignatureError, verify_header
from kvsops.local.dispatch import (
    UNSIGNED,
    carry_out,
    denied_by_policy,
    error_for,
    wrongly_signed,
)
from kvsops.local.faults import (
    CONNECTION_FAULTS,
    DROP,
    FAULT_MESSAGE,
    LATE,
    NOT_ENABLED,
    SCP_DENY,
    first_to_strike,
)
from kvsops.local.quotas import Throttle
from kvsops.local.settings import Settings
from kvsops.local.sts.sessions import invalid_token

THROTTLED = "ClientLimitExceededException"

Entry = tuple[float, str, str]
"""Seconds since the start, the operation, and `ok`, the error's code, or the connection's fault."""

_LOG_LENGTH = 100_000  # bounds the memory of a long run


class Counts(NamedTuple):
    """Calls and throttled calls by operation, and the log of the last 100,000 calls."""

    calls: Counter[str]
    throttled: Counter[str]
    log: list[Entry]


class Middleware:
    """Every call to one emulator passes through here. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._calls: Counter[str] = Counter()
        self._throttled: Counter[str] = Counter()
        self._log: deque[Entry] = deque(maxlen=_LOG_LENGTH)
        self._throttle = Throttle(settings.quota_scale)
        self._lock = Lock()
        self._started = time.monotonic()
        self._closing = Event()

    def __call__(self, call: Call) -> Answer | None:
        """Return the answer to a call; None to close the connection without one."""
        self._travel()
        answer = self._answer(call)
        self._travel()
        return answer

    @property
    def counts(self) -> Counts:
        """The counts so far: a copy that later calls do not change."""
        with self._lock:
            return Counts(Counter(self._calls), Counter(self._throttled), list(self._log))

    def fault(self, operation: str, account_id: str = "", region: str = "") -> str | None:
        """Return the fault that strikes a call of this operation, there, if any."""
        if not self.settings.faults:
            return None
        with self._lock:
            fault = first_to_strike(
                self.settings.faults, operation, self.settings.random, account_id, region
            )
        return fault.error if fault else None

    def admits(self, operation: str, account: str, region: str, channel_name: str | None) -> bool:
        """Whether a call is within the quotas, if they are enforced."""
        return not self.settings.quotas or self._throttle.admits(
            operation, account, region, channel_name, self.settings.clock()
        )

    def count(self, operation: str, outcome: str, *, logged: bool = True) -> None:
        """Count a call and log it."""
        with self._lock:
            self._calls[operation] += 1
            if outcome == THROTTLED:
                self._throttled[operation] += 1
            if logged:
                self._log.append((time.monotonic() - self._started, operation, outcome))

    def close(self) -> None:
        """Stop waiting before late answers."""
        self._closing.set()

    def _travel(self) -> None:
        """Wait for half the latency: one way."""
        if self.settings.latency:
            time.sleep(self.settings.latency.total_seconds() / 2)

    def _answer(self, call: Call) -> Answer | None:
        if refused := self._wrongly_signed(call):
            return self._counted(call, refused)
        fault = self.fault(call.operation, self._account_of(call), call.region)
        if fault == DROP:
            self.count(call.operation, fault)
            return None
        if fault is not None and fault not in CONNECTION_FAULTS:
            return self._counted(call, self._struck(call, fault))
        if not self._within_quota(call):
            return self._counted(call, error_for(call, THROTTLED, "Rate exceeded"))
        answer = carry_out(call)
        self.count(call.operation, fault or answer.outcome)
        if fault == LATE:
            self._closing.wait(self.settings.late_by.total_seconds())
        return answer if fault in (None, LATE) else None

    def _account_of(self, call: Call) -> str:
        """Return the account whose call it is; to assume a role, the role's."""
        role = call.role_account_id if call.operation == "AssumeRole" else None
        return role or self.settings.account_of(call.access_key_id)

    def _struck(self, call: Call, fault: str) -> Answer:
        """Return the error that a fault is."""
        if fault == NOT_ENABLED:
            return wrongly_signed(call, invalid_token())
        if fault == SCP_DENY:
            return denied_by_policy(call)
        return error_for(call, fault, FAULT_MESSAGE)

    def _wrongly_signed(self, call: Call) -> Answer | None:
        if call.service == "sts" and call.operation in UNSIGNED:
            return None
        try:
            now = self.settings.signing_clock()
            signer = verify_header(call, self.settings.secret_of, now, call.service)
            token = call.headers.get("x-amz-security-token")
            self.settings.sessions.check(signer.access_key_id, token, now)
        except SignatureError as error:
            return wrongly_signed(call, error)
        return None

    def _within_quota(self, call: Call) -> bool:
        if not self.settings.quotas or call.service != "kinesisvideo":
            return True
        account = self.settings.account_of(call.access_key_id)
        return self.admits(call.operation, account, call.region, call.channel_name)

    def _counted(self, call: Call, answer: Answer) -> Answer:
        self.count(call.operation, answer.outcome)
        return answer
