"""The organization: its accounts, its units, who may look at it, and its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from kvsops.local.accounts import account_ids
from kvsops.local.environment import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.local.conftest import failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.conftest import Emulator
    from tests.local.organizations.conftest import Connect

IDS = ["123456789012", "200000000002", "200000000003", "200000000004", "200000000005"]
SUSPENDED = "299999999999"


@pytest.fixture
def organizations(connect: Connect) -> Any:
    """Make a client of the management account."""
    return connect("organizations")


def test_ids() -> None:
    """Account ids are the same at each start, and have twelve digits, all 999 of them."""
    assert account_ids(1) == ("123456789012",)
    assert list(account_ids(5)) == IDS
    assert account_ids(999)[-1] == "200000000999"


def test_accounts(organizations: Any) -> None:
    """So many accounts as were asked for are active; one beside them is suspended."""
    accounts = organizations.list_accounts()["Accounts"]
    assert [(each["Id"], each["Name"], each["Status"], each["State"]) for each in accounts] == [
        ("123456789012", "management", "ACTIVE", "ACTIVE"),
        ("200000000002", "production-2", "ACTIVE", "ACTIVE"),
        ("200000000003", "development-3", "ACTIVE", "ACTIVE"),
        ("200000000004", "sandboxes-4", "ACTIVE", "ACTIVE"),
        ("200000000005", "production-5", "ACTIVE", "ACTIVE"),
        ("299999999999", "suspended-6", "SUSPENDED", "SUSPENDED"),
    ]
    arn = "arn:aws:organizations::123456789012:account/o-kvsopslocal/200000000002"
    assert (accounts[1]["Arn"], accounts[1]["Email"]) == (arn, "production-2@example.com")


def test_described(organizations: Any) -> None:
    """The organization and its root have ids that never change."""
    organization = organizations.describe_organization()["Organization"]
    assert (organization["Id"], organization["MasterAccountId"], organization["FeatureSet"]) == (
        "o-kvsopslocal",
        "123456789012",
        "ALL",
    )
    assert [root["Id"] for root in organizations.list_roots()["Roots"]] == ["r-kvso"]
    account = organizations.describe_account(AccountId="200000000004")["Account"]
    assert account["Name"] == "sandboxes-4"


@pytest.mark.parametrize(
    ("parent", "units", "accounts"),
    [
        ("r-kvso", ["Production", "Development", "Suspended"], ["123456789012"]),
        ("ou-kvso-production", [], ["200000000002", "200000000005"]),
        ("ou-kvso-development", ["Sandboxes"], ["200000000003"]),
        ("ou-kvso-sandboxes", [], ["200000000004"]),
        ("ou-kvso-suspended", [], ["299999999999"]),
    ],
)
def test_units(organizations: Any, parent: str, units: list[str], accounts: list[str]) -> None:
    """Units hold accounts, and one holds another."""
    under = organizations.list_organizational_units_for_parent(ParentId=parent)
    assert [unit["Name"] for unit in under["OrganizationalUnits"]] == units
    listed = organizations.list_accounts_for_parent(ParentId=parent)["Accounts"]
    assert [account["Id"] for account in listed] == accounts


@pytest.mark.parametrize(
    ("child", "parent", "kind"),
    [
        ("123456789012", "r-kvso", "ROOT"),
        ("200000000004", "ou-kvso-sandboxes", "ORGANIZATIONAL_UNIT"),
        ("ou-kvso-sandboxes", "ou-kvso-development", "ORGANIZATIONAL_UNIT"),
        ("ou-kvso-production", "r-kvso", "ROOT"),
    ],
)
def test_parents(organizations: Any, child: str, parent: str, kind: str) -> None:
    """Accounts and units tell what they are in."""
    parents = organizations.list_parents(ChildId=child)["Parents"]
    assert parents == [{"Id": parent, "Type": kind}]


def test_pages(organizations: Any, settings: Settings) -> None:
    """Accounts come in pages as small as asked for, or as the settings want them."""
    listing = organizations.get_paginator("list_accounts")
    sizes = [len(page["Accounts"]) for page in listing.paginate(PaginationConfig={"PageSize": 4})]
    assert sizes == [4, 2]
    settings.page_limit = 1
    pages = [page["Accounts"] for page in listing.paginate()]
    assert [[each["Id"] for each in page] for page in pages] == [
        [each] for each in [*IDS, SUSPENDED]
    ]


def test_aws_pages_are_small() -> None:
    """Of many accounts, a page holds 20 where nothing else is asked."""
    with LocalServer(Settings(quotas=False, signaling=False, accounts=45)) as local:
        client = boto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY).client(
            "organizations", "us-east-1", endpoint_url=local.endpoint_url
        )
        pages = client.get_paginator("list_accounts").paginate()
        assert [len(page["Accounts"]) for page in pages] == [20, 20, 6]


@pytest.mark.parametrize(
    ("operation", "parameters", "code", "said"),
    [
        ("list_accounts", {"MaxResults": 21}, "InvalidInputException", "less than or equal to 20"),
        ("list_accounts_for_parent", {}, "InvalidInputException", "Member must not be null"),
        (
            "list_accounts_for_parent",
            {"ParentId": "ou-kvso-12345678"},
            "ParentNotFoundException",
            "You specified parent that doesn't exist.",
        ),
        (
            "describe_account",
            {"AccountId": "111111111111"},
            "AccountNotFoundException",
            "You specified an account that doesn't exist.",
        ),
        (
            "create_account",
            {"AccountName": "x", "Email": "x@example.com"},
            "UnknownOperationException",
            "kvsops local does not have the operation CreateAccount of organizations.",
        ),
    ],
)
def test_refused(
    organizations: Any, operation: str, parameters: dict[str, Any], code: str, said: str
) -> None:
    """What is wrong, unknown, or not there is an error."""
    found, _, message = failure(getattr(organizations, operation), **parameters)
    assert found == code
    assert said in message


def test_members_may_not_look(connect: Connect, assume: Callable[..., dict[str, str]]) -> None:
    """A member cannot list the accounts, which would look to it like an empty organization."""
    member = connect("organizations", assume("200000000002"))
    code, _, message = failure(member.list_accounts)
    assert code == "AccessDeniedException"
    assert message == "You don't have permissions to access this resource."
    assert member.describe_organization()["Organization"]["Id"] == "o-kvsopslocal"


def test_only_where_asked_for(connect: Connect, settings: Settings, over_http: Emulator) -> None:
    """Without accounts there is no such service."""
    over_http.settings.accounts = None
    assert settings.accounts is None
    code, _, message = failure(connect("organizations").list_accounts)
    assert code == "UnknownOperationException"
    assert message == "kvsops local does not have a service organizations without --accounts N."
