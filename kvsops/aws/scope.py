"""One account and region: its clients, and its calls, which are paced, retried and counted."""

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import stamina
import stamina.instrumentation
from botocore import exceptions as botocore_errors

from kvsops.aws import failures
from kvsops.aws.answers import UnreadableAnswerError
from kvsops.aws.clients import Clients
from kvsops.aws.clock import ServiceClock, machine_now
from kvsops.aws.endpoint import is_emulated
from kvsops.aws.metrics import MetricBudget, RecentUse
from kvsops.aws.pace import Paces
from kvsops.aws.patience import Call, Patience
from kvsops.aws.quotas import KINESIS_VIDEO, writes
from kvsops.aws.session import Account
from kvsops.errors import AwsError, KvsopsError, UsageError

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

Item = TypeVar("Item")
Result = TypeVar("Result")

QUOTA_SHARE: Final = 0.8
"""The part of each quota that is taken by default: other programs use the account too."""
ATTEMPTS: Final = 10
WORKERS: Final = 32
"""At most this many calls of one scope are under way at once."""

# Retries are counted here and told by whoever called; stamina's own log lines would repeat them.
stamina.instrumentation.set_on_retry_hooks([])


class Scope:
    """The calls to one account and region.

    Each operation keeps to `quota_share` of its documented quota and is retried, with jittered
    back-off, on throttles and transient errors. With `read_only` no call that writes leaves the
    process, whoever makes it. `calls` and `throttled` count by operation, retries included.
    `metric_budget` counts and bounds the metrics asked for, `patience` bounds the reads' time;
    `service` is the one that the region must have.

    `account` says whose calls, instead of profile, region and endpoint, and `account_id` which one
    it is, where that is known; `clients` are those of other scopes, and `workers` calls of this
    scope are under way at once.

    Raises `UsageError` for a profile, region or endpoint that is missing or wrong.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        account: Account | None = None,
        account_id: str | None = None,
        clients: Clients | None = None,
        workers: int = WORKERS,
        read_only: bool = False,
        quota_share: float = QUOTA_SHARE,
        metric_budget: MetricBudget | None = None,
        patience: Patience | None = None,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], datetime] = machine_now,
        service: str = KINESIS_VIDEO,
    ) -> None:
        if not 0 < quota_share <= 1:
            raise UsageError(f"--quota-share {quota_share}: it is above 0 and at most 1")
        self._account = account or Account.open(
            profile, region, endpoint_url, environ, service=service
        )
        if account_id is not None:
            self.__dict__["account_id"] = account_id
        self.region = self._account.region
        self.read_only = read_only
        self.clock, self.sleep = clock, sleep
        self._time = ServiceClock(now)
        self.calls: Counter[str] = Counter()
        self.metric_budget = metric_budget or MetricBudget()
        self.patience = patience or Patience(clock)
        self.recent_use = RecentUse()
        self.doubts: dict[str, int] = {}
        self._told_account: list[str] = []
        self.throttled: Counter[str] = Counter()
        self._paces = Paces(quota_share, clock, sleep)
        self._lock, self._asking = threading.RLock(), threading.Lock()
        self._clients = clients or Clients()
        self.workers = workers
        self._reached = False

    @property
    def account_id(self) -> str:
        """The account that the credentials belong to, as STS says when it is first asked."""
        with self._asking:
            if "account_id" not in self.__dict__:
                self.__dict__["account_id"] = self._asked_account(ATTEMPTS)
            return str(self.__dict__["account_id"])

    def _asked_account(self, attempts: int) -> str:
        account = str(self.call("GetCallerIdentity", attempts=attempts).get("Account"))
        if not re.fullmatch(r"[0-9]{12}", account):
            raise AwsError("GetCallerIdentity failed: it named no account", "UnreadableAnswerError")
        return account

    def now(self) -> datetime:
        """Return the time to judge by: the earlier of this machine's and the service's."""
        return self._time.earlier()

    def service_now(self) -> datetime:
        """Return the service's time: this machine's, set right by the answers' Date headers."""
        return self._time.service()

    def account_of(self, channel_arn: str) -> str | None:
        """Return the account that a channel told of must be in.

        The caller's where it was asked for, else that of the first channel that was told.
        """
        if not self._told_account:
            self._told_account = channel_arn.split(":")[4:5]
        return self.__dict__.get("account_id") or next(iter(self._told_account), None)

    def place(self) -> failures.Caller:
        """Return where the channels are: the region, and the account, unless it cannot be had."""
        with suppress(KvsopsError):
            if "account_id" not in self.__dict__:
                self.__dict__["account_id"] = self._asked_account(1)
        return self._caller()

    def doubt(self, what: str) -> None:
        """Note what was told that cannot be; whoever opened the scope says so at the end."""
        with self._lock:
            self.doubts[what] = self.doubts.get(what, 0) + 1

    @property
    def emulated(self) -> bool:
        """Whether the calls go to an endpoint that is not AWS's."""
        return is_emulated(self._account.endpoint_url)

    @property
    def emulator(self) -> str:
        """Where the calls go, if that is not AWS's; else empty."""
        return (self._account.endpoint_url or "") if self.emulated else ""

    def credentials(self) -> "ReadOnlyCredentials":
        """Return the credentials as they are now; raises `CredentialsError`."""
        try:
            return self._account.credentials()
        except KvsopsError:  # a role's
            raise
        except Exception as error:  # a process that prints rubbish raises whatever comes
            raise failures.uncredited(error, self._caller()) from error

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

        def attempt(call: Call) -> dict[str, Any]:
            if in_turn:
                self.turn(operation)
            # Lest what they raise be taken for the call's; and renewing them may take a connection.
            signer = self.credentials()
            try:
                with self._clients.connection():
                    call.send()
                    return self._send(operation, parameters, signer, endpoint_url)
            except failures.BOTOCORE_ERRORS as error:
                lost.extend([error] if failures.answer_lost(error) else [])
                raise

        def tried(call: Call) -> dict[str, Any]:
            return caller.on(lambda error: self._worth_retrying(error, call))(attempt, call)

        try:
            return self.patience.waited_for(operation, tried)
        except failures.BOTOCORE_ERRORS as error:
            raise self._translated(error, operation, parameters, sent=bool(lost)) from error

    def pages(self, operation: str, key: str, **parameters: Any) -> Iterator[list[Any]]:
        """Call the operation page by page; yield the list under `key` of each."""
        yield from (answer.get(key, []) for answer in self.answers(operation, **parameters))

    def answers(
        self, operation: str, following: str = "NextToken", **parameters: Any
    ) -> Iterator[dict[str, Any]]:
        """Call the operation until no page follows; yield each page.

        Raises `AwsError` for a token that was given before: the pages would never end.
        """
        given: set[str] = set()
        while True:
            answer = self.call(operation, **parameters)
            yield answer
            token = answer.get(following)
            if not token:
                return
            if token in given:
                msg = f"{operation} failed: it gave one {following} twice, so its pages never end"
                raise AwsError(msg, "EndlessPages")
            given.add(token)
            parameters[following] = token

    def in_parallel(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[Result]:
        """Yield the function's results in the items' order; what is not begun ends with the caller.

        On Ctrl-C what has begun does not go on for long: reads are not tried again.
        """
        executor = ThreadPoolExecutor(self.workers)
        try:
            yield from executor.map(function, items)
        except KeyboardInterrupt:
            self.patience.interrupt()
            raise
        finally:
            executor.shutdown(cancel_futures=True)

    def _send(
        self,
        operation: str,
        parameters: Mapping[str, Any],
        signer: "ReadOnlyCredentials",
        endpoint_url: str | None,
    ) -> dict[str, Any]:
        how: dict[str, Any] = {"endpoint_url": endpoint_url, "read_only": self.read_only}
        with self._lock:
            self.calls[operation] += 1
        sent_at = self._time.own_now()
        try:
            answer = self._clients.call(self._account, operation, parameters, signer, **how)
        except botocore_errors.ClientError as error:
            self._reached = True
            if failures.throttled(error):
                with self._lock:
                    self.throttled[operation] += 1
            raise
        except (*failures.BOTOCORE_ERRORS, KvsopsError):
            raise
        except Exception as error:  # botocore's parsers raise whatever comes of an odd answer
            raise UnreadableAnswerError(f"{operation} cannot be read ({error!r:.80})") from error
        self._reached = True
        self._time.learn(answer.get("ResponseMetadata", {}), sent_at)
        return answer

    def _worth_retrying(self, error: Exception, call: Call) -> bool:
        """Whether to try again; an endpoint that never answered is not waited for."""
        if call.given_up or (self.patience.interrupted and not writes(call.operation)):
            return False
        return failures.transient(error) and (self._reached or not failures.unreachable(error))

    def _translated(
        self, error: Exception, operation: str, parameters: Mapping[str, Any], *, sent: bool
    ) -> KvsopsError:
        given = (error, operation, parameters, self._caller())
        return failures.translated(*given, sent=sent, ahead=self._time.ahead_by(error))

    def _caller(self) -> failures.Caller:
        return failures.Caller(
            self.region,
            self.__dict__.get("account_id"),
            self._account.session.profile,
            proxied=self._account.proxied,
        )
