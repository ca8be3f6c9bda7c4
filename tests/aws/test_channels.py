"""The channels' own operations, as the service answers them."""

from datetime import UTC, timedelta

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.channel import StorageLink
from kvsops.errors import AwsError, KvsopsError, NotFoundError
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.aws.conftest import FailFirst
from tests.fleet import NOON, Time, put

UNLINKED = StorageLink("DISABLED", None)


def test_listed(scope: Scope, emulator: LocalServer) -> None:
    """A listing tells all that is needed to choose: no channel is described."""
    made = put(emulator, "ci-1", timedelta(hours=3), message_ttl_seconds=30)
    (listed,) = channels.each_listed(scope)
    assert listed.channel_name == "ci-1"
    assert listed.channel_arn == made.arn
    assert listed.status == "ACTIVE"
    assert listed.creation_time == NOON - timedelta(hours=3)
    assert listed.creation_time is not None
    assert listed.creation_time.tzinfo is UTC
    assert listed.version == made.version
    assert (listed.channel_type, listed.message_ttl_seconds) == ("SINGLE_MASTER", 30)
    assert channels.described(scope, "ci-1") == listed
    assert channels.described(scope, made.arn) == listed


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        (None, ["a-1", "b-1", "b-2", "c"]),
        ("", ["a-1", "b-1", "b-2", "c"]),
        ("b", ["b-1", "b-2"]),
        ("b-2", ["b-2"]),
        ("B", []),
    ],
)
def test_the_prefix_is_the_services_to_apply(
    prefix: str | None, names: list[str], scope: Scope, emulator: LocalServer
) -> None:
    """Only what begins with the prefix is sent at all: its pages are counted."""
    for name in ("a-1", "b-1", "b-2", "c"):
        put(emulator, name)
    emulator.settings.page_limit = 1
    assert [each.channel_name for each in channels.each_listed(scope, prefix)] == names
    assert emulator.calls == {"ListSignalingChannels": max(1, len(names))}


def test_an_empty_account(scope: Scope) -> None:
    """There are no channels; that is no error."""
    assert list(channels.each_listed(scope)) == []


# Create


def test_create(scope: Scope, emulator: LocalServer) -> None:
    """The tags go in the same call: at no time is the channel there without them."""
    arn = channels.create(scope, "a", {"env": "ci", "note": "a=b ü"}, 30)
    assert emulator.calls == {"CreateSignalingChannel": 1}
    assert channels.tags_of(scope, arn) == {"env": "ci", "note": "a=b ü"}
    assert channels.described(scope, arn).message_ttl_seconds == 30


def test_create_plain(scope: Scope) -> None:
    """Without tags and TTL the service's defaults hold."""
    arn = channels.create(scope, "a", {})
    assert channels.tags_of(scope, arn) == {}
    assert channels.described(scope, arn).message_ttl_seconds == 60


def test_create_where_one_is(scope: Scope, emulator: LocalServer) -> None:
    """A name that is taken is an error, though the tags be the same: no answer was lost."""
    put(emulator, "a", tags={"env": "ci"})
    with pytest.raises(AwsError) as caught:
        channels.create(scope, "a", {"env": "ci"})
    assert caught.value.code == "ResourceInUseException"
    assert emulator.calls == {"CreateSignalingChannel": 1}


@pytest.mark.parametrize("tags", [{"env": "ci"}, {}])
def test_create_whose_answer_was_lost(
    tags: dict[str, str], scope: Scope, emulator: LocalServer, fail_first: FailFirst
) -> None:
    """The second attempt finds the name taken, by the first: the channel is ours."""
    fail_first("CreateSignalingChannel", "drop-after")
    arn = channels.create(scope, "a", tags)
    assert arn == emulator.backend().channels["a"].arn
    assert emulator.calls["CreateSignalingChannel"] == 2


@pytest.mark.parametrize("fault", ["drop", "InternalFailure"])
def test_create_that_was_never_carried_out(
    fault: str, scope: Scope, emulator: LocalServer, fail_first: FailFirst
) -> None:
    """It is tried again, and made once."""
    fail_first("CreateSignalingChannel", fault)
    arn = channels.create(scope, "a", {"env": "ci"})
    assert arn == emulator.backend().channels["a"].arn
    assert emulator.calls == {"CreateSignalingChannel": 2}


@pytest.mark.parametrize("theirs", [{}, {"env": "prod"}, {"env": "ci", "team": "x"}])
def test_create_lost_where_one_is(
    theirs: dict[str, str], scope: Scope, emulator: LocalServer, fail_first: FailFirst
) -> None:
    """A channel with other tags than those asked for is somebody else's, lost answer or not."""
    put(emulator, "a", tags=theirs)
    fail_first("CreateSignalingChannel", "drop")
    with pytest.raises(AwsError) as caught:
        channels.create(scope, "a", {"env": "ci"})
    assert (caught.value.code, caught.value.sent) == ("ResourceInUseException", True)


def test_create_lost_where_one_was(
    scope: Scope, emulator: LocalServer, fail_first: FailFirst
) -> None:
    """One with the very same tags that was there before is not what was made just now."""
    put(emulator, "a", tags={"env": "ci"}, age=timedelta(minutes=1))
    fail_first("CreateSignalingChannel", "drop")
    with pytest.raises(AwsError) as caught:
        channels.create(scope, "a", {"env": "ci"})
    assert (caught.value.code, caught.value.sent) == ("ResourceInUseException", True)


# Update, delete


def test_delete_made_whose_answer_was_lost(
    scope: Scope, emulator: LocalServer, fail_first: FailFirst
) -> None:
    """The second attempt finds it on its way out, or gone: it is deleted."""
    arn = put(emulator, "a").arn
    fail_first("DeleteSignalingChannel", "drop-after")
    channels.delete_made(scope, arn)
    assert channels.described(scope, arn).status == "DELETING"


def test_update(scope: Scope, time: Time) -> None:
    """The TTL changes, and with it the version: the one before does not hold any more."""
    channels.create(scope, "a", {})
    before = channels.wait_until_active(scope, "a")
    channels.update(scope, before, 5)
    time.sleep(1)
    after = channels.described(scope, "a")
    assert (after.message_ttl_seconds, after.status) == (5, "ACTIVE")
    assert after.version != before.version
    with pytest.raises(AwsError) as caught:
        channels.update(scope, before, 6)
    assert caught.value.code == "VersionMismatchException"
    with pytest.raises(AwsError) as caught:
        channels.delete(scope, before)
    assert caught.value.code == "VersionMismatchException"
    assert channels.described(scope, "a") == after


def test_update_whose_answer_was_lost(scope: Scope, time: Time, fail_first: FailFirst) -> None:
    """An update that was carried out is no failure; where another's was, it is one."""
    channels.create(scope, "a", {})
    before = channels.wait_until_active(scope, "a")
    fail_first("UpdateSignalingChannel", "drop-after")
    channels.update(scope, before, 5)
    time.sleep(1)
    now = channels.wait_until_active(scope, "a")
    assert now.message_ttl_seconds == 5
    fail_first("UpdateSignalingChannel", "drop")
    with pytest.raises(AwsError, match="VersionMismatchException"):
        channels.update(scope, before, 6)
    assert channels.described(scope, "a") == now


def test_delete(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """The version that was read is deleted; then the service does not know it any more."""
    put(emulator, "a")
    channel = channels.described(scope, "a")
    channels.delete(scope, channel)
    assert channels.described(scope, "a").status == "DELETING"
    time.sleep(1)
    with pytest.raises(NotFoundError):
        channels.delete(scope, channel)


def test_delete_is_tried_once(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """Neither a retry nor the wait for a turn: both are the caller's."""
    put(emulator, "a")
    channel = channels.described(scope, "a")
    waited = time.clock()
    emulator.settings.faults = (Fault("DeleteSignalingChannel", "ClientLimitExceededException"),)
    for _ in range(60):
        with pytest.raises(AwsError) as caught:
            channels.delete(scope, channel)
        assert caught.value.transient
    assert emulator.calls["DeleteSignalingChannel"] == 60
    assert time.clock() == waited


def test_delete_of_a_linked_channel(scope: Scope, emulator: LocalServer) -> None:
    """The service itself refuses while media is stored."""
    put(emulator, "a", stored=True)
    with pytest.raises(AwsError, match="Disable MediaStorageConfiguration") as caught:
        channels.delete(scope, channels.described(scope, "a"))
    assert caught.value.code == "ResourceInUseException"


# Tags


def test_tags(scope: Scope, emulator: LocalServer) -> None:
    """Tags are set, changed and taken off; the others stay."""
    arn = put(emulator, "a", tags={"one": "1", "two": "2"}).arn
    channels.tag(scope, arn, {"two": "zwei", "three": ""})
    assert channels.tags_of(scope, arn) == {"one": "1", "two": "zwei", "three": ""}
    channels.untag(scope, arn, ["one", "nine"])
    assert channels.tags_of(scope, arn) == {"two": "zwei", "three": ""}


@pytest.mark.parametrize(
    "value", ["", " ", "a=b", 'quo"ted', "new\nline", "\x1b[31mred", "ünï✓", "v" * 256]
)
def test_odd_tag_values(value: str, scope: Scope, emulator: LocalServer) -> None:
    """A value comes back as it is, directly and from the index."""
    arn = put(emulator, "a", tags={"odd": value}).arn
    assert channels.tags_of(scope, arn) == {"odd": value}
    assert channels.indexed_tags(scope, [arn]) == {arn: {"odd": value}}


def test_indexed_tags(scope: Scope, emulator: LocalServer) -> None:
    """A call of 100 ARNs; what was never tagged is absent, what lost its tags is not."""
    arns = [put(emulator, f"a{number}", tags={"n": str(number)}).arn for number in range(98)]
    never = put(emulator, "never").arn
    lost = put(emulator, "lost", tags={"n": ""}).arn
    channels.untag(scope, lost, ["n"])
    found = channels.indexed_tags(scope, [*arns, never, lost])
    assert found == {arn: {"n": str(number)} for number, arn in enumerate(arns)} | {lost: {}}
    assert emulator.calls["GetResources"] == 1


def test_indexed_tags_lag(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """The index tells of a change later; the direct read at once."""
    emulator.settings.index_lag = timedelta(minutes=1)
    arn = put(emulator, "a", tags={"env": "ci"}).arn
    channels.tag(scope, arn, {"kvsops:keep": ""})
    assert channels.indexed_tags(scope, [arn]) == {arn: {"env": "ci"}}
    assert channels.tags_of(scope, arn) == {"env": "ci", "kvsops:keep": ""}
    time.sleep(61)
    assert channels.indexed_tags(scope, [arn]) == {arn: {"env": "ci", "kvsops:keep": ""}}


# Storage


def test_storage_link(scope: Scope, emulator: LocalServer) -> None:
    """A link is read, taken off and put back."""
    channel = put(emulator, "a", stored=True)
    linked = StorageLink("ENABLED", channel.stream_arn)
    assert channels.storage_link_of(scope, channel.arn) == linked
    channels.set_storage_link(scope, channel.arn, StorageLink("DISABLED", channel.stream_arn))
    assert channels.storage_link_of(scope, channel.arn) == UNLINKED
    channels.set_storage_link(scope, channel.arn, linked)
    assert channels.storage_link_of(scope, channel.arn) == linked
    channels.set_storage_link(scope, channel.arn, UNLINKED)
    assert channels.storage_link_of(scope, channel.arn) == UNLINKED


def test_no_storage_link(scope: Scope, emulator: LocalServer) -> None:
    """A channel that never had one has none."""
    assert channels.storage_link_of(scope, put(emulator, "a").arn) == UNLINKED


# Waiting


def test_wait_until_active(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """It is looked at more and more seldom until it is ACTIVE."""
    emulator.settings.state_delay = timedelta(seconds=3)
    channels.create(scope, "a", {})
    started = time.clock()
    assert channels.wait_until_active(scope, "a").status == "ACTIVE"
    assert time.clock() - started == pytest.approx(3, abs=0.1)  # 0.2 + 0.3 + 0.5 + 1 + 1
    assert emulator.calls["DescribeSignalingChannel"] == 6


def test_wait_until_active_in_vain(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """After the time given it is an error that says what the channel is."""
    emulator.settings.state_delay = timedelta(hours=1)
    channels.create(scope, "a", {})
    with pytest.raises(KvsopsError, match=r"^a is CREATING, not ACTIVE, after 5 s$"):
        channels.wait_until_active(scope, "a", seconds=5)
    assert 5 <= time.clock() < 7


def test_wait_until_active_while_it_is_deleted(scope: Scope, emulator: LocalServer) -> None:
    """A channel that is on its way out will not become ACTIVE: it is not waited for."""
    put(emulator, "a")
    channels.delete(scope, channels.described(scope, "a"))
    with pytest.raises(KvsopsError, match=r"^a is DELETING: it is never ACTIVE again$"):
        channels.wait_until_active(scope, "a")
    assert emulator.calls["DescribeSignalingChannel"] == 2


def test_wait_until_gone(scope: Scope, emulator: LocalServer) -> None:
    """It is waited for until the service does not know it; another of its name is another."""
    arn = put(emulator, "a").arn
    emulator.settings.state_delay = timedelta(seconds=3)
    channels.delete(scope, channels.described(scope, "a"))
    assert channels.wait_until_gone(scope, arn)
    assert channels.create(scope, "a", {}) != arn
    assert channels.wait_until_gone(scope, arn)


def test_wait_until_gone_in_vain(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """False when it is still there after the time given."""
    arn = put(emulator, "a").arn
    assert not channels.wait_until_gone(scope, arn, seconds=5)
    assert 5 <= time.clock() < 7
