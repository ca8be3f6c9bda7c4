"""Facts for many channels: from where each is read, in how many calls, and what fails how."""

from datetime import timedelta

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.channel import StorageLink
from kvsops.core.facts import Fact, Facts, Need, Source, Unknown
from kvsops.errors import CredentialsError, NotFoundError
from kvsops.facts import gather
from kvsops.facts.look import Gathered
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.counting import Counted
from tests.fleet import NOON, Time, put, retag


@pytest.fixture
def scope(environment: dict[str, str], time: Time) -> Scope:
    """Return a scope whose turns take no real time."""
    return time.scope(environment)


def listed(scope: Scope) -> list[Facts]:
    """List the channels; nothing else is known of them."""
    return [Facts(channel) for channel in channels.each_listed(scope)]


def tags_by_name(facts: list[Facts]) -> dict[str, tuple[Source, dict[str, str]] | str | None]:
    """Return what is known of each channel's tags."""
    told: dict[str, tuple[Source, dict[str, str]] | str | None] = {}
    for each in facts:
        fact = each.tags
        known = (fact.source, fact.value) if isinstance(fact, Fact) else None
        told[each.channel.channel_name] = fact.why if isinstance(fact, Unknown) else known
    return told


def reads(emulator: LocalServer) -> dict[str, int]:
    """Return how often each operation but the listing was called."""
    return {name: n for name, n in emulator.calls.items() if name != "ListSignalingChannels"}


def test_from_the_index(scope: Scope, emulator: LocalServer) -> None:
    """250 tagged channels are three calls of the index, and no other."""
    for number in range(250):
        put(emulator, f"a{number:03}", tags={"n": str(number)})
    read = gather.fetch(scope, Need.TAGS, listed(scope))
    assert tags_by_name(read.facts) == {
        f"a{number:03}": (Source.INDEX, {"n": str(number)}) for number in range(250)
    }
    assert read.problems == []
    assert reads(emulator) == {"GetResources": 3}


def test_few_absent_from_the_index(scope: Scope, emulator: LocalServer) -> None:
    """A hundred that the index does not know are read directly."""
    put(emulator, "tagged", tags={"env": "ci"})
    for number in range(100):
        put(emulator, f"a{number}")
    told = tags_by_name(gather.fetch(scope, Need.TAGS, listed(scope)).facts)
    assert told.pop("tagged") == (Source.INDEX, {"env": "ci"})
    assert list(told.values()) == [(Source.DIRECT, {})] * 100
    assert reads(emulator) == {"GetResources": 2, "ListTagsForResource": 100}


def test_many_absent_from_the_index(scope: Scope, emulator: LocalServer) -> None:
    """Of a hundred and one it is only said that the index does not know them."""
    put(emulator, "tagged", tags={"env": "ci"})
    for number in range(101):
        put(emulator, f"a{number}")
    told = tags_by_name(gather.fetch(scope, Need.TAGS, listed(scope)).facts)
    assert told.pop("tagged") == (Source.INDEX, {"env": "ci"})
    assert list(told.values()) == [(Source.NOT_INDEXED, {})] * 101
    assert reads(emulator) == {"GetResources": 2}


def test_the_index_lags(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """What the index has not learnt yet: old tags from it, new channels' read directly."""
    emulator.settings.index_lag = timedelta(minutes=5)
    put(emulator, "old", tags={"env": "ci"})
    time.sleep(600)
    retag(emulator, "old", {"kvsops:keep": ""})
    put(emulator, "new", timedelta(), tags={"kvsops:keep": ""})
    read = gather.fetch(scope, Need.TAGS, listed(scope))
    assert tags_by_name(read.facts) == {
        "new": (Source.DIRECT, {"kvsops:keep": ""}),
        "old": (Source.INDEX, {"env": "ci"}),
    }
    read = gather.fetch(scope, Need.TAGS, listed(scope), directly=True)
    assert tags_by_name(read.facts)["old"] == (Source.DIRECT, {"kvsops:keep": ""})


def test_directly(scope: Scope, emulator: LocalServer) -> None:
    """Where all shall be read directly the index is not asked."""
    for number in range(120):
        put(emulator, f"a{number}", tags={"n": str(number)})
    read = gather.fetch(scope, Need.TAGS, listed(scope), directly=True)
    assert {told[0] for told in tags_by_name(read.facts).values() if told} == {Source.DIRECT}
    assert reads(emulator) == {"ListTagsForResource": 120}


def test_the_index_is_denied(scope: Scope, emulator: LocalServer) -> None:
    """Without the index all are read directly, however many; it is said once."""
    for number in range(230):
        put(emulator, f"a{number:03}", tags={"n": str(number)})
    emulator.settings.faults = (Fault("GetResources", "AccessDeniedException"),)
    read = gather.fetch(scope, Need.TAGS, listed(scope))
    assert tags_by_name(read.facts) == {
        f"a{number:03}": (Source.DIRECT, {"n": str(number)}) for number in range(230)
    }
    assert read.problems == [
        'GetResources denied: the credentials need tag:GetResources on "*"; '
        "tags are read channel by channel instead"
    ]
    assert reads(emulator) == {"GetResources": 3, "ListTagsForResource": 230}


def test_direct_reads_are_denied(scope: Scope, emulator: LocalServer) -> None:
    """What can be read nowhere is unknown, and says why; nothing is taken for untagged."""
    tagged = put(emulator, "tagged", tags={"env": "ci"})
    absent = put(emulator, "absent")
    emulator.settings.faults = (Fault("ListTagsForResource", "AccessDeniedException"),)
    read = gather.fetch(scope, Need.TAGS, listed(scope))
    needs = "ListTagsForResource denied: the credentials need kinesisvideo:ListTagsForResource on"
    assert tags_by_name(read.facts) == {
        "absent": f"{needs} {absent.arn}",
        "tagged": (Source.INDEX, {"env": "ci"}),
    }
    read = gather.fetch(scope, Need.TAGS, listed(scope), directly=True)
    assert tags_by_name(read.facts)["tagged"] == f"{needs} {tagged.arn}"


def test_what_is_known_is_not_read_again(scope: Scope, emulator: LocalServer) -> None:
    """Only what was never asked for is fetched; the order stays."""
    for name in ("a", "b", "c", "d"):
        put(emulator, name, tags={"name": name})
    wanted = listed(scope)
    unknown, stale = Unknown("denied", NOON), Fact({"old": ""}, Source.INDEX, NOON)
    wanted[1] = Facts(wanted[1].channel, tags=unknown)
    wanted[2] = Facts(wanted[2].channel, tags=stale)
    read = gather.fetch(scope, Need.TAGS, wanted)
    assert tags_by_name(read.facts) == {
        "a": (Source.INDEX, {"name": "a"}),
        "b": "denied",
        "c": (Source.INDEX, {"old": ""}),
        "d": (Source.INDEX, {"name": "d"}),
    }
    assert [each.channel for each in read.facts] == [each.channel for each in wanted]
    assert reads(emulator) == {"GetResources": 1}


@pytest.mark.parametrize("directly", [False, True])
def test_nothing_wanted(scope: Scope, emulator: LocalServer, *, directly: bool) -> None:
    """For no channels there are no calls."""
    for need in Need:
        assert gather.fetch(scope, need, [], directly=directly) == Gathered([])
    assert emulator.calls == {}


def test_storage_links(scope: Scope, emulator: LocalServer) -> None:
    """Storage links have no cheap source: each is read."""
    stored = put(emulator, "stored", stored=True)
    put(emulator, "plain")
    read = gather.fetch(scope, Need.STORAGE, listed(scope))
    links = [each.storage_link for each in read.facts]
    assert links == [StorageLink("DISABLED", None), StorageLink("ENABLED", stored.stream_arn)]
    assert reads(emulator) == {"DescribeMediaStorageConfiguration": 2}


@pytest.mark.parametrize("need", [Need.TAGS, Need.STORAGE])
def test_deleted_meanwhile(need: Need, scope: Scope, emulator: LocalServer) -> None:
    """A channel that goes between the listing and the read is unknown, and the rest is read."""
    put(emulator, "goes")
    put(emulator, "stays")
    wanted = listed(scope)
    emulator.backend().remove_channel(emulator.backend().channels["goes"], NOON)
    read = gather.fetch(scope, need, wanted, directly=True)
    gone = read.facts[0].get(need)
    assert isinstance(gone, Unknown)
    assert gone.why == "deleted meanwhile"
    assert isinstance(read.facts[1].get(need), Fact)


def test_activity_of_the_deleted(scope: Scope, emulator: LocalServer) -> None:
    """Metrics know names only: of a channel that went meanwhile they tell as of the others."""
    put(emulator, "goes")
    put(emulator, "stays")
    wanted = listed(scope)
    emulator.backend().remove_channel(emulator.backend().channels["goes"], NOON)
    read = gather.fetch(scope, Need.ACTIVITY, wanted, directly=True)
    told = [each.activity for each in read.facts]
    assert told[0] == told[1]
    assert isinstance(told[0], Fact)
    assert told[0].source is Source.DIRECT


def test_made_again_meanwhile(scope: Scope, emulator: LocalServer) -> None:
    """Another channel of the same name is not read in its place."""
    put(emulator, "a")
    (wanted,) = listed(scope)
    emulator.backend().remove_channel(emulator.backend().channels["a"], NOON)
    with pytest.raises(NotFoundError):
        gather.direct(scope, wanted, Need.TAGS)
    put(emulator, "a", timedelta(), tags={"env": "ci"})
    with pytest.raises(NotFoundError):
        gather.direct(scope, wanted, Need.TAGS)


@pytest.mark.parametrize("need", Need)
def test_direct(need: Need, scope: Scope, emulator: LocalServer) -> None:
    """One fact of one channel, with where and when it was read; a failure keeps what was known."""
    put(emulator, "a", tags={"env": "ci"})
    (wanted,) = listed(scope)
    fact = gather.direct(scope, wanted, need).get(need)
    assert isinstance(fact, Fact)
    assert (fact.source, fact.read_at) == (Source.DIRECT, NOON)
    emulator.settings.faults = (Fault("*", "InternalFailure"),)
    failed = gather.direct(scope, wanted, need, attempts=1).get(need)
    assert isinstance(failed, Unknown)
    assert "InternalFailure" in failed.why


def test_expired_credentials_end_it(scope: Scope, emulator: LocalServer) -> None:
    """When nothing more can be read that is an error, not a fleet of unknown channels."""
    for number in range(50):
        put(emulator, f"a{number}")
    wanted = listed(scope)
    emulator.settings.faults = (Fault("*", "ExpiredTokenException"),)
    for directly in (False, True):
        with pytest.raises(CredentialsError):
            gather.fetch(scope, Need.TAGS, wanted, directly=directly)


@pytest.mark.parametrize(
    ("untagged", "fault", "stages"),
    [
        (5, None, [("tags", 6, 6), ("tags, one by one", 5, 5)]),
        (150, None, [("tags", 151, 151)]),
        (5, "AccessDeniedException", [("tags", 6, 0), ("tags, one by one", 6, 6)]),
    ],
    ids=["few", "many", "denied"],
)
def test_progress(
    untagged: int,
    fault: str | None,
    stages: list[tuple[str, int, int]],
    scope: Scope,
    emulator: LocalServer,
) -> None:
    """Each stage knows of how many it is, and counts each channel once."""
    for number in range(untagged):
        put(emulator, f"a{number}")
    put(emulator, "tagged", tags={"env": "ci"})
    emulator.settings.faults = (Fault("GetResources", fault),) if fault else ()
    told = Counted()
    gather.fetch(scope, Need.TAGS, listed(scope), counter=told)
    assert told.stages == stages


@pytest.mark.parametrize("need", [Need.STORAGE, Need.ACTIVITY])
def test_progress_never_passes_its_total(need: Need, scope: Scope, emulator: LocalServer) -> None:
    """Each channel counts once, also where its queries are in two batches; nobody else's does."""
    for number in range(203):  # a call takes 500 queries: some channel's are in two
        put(emulator, f"a{number}")
    told = Counted()
    gather.fetch(scope, need, listed(scope), directly=True, counter=told)
    what = {Need.STORAGE: "storage links", Need.ACTIVITY: "metrics"}[need]
    assert told.stages == [(what, 203, 203)]
