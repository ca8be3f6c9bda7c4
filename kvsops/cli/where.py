"""Whose channels, and where: what the options of one account and region come to."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from kvsops.cli.main import PLACE, SCOPES

if TYPE_CHECKING:
    from decimal import Decimal

    from kvsops.aws.scope import Scope


@dataclass(frozen=True, slots=True)
class Where:
    """The options that say whose channels, and where."""

    profile: str | None
    region: str | None
    endpoint_url: str | None
    quota_share: float | None

    @property
    def emulated(self) -> bool:
        """Whether the endpoint is not AWS's; raises `UsageError` where it is wrong."""
        from kvsops.aws.endpoint import is_emulated
        from kvsops.aws.session import endpoint

        return is_emulated(endpoint(self.profile, self.endpoint_url, os.environ))

    def again(self, scope: "Scope") -> list[str]:
        """Return the options, as words, with which another command finds the same place.

        An endpoint's user and password are not repeated.
        """
        given = {"--profile": self.profile, "--region": scope.region}
        if self.endpoint_url and "@" not in self.endpoint_url:
            given["--endpoint-url"] = self.endpoint_url
        return [word for name, value in given.items() if value for word in (name, value)]

    def open(
        self,
        *,
        read_only: bool = False,
        max_own_cost: "Decimal | None" = None,
        service: str = "kinesisvideo",
    ) -> "Scope":
        """Open the scope; a dry run's is `read_only`; `service` is what the region must have.

        It goes by the clock that the command line was given as its `obj`, or the machine's.
        """
        import time

        from kvsops.aws.clock import machine_now
        from kvsops.aws.metrics import MetricBudget
        from kvsops.aws.patience import Patience
        from kvsops.aws.scope import QUOTA_SHARE, Scope
        from kvsops.cli.signals import next_one_ends

        context = click.get_current_context()
        scope = Scope(
            profile=self.profile,
            region=self.region,
            endpoint_url=self.endpoint_url,
            quota_share=QUOTA_SHARE if self.quota_share is None else self.quota_share,
            read_only=read_only,
            metric_budget=MetricBudget(max_own_cost),
            patience=Patience(time.monotonic, on_interrupt=next_one_ends),
            now=context.obj or machine_now,
            service=service,
        )
        context.meta.setdefault(SCOPES, []).append(scope)
        context.meta[PLACE] = {"profile": self.profile, "region": self.region} | {
            "endpoint_url": self.endpoint_url
        }
        return scope
