"""The plan: every listed channel judged, in few calls, whatever cannot be read."""

from datetime import timedelta
from typing import Any

import pytest

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.channel import TagFilter
from kvsops.core.policies import listing_rules, sweep_rules
from kvsops.errors import AwsError, CredentialsError
from kvsops.local.demo.fleet import sow
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.sweep import plan as planning
from kvsops.sweep.item import Outcome
from kvsops.sweep.plan import Plan
from tests.counting import Counted
from tests.fleet import NOON, Time, put, retag
from tests.plans import is_direct, planned
from tests.usage import use

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OLD: dict[str, Any] = {"older-than": 2 * HOUR}
PRESUMED = " (presumed: storage link) (presumed: activity)"


@pytest.fixture
def scope(environment: dict[str, str], time: Time) -> Scope:
    """Return a scope that refuses writes, and whose turns take no real time."""
    return time.scope(environment, read_only=True)


def outcomes(plan: Plan) -> dict[str, str]:
    """Return each channel's outcome and reason, in one line."""
    return {
        item.channel.channel_name: f"{item.outcome}: {item.reason}"
        + "".join(f" (presumed: {need.value})" for need in item.decision.unconfirmed)
        for item in plan.items
    }


def test_plan(scope: Scope, emulator: LocalServer) -> None:
    """Each channel listed has its outcome and its reason, and what of it is presumed."""
    put(emulator, "kept", tags={"kvsops:keep": "until May"})
    put(emulator, "old", tags={"env": "ci"})
    put(emulator, "stored", tags={"env": "ci"}, stored=True)
    put(emulator, "untagged")
    put(emulator, "young", HOUR)
    assert outcomes(planned(scope, OLD)) == {
        "kept": "kept: protected: kvsops:keep=until May",
        "old": f"would-delete: 1d old (presumed: tags){PRESUMED}",
        "stored": f"would-delete: 1d old (presumed: tags){PRESUMED}",
        "untagged": f"would-delete: 1d old{PRESUMED}",
        "young": "kept: 1h old, not older than 2h",
    }
    counted = {"ListSignalingChannels": 1, "GetResources": 1, "ListTagsForResource": 1}
    assert emulator.calls == counted | {"ListMetrics": 3}


def test_plan_directly(scope: Scope, emulator: LocalServer) -> None:
    """With direct reads nothing is presumed; what the tags spare has no storage link read."""
    put(emulator, "kept", tags={"kvsops:keep": ""})
    put(emulator, "old", tags={"env": "ci"})
    stored = put(emulator, "stored", stored=True)
    put(emulator, "young", HOUR)
    stream = str(stored.stream_arn).rpartition(":")[2]
    assert outcomes(planned(scope, OLD, directly=True)) == {
        "kept": "kept: has kvsops:keep",
        "old": "would-delete: 1d old",
        "stored": f"kept: linked to storage: {stream}",
        "young": "kept: 1h old, not older than 2h",
    }
    assert emulator.calls == {
        "ListSignalingChannels": 1,
        "ListTagsForResource": 3,
        "DescribeMediaStorageConfiguration": 2,
        "GetMetricData": 1,
        "ListMetrics": 3,  # for a witness, to tell silence from a mistake
    }


def test_how_far_back_it_looks(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """As far as the rules ask: what was used days ago is not idle for a week."""
    for name, ago in (("cam", 3 * DAY), ("leak", 8 * DAY), ("witness", HOUR)):
        put(emulator, name, 30 * DAY)
        use(emulator, name, time.now() - ago, masters=1)
    plan = planned(scope, {"idle-for": 7 * DAY}, directly=True)
    assert [each.channel.channel_name for each in plan.chosen] == ["leak"]


def test_ten_thousand_channels(scope: Scope, emulator: LocalServer) -> None:
    """A tag rule over 10,000 channels: 10 listings, 100 calls of the index, no direct read."""
    sow(emulator.backend(), 10_000)
    rules = listing_rules({"tag": (TagFilter("env", "ci"),)})
    plan = planning.plan(scope, channels.each_listed(scope), rules)
    tags = [each.tag_values.get("env") for each in plan.chosen]
    assert len(plan.items) == 10_000
    assert tags == ["ci"] * len(tags)
    assert len(tags) > 2_000
    assert emulator.calls == {"ListSignalingChannels": 10, "GetResources": 100}
    assert (plan.problems, plan.undecided) == ([], [])


def test_a_fleet_swept(scope: Scope, emulator: LocalServer) -> None:
    """A sweep asks the index only for what the listing does not spare already."""
    sow(emulator.backend(), 2_000)
    plan = planned(scope, OLD | {"prefix": "ci-", "tag": (TagFilter("env", "ci"),)})
    asked = sum(item.facts.tags is not None for item in plan.items)
    assert emulator.calls == {
        "ListSignalingChannels": 2,
        "GetResources": -(-asked // 100),
        "ListMetrics": 3,
        "GetMetricData": 1,
    }
    assert asked < 1_000
    looked = sum(item.facts.activity is not None for item in plan.items)
    directly = [item.facts for item in plan.items if is_direct(item.facts.activity)]
    assert len(directly) < looked < asked
    assert scope.metric_budget.asked == 6 * (len(directly) + 3)  # with three witnesses
    assert all(item.outcome is not Outcome.UNKNOWN for item in plan.items)


@pytest.mark.parametrize("rules", [OLD, {"idle-for": 7 * DAY}, {"never-used": True}])
def test_a_seed_has_one_answer(
    environment: dict[str, str], emulator: LocalServer, rules: dict[str, Any]
) -> None:
    """The same fleet has the same candidates at any time of day."""
    found = []
    for region, hour in (("us-east-1", 0), ("us-west-2", 9), ("eu-west-1", 23)):
        time = Time(NOON + timedelta(hours=hour, minutes=7))
        emulator.settings.clock = time.now
        sow(emulator.backend(region), 200)
        plan = planned(time.scope(environment, region=region, read_only=True), rules)
        found.append(sorted(each.channel.channel_name for each in plan.chosen))
    assert found[0] == found[1] == found[2] != []


def test_the_index_lags(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """A late index may be shown; a direct plan sees that the channel is kept."""
    emulator.settings.index_lag = timedelta(hours=1)
    put(emulator, "a", tags={"env": "ci"})
    time.sleep(7200)
    retag(emulator, "a", {"kvsops:keep": ""})
    assert outcomes(planned(scope, OLD))["a"].startswith("would-delete: ")
    assert outcomes(planned(scope, OLD, directly=True)) == {"a": "kept: has kvsops:keep"}


def test_the_index_is_denied(scope: Scope, emulator: LocalServer) -> None:
    """The plan is the same without the index, and says that it was missing."""
    put(emulator, "kept", tags={"kvsops:keep": ""})
    put(emulator, "old", tags={"env": "ci"})
    emulator.settings.faults = (Fault("GetResources", "AccessDeniedException"),)
    plan = planned(scope, OLD)
    assert outcomes(plan) == {
        "kept": "kept: has kvsops:keep",
        "old": f"would-delete: 1d old{PRESUMED}",
    }
    assert plan.problems == [
        'GetResources denied: the credentials need tag:GetResources on "*"; '
        "tags are read channel by channel instead"
    ]


def test_tags_cannot_be_read(scope: Scope, emulator: LocalServer) -> None:
    """What cannot be judged is left alone, counted, and said in one line."""
    for name in ("a", "b", "c", "d", "e"):
        put(emulator, name)
    put(emulator, "young", HOUR)
    emulator.settings.faults = (Fault("ListTagsForResource", "AccessDeniedException"),)
    plan = planned(scope, OLD)
    assert [item.outcome.value for item in plan.items] == ["unknown"] * 5 + ["kept"]
    assert plan.doomed == []
    (said,) = plan.undecided
    assert said.startswith(
        "could not be judged, and left alone: a, b, c and 2 more: "
        "tags unknown: ListTagsForResource denied: the credentials need kinesisvideo:"
    )


def test_storage_cannot_be_read(scope: Scope, emulator: LocalServer) -> None:
    """A storage link that is asked for and not told keeps the channel."""
    put(emulator, "a")
    put(emulator, "kept", tags={"kvsops:keep": ""})
    fault = Fault("DescribeMediaStorageConfiguration", "AccessDeniedException")
    emulator.settings.faults = (fault,)
    plan = planned(scope, OLD, directly=True)
    assert [item.outcome.value for item in plan.items] == ["unknown", "kept"]
    assert plan.undecided[0].startswith("could not be judged, and left alone: a: storage link")


def test_deleted_meanwhile(scope: Scope, emulator: LocalServer, time: Time) -> None:
    """A channel that goes after it was listed is gone: it needs no judgement, and no failure."""
    put(emulator, "goes")
    put(emulator, "stays")
    listed = list(channels.each_listed(scope))
    emulator.backend().remove_channel(emulator.backend().channels["goes"], time.now())
    plan = planning.plan(scope, listed, sweep_rules(OLD), directly=True)
    assert outcomes(plan) == {
        "goes": "gone: deleted meanwhile",
        "stays": "would-delete: 1d old",
    }
    assert (plan.undecided, plan.problems) == ([], [])


def test_a_listing_that_fails(scope: Scope, emulator: LocalServer) -> None:
    """A failed listing is an error, never an empty plan."""
    put(emulator, "a")
    emulator.settings.faults = (Fault("ListSignalingChannels", "InvalidArgumentException"),)
    with pytest.raises(AwsError):
        planned(scope, OLD)
    emulator.settings.faults = (Fault("*", "ExpiredTokenException"),)
    with pytest.raises(CredentialsError):
        planned(scope, OLD)


def test_nothing_listed(scope: Scope) -> None:
    """An empty account is an empty plan."""
    plan = planned(scope, OLD)
    assert (plan.items, plan.doomed, plan.chosen, plan.undecided) == ([], [], [], [])


def test_oldest_first(scope: Scope, emulator: LocalServer) -> None:
    """The doomed come oldest first, by name where two are of an age; a limit leaves the rest."""
    for name, age in (("c", DAY), ("b", 9 * DAY), ("a", DAY), ("d", 40 * DAY), ("e", HOUR)):
        put(emulator, name, age)
    plan = planned(scope, OLD)
    assert [item.channel.channel_name for item in plan.doomed] == ["d", "b", "a", "c"]
    plan.limit(10)
    assert len(plan.doomed) == 4
    plan.limit(2)
    assert [item.channel.channel_name for item in plan.doomed] == ["d", "b"]
    left = [
        f"{item.channel.channel_name} {item.reason}"
        for item in plan.items
        if item.outcome is Outcome.LEFT
    ]
    assert left == ["a 1d old; beyond --limit 2", "c 1d old; beyond --limit 2"]


def test_what_an_earlier_plan_let_pass(scope: Scope, emulator: LocalServer) -> None:
    """What has come to be condemned since then is left."""
    arn = put(emulator, "a").arn
    put(emulator, "b")
    plan = planned(scope, OLD)
    plan.only({arn})
    assert [(item.outcome.value, item.reason) for item in plan.items] == [
        ("would-delete", "1d old"),
        ("left", "1d old; not in the plan that was let pass"),
    ]


def test_progress(scope: Scope, emulator: LocalServer) -> None:
    """Each stage is told of with its total: the listing, then what is read of two channels."""
    put(emulator, "a")
    put(emulator, "b", tags={"env": "ci"})
    put(emulator, "young", HOUR)
    told = Counted()
    planning.plan(scope, channels.each_listed(scope), sweep_rules(OLD), directly=True, counter=told)
    assert told.stages == [
        ("listing channels", None, 3),
        ("tags, one by one", 2, 2),
        ("storage links", 2, 2),
        ("metrics", 2, 2),
    ]
