"""Which accounts are meant, and the role that leads into each."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from kvsops.aws.organizations import Member, members, members_under
from kvsops.aws.scope import Scope
from kvsops.aws.threads import THREADS
from kvsops.core.account import RoleArn
from kvsops.errors import KvsopsError, UsageError
from kvsops.fleet.asked import Asked
from kvsops.fleet.place import Missed


@dataclass(frozen=True, slots=True)
class Owner:
    """An account that is meant, and the role that leads there; none to the caller's own."""

    account_id: str
    role: RoleArn | None


def accounts_of(asked: Asked, home: Scope, partition: str) -> Iterator[Owner | Missed]:
    """Yield each account as it is listed, one that cannot be used as missed.

    What came is not all before the end: raises `KvsopsError` where a page cannot be listed, and
    `UsageError` for what is none of them. Where accounts are named, one comes when all are listed.
    """
    if asked.role_arns:
        yield from _of_roles(asked.role_arns, partition)
    elif asked.organization_role is None:
        yield Owner(home.account_id, None)
    else:
        THREADS.do(partial(_ask_who, home))
        for member in _meant(asked, home):
            yield _owner(
                member, RoleArn(partition, member.account_id, asked.organization_role), home
            )


def all_accounts(asked: Asked, home: Scope, partition: str) -> list[Owner | Missed]:
    """Return them when all are known, an organization's in order; raises as `accounts_of` does."""
    found = [*accounts_of(asked, home, partition)]
    if asked.organization_role is not None:
        found.sort(key=lambda each: str(each.account_id))
    return found


def _ask_who(home: Scope) -> None:
    """Ask who calls while the first page is listed; if that fails it is asked again, and said."""
    with suppress(KvsopsError):
        _ = home.account_id


def _owner(member: Member, role: RoleArn, home: Scope) -> Owner | Missed:
    if not member.active:
        return Missed(member.account_id, None, f"the account is {member.state}", excused=True)
    return Owner(member.account_id, None if member.account_id == home.account_id else role)


def _of_roles(arns: Iterable[str], partition: str) -> list[Owner]:
    whose: dict[str, Owner] = {}
    for role in map(RoleArn.parse, dict.fromkeys(arns)):
        if role.partition != partition:
            raise UsageError(f"{role} is in the partition {role.partition}, not in {partition}")
        if role.account_id in whose:
            raise UsageError(f"two --role-arn of account {role.account_id}: give one")
        whose[role.account_id] = Owner(role.account_id, role)
    return [*whose.values()]


def _meant(asked: Asked, home: Scope) -> Iterator[Member]:
    """Yield the organization's accounts that are meant; refuse those it has not."""
    where = f"in {', '.join(asked.ous)}" if asked.ous else "in the organization"
    named = dict.fromkeys((*asked.accounts, *asked.exclude_accounts))
    listed: dict[str, Member] = {}
    for member in _listed(asked, home):
        if member.account_id not in listed:
            listed[member.account_id] = member
            if not named:
                yield member
    for account_id in named:
        if account_id not in listed:
            raise UsageError(f"no account {account_id} {where}")
    if not listed:
        raise UsageError(f"there is no account {where}")
    wanted = set(asked.accounts or listed) - set(asked.exclude_accounts)
    if not wanted:
        raise UsageError("--exclude-account leaves no account")
    yield from (member for member in listed.values() if named and member.account_id in wanted)


def _listed(asked: Asked, home: Scope) -> Iterator[Member]:
    """Yield the organization's accounts, or those of the units, of which some may come twice."""
    if not asked.ous:
        yield from members(home)
    for unit in dict.fromkeys(asked.ous):
        yield from members_under(home, unit)
