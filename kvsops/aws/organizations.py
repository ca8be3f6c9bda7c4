"""The accounts of an organization: all of them, or an error, but never a part taken for them all.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kvsops.aws.scope import Scope
from kvsops.core.account import is_account_id, is_ou
from kvsops.errors import AwsError, UsageError

ACTIVE: Final = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Member:
    """An account of the organization, and its state, as ACTIVE or SUSPENDED."""

    account_id: str
    state: str

    @property
    def active(self) -> bool:
        """Whether it may be used at all."""
        return self.state == ACTIVE


def members(scope: Scope) -> Iterator[Member]:
    """Yield all accounts of the organization as their pages come.

    Raises `KvsopsError` where one page fails: what came before is not all.
    """
    return _members(scope, "ListAccounts")


def members_under(scope: Scope, parent: str) -> Iterator[Member]:
    """Yield the accounts of an organizational unit and of all below it, as their pages come.

    Raises as `members` does, and `UsageError` where there is no such unit.
    """
    units, seen = [parent], {parent}
    while units:
        unit = units.pop()
        yield from _members(scope, "ListAccountsForParent", ParentId=unit)
        for below in _units_in(scope, unit):
            if below not in seen:
                seen.add(below)
                units.append(below)


def _units_in(scope: Scope, parent: str) -> Iterator[str]:
    for page in _pages(scope, "ListOrganizationalUnitsForParent", ParentId=parent):
        for unit in page["OrganizationalUnits"]:
            if not is_ou(unit.get("Id")):
                raise _unreadable("ListOrganizationalUnitsForParent", "organizational unit")
            yield unit["Id"]


def _members(scope: Scope, operation: str, **parameters: str) -> Iterator[Member]:
    for page in _pages(scope, operation, **parameters):
        yield from (_member(operation, row) for row in page["Accounts"])


def _member(operation: str, row: Mapping[str, Any]) -> Member:
    """Read a row. `Status` is what AWS told before there was `State`, and an emulator may yet."""
    account_id, state = row.get("Id"), row.get("State") or row.get("Status")
    if not is_account_id(account_id) or not state:
        raise _unreadable(operation, "account")
    return Member(str(account_id), str(state))


def _pages(scope: Scope, operation: str, **parameters: str) -> Iterator[dict[str, Any]]:
    """Yield the pages; raises `UsageError` for what can never be listed."""
    try:
        yield from scope.answers(operation, **parameters)
    except AwsError as error:
        if error.code == "AWSOrganizationsNotInUseException":
            said = f"account {scope.account_id} is in no organization: give --role-arn instead"
            raise UsageError(f"{said} of --organization-role") from error
        if error.code == "ParentNotFoundException":
            raise UsageError(f"no such organizational unit: {parameters['ParentId']}") from error
        raise


def _unreadable(operation: str, what: str) -> AwsError:
    msg = f"{operation} failed: a row tells of no {what}, so that the list is not whole"
    return AwsError(msg, "UnreadableAnswerError")
