"""From what was asked for to places: accounts by their roles, times regions."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final

from kvsops.aws.clients import CONNECTIONS, Clients
from kvsops.aws.failures import ALWAYS_ENABLED
from kvsops.aws.metrics import MetricBudget
from kvsops.aws.organizations import Member, members, members_under
from kvsops.aws.patience import Patience
from kvsops.aws.roles import AssumedRole
from kvsops.aws.scope import WORKERS, Scope, machine_now
from kvsops.aws.session import Account, is_emulated
from kvsops.core.account import (
    RoleArn,
    checked_account_id,
    checked_external_id,
    checked_ou,
    checked_role_name,
)
from kvsops.core.likeness import suggestion
from kvsops.errors import CredentialsError, KvsopsError, UsageError
from kvsops.fleet.asked import Asked
from kvsops.fleet.everywhere import AT_ONCE
from kvsops.fleet.place import Missed, Place, Places

_FEWEST: Final = 4
_OTHERWISE: Final = "us-east-1"
"""Where is asked who calls, if no region is configured; another partition's has to be given."""


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


def places_of(asked: Asked, around: Surroundings | None = None) -> Places:
    """Find where to look, before anything is done there.

    Asks who calls, lists the organization, and assumes each role once. What is out of reach is
    missed, and said. Raises `UsageError` for what is no account, region, unit or role, and
    `KvsopsError` where the organization cannot be listed as a whole.
    """
    _check(asked)
    around = _saying_once(around or Surroundings())
    account = _home(asked, around.environ)
    regions = [account.at(region) for region in _regions(asked, account)]
    pooled = _share(len(regions))
    opening = _Opening(asked, around, Clients(pooled), pooled)
    home = opening.scope(_asking(account, asked), None, MetricBudget(), read_only=True)
    whose, missed = _accounts(asked, home, account.partition)
    roles, refused = _assumed(asked, home, whose)
    opening = replace(opening, workers=_share(min(AT_ONCE, len(regions) * len(roles))))
    found = tuple(
        Place(account_id, at.region, partial(opening, at.by(role), account_id))
        for account_id, role in roles.items()
        for at in regions
    )
    return Places(found, (*missed, *refused), _members(home) if asked.organization_role else None)


@dataclass(frozen=True, slots=True)
class Listed:
    """Accounts and regions that were asked for, none of which was looked at yet.

    `units` tells of each account in which of the organizational units that were named it is.
    """

    found: tuple[tuple[str, str], ...]
    missed: tuple[Missed, ...]
    units: Mapping[str, tuple[str, ...]]


def listed_of(
    asked: Asked, around: Surroundings | None = None, units: Iterable[str] = ()
) -> Listed:
    """List where to look, as `places_of` does, but assume no role: whether it can be is seen later.

    Raises as that does.
    """
    _check(asked)
    around = around or Surroundings()
    account = _home(asked, around.environ)
    opening = _Opening(asked, around, Clients(), WORKERS)
    home = opening.scope(_asking(account, asked), None, MetricBudget(), read_only=True)
    whose, missed = _accounts(asked, home, account.partition)
    found = tuple((each, region) for each in whose for region in _regions(asked, account))
    inside = {unit: {each.account_id for each in members_under(home, unit)} for unit in units}
    in_units = {each: tuple(unit for unit in inside if each in inside[unit]) for each in whose}
    return Listed(found, tuple(missed), in_units)


@dataclass(frozen=True, slots=True)
class _Opening:
    """Opens scopes that share what they can."""

    asked: Asked
    around: Surroundings
    clients: Clients
    workers: int

    def __call__(
        self,
        account: Account,
        account_id: str,
        *,
        read_only: bool,
        max_own_cost: Decimal | None = None,
    ) -> Scope:
        scope = self.scope(account, account_id, MetricBudget(max_own_cost), read_only=read_only)
        self.around.on_open(scope)
        return scope

    def scope(
        self, account: Account, account_id: str | None, budget: MetricBudget, *, read_only: bool
    ) -> Scope:
        """Open one; where its account is not known yet, it asks."""
        around = self.around
        return Scope(
            account=account,
            account_id=account_id,
            clients=self.clients,
            workers=self.workers,
            read_only=read_only,
            quota_share=self.asked.quota_share,
            metric_budget=budget,
            patience=Patience(around.clock, around.on_interrupt),
            clock=around.clock,
            sleep=around.sleep,
            now=around.now,
        )


def _members(home: Scope) -> Callable[[str], frozenset[str]]:
    """Return what tells which accounts are in an organizational unit; it asks when it is asked."""
    return lambda unit: frozenset(each.account_id for each in members_under(home, unit))


def _saying_once(around: Surroundings) -> Surroundings:
    """Let what the scopes wait for after Ctrl-C be said once, not by each of them."""
    said: set[tuple[str, ...]] = set()

    def interrupted(under_way: list[str]) -> None:
        if tuple(under_way) not in said:
            said.add(tuple(under_way))
            around.on_interrupt(under_way)

    return replace(around, on_interrupt=interrupted)


def _share(parts: int) -> int:
    """Return how many of all connections each of so many gets."""
    return max(_FEWEST, min(WORKERS, CONNECTIONS // max(1, parts)))


def _check(asked: Asked) -> None:
    """Raise `UsageError` for what contradicts itself, or cannot be what it is said to be."""
    if asked.objection:
        raise UsageError(asked.objection)
    for account in (*asked.accounts, *asked.exclude_accounts):
        checked_account_id(account)
    for unit in asked.ous:
        checked_ou(unit)
    if asked.organization_role is not None:
        checked_role_name(asked.organization_role)
    if asked.external_id is not None:
        checked_external_id(asked.external_id)


def regions_of(asked: Asked, environ: Mapping[str, str]) -> list[str]:
    """Return the regions that are meant, without a call."""
    return _regions(asked, _home(asked, environ))


def _home(asked: Asked, environ: Mapping[str, str]) -> Account:
    """Return where is asked who calls and who else there is: the configured region if it is meant.

    Else one of those that were given, rather one that need not be enabled.
    """
    given = asked.regions
    configured = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    usual = (region for region in given if region in ALWAYS_ENABLED)
    region = next(usual, given[0]) if given and configured not in given else configured
    return Account.open(asked.profile, region, asked.endpoint_url, environ, otherwise=_OTHERWISE)


def _asking(account: Account, asked: Asked) -> Account:
    """Return where roles are assumed and the organization is listed: in a region open to all.

    The caller's account may not have enabled what the roles' accounts have.
    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
    """
    roles = asked.role_arns or asked.organization_role
    if not roles or account.region in ALWAYS_ENABLED or account.partition != "aws":
        return account
    return replace(account, region=_OTHERWISE)


def _regions(asked: Asked, account: Account) -> list[str]:
    """Return the regions, each once; raises `UsageError` for one that is none."""
    known = account.regions()
    for region in asked.exclude_regions:
        if region not in known:
            near = suggestion(region, known, f"there are {', '.join(known)}")
            raise UsageError(f"--exclude-region {region!r}: Kinesis Video is not there: {near}")
    if asked.all_regions:
        chosen = [region for region in known if region not in asked.exclude_regions]
    else:
        chosen = list(dict.fromkeys(asked.regions)) or [account.region]
    if not chosen:
        raise UsageError("--exclude-region leaves no region")
    if len(chosen) > 1 and account.endpoint_url and not is_emulated(account.endpoint_url):
        raise UsageError(f"{account.endpoint_url} is in one region: give only that as --region")
    return chosen


Whose = dict[str, RoleArn | None]
"""Each account by its number, and the role that leads there; none to the caller's own."""


def _accounts(asked: Asked, home: Scope, partition: str) -> tuple[Whose, list[Missed]]:
    if asked.role_arns:
        return _of_roles(asked.role_arns, partition), []
    if asked.organization_role is None:
        return {home.account_id: None}, []
    listed = _listed(asked, home)
    missed = [
        Missed(each.account_id, None, f"the account is {each.state}", excused=True)
        for each in listed
        if not each.active
    ]
    whose: Whose = {
        each.account_id: RoleArn(partition, each.account_id, asked.organization_role)
        for each in listed
        if each.active
    }
    if home.account_id in whose:
        whose[home.account_id] = None
    if not listed:
        raise UsageError("--exclude-account leaves no account")
    return whose, missed


def _of_roles(arns: Iterable[str], partition: str) -> Whose:
    whose: Whose = {}
    for role in map(RoleArn.parse, dict.fromkeys(arns)):
        if role.partition != partition:
            raise UsageError(f"{role} is in the partition {role.partition}, not in {partition}")
        if role.account_id in whose:
            raise UsageError(f"two --role-arn of account {role.account_id}: give one")
        whose[role.account_id] = role
    return whose


def _listed(asked: Asked, home: Scope) -> list[Member]:
    """Return the organization's accounts that are meant, in order; refuse those it has not."""
    if asked.ous:
        found = [
            member for unit in dict.fromkeys(asked.ous) for member in members_under(home, unit)
        ]
        where = f"in {', '.join(asked.ous)}"
    else:
        found, where = members(home), "in the organization"
    listed = {member.account_id: member for member in found}
    for account_id in (*asked.accounts, *asked.exclude_accounts):
        if account_id not in listed:
            raise UsageError(f"no account {account_id} {where}")
    if not listed:
        raise UsageError(f"there is no account {where}")
    wanted = set(asked.accounts or listed) - set(asked.exclude_accounts)
    return [listed[account_id] for account_id in sorted(wanted)]


def _assumed(
    asked: Asked, home: Scope, whose: Whose
) -> tuple[dict[str, AssumedRole | None], list[Missed]]:
    """Assume each role, many at once; what cannot be is missed, unless the caller is at fault."""

    def assume(role: RoleArn | None) -> AssumedRole | Missed | None:
        if role is None:
            return None
        try:
            return AssumedRole(home, role, asked.session, asked.external_id)
        except CredentialsError:
            raise
        except KvsopsError as error:
            return Missed(role.account_id, None, str(error))

    came = dict(zip(whose, home.in_parallel(assume, whose.values()), strict=True))
    roles = {name: role for name, role in came.items() if not isinstance(role, Missed)}
    return roles, [each for each in came.values() if isinstance(each, Missed)]
