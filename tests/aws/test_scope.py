"""Calls, paced, counted, page by page and many at once: against the emulator over HTTP."""

from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.errors import (
    AwsError,
    DeniedError,
    UsageError,
)
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.aws.failing import THROTTLE, fail_always, failure
from tests.aws.operations import PARAMETERS
from tests.fleet import NOON, Time, put

# Counting, endpoint, account


def test_every_service_at_the_one_endpoint(scope: Scope, emulator: LocalServer) -> None:
    """Channels, their indexed tags and the account all come from the emulator."""
    tagged = put(emulator, "a", tags={"env": "ci"})
    assert [channel.channel_name for channel in channels.each_listed(scope)] == ["a"]
    assert channels.indexed_tags(scope, [tagged.arn]) == {tagged.arn: {"env": "ci"}}
    assert (scope.account_id, scope.account_id) == ("123456789012", "123456789012")
    counted = {"ListSignalingChannels": 1, "GetResources": 1, "GetCallerIdentity": 1}
    assert scope.calls == emulator.calls == counted


@pytest.mark.usefixtures("emulator")
def test_paced_to_the_share(environment: dict[str, str]) -> None:
    """Each operation keeps to its own quota's share, by the scope's clock."""
    time = Time()
    scope = Scope(environ=environment, quota_share=0.5, clock=time.clock, sleep=time.sleep)
    for _ in range(11):
        scope.call("ListSignalingChannels")
    assert time.clock() == pytest.approx(10 / 25)
    scope.call("GetCallerIdentity")
    assert time.clock() == pytest.approx(10 / 25)


def test_a_turn_taken_by_the_caller(scope: Scope, time: Time) -> None:
    """`in_turn=False` leaves the pace to the caller, who takes the turn from the same quota."""
    for _ in range(50):
        scope.call("ListSignalingChannels", in_turn=False)
    assert time.clock() == 0
    for _ in range(51):
        scope.turn("ListSignalingChannels")
    assert time.clock() == pytest.approx(1)


@pytest.mark.parametrize("share", [0, -1, 1.01, float("nan")])
def test_quota_share(share: float, environment: dict[str, str]) -> None:
    """A share is above none and at most the whole."""
    with pytest.raises(UsageError, match=r"^--quota-share .*: it is above 0 and at most 1$"):
        Scope(environ=environment, quota_share=share)


# Pages


def test_pages(scope: Scope, emulator: LocalServer) -> None:
    """2,500 channels in pages of 70: each once, none missing, in 36 calls."""
    names = sorted(f"ci-{number}" for number in range(2_500))
    for name in names:
        put(emulator, name)
    emulator.settings.page_limit = 70
    pages = [[each.channel_name for each in page] for page in channels.listed(scope)]
    assert [name for page in pages for name in page] == names
    assert [len(page) for page in pages] == [70] * 35 + [50]
    assert emulator.calls == {"ListSignalingChannels": 36}


def test_pages_under_faults(scope: Scope, emulator: LocalServer) -> None:
    """Throttled and broken in the midst, a listing is whole all the same."""
    for number in range(200):
        put(emulator, f"ci-{number:03}")
    emulator.settings.page_limit = 9
    emulator.settings.faults = (Fault("*", THROTTLE, 0.2), Fault("*", "drop-after", 0.2))
    listed = [each.channel_name for each in channels.each_listed(scope)]
    assert listed == [f"ci-{number:03}" for number in range(200)]


def test_a_listing_that_fails_midway(scope: Scope, emulator: LocalServer) -> None:
    """A page that cannot be had is an error, never the end of the listing."""
    for number in range(20):
        put(emulator, f"ci-{number:02}")
    emulator.settings.page_limit = 5
    pages = channels.listed(scope)
    assert len(next(pages)) == 5
    fail_always(emulator, THROTTLE)
    with pytest.raises(AwsError, match=f"ListSignalingChannels failed for the account: {THROTTLE}"):
        next(pages)


@pytest.mark.parametrize(
    ("off", "earlier", "service"),
    [
        (timedelta(), timedelta(), timedelta()),
        (timedelta(seconds=-2), timedelta(seconds=-2), timedelta(seconds=-2)),  # not worth it
        (timedelta(seconds=2), timedelta(seconds=2), timedelta(seconds=2)),
        (timedelta(minutes=-4), timedelta(minutes=-4), timedelta()),
        (timedelta(minutes=4), timedelta(), timedelta()),
    ],
)
def test_the_services_time(
    emulator: LocalServer,
    environment: dict[str, str],
    *,
    off: timedelta,
    earlier: timedelta,
    service: timedelta,
) -> None:
    """Judged is by the earlier of both clocks; the service's is learnt, and flows evenly."""
    time = Time()
    emulator.settings.clock = lambda: time.now().astimezone(timezone(timedelta(hours=2)))
    scope = time.scope(environment, now=lambda: time.now() + off)
    assert scope.now() == scope.service_now() == NOON + off
    scope.call("ListSignalingChannels")
    assert abs(scope.now() - time.now() - earlier) <= timedelta(seconds=1)
    assert abs(scope.service_now() - time.now() - service) <= timedelta(seconds=1)
    difference = scope.service_now() - time.now()
    for _ in range(5):
        time.sleep(0.7)
        scope.call("GetCallerIdentity")
        assert scope.service_now() - time.now() == difference


@pytest.mark.parametrize("off", [timedelta(minutes=-6), timedelta(minutes=6), timedelta(days=2)])
def test_an_impossible_date(
    emulator: LocalServer, environment: dict[str, str], *, off: timedelta
) -> None:
    """AWS takes no request from a clock so far off: whoever answered it was not AWS."""
    time = Time()
    emulator.settings.clock = lambda: time.now() + off
    scope = time.scope(environment)
    assert "this machine's clock, where AWS takes no request" in failure(scope)
    assert scope.now() == scope.service_now() == time.now()


def test_a_refusal_does_not_tell_the_time(
    emulator: LocalServer, environment: dict[str, str]
) -> None:
    """Anybody may refuse."""
    time = Time()
    emulator.settings.clock = lambda: time.now() + timedelta(minutes=-4)
    emulator.settings.faults = (Fault("ListSignalingChannels", "AccessDeniedException"),)
    scope = time.scope(environment)
    with suppress(DeniedError):
        scope.call("ListSignalingChannels")
    assert scope.now() == scope.service_now() == time.now()


def test_a_slow_answer_does_not_set_the_time_back(
    emulator: LocalServer, environment: dict[str, str]
) -> None:
    """An answer made when it was asked for, and seen long after, tells nothing of the clocks."""
    time = Time()
    emulator.settings.clock = time.now

    def now() -> datetime:  # whenever there is an answer to be looked at, 10 seconds have passed
        while emulator.calls["GetCallerIdentity"] * 10 > time.clock():
            time.sleep(10)
        return time.now()

    scope = time.scope(environment, now=now)
    for _ in range(3):
        scope.call("GetCallerIdentity")
        assert scope.now() == time.now()
    assert time.clock() == 30


# Many at once, and stopping


def test_in_parallel(scope: Scope) -> None:
    """Results come in the order of the items; the first failure ends it, nothing new begins."""
    assert list(scope.in_parallel(str, range(100))) == [str(number) for number in range(100)]
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        return 1 // (number - 3)

    with pytest.raises(ZeroDivisionError):
        list(scope.in_parallel(work, iter(range(3_000))))
    assert 3 in begun
    assert len(begun) < 3_000


def test_interrupted(scope: Scope, emulator: LocalServer) -> None:
    """After Ctrl-C a read that fails is not tried again, while a write is."""
    emulator.settings.faults = (Fault("*", "ClientLimitExceededException"),)

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(scope.in_parallel(interrupt, [1]))
    for operation in ("ListSignalingChannels", "CreateSignalingChannel"):
        with pytest.raises(AwsError):
            scope.call(operation, attempts=3, **PARAMETERS[operation])
    assert emulator.calls == {"ListSignalingChannels": 1, "CreateSignalingChannel": 3}


def test_reading_until(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """Past the deadline no read begins, and what changes something still does."""
    with scope.patience.reading_until(scope.clock() + 10):
        scope.call("ListSignalingChannels")
        time.sleep(10)
        with pytest.raises(AwsError, match="the deadline passed before ListSignalingChannels was"):
            scope.call("ListSignalingChannels")
        scope.call("CreateSignalingChannel", ChannelName="a")
    scope.call("ListSignalingChannels")
    assert emulator.calls == {"ListSignalingChannels": 2, "CreateSignalingChannel": 1}
