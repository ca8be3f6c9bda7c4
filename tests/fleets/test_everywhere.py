"""The same work in many places: order, failures, Ctrl-C, and accounts that are never mixed up."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.errors import AwsError, CredentialsError, KvsopsError, RegionClosedError
from kvsops.fleet.everywhere import AT_ONCE, Done, everywhere, missed
from kvsops.fleet.place import Missed, Place
from kvsops.local.server import LocalServer
from tests.counting import Counted
from tests.fleet import Time
from tests.organization import Fleet, Organization

A, B = "111111111111", "222222222222"
ROLES = tuple(f"arn:aws:iam::{each}:role/kvsops-sweep" for each in (A, B))
REGIONS = ("us-east-1", "eu-west-1", "ap-east-1")


def nowhere(*, read_only: bool, max_own_cost: Decimal | None = None) -> Scope:
    """Open nothing: the work does not look."""
    raise AssertionError((read_only, max_own_cost))


def places(count: int) -> list[Place]:
    """Return so many places that nobody opens."""
    return [Place(f"{n:012}", "us-east-1", nowhere) for n in range(count)]


def test_in_order() -> None:
    """What came of the places comes in their order, whichever is done first."""
    first = threading.Event()

    def work(place: Place) -> str:
        if place.account_id.endswith("00"):
            assert first.wait(30)
        first.set()
        return place.account_id

    counted = Counted()
    came = [*everywhere(places(40), work, counted)]
    assert [each.result for each in came] == [f"{n:012}" for n in range(40)]
    assert counted.stages == [("accounts and regions", 40, 40)]


def test_bounded() -> None:
    """No more than so many places at once, however many there are."""
    lock, now, most = threading.Lock(), [0], [0]

    def work(_: Place) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.01)
        with lock:
            now[0] -= 1

    assert len([*everywhere(places(100), work)]) == 100
    assert 1 < most[0] <= AT_ONCE


def test_threads_interrupt_each_other_less(find: Fleet) -> None:
    """While there is work in many places, and only then."""
    before, found = sys.getswitchinterval(), find(role_arns=ROLES).found
    during = [each.result for each in everywhere(found, lambda _: sys.getswitchinterval())]
    assert during == [pytest.approx(0.02)] * 2
    assert sys.getswitchinterval() == before == pytest.approx(0.005)
    coming = everywhere(found, lambda _: None)
    next(coming)
    coming.close()  # type: ignore[attr-defined]  # a generator's
    assert sys.getswitchinterval() == before


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system keeps none on a core")
def test_threads_wake_no_other_core() -> None:
    """All work goes on one of the cores that there are, always the same; and only then."""
    before = os.sched_getaffinity(0)
    for _ in range(2):
        coming = everywhere(places(2), lambda _: os.sched_getaffinity(0))
        cores = next(coming).result
        assert cores == next(coming).result == os.sched_getaffinity(0)
        assert cores == {sorted(before)[os.getpid() % len(before)]}
        coming.close()  # type: ignore[attr-defined]  # a generator's
        assert os.sched_getaffinity(0) == before


def test_nowhere() -> None:
    """Without places there is nothing to do."""
    assert [*everywhere([], lambda place: place.open(read_only=True))] == []


def test_a_failure_is_that_places_alone() -> None:
    """Also a defect of ours is told, and the others go on."""

    def work(place: Place) -> str:
        if place.account_id.endswith("1"):
            raise KvsopsError("no")
        if place.account_id.endswith("2"):
            raise ValueError("nonsense")
        return "done"

    came = [*everywhere(places(4), work)]
    assert [each.result for each in came] == ["done", None, None, "done"]
    assert [str(each.failure or "") for each in came] == [
        "",
        "no",
        "a defect in kvsops: ValueError: nonsense (--debug shows where)",
        "",
    ]
    assert came[2].failure
    assert repr(came[2].failure.__cause__) == "ValueError('nonsense')"


INTERRUPTED = """
import os, signal, threading
from kvsops.aws.scope import Scope
from kvsops.fleet.everywhere import AT_ONCE, everywhere
from kvsops.fleet.place import Place

def opened(*, read_only, max_own_cost=None):
    return Scope(region="us-east-1", read_only=read_only)

def work(place):
    scope = place.open(read_only=True)
    begun.wait(30)
    while not scope.patience.interrupted:
        threading.Event().wait(0.01)
    return "ended"

begun = threading.Barrier(AT_ONCE, lambda: os.kill(os.getpid(), signal.SIGINT))
places = [Place(f"{n:012}", "us-east-1", opened) for n in range(AT_ONCE + 4)]
try:
    for done in everywhere(places, work):
        print(int(done.place.account_id), done.result, done.failure)
except KeyboardInterrupt:
    print("Ctrl-C")
"""


def test_ctrl_c(environment: dict[str, str]) -> None:
    """What is under way ends, nothing more is begun, all is told, and then Ctrl-C is raised."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == [
        *(f"{n} ended None" for n in range(AT_ONCE)),
        *(f"{n} None interrupted before it was begun" for n in range(AT_ONCE, AT_ONCE + 4)),
        "Ctrl-C",
    ], done.stderr


def test_places_that_are_still_being_found() -> None:
    """They are begun as they come; what came of them is told when all are found."""
    begun = threading.Semaphore(0)

    def found() -> Iterator[Place]:
        for place in places(3):
            yield place
            assert begun.acquire(timeout=30)

    def work(place: Place) -> str:
        begun.release()
        return place.account_id

    counted = Counted()
    came = [*everywhere(found(), work, counted)]
    assert [each.result for each in came] == [f"{n:012}" for n in range(3)]
    assert counted.stages == [("accounts and regions", 3, 3)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, KvsopsError])
def test_what_ends_the_finding(
    environment: dict[str, str], time: Time, error: type[BaseException]
) -> None:
    """It ends the work at once, and is raised; only of Ctrl-C what came is told before."""
    begun, over = threading.Barrier(AT_ONCE + 1, timeout=30), threading.Event()

    def opened(*, read_only: bool, max_own_cost: Decimal | None = None) -> Scope:
        assert max_own_cost is None
        return time.scope(environment, read_only=read_only)

    def found(place: Place) -> Place:
        if int(place.account_id) == AT_ONCE + 1:  # were it asked again, it would find one more
            begun.wait()
            raise error("no")
        return replace(place, open=opened)

    def work(place: Place) -> bool:
        if int(place.account_id):
            begun.wait()
            return over.wait(30)
        scope = place.open(read_only=True)
        before = scope.patience.interrupted
        begun.wait()
        while not scope.patience.interrupted:
            threading.Event().wait(0.01)
        over.set()
        return place.open(read_only=True).patience.interrupted and not before

    came: list[Done[bool]] = []
    with pytest.raises(error):
        came.extend(everywhere(map(found, places(AT_ONCE + 3)), work))
    assert over.is_set()
    if error is not KeyboardInterrupt:
        assert came == []
        return
    *done, never = came
    assert [(each.result, each.failure) for each in done] == [(True, None)] * AT_ONCE
    assert isinstance(never.failure, AwsError)
    assert (never.result, never.failure.code) == (None, "Interrupted")


def test_whoever_stops_asking(find: Fleet) -> None:
    """Where the caller goes away, what is under way ends and nothing more is begun."""
    third = ROLES[0].replace(A, "333333333333")
    found = find(all_regions=True, role_arns=(*ROLES, third)).found
    seen, ended = list[Place](), list[Place]()

    def work(place: Place) -> None:
        scope = place.open(read_only=True)
        seen.append(place)
        while place != found[0] and not scope.patience.interrupted:
            threading.Event().wait(0.01)
        ended.append(place)

    coming = everywhere(found, work)
    assert next(coming).place == found[0]
    coming.close()  # type: ignore[attr-defined]  # a generator's
    assert sorted(map(str, ended)) == sorted(map(str, seen))
    assert len(seen) <= AT_ONCE + 1 < len(found)


def test_two_accounts_are_never_mixed_up(find: Fleet, emulator: LocalServer) -> None:
    """By one client, many calls at once: each channel is in the account that made it."""
    found = find(role_arns=ROLES, regions=REGIONS[:2]).found

    def work(place: Place) -> set[str]:
        scope = place.open(read_only=False)
        with ThreadPoolExecutor(8) as many:
            [*many.map(lambda n: channels.create(scope, f"cam-{n}", {}), range(20))]
        listed = [*channels.each_listed(scope)]
        assert len(listed) == 20
        return {":".join(each.channel_arn.split(":")[3:5]) for each in listed}

    came = [*everywhere(found, work)]
    assert [each.failure for each in came] == [None] * 4
    assert [each.result for each in came] == [
        {f"{region}:{each}"} for each in (A, B) for region in REGIONS[:2]
    ]
    assert emulator.calls["AssumeRole"] == 2


def test_a_call_signed_by_another_does_not_leave(find: Fleet, emulator: LocalServer) -> None:
    """Were botocore to sign with other credentials than the call's own, nothing would be sent."""
    (place,) = find(role_arns=ROLES[:1]).found
    scope = place.open(read_only=True)

    def forget(**event: Any) -> None:
        del event["request"].context["signing"]["request_credentials"]

    scope._account.session.register("before-sign", forget)
    with pytest.raises(KvsopsError, match="signed with other credentials than its own: not sent"):
        scope.call("ListSignalingChannels")
    assert emulator.calls["ListSignalingChannels"] == 0


def test_credentials_are_renewed(find: Fleet, organization: Organization, time: Time) -> None:
    """A run that outlives a session gets another, once for all regions of the account."""
    organization.expiration = (time.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = find(role_arns=ROLES[:1], regions=REGIONS[:2]).found
    one, other = (place.open(read_only=True) for place in found)
    before = one.credentials().access_key
    one.call("ListSignalingChannels")
    time.sleep(3_000)  # ten minutes are left
    organization.expiration = (time.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    one.call("ListSignalingChannels")
    other.call("ListSignalingChannels")
    assert one.credentials().access_key == other.credentials().access_key != before
    assert organization.asked["AssumeRole"] == 2


def test_trust_that_was_withdrawn(find: Fleet, organization: Organization, time: Time) -> None:
    """Credentials are used to their end; then the account fails, with the reason, and no other."""
    organization.expiration = (time.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = find(role_arns=ROLES).found
    organization.denying = {A}

    def work(place: Place) -> str:
        place.open(read_only=True).call("ListSignalingChannels")
        return "asked"

    assert [each.result for each in everywhere(found, work)] == ["asked", "asked"]
    time.sleep(3_500)
    organization.expiration = (time.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    first, second = everywhere(found, work)
    assert str(first.failure).startswith(f"{ROLES[0]} cannot be assumed: it is not there, or does")
    assert second.result == "asked"


def test_renewed_to_another_account(find: Fleet, organization: Organization, time: Time) -> None:
    """A role that leads elsewhere when it is renewed is refused then."""
    organization.expiration = (time.now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    (place,) = find(role_arns=ROLES[:1]).found
    scope = place.open(read_only=True)
    organization.led_to = {A: B}
    time.sleep(3_500)
    with pytest.raises(AwsError, match=f"gave credentials of {B}: refused"):
        scope.call("ListSignalingChannels")


@pytest.mark.parametrize(
    ("failures", "excused"),
    [
        ((None, None, RegionClosedError), [True]),
        ((None, RegionClosedError, RegionClosedError), [True, True]),
        ((RegionClosedError, RegionClosedError, RegionClosedError), [False, False, False]),
        ((AwsError, RegionClosedError, RegionClosedError), [False, False, False]),
        ((None, CredentialsError, None), [False]),
    ],
)
def test_a_region_that_is_not_enabled(
    failures: tuple[Callable[..., KvsopsError] | None, ...], excused: list[bool]
) -> None:
    """It is excused only where the same account's credentials worked in another region."""
    came: list[Done[None]] = [
        Done(Place(A, region, nowhere), failure=fails and _error(fails), result=None)
        for region, fails in zip(REGIONS, failures, strict=True)
    ]
    came.append(Done(Place(B, "us-east-1", nowhere), result=None))
    assert [each.excused for each in missed(came)] == excused


def _error(kind: Callable[..., KvsopsError]) -> KvsopsError:
    return kind("no", "NoCode") if kind is AwsError else kind("no")


def test_a_region_that_answers_as_if_not_enabled(
    find: Fleet, emulator: LocalServer, organization: Organization
) -> None:
    """By AWS's answers: one region does not know the key that another knew."""
    organization.fails = {("ListSignalingChannels", 2): "UnrecognizedClientException"}
    first, second = find(regions=("us-east-1", "ap-east-1")).found

    def work(place: Place) -> str:
        place.open(read_only=True).call("ListSignalingChannels")
        return "asked"

    came = [*everywhere([first], work), *everywhere([second], work)]
    why = "the region is not enabled for the account"
    assert missed(came) == (Missed(first.account_id, "ap-east-1", why, excused=True),)
    assert emulator.calls["ListSignalingChannels"] == 2
