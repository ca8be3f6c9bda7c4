"""One account and region: its clients, and its calls, which are paced, retried and counted."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

import stamina
import stamina.instrumentation
from botocore import exceptions as botocore_errors
from botocore import xform_name

from kvsops.aws import failures
from kvsops.aws.metrics import MetricBudget, RecentUse
from kvsops.aws.pace import Pace
from kvsops.aws.patience import Patience
from kvsops.aws.quotas import OPERATIONS, writes
from kvsops.aws.session import Account, is_emulated
from kvsops.errors import UsageError, WriteRefusedError

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.credentials import ReadOnlyCredentials

Item = TypeVar("Item")
Result = TypeVar("Result")

QUOTA_SHARE: Final = 0.8
"""The part of each quota that is taken by default: other programs use the account too."""
ATTEMPTS: Final = 10
WORKERS: Final = 32
"""At most this many calls are under way at once: each client keeps as many connections."""
CLOCK_TOLERANCE: Final = timedelta(seconds=3)
"""A difference of the clocks that is not worth speaking of: answers take their time too."""

# Retries are counted here and told by whoever called; stamina's own log lines would repeat them.
stamina.instrumentation.set_on_retry_hooks([])


class Scope:
    """The calls to one account and region.

    Each operation keeps to `quota_share` of its documented quota and is retried, with jittered
    back-off, on throttles and transient errors. With `read_only` no call that writes leaves the
    process, whoever makes it. `calls` and `throttled` count by operation, retries included.
    `metric_budget` counts and bounds the metrics asked for, `patience` bounds the reads' time.

    Raises `UsageError` for a profile, region or endpoint that is missing or wrong.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        read_only: bool = False,
        quota_share: float = QUOTA_SHARE,
        metric_budget: MetricBudget | None = None,
        patience: Patience | None = None,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not 0 < quota_share <= 1:
            raise UsageError(f"--quota-share {quota_share}: it is above 0 and at most 1")
        self._account = Account.open(profile, region, endpoint_url, environ)
        self.region = self._account.region
        self.read_only = read_only
        self.clock, self.sleep, self._own_now = clock, sleep, now
        self._ahead = timedelta()  # how far the service's clock is ahead of ours
        self.calls: Counter[str] = Counter()
        self.metric_budget = metric_budget or MetricBudget()
        self.patience = patience or Patience(clock)
        self.recent_use = RecentUse()
        self.throttled: Counter[str] = Counter()
        self._paces = {
            name: Pace(operation.per_second * quota_share, clock, sleep)
            for name, operation in OPERATIONS.items()
        }
        self._lock = threading.RLock()
        self._clients: dict[tuple[str, str | None], BaseClient] = {}
        self._reached = False

    @cached_property
    def account_id(self) -> str:
        """The account that the credentials belong to, as STS says."""
        return str(self.call("GetCallerIdentity")["Account"])

    def now(self) -> datetime:
        """Return the service's time: this machine's, set right by the answers' Date headers."""
        return self._own_now() + self._ahead

    @property
    def emulated(self) -> bool:
        """Whether the calls go to an endpoint that is not AWS's."""
        return is_emulated(self._account.endpoint_url)

    def credentials(self) -> "ReadOnlyCredentials":
        """Return the credentials as they are now; raises `CredentialsError`."""
        try:
            found = self._account.session.get_credentials()
            if found is None:
                raise botocore_errors.NoCredentialsError
            return found.get_frozen_credentials()
        except failures.BOTOCORE_ERRORS as error:
            raise failures.translated(error, "GetCallerIdentity", {}, sent=False) from error

    def turn(self, operation: str) -> None:
        """Wait for the operation's turn in its quota; `call` does so itself unless told not to."""
        self._paces[operation].turn()

    def call(
        self,
        operation: str,
        *,
        attempts: int = ATTEMPTS,
        in_turn: bool = True,
        endpoint_url: str | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Call the operation; return its answer.

        `attempts=1` leaves retrying to the caller, `in_turn=False` the waiting for a turn;
        `endpoint_url` is where the operation of one channel is called. Raises
        `AwsError` (`DeniedError`, `NotFoundError`), `CredentialsError`, and `WriteRefusedError`
        where the scope is read-only.
        """
        caller = stamina.RetryingCaller(
            attempts=attempts, timeout=self.patience.left(operation), wait_max=5, wait_jitter=0.5
        )
        lost: list[Exception] = []  # attempts that may have been carried out unanswered

        def attempt() -> dict[str, Any]:
            if in_turn:
                self.turn(operation)
            try:
                return self._send(operation, parameters, endpoint_url)
            except failures.BOTOCORE_ERRORS as error:
                lost.extend([error] if failures.answer_lost(error) else [])
                raise

        try:
            return caller.on(lambda error: self._worth_retrying(error, operation))(attempt)
        except failures.BOTOCORE_ERRORS as error:
            raise failures.translated(
                error, operation, parameters, sent=bool(lost), ahead=self._ahead
            ) from error

    def pages(self, operation: str, key: str, **parameters: Any) -> Iterator[list[Any]]:
        """Call the operation until its NextToken ends; yield the list under `key` of each page."""
        while True:
            answer = self.call(operation, **parameters)
            yield answer.get(key, [])
            if not answer.get("NextToken"):
                return
            parameters["NextToken"] = answer["NextToken"]

    def in_parallel(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[Result]:
        """Yield the function's results in the items' order; what is not begun ends with the caller.

        On Ctrl-C what has begun does not go on for long: reads are not tried again.
        """
        executor = ThreadPoolExecutor(WORKERS)
        try:
            yield from executor.map(function, items)
        except KeyboardInterrupt:
            self.patience.interrupt()
            raise
        finally:
            executor.shutdown(cancel_futures=True)

    def _send(
        self, operation: str, parameters: Mapping[str, Any], endpoint_url: str | None
    ) -> dict[str, Any]:
        client = self._client(OPERATIONS[operation].service, endpoint_url)
        with self._lock:
            self.calls[operation] += 1
        sent_at = self._own_now()
        try:
            answer: dict[str, Any] = getattr(client, xform_name(operation))(**parameters)
        except botocore_errors.ClientError as error:
            self._reached = True
            self._set_clock(error.response.get("ResponseMetadata", {}), sent_at)
            if failures.throttled(error):
                with self._lock:
                    self.throttled[operation] += 1
            raise
        self._reached = True
        self._set_clock(answer.get("ResponseMetadata", {}), sent_at)
        return answer

    def _set_clock(self, metadata: Mapping[str, Any], sent_at: datetime) -> None:
        """Learn the service's time from an answer, which it made between the call and now.

        An answer that was long on its way does not set the clock back: what was read before it
        would seem fresh. Its Date has whole seconds.
        """
        date = metadata.get("HTTPHeaders", {}).get("date")
        try:
            answered_at = parsedate_to_datetime(date)
            least, most = answered_at - self._own_now(), answered_at - sent_at
        except (TypeError, ValueError):  # missing, unreadable, or without a time zone
            return
        if not least - CLOCK_TOLERANCE <= self._ahead <= most + CLOCK_TOLERANCE:
            self._ahead = least  # the tolerance, or it would jump to and fro

    def _worth_retrying(self, error: Exception, operation: str) -> bool:
        """Whether to try again; an endpoint that never answered is not waited for."""
        if self.patience.interrupted and not writes(operation):
            return False
        return failures.transient(error) and (self._reached or not failures.unreachable(error))

    def _client(self, service: str, endpoint_url: str | None) -> "BaseClient":
        with self._lock:
            key = (service, endpoint_url)
            if key not in self._clients:
                client = self._account.client(service, WORKERS, endpoint_url)
                if self.read_only:
                    client.meta.events.register_first("provide-client-params", _refuse_writes)
                self._clients[key] = client
            return self._clients[key]


def _refuse_writes(model: Any, **_: object) -> None:
    """Stop a write before anything of it leaves: botocore calls this first for every call."""
    if writes(model.name):
        msg = f"a dry run does not call {model.name}"
        raise WriteRefusedError(msg)
