"""How scopes of many accounts and regions are opened: with what they share, and what is around."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from kvsops.aws.clients import CONNECTIONS, Clients
from kvsops.aws.clock import machine_now
from kvsops.aws.metrics import MetricBudget
from kvsops.aws.patience import Patience
from kvsops.aws.scope import WORKERS, Scope
from kvsops.aws.session import Account
from kvsops.fleet.asked import Asked
from kvsops.fleet.everywhere import AT_ONCE

_FEWEST: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What scopes are opened with beside their account: environment, clocks, and who hears."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    now: Callable[[], datetime] = machine_now
    on_interrupt: Callable[[list[str]], object] = lambda _: None
    on_open: Callable[[Scope], object] = lambda _: None
    """Is told of each scope that is opened, in whichever thread."""

    @property
    def saying_once(self) -> "Surroundings":
        """The same, but what the scopes wait for after Ctrl-C is said once, not by each of them."""
        said: set[tuple[str, ...]] = set()

        def interrupted(under_way: list[str]) -> None:
            if tuple(under_way) not in said:
                said.add(tuple(under_way))
                self.on_interrupt(under_way)

        return replace(self, on_interrupt=interrupted)


@dataclass(slots=True)
class Opening:
    """Opens the scopes of so many regions, which share what they can.

    `places` is how many are known so far: the more there are, the fewer calls each has under way.
    """

    asked: Asked
    around: Surroundings
    regions: int
    places: int = 0
    clients: Clients = field(init=False)

    def __post_init__(self) -> None:
        self.clients = Clients(pooled=share(self.regions))

    def __call__(
        self,
        account: Account,
        account_id: str,
        *,
        read_only: bool,
        max_own_cost: Decimal | None = None,
    ) -> Scope:
        """Open one place's, and tell of it."""
        workers = share(min(AT_ONCE, self.places))
        scope = self._scope(account, account_id, workers, MetricBudget(max_own_cost), read_only)
        self.around.on_open(scope)
        return scope

    def home(self, account: Account) -> Scope:
        """Open that of the caller: its account is asked for when it has to be known."""
        return self._scope(account, None, share(self.regions), MetricBudget(), read_only=True)

    def _scope(
        self,
        account: Account,
        account_id: str | None,
        workers: int,
        budget: MetricBudget,
        read_only: bool,  # noqa: FBT001 - of two callers
    ) -> Scope:
        around = self.around
        return Scope(
            account=account,
            account_id=account_id,
            clients=self.clients,
            workers=workers,
            read_only=read_only,
            quota_share=self.asked.quota_share,
            metric_budget=budget,
            patience=Patience(around.clock, around.on_interrupt),
            clock=around.clock,
            sleep=around.sleep,
            now=around.now,
        )


def share(parts: int) -> int:
    """Return how many of all connections each of so many gets."""
    return max(_FEWEST, min(WORKERS, CONNECTIONS // max(1, parts)))
