"""moto's Organizations backend, and the organization of `--accounts N`.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
"""

import json
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Final, cast

from moto.iam.models import iam_backends
from moto.organizations.models import (
    FakeAccount,
    FakeOrganization,
    FakeOrganizationalUnit,
    FakeRoot,
    organizations_backends,
)
from moto.organizations.models import OrganizationsBackend as MotoOrganizationsBackend

from kvsops.local.accounts import ACCOUNT_ID, SUSPENDED, account_ids

ORGANIZATION_ID: Final = "o-kvsopslocal"
ROOT_ID: Final = "r-kvso"
UNITS: Final = {
    "Production": ("ou-kvso-production", ROOT_ID),
    "Development": ("ou-kvso-development", ROOT_ID),
    "Sandboxes": ("ou-kvso-sandboxes", "ou-kvso-development"),
    "Suspended": ("ou-kvso-suspended", ROOT_ID),
}
"""The organizational units by name: each one's id, and its parent's. The members are in the first
three of them by turns."""
ROLES: Final = {
    "kvsops-sweep": None,
    "kvsops-external": "kvsops-external-id",
    "OrganizationAccountAccessRole": None,
}
"""The roles of each account, which trust the management account; and the external id that each
wants, if it does. The last is in the members alone, as AWS has it."""

_FOUNDED: Final = datetime(2024, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # as moto has times


class Account(FakeAccount):
    """One account, made here without moto's ways: its id is known before."""

    def __init__(self, organization: FakeOrganization, number: int, account_id: str) -> None:
        self.type = "ACCOUNT"
        self.region = organization.region
        self.organization_id = organization.id
        self.master_account_id = organization.master_account_id
        self.create_account_status_id = f"car-{number:08d}"
        self.id = account_id
        self.name = "management"
        self.create_time = _FOUNDED + timedelta(days=number)
        self.status = self.state = "ACTIVE"
        self.joined_method = "CREATED" if number else "INVITED"
        self.parent_id = organization.root_id
        self.attached_policies = []
        self.tags = {}

    @property
    def email(self) -> str:
        """The address of its owner."""
        return f"{self.name}@example.com"


class OrganizationsBackend(MotoOrganizationsBackend):
    """moto's operations, on an organization with fixed ids."""

    SERVICE_NAMESPACE = "organizations"

    @property
    def id(self) -> str:
        """The organization's id."""
        return str(self.org.id if self.org else "")

    def found(self, count: int, region: str) -> None:
        """Make the organization: so many accounts in its units, and one more, suspended."""
        self.org = FakeOrganization(self.account_id, region, "ALL")
        self.org.id, self.org.root_id = ORGANIZATION_ID, ROOT_ID
        self.org.master_account_email = "management@example.com"
        self.ou = [FakeRoot(self.org), *(self._unit(name) for name in UNITS)]
        ids = (*account_ids(count), SUSPENDED)
        self.accounts = [Account(self.org, number, each) for number, each in enumerate(ids)]
        units = cycle([*UNITS][:-1])
        for number, account in enumerate(self.accounts[1:-1], start=2):
            self._move(account, next(units), number)
        self._move(self.accounts[-1], "Suspended", count + 1)
        self.accounts[-1].close()
        for account in self.accounts:
            _make_roles(account.id, self.partition)

    def _unit(self, name: str) -> FakeOrganizationalUnit:
        unit_id, parent_id = UNITS[name]
        unit = FakeOrganizationalUnit(self.org, Name=name, ParentId=parent_id)  # type: ignore[arg-type]
        unit.id = unit_id
        return unit

    def _move(self, account: FakeAccount, unit: str, number: int) -> None:
        """Put a member into its unit, and name it by that."""
        account.parent_id, account.name = UNITS[unit][0], f"{unit.lower()}-{number}"

    def is_active(self, account_id: str) -> bool:
        """Whether this is one of its accounts, and not suspended."""
        return any(each.id == account_id and each.status == "ACTIVE" for each in self.accounts)


def organization(partition: str) -> OrganizationsBackend:
    """Return the backend of the management account."""
    return cast("OrganizationsBackend", organizations_backends[ACCOUNT_ID][partition])


def _make_roles(account_id: str, partition: str) -> None:
    for name, external_id in ROLES.items():
        if account_id == ACCOUNT_ID and name == "OrganizationAccountAccessRole":
            continue
        iam_backends[account_id][partition].create_role(
            role_name=name,
            assume_role_policy_document=json.dumps(_trust_policy(partition, external_id)),
            path="/",
            permissions_boundary=None,
            description="",
            tags=[],
            max_session_duration="3600",
        )


def _trust_policy(partition: str, external_id: str | None) -> dict[str, object]:
    statement: dict[str, object] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{ACCOUNT_ID}:root"},
        "Action": "sts:AssumeRole",
    }
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Version": "2012-10-17", "Statement": [statement]}
