"""Places that are found while work in the first of them is under way."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from kvsops.aws.patience import Patience
from kvsops.aws.scope import Scope
from kvsops.core.policies import Rules, sweep_rules
from kvsops.errors import AwsError, DeniedError, KvsopsError, UsageError
from kvsops.fleet.everywhere import everywhere
from kvsops.fleet.finding import as_they_come
from kvsops.fleet.place import Missed, Place
from kvsops.fleet.sweep import FleetSweep, Terms
from kvsops.sweep.fuse import Bounds, Fuse
from tests.counting import Counted
from tests.fleet import Time
from tests.organization import HOME, Fleet, Organization, account

A, B, C = "111111111111", "222222222222", "333333333333"
SWEEP = {"organization_role": "kvsops-sweep"}
TWO = ("us-east-1", "eu-west-1")
PAGES = [[account(B), account(HOME)], [account(C, "SUSPENDED"), account(A)]]


def listed(place: Place) -> str:
    """List what is there."""
    place.open(read_only=True).call("ListSignalingChannels")
    return str(place)


def test_the_first_is_begun_while_the_rest_is_listed(
    find: Fleet, organization: Organization
) -> None:
    """The second page is answered only when both accounts of the first were listed in; all is read.

    Each role is assumed once, and who calls is asked once.
    """
    organization.pages = {None: PAGES}
    organization.waits = {("ListAccounts", 2): ("ListSignalingChannels", 4)}
    coming, counted = find.coming(**SWEEP, regions=TWO), Counted()
    came = [*everywhere(coming.found, listed, counted)]
    assert {each.result for each in came} == {
        f"{each} {region}" for each in (A, B, HOME) for region in TWO
    }
    assert coming.missed == [Missed(C, None, "the account is SUSPENDED", excused=True)]
    assert counted.stages == [("accounts and regions", 6, 6)]
    assert organization.asked == {
        "GetCallerIdentity": 1,
        "ListAccounts": 2,
        "AssumeRole": 2,
        "ListSignalingChannels": 6,
    }


def test_the_regions_of_an_account_come_together(find: Fleet, organization: Organization) -> None:
    """In the order in which they were asked for, whichever account is first."""
    organization.pages = {None: PAGES}
    found = [str(place) for place in find.coming(**SWEEP, regions=TWO).found]
    assert sorted(found[::2]) == [f"{each} us-east-1" for each in (A, HOME, B)]
    assert [each.replace("us-east-1", "eu-west-1") for each in found[::2]] == found[1::2]


@pytest.mark.parametrize(
    ("operation", "asked"),
    [("ListAccounts", {}), ("ListAccountsForParent", {"ous": ("ou-ab12-11111111",)})],
)
def test_a_page_that_fails_ends_all(
    find: Fleet, organization: Organization, operation: str, asked: dict[str, Any]
) -> None:
    """Though work has begun in the accounts of the first page, they are never taken for all."""
    organization.pages = {None: PAGES, "ou-ab12-11111111": PAGES}
    organization.waits = {(operation, 2): ("ListSignalingChannels", 1)}
    organization.fails = {(operation, 2): "AccessDeniedException"}
    terms = Terms(rules=older(), bounds=Bounds(Fuse.parse("100%")), read_only=False)
    with pytest.raises(DeniedError, match=f"{operation} denied"):
        FleetSweep.planned(find.coming(**SWEEP, **asked), terms, find.around.now())
    assert organization.asked["ListSignalingChannels"] >= 1
    assert organization.asked[operation] == 2
    assert not {*organization.asked} & {"DeleteSignalingChannel", "TagResource", "UntagResource"}


def older() -> Rules:
    """Return rules that need the listing alone."""
    return sweep_rules({"older-than": timedelta(hours=2)})


def test_the_callers_credentials_end_all(find: Fleet, organization: Organization) -> None:
    """Where the caller cannot call at all it is said once, not of each account."""
    organization.pages = {None: PAGES}
    organization.fails = {("AssumeRole", n): "ExpiredToken" for n in range(1, 9)}
    with pytest.raises(KvsopsError, match="the credentials have expired"):
        [*everywhere(find.coming(**SWEEP).found, listed)]


@pytest.mark.parametrize(
    "asked", [{"accounts": (C, "444444444444")}, {"exclude_accounts": ("444444444444",)}]
)
def test_who_is_named_is_looked_for_first(
    find: Fleet, organization: Organization, asked: dict[str, Any]
) -> None:
    """An account that there is not is refused before any role is assumed."""
    organization.pages = {None: PAGES}
    with pytest.raises(UsageError, match="no account 444444444444 in the organization"):
        [*find.coming(**SWEEP, **asked).found]
    assert organization.asked["AssumeRole"] == 0


def test_an_unexpected_account_on_the_last_page(find: Fleet, organization: Organization) -> None:
    """Where accounts are expected nothing is looked at before all are known."""
    organization.pages = {None: PAGES}
    bounds = Bounds(Fuse.parse("100%"), account_ids=(B, HOME))
    with pytest.raises(UsageError, match=f"account {A} is not --expect-account {B} or {HOME}"):
        FleetSweep.planned(
            find.coming(**SWEEP), Terms(rules=older(), bounds=bounds), find.around.now()
        )
    assert organization.asked["ListSignalingChannels"] == 0


def test_what_is_still_to_be_found_is_said(find: Fleet, organization: Organization) -> None:
    """First that accounts are listed, then how many roles are lacking, and at the end nothing."""
    organization.pages = {None: [[account(A)], [account(B)]]}
    organization.waits = {("ListAccounts", 2): ("AssumeRole", 1), ("AssumeRole", 2): ("Go", 1)}
    coming = find.coming(**SWEEP)
    assert coming.said() == "listing accounts"
    found, said = coming.found, []
    assert next(found).account_id == A
    for _ in range(1_000):
        said.append(coming.said())
        if said[-1] == "assuming roles, 1 to go":
            break
        threading.Event().wait(0.01)
    listing = {f"listing accounts, {number} so far" for number in (1, 2)}
    assert set(said) <= listing | {"assuming roles, 1 to go"}
    assert said[-1] == "assuming roles, 1 to go"
    organization.asked["Go"] += 1
    assert [place.account_id for place in found] == [B]
    assert coming.said() == ""


def test_whichever_is_first(scope: Scope) -> None:
    """A slow result delays no other, nor does an item that is waited for."""
    slow, last = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        yield from (1, 2)
        assert last.wait(30)
        yield 3

    def work(item: int) -> int:
        assert item != 1 or slow.wait(30)
        return item

    coming = as_they_come(scope, work, items())
    assert next(coming) == 2
    last.set()
    assert next(coming) == 3
    slow.set()
    assert [*coming] == [1]


@pytest.mark.parametrize("where", ["item", "result"])
def test_what_is_raised_ends_it(scope: Scope, where: str) -> None:
    """Whether an item cannot be had or its result: no more is begun, and no read is waited for."""

    def items() -> Iterator[int]:
        yield 1
        if where == "item":
            raise AwsError("no page", "NoPage")

    def work(item: int) -> int:
        if where == "result":
            raise AwsError("no role", "NoRole")
        return item

    with pytest.raises(AwsError, match="no page" if where == "item" else "no role"):
        [*as_they_come(scope, work, items())]
    assert scope.patience.interrupted


def test_nobody_is_told_of_ctrl_c_where_there_was_none(time: Time) -> None:
    """A listing that failed ends the reads, but is nobody's Ctrl-C."""
    told: list[list[str]] = []
    patience = Patience(time.clock, told.append)
    patience.give_up()
    assert (patience.interrupted, told) == (True, [])
