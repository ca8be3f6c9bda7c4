"""From what was asked for to places: accounts by their roles, times regions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from kvsops.aws.endpoint import is_emulated
from kvsops.aws.failures import ALWAYS_ENABLED
from kvsops.aws.organizations import members_under
from kvsops.aws.roles import AssumedRole
from kvsops.aws.scope import Scope
from kvsops.aws.session import Account
from kvsops.core.account import (
    RoleArn,
    checked_account_id,
    checked_external_id,
    checked_ou,
    checked_role_name,
)
from kvsops.core.likeness import suggestion
from kvsops.errors import CredentialsError, KvsopsError, UsageError
from kvsops.fleet.accounts import Owner, accounts_of, all_accounts
from kvsops.fleet.asked import Asked
from kvsops.fleet.finding import Finding
from kvsops.fleet.opening import Opening, Surroundings
from kvsops.fleet.place import Members, Missed, Place, Places
from kvsops.output.console import UNSEEN, Counter

_OTHERWISE: Final = "us-east-1"
"""Where is asked who calls, if no region is configured; another partition's has to be given."""


def places_of(
    asked: Asked, around: Surroundings | None = None, counter: Counter = UNSEEN
) -> Places:
    """Find where to look, before anything is done there.

    Asks who calls, lists the organization, and assumes each role once. What is out of reach is
    missed, and said. Raises `UsageError` for what is no account, region, unit or role, and
    `KvsopsError` where the organization cannot be listed as a whole.
    """
    search = _Search.of(asked, around)
    counter.stage("listing accounts", None)
    accounts = all_accounts(asked, search.home, search.partition)
    counter.stage("assuming roles", len(accounts))
    found: list[Place] = []
    missed: list[Missed] = []
    for came in search.home.in_parallel(search.opened, map(search.counted, accounts)):
        counter.advance()
        if isinstance(came, Missed):
            missed.append(came)
        else:
            found += came
    missed.sort(key=lambda each: not each.excused)
    return Places(tuple(found), tuple(missed), search.members)


def finding_of(asked: Asked, around: Surroundings | None = None) -> Finding:
    """Find the same while work in the first of them has begun; raises the same as they come."""
    search = _Search.of(asked, around)
    accounts = map(search.counted, accounts_of(asked, search.home, search.partition))
    return Finding(search.home, accounts, search.opened, search.members)


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
    search = _Search.of(asked, around)
    accounts = all_accounts(asked, search.home, search.partition)
    whose = [each.account_id for each in accounts if isinstance(each, Owner)]
    missed = tuple(each for each in accounts if isinstance(each, Missed))
    found = tuple((each, at.region) for each in whose for at in search.regions)
    inside = {unit: search.inside(unit) for unit in units}
    in_units = {each: tuple(unit for unit in inside if each in inside[unit]) for each in whose}
    return Listed(found, missed, in_units)


@dataclass(frozen=True, slots=True)
class _Search:
    """Who asks, where, and what opens what is found."""

    asked: Asked
    opening: Opening
    home: Scope
    partition: str
    regions: Sequence[Account]

    @classmethod
    def of(cls, asked: Asked, around: Surroundings | None) -> "_Search":
        """Begin, without a call; raises `UsageError` for what cannot be meant."""
        _check(asked)
        around = (around or Surroundings()).saying_once
        account = _home(asked, around.environ)
        regions = [account.at(region) for region in _regions(asked, account)]
        opening = Opening(asked, around, len(regions))
        home = opening.home(_asking(account, asked))
        return cls(asked, opening, home, account.partition, regions)

    @property
    def members(self) -> Members | None:
        """What tells which accounts are in a unit; it asks when it is asked."""
        return self.inside if self.asked.organization_role else None

    def inside(self, unit: str) -> frozenset[str]:
        """Return the accounts in an organizational unit."""
        return frozenset(each.account_id for each in members_under(self.home, unit))

    def counted(self, account: Owner | Missed) -> Owner | Missed:
        """Count an account that is known now."""
        self.opening.places += len(self.regions)
        return account

    def opened(self, account: Owner | Missed) -> tuple[Place, ...] | Missed:
        """Assume the account's role; what cannot be is missed, unless the caller is at fault."""
        if isinstance(account, Missed):
            return account
        try:
            role = self._assumed(account.role)
        except CredentialsError:
            raise
        except KvsopsError as error:
            return Missed(account.account_id, None, str(error))
        return tuple(
            Place(
                account.account_id,
                at.region,
                partial(self.opening, at.by(role), account.account_id),
            )
            for at in self.regions
        )

    def _assumed(self, role: RoleArn | None) -> AssumedRole | None:
        if role is None:
            return None
        return AssumedRole(self.home, role, self.asked.session, self.asked.external_id)


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
