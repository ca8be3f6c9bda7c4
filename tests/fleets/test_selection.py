"""Which places are found for what was asked, what is missed, and what is refused at once."""

from typing import Any

import pytest

from kvsops.errors import AwsError, DeniedError, KvsopsError, RegionClosedError, UsageError
from kvsops.fleet.place import Missed
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.organization import HOME, Fleet, Organization, account

A, B, C = "111111111111", "222222222222", "333333333333"
ROLE_A, ROLE_B = (f"arn:aws:iam::{each}:role/kvsops-sweep" for each in (A, B))
UNIT, BELOW = "ou-ab12-11111111", "ou-ab12-22222222"
SWEEP = {"organization_role": "kvsops-sweep"}


def found(find: Fleet, **asked: Any) -> list[str]:
    """Return the places, none being missed."""
    places = find(**asked)
    assert places.missed == ()
    return [str(place) for place in places.found]


def test_one_place(find: Fleet, organization: Organization) -> None:
    """Where nothing is asked for it is the caller's account in the configured region."""
    assert found(find) == [f"{HOME} us-east-1"]
    assert organization.asked == {"GetCallerIdentity": 1}


def test_regions(find: Fleet, organization: Organization) -> None:
    """Each region once, in the order given; the account is asked for once."""
    regions = ("eu-west-1", "us-east-1", "eu-west-1")
    assert found(find, regions=regions) == [f"{HOME} eu-west-1", f"{HOME} us-east-1"]
    assert organization.asked == {"GetCallerIdentity": 1}


def test_all_regions(find: Fleet) -> None:
    """All of the partition that have the service, but for those left out."""
    every = found(find, all_regions=True)
    assert f"{HOME} eu-central-1" in every
    assert not [place for place in every if "cn-" in place or "gov" in place]
    less = found(find, all_regions=True, exclude_regions=("eu-central-1", "us-east-1"))
    assert {*every} - {*less} == {f"{HOME} eu-central-1", f"{HOME} us-east-1"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"regions": ("mars",)}, "no such region: 'mars': write it like us-east-1"),
        (
            {"regions": ("us-east-1", "cn-north-1")},
            "cn-north-1 is in the partition aws-cn, these credentials in aws",
        ),
        (
            {"all_regions": True, "exclude_regions": ("eu-wset-1",)},
            "--exclude-region 'eu-wset-1': Kinesis Video is not there: did you mean eu-west-1?",
        ),
        (
            {"role_arns": ("arn:aws-cn:iam::111111111111:role/a",)},
            "arn:aws-cn:iam::111111111111:role/a is in the partition aws-cn, not in aws",
        ),
        (
            {"role_arns": (ROLE_A, f"{ROLE_A}-2")},
            "two --role-arn of account 111111111111: give one",
        ),
        ({**SWEEP, "accounts": (C,)}, f"no account {C} in the organization"),
        ({**SWEEP, "exclude_accounts": (C,)}, f"no account {C} in the organization"),
        ({**SWEEP, "ous": ("ou-ab12-99999999",)}, "no such organizational unit: ou-ab12-99999999"),
        ({**SWEEP, "ous": (UNIT,), "accounts": (A,)}, f"no account {A} in {UNIT}"),
        ({**SWEEP, "ous": ("sandboxes",)}, "not an organizational unit: 'sandboxes': its ID is"),
        ({**SWEEP, "accounts": (A,), "exclude_accounts": (A,)}, f"account {A} is both asked for"),
        ({**SWEEP, "exclude_accounts": (A, B)}, "--exclude-account leaves no account"),
        ({"accounts": (A,)}, "--account, --exclude-account and --ou choose of an organization's"),
        ({"exclude_regions": ("us-east-1",)}, "--exclude-region leaves some out of --all-regions"),
        ({"all_regions": True, "regions": ("us-east-1",)}, "--all-regions or --region, not both"),
        ({**SWEEP, "role_arns": (ROLE_A,)}, "--role-arn or --organization-role, not both"),
        ({"external_id": "abc"}, "--external-id is for roles"),
    ],
)
def test_refused(find: Fleet, organization: Organization, asked: dict[str, Any], said: str) -> None:
    """What cannot be meant is refused in one line before any role is assumed."""
    organization.pages = {None: [[account(A), account(B)]], UNIT: [[account(B)]]}
    with pytest.raises(UsageError) as caught:
        find(**asked)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    assert organization.asked["AssumeRole"] == 0


def test_an_endpoint_of_aws_is_in_one_region(find: Fleet) -> None:
    """A VPC's endpoint of one region must not be asked for another's channels."""
    url = "https://vpce-1.kinesisvideo.us-east-1.vpce.amazonaws.com"
    with pytest.raises(UsageError, match="is in one region"):
        find(endpoint_url=url, regions=("us-east-1", "eu-west-1"))


def test_roles(find: Fleet, organization: Organization) -> None:
    """Each role is assumed once for all regions, by the name and external id that were asked."""
    asked = {"role_arns": (ROLE_B, ROLE_A), "regions": ("us-east-1", "eu-west-1")}
    more = {"session": "kvsops-list-ana", "external_id": "abc"}
    assert found(find, **asked, **more) == [
        f"{each} {region}" for each in (B, A) for region in ("us-east-1", "eu-west-1")
    ]
    assert organization.asked == {"AssumeRole": 2}
    assert {each["RoleSessionName"] for each in organization.sessions} == {"kvsops-list-ana"}
    assert {each["ExternalId"] for each in organization.sessions} == {"abc"}


def test_an_organization(find: Fleet, organization: Organization) -> None:
    """All pages; the own account by its own credentials; what is not active is told."""
    pages = [[account(B), account(HOME)], [account(C, "SUSPENDED"), account(A)]]
    organization.pages = {None: pages}
    places = find(**SWEEP)
    assert [place.account_id for place in places.found] == [A, HOME, B]
    assert places.missed == (Missed(C, None, "the account is SUSPENDED", excused=True),)
    assert organization.asked == {"GetCallerIdentity": 1, "ListAccounts": 2, "AssumeRole": 2}
    assert {each["RoleArn"] for each in organization.sessions} == {ROLE_A, ROLE_B}


@pytest.mark.parametrize(
    ("narrowed", "accounts"),
    [
        ({"accounts": (A,)}, [A]),
        ({"exclude_accounts": (A, HOME)}, [B, C]),
        ({"ous": (UNIT,)}, [B, C]),
        ({"ous": (BELOW,)}, [C]),
        ({"ous": (UNIT, BELOW), "exclude_accounts": (B,)}, [C]),
    ],
)
def test_a_part_of_an_organization(
    find: Fleet, organization: Organization, narrowed: dict[str, Any], accounts: list[str]
) -> None:
    """Accounts may be named or left out; a unit has those of the units in it, too."""
    every = [account(each) for each in (A, B, C, HOME)]
    organization.pages = {None: [every], UNIT: [[account(B)]], BELOW: [[account(C)]]}
    organization.units = {UNIT: [BELOW], BELOW: [BELOW]}  # that cannot be, and ends all the same
    assert [place.account_id for place in find(**SWEEP, **narrowed).found] == accounts


def test_a_region_that_the_caller_has_not_enabled(
    find: Fleet, organization: Organization, emulator: LocalServer
) -> None:
    """The roles' accounts may have: who calls, and whom, is asked where all may ask."""
    emulator.settings.faults = (Fault.parse(f"*:not-enabled:1:{HOME}/ap-east-1"),)
    organization.pages = {None: [[account(A)]]}
    assert found(find, **SWEEP, regions=("ap-east-1",)) == [f"{A} ap-east-1"]
    find(**SWEEP, regions=("ap-east-1",)).found[0].open(read_only=True).call(
        "ListSignalingChannels"
    )
    with pytest.raises(RegionClosedError):
        find(regions=("ap-east-1",))


@pytest.mark.parametrize("operation", ["ListAccounts", "ListAccountsForParent"])
def test_a_page_that_fails(find: Fleet, organization: Organization, operation: str) -> None:
    """The accounts of the first page are never taken for all: nothing is found at all."""
    pages = [[account(A)], [account(B)]]
    organization.pages = {None: pages, UNIT: pages}
    organization.fails = {(operation, 2): "AccessDeniedException"}
    with pytest.raises(DeniedError) as caught:
        find(**SWEEP, ous=() if operation == "ListAccounts" else (UNIT,))
    assert str(caught.value).startswith(f"{operation} denied: the credentials need organizations:")
    assert organization.asked["AssumeRole"] == 0


def test_units_that_cannot_be_listed(find: Fleet, organization: Organization) -> None:
    """The same holds of the units in a unit."""
    organization.pages = {UNIT: [[account(A)]]}
    organization.fails = {("ListOrganizationalUnitsForParent", 1): "AccessDeniedException"}
    with pytest.raises(DeniedError):
        find(**SWEEP, ous=(UNIT,))


@pytest.mark.parametrize("row", [{}, {"Id": "12", "State": "ACTIVE"}, {"Id": A}])
def test_a_row_that_is_no_account(
    find: Fleet, organization: Organization, row: dict[str, str]
) -> None:
    """A row that cannot be read may be any account: the list is not whole."""
    organization.pages = {None: [[account(A), row]]}
    with pytest.raises(AwsError, match="so that the list is not whole"):
        find(**SWEEP)


def test_a_status_of_old(find: Fleet, organization: Organization) -> None:
    """An answer that has no State yet is read by its Status."""
    organization.pages = {None: [[{"Id": A, "Status": "ACTIVE"}]]}
    assert found(find, **SWEEP) == [f"{A} us-east-1"]


def test_no_organization(find: Fleet, organization: Organization) -> None:
    """Who is in no organization is told what to give instead."""
    organization.fails = {("ListAccounts", 1): "AWSOrganizationsNotInUseException"}
    with pytest.raises(UsageError) as caught:
        find(**SWEEP)
    said = f"account {HOME} is in no organization: give --role-arn instead of --organization-role"
    assert str(caught.value) == said


def test_an_account_without_the_role(find: Fleet, organization: Organization) -> None:
    """It is named with the reason, and the others are found."""
    organization.pages = {None: [[account(A), account(B)]]}
    organization.denying = {A}
    places = find(**SWEEP)
    why = "cannot be assumed: it is not there, or does not trust the caller, or sts:AssumeRole"
    assert [place.account_id for place in places.found] == [B]
    assert places.missed == (Missed(A, None, f"{ROLE_A} {why} is not allowed"),)


def test_a_role_of_another_account(find: Fleet, organization: Organization) -> None:
    """Credentials of another account than the role's are not used."""
    organization.led_to = {A: C}
    places = find(role_arns=(ROLE_A,))
    assert places.found == ()
    assert places.missed == (Missed(A, None, f"{ROLE_A} gave credentials of {C}: refused"),)


def test_callers_own_credentials_are_no_accounts_fault(
    find: Fleet, organization: Organization
) -> None:
    """Where the caller cannot call at all it is said once, not of each account."""
    organization.pages = {None: [[account(A), account(B)]]}
    organization.fails = {("AssumeRole", n): "ExpiredToken" for n in range(1, 9)}
    with pytest.raises(KvsopsError, match="the credentials have expired"):
        find(**SWEEP)


def test_no_secret_is_shown(find: Fleet) -> None:
    """Neither a place nor what it came from shows credentials."""
    text = repr(find(role_arns=(ROLE_A,))) + repr(find.around)
    assert "SECRET" not in text.upper()
    assert "kvsops-local-throw-away" not in text
