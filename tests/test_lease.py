"""A lease: renewed while its holder lives, by the service's time; each failure said at once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from kvsops.aws.scope import Scope
from kvsops.core.text import moment
from kvsops.errors import CredentialsError
from kvsops.lease import GONE, Lease, held_by_another, renew
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.fleet import DAY, HOUR, NOON, From, Time, put

EXPIRES = "kvsops:expires-at"
TAG = "TagResource"
SHORT = timedelta(seconds=0.3)
PATIENCE = 20.0  # seconds, before a test gives up


class Said:
    """What was said, and a way to wait for so many sentences."""

    def __init__(self, wanted: int = 1) -> None:
        self.lines: list[str] = []
        self._wanted, self._enough = wanted, threading.Event()

    def __call__(self, line: str) -> None:
        """Take a sentence."""
        self.lines.append(line)
        if len(self.lines) >= self._wanted:
            self._enough.set()

    def wait(self) -> list[str]:
        """Return the sentences once there are enough."""
        assert self._enough.wait(PATIENCE)
        return self.lines


def calls_reach(emulator: LocalServer, number: int) -> None:
    """Wait until so many renewals were asked for."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if emulator.calls[TAG] >= number:
            return
        pause.wait(0.02)
    raise AssertionError(emulator.calls)


def test_renewed_while_the_block_runs(scope: Scope, emulator: LocalServer) -> None:
    """The lease is renewed again and again, and left as it is when the block ends."""
    channel = put(emulator, "cam", tags={EXPIRES: "2020-01-01T00:00:00Z", "env": "ci"})
    said = Said()
    with Lease(scope, channel.arn, SHORT, said):
        calls_reach(emulator, 3)
    ended = emulator.calls[TAG]
    assert said.lines == []
    assert channel.tags.keys() == {EXPIRES, "env"}
    assert channel.tags[EXPIRES] > "2020-01-01T00:00:00Z"
    threading.Event().wait(0.3)
    assert emulator.calls[TAG] == ended


def test_nothing_is_renewed_before_its_turn(scope: Scope, emulator: LocalServer) -> None:
    """A block that ends at once costs no call."""
    channel = put(emulator, "cam")
    with Lease(scope, channel.arn, HOUR, Said()):
        pass
    assert emulator.calls == {}
    assert channel.tags == {}


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("AccessDeniedException", "TagResource denied: the credentials need kinesisvideo:Tag"),
        ("ClientLimitExceededException", "TagResource failed for arn:aws:kinesisvideo:us-east-1"),
    ],
)
def test_a_failure_is_said_at_once(
    scope: Scope, emulator: LocalServer, *, error: str, why: str
) -> None:
    """The first renewal that fails is said, once; it is tried again until it succeeds."""
    channel = put(emulator, "cam")
    fault = From(TAG, error, last=4)
    emulator.settings.faults = (fault,)
    said = Said()
    with Lease(scope, channel.arn, SHORT, said):
        assert said.wait()[0].startswith(f"the lease could not be renewed, it may lapse: {why}")
        calls_reach(emulator, 6)
    assert len(said.lines) == 1
    assert EXPIRES in channel.tags


def test_the_channel_was_deleted(scope: Scope, emulator: LocalServer) -> None:
    """Once the channel is gone that is said, and nothing more is called."""
    channel = put(emulator, "cam")
    emulator.backend().remove_channel(channel, datetime(2020, 1, 1, tzinfo=UTC))
    said = Said()
    with Lease(scope, channel.arn, SHORT, said):
        assert said.wait() == [GONE]
        threading.Event().wait(0.3)
    assert emulator.calls[TAG] == 1
    assert GONE == "the channel was deleted by somebody: the lease has nothing to hold"


def timed(environment: dict[str, str], emulator: LocalServer, off: timedelta) -> tuple[Scope, Time]:
    """Make a scope on a machine whose clock is off by so much, and the service's time."""
    time = Time()
    emulator.settings.clock = time.now
    return time.scope(environment, now=lambda: time.now() + off), time


@pytest.mark.parametrize("minutes", [-4, 0, 4])
def test_by_the_services_time(
    environment: dict[str, str], emulator: LocalServer, minutes: int
) -> None:
    """However wrong this machine's clock is, a lease ends a TTL from the service's now."""
    scope, _ = timed(environment, emulator, timedelta(minutes=minutes))
    channel = put(emulator, "cam", DAY)
    scope.call("ListSignalingChannels")  # the first answer tells the service's time
    renew(scope, channel.arn, HOUR)
    ends = datetime.fromisoformat(channel.tags[EXPIRES])
    assert abs(ends - NOON - HOUR) <= timedelta(seconds=2)


def test_never_shorter_than_it_was(environment: dict[str, str], emulator: LocalServer) -> None:
    """A lease that ends later than a TTL from now is not cut short."""
    scope, _ = timed(environment, emulator, timedelta())
    channel = put(emulator, "cam")
    renew(scope, channel.arn, HOUR, at_least=NOON + DAY)
    assert channel.tags == {EXPIRES: "2026-05-02T12:00:00Z"}
    renew(scope, channel.arn, 2 * DAY, at_least=NOON + DAY, owner="ana")
    assert channel.tags == {EXPIRES: "2026-05-03T12:00:00Z", "kvsops:owner": "ana"}


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({}, None),
        ({"kvsops:owner": "bob"}, None),
        ({"kvsops:owner": "ana", EXPIRES: moment(NOON + HOUR)}, None),
        ({"kvsops:owner": "bob", EXPIRES: moment(NOON)}, None),
        (
            {"kvsops:owner": "bob", EXPIRES: "2026-05-01T12:00:01Z"},
            "bob holds it until 2026-05-01T12:00:01Z",
        ),
        ({EXPIRES: "2026-05-01T13:00:00Z"}, "somebody holds it until 2026-05-01T13:00:00Z"),
        ({"kvsops:owner": "bob", EXPIRES: "soon"}, "bob holds it until soon"),
    ],
)
def test_held_by_another(tags: dict[str, str], said: str | None) -> None:
    """A lease that is alive, or unreadable, is another's unless its owner is the same."""
    assert held_by_another(tags, "ana", NOON) == said


@pytest.mark.parametrize(
    ("error", "off", "said"),
    [
        ("InvalidSignatureException", -10, "this machine's clock is 10m behind AWS's"),
        ("RequestExpired", -10, "this machine's clock is 10m behind AWS's"),
        ("SignatureDoesNotMatch", 60, "this machine's clock is 1h ahead of AWS's"),
        ("InvalidSignatureException", 4, "the signature does not match"),
    ],
)
def test_a_clock_that_is_too_wrong(
    environment: dict[str, str], emulator: LocalServer, *, error: str, off: int, said: str
) -> None:
    """Beyond what signatures allow the message says that the clock is wrong, and by how much."""
    scope, _ = timed(environment, emulator, timedelta(minutes=off))
    emulator.settings.faults = (Fault("*", error),)
    with pytest.raises(CredentialsError) as caught:
        scope.call("ListSignalingChannels")
    told = str(caught.value)
    assert told.startswith(said) if "clock is" in said else "clock is" not in told
    assert f"({error})" in told
