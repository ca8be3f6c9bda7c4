"""The judgement: rows that show its order, and properties that hold it against a plain oracle."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from kvsops.core.channel import Channel, StorageLink, TagFilter
from kvsops.core.facts import Activity, Fact, Facts, Need, Source, Unknown
from kvsops.core.judge import Decision, Verdict, judge
from kvsops.core.policies import Rules, deletion_rules, listing_rules, sweep_rules
from kvsops.core.rule import Rule
from kvsops.core.rules import RULES

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3_600, 86_400))
LINKED = StorageLink("ENABLED", "arn:aws:kinesisvideo:us-east-1:123456789012:stream/s/1")
UNLINKED = StorageLink("DISABLED", None)
KEEP = {"kvsops:keep": ""}
DENIED = Unknown("denied", NOW)

Tags = Fact[dict[str, str]] | Unknown | None
Storage = Fact[StorageLink] | Unknown | None
Use = Fact[Activity] | Unknown | None


def channel(
    name: str = "ci-1", status: str | None = "ACTIVE", age: timedelta | None = DAY
) -> Channel:
    """Make a channel as the listing tells of it."""
    arn = f"arn:aws:kinesisvideo:us-east-1:123456789012:channel/{name}/1"
    return Channel(name, arn, status, None if age is None else NOW - age, "v1")


def indexed(**tags: str) -> Tags:
    """Make tags that the index told."""
    return Fact(tags, Source.INDEX, NOW)


def read(tags: dict[str, str] | None = None) -> Tags:
    """Make tags that were read directly."""
    return Fact(tags or {}, Source.DIRECT, NOW)


def link(storage: StorageLink = UNLINKED) -> Storage:
    """Make a storage link that was read directly."""
    return Fact(storage, Source.DIRECT, NOW)


def use(ago: timedelta | None = None, *, witnessed: bool = True) -> Use:
    """Make what the metrics told: when it was last used, if ever."""
    last_used = None if ago is None else NOW - ago
    return Fact(Activity(last_used, NOW - 400 * DAY, witnessed), Source.DIRECT, NOW)


ABSENT: Tags = Fact({}, Source.NOT_INDEXED, NOW)
HINTED: Use = Fact(Activity(NOW - 3 * HOUR, None), Source.INDEX, NOW)
NOT_HINTED: Use = Fact(Activity(None, None), Source.NOT_INDEXED, NOW)
UNHEARD: Use = Fact(Activity(None, None), Source.INDEX, NOW)
NEEDS_TAGS = Decision(Verdict.NEEDS, "needs its tags", need=Need.TAGS)
NEEDS_STORAGE = Decision(Verdict.NEEDS, "needs its storage link", need=Need.STORAGE)
NEEDS_ACTIVITY = Decision(Verdict.NEEDS, "needs its activity", need=Need.ACTIVITY)
OLD = {"older-than": 2 * HOUR}
UNKNOWN_USE = "unknown: activity unknown: denied"
ORPHANED = {"orphaned": True}
EVEN_IF_ACTIVE = {"even-if-active": True}
IDLE = {"idle-for": 20 * HOUR}
NEVER = {"never-used": True}
SILENT = (
    "no channel has any metrics, which may be a mistake or a missing permission: "
    "--trust-silence if truly nothing runs"
)
UNWITNESSED = f"unknown: {SILENT}"


@pytest.mark.parametrize(
    ("given", "facts", "direct", "expected"),
    [
        # What the listing spares asks for nothing.
        (OLD, Facts(channel(age=HOUR)), True, "keep: 1h old, not older than 2h"),
        (OLD, Facts(channel(status="CREATING")), True, "keep: status is CREATING"),
        (OLD, Facts(channel(age=None)), True, "keep: its creation time is missing"),
        (OLD | {"prefix": "cam-"}, Facts(channel()), True, "keep: name does not begin with cam-"),
        # Narrowings speak first, then protections, then conditions.
        (
            OLD | {"prefix": "cam-"},
            Facts(channel(status="DELETING", age=HOUR)),
            True,
            "keep: name does not begin with cam-",
        ),
        (OLD, Facts(channel(status="DELETING", age=HOUR)), True, "keep: status is DELETING"),
        # The cheaper fact is asked for first, and a dearer one is not looked at.
        (OLD, Facts(channel()), True, "needs tags"),
        (OLD, Facts(channel()), False, "needs tags"),
        (OLD, Facts(channel(), storage=link()), True, "needs tags"),
        (OLD, Facts(channel(), storage=link(LINKED)), True, "needs tags"),
        (OLD, Facts(channel(), storage=DENIED), True, "needs tags"),
        # What is protected by its tags asks for no storage link.
        (OLD, Facts(channel(), read(KEEP)), True, "keep: has kvsops:keep"),
        (OLD, Facts(channel(), indexed(**KEEP)), True, "keep: has kvsops:keep"),
        (OLD, Facts(channel(), read(KEEP), DENIED), True, "keep: has kvsops:keep"),
        # The index and the presumption of it may be shown; they do not condemn.
        (OLD, Facts(channel(), indexed()), True, "needs tags"),
        (OLD, Facts(channel(), ABSENT), True, "needs tags"),
        (OLD, Facts(channel(), indexed(), link()), True, "needs tags"),
        (OLD, Facts(channel(), read()), True, "needs storage link"),
        (OLD, Facts(channel(), read(), link()), True, "needs activity"),
        (OLD, Facts(channel(), indexed()), False, "needs activity"),
        (OLD, Facts(channel(), read(), link()), False, "needs activity"),
        (OLD, Facts(channel(), indexed(), None, use()), True, "needs tags"),
        (
            OLD,
            Facts(channel(), indexed(), None, NOT_HINTED),
            False,
            "delete: 1d old (tags, storage link, activity)",
        ),
        (
            ORPHANED,
            Facts(channel(), ABSENT, None, NOT_HINTED),
            False,
            "delete: no owner (tags, storage link, activity)",
        ),
        (OLD, Facts(channel(), ABSENT, link(), use()), False, "delete: 1d old (tags)"),
        (OLD, Facts(channel(), read(), None, use()), False, "delete: 1d old (storage link)"),
        (OLD, Facts(channel(), read(), link(), NOT_HINTED), False, "delete: 1d old (activity)"),
        (OLD, Facts(channel(), read(), link(), use()), False, "delete: 1d old"),
        (OLD, Facts(channel(), read(), link(), use()), True, "delete: 1d old"),
        (
            OLD | ORPHANED,
            Facts(channel(), read(), link(), use()),
            True,
            "delete: 1d old, no owner",
        ),
        # What cannot be read is unknown, and keeps.
        (OLD, Facts(channel(), DENIED), True, "unknown: tags unknown: denied"),
        (OLD, Facts(channel(), DENIED), False, "unknown: tags unknown: denied"),
        (OLD, Facts(channel(), DENIED, link()), False, "unknown: tags unknown: denied"),
        (OLD, Facts(channel(), read(), DENIED), True, "unknown: storage link unknown: denied"),
        (OLD, Facts(channel(), indexed(), DENIED), False, "unknown: storage link unknown: denied"),
        (OLD, Facts(channel(), read(), link(), DENIED), True, "unknown: activity unknown: denied"),
        (OLD, Facts(channel(), indexed(), None, DENIED), False, UNKNOWN_USE),
        # Storage.
        (OLD, Facts(channel(), read(), link(LINKED)), True, "keep: linked to storage: stream/s/1"),
        (OLD | {"unlink-storage": True}, Facts(channel(), read()), True, "needs storage link"),
        (
            OLD | {"unlink-storage": True},
            Facts(channel(), read(), link(LINKED), use()),
            True,
            "delete: 1d old",
        ),
        # Use within 2 hours spares; a hint of it asks the metrics, and so does one that failed.
        (
            OLD,
            Facts(channel(), read(), link(), use(HOUR)),
            True,
            "keep: in use: last used at most 1h ago",
        ),
        (OLD, Facts(channel(), read(), link(), use(2 * HOUR)), True, "delete: 1d old"),
        (OLD, Facts(channel(), read(), link(), use(witnessed=False)), True, "delete: 1d old"),
        (OLD, Facts(channel(), read(), link(), HINTED), False, "needs activity"),
        (OLD, Facts(channel(), read(), link(), UNHEARD), False, "needs activity"),
        (OLD, Facts(channel(), read(), link(), HINTED), True, "needs activity"),
        (OLD, Facts(channel(), read(), link(), NOT_HINTED), True, "needs activity"),
        (OLD | EVEN_IF_ACTIVE, Facts(channel(), read(), link()), True, "delete: 1d old"),
        (OLD | EVEN_IF_ACTIVE, Facts(channel(), read(), link(), DENIED), True, "delete: 1d old"),
        # Idleness: youth asks for nothing more, a hint may only spare, silence needs a witness.
        (
            {"idle-for": 2 * DAY},
            Facts(channel(), read(), link(), use()),
            True,
            "keep: younger than 2d: too young to be idle so long",
        ),
        (IDLE, Facts(channel(), read()), False, "needs activity"),
        (IDLE, Facts(channel(), read(), None, NOT_HINTED), False, "needs activity"),
        (IDLE, Facts(channel(), read(), None, HINTED), False, "keep: last used at most 3h ago"),
        (IDLE, Facts(channel(), read(), link(), NOT_HINTED), True, "needs activity"),
        (IDLE, Facts(channel(), read(), link(), use()), True, "delete: not used for 20h"),
        (IDLE, Facts(channel(), read(), link(), use(20 * HOUR)), True, "delete: not used for 20h"),
        (
            IDLE,
            Facts(channel(), read(), link(), use(20 * HOUR - SECOND)),
            True,
            "keep: last used at most 19h59m ago",
        ),
        (
            IDLE,
            Facts(channel(), read(), link(), use(witnessed=False)),
            True,
            UNWITNESSED,
        ),
        (
            IDLE | {"trust-silence": True},
            Facts(channel(), read(), link(), use(witnessed=False)),
            True,
            "delete: not used for 20h",
        ),
        (
            IDLE | EVEN_IF_ACTIVE,
            Facts(channel(), read(), link(), DENIED),
            True,
            "unknown: activity unknown: denied",
        ),
        (
            NEVER | OLD,
            Facts(channel(), read(), link(), use()),
            True,
            "delete: 1d old, never used",
        ),
        (
            NEVER | OLD,
            Facts(channel(), read(), link(), use(23 * HOUR)),
            True,
            "keep: last used at most 23h ago",
        ),
        (NEVER | OLD, Facts(channel(), read(), link(), use(witnessed=False)), True, UNWITNESSED),
        (
            NEVER | OLD,
            Facts(channel(age=456 * DAY), read(), link(), use()),
            True,
            "unknown: its activity since it was made is not known",
        ),
    ],
)
def test_sweep(given: dict[str, Any], facts: Facts, expected: str, *, direct: bool) -> None:
    """A sweep's judgement, on what is known so far."""
    decision = judge(facts, sweep_rules(given), NOW, direct=direct)
    assert in_words(decision) == expected


def in_words(decision: Decision) -> str:
    """Write a decision in one line."""
    if decision.verdict is Verdict.NEEDS and decision.need:
        return f"needs {decision.need.value}"
    said = "unknown" if decision.unknown else decision.verdict.value
    unconfirmed = ", ".join(need.value for need in decision.unconfirmed)
    reason = decision.reason.replace("has no kvsops:owner", "no owner")
    return f"{said}: {reason}" + (f" ({unconfirmed})" if unconfirmed else "")


@pytest.mark.parametrize(
    ("given", "facts", "expected"),
    [
        ({}, Facts(channel(status=None, age=None)), "delete: named"),
        (OLD, Facts(channel(age=None)), "unknown: its creation time is missing"),
        ({"younger-than": HOUR}, Facts(channel(age=None)), "unknown: its creation time is missing"),
        (OLD | {"status": ("DELETING",)}, Facts(channel()), "keep: status is ACTIVE"),
        ({"tag": (TagFilter("env", None),)}, Facts(channel()), "needs tags"),
        (
            {"tag": (TagFilter("env", None),)},
            Facts(channel(), indexed(env="ci")),
            "delete: named (tags)",
        ),
        ({"active": True}, Facts(channel()), "needs activity"),
        ({"active": True}, Facts(channel(), activity=HINTED), "needs activity"),
        ({"active": True}, Facts(channel(), activity=use(HOUR)), "delete: named"),
        (
            {"active": True},
            Facts(channel(), activity=use(2 * HOUR)),
            "keep: not used in the last 2h",
        ),
        ({"active": True}, Facts(channel(), activity=DENIED), UNKNOWN_USE),
        (IDLE, Facts(channel(), activity=NOT_HINTED), "needs activity"),
        (IDLE, Facts(channel(), activity=use()), "delete: not used for 20h"),
    ],
)
def test_listing(given: dict[str, Any], facts: Facts, expected: str) -> None:
    """A listing has no protections, and asks for a fact only where a rule looks at it."""
    rules = listing_rules(given)
    assert in_words(judge(facts, rules, NOW, direct=False)) == expected
    assert rules.looks_at(Need.TAGS) == ("tag" in given)
    assert rules.looks_at(Need.ACTIVITY) == ("active" in given or "idle-for" in given)
    assert not rules.looks_at(Need.STORAGE)


@pytest.mark.parametrize(
    ("given", "facts", "expected"),
    [
        ({}, Facts(channel(age=None)), "needs tags"),
        ({}, Facts(channel(), read(KEEP)), "keep: has kvsops:keep"),
        ({}, Facts(channel(), read({"kvsops:expires-at": "never"})), "needs storage link"),
        ({}, Facts(channel(), read(), link(LINKED)), "keep: linked to storage: stream/s/1"),
        ({}, Facts(channel(), read(), link()), "delete: named"),
        (
            {"protect-tag": ("env",)},
            Facts(channel(), read({"env": "ci"})),
            "keep: protected: env=ci",
        ),
        ({"unlink-storage": True}, Facts(channel(), read(), link(LINKED)), "delete: named"),
    ],
)
def test_named(given: dict[str, Any], facts: Facts, expected: str) -> None:
    """A channel that was named is judged by the protections that hold then, and by no condition."""
    assert in_words(judge(facts, deletion_rules(given), NOW, direct=True)) == expected


def test_the_sparing_rule_is_told() -> None:
    """A decision to keep names the rule; one that asks or condemns names none."""
    spared = judge(Facts(channel(), read(KEEP)), sweep_rules(OLD), NOW, direct=True)
    assert spared.rule is not None
    assert spared.rule.name == "protected"
    assert judge(Facts(channel()), sweep_rules(OLD), NOW, direct=True) == NEEDS_TAGS
    read_tags = Facts(channel(), read())
    assert judge(read_tags, sweep_rules(OLD), NOW, direct=True) == NEEDS_STORAGE
    linked = Facts(channel(), read(), link())
    assert judge(linked, sweep_rules(OLD), NOW, direct=True) == NEEDS_ACTIVITY


# The oracle: what a sweep means, said as plainly as possible, of a channel all of which is known.


def protected(it: Channel) -> bool:
    """Whether the listing alone protects the channel."""
    return it.status != "ACTIVE" or it.creation_time is None or it.creation_time > NOW


def protected_by_tags(tags: dict[str, str], given: Mapping[str, Any]) -> bool:
    """Whether the tags protect the channel."""
    if {"kvsops:keep", *given["protect-tag"]} & set(tags):
        return True
    if any(key.startswith("aws:cloudformation:") for key in tags):
        return True
    if "kvsops:expires-at" not in tags:
        return False
    return not expired(tags)


def expired(tags: dict[str, str]) -> bool:
    """Whether the channel's time ended 5 minutes ago or more, and can be read."""
    expires_at = MOMENTS.get(tags.get("kvsops:expires-at", ""))
    return expires_at is not None and expires_at <= NOW - 5 * MINUTE


def carries(tags: dict[str, str], wanted: TagFilter) -> bool:
    """Whether the tags have the key, and the value if it matters."""
    return wanted.key in tags and (wanted.value is None or tags[wanted.key] == wanted.value)


def meant(it: Channel, tags: dict[str, str], given: Mapping[str, Any]) -> bool:
    """Whether the sweep means the channel at all."""
    return (
        it.channel_name.startswith(given["prefix"] or "")
        and fnmatchcase(it.channel_name, given["match"] or "*")
        and all(carries(tags, wanted) for wanted in given["tag"])
        and not any(carries(tags, unwanted) for unwanted in given["without-tag"])
    )


def in_use(ago: timedelta | None, given: Mapping[str, Any]) -> bool:
    """Whether its use spares the channel."""
    return ago is not None and ago < 2 * HOUR and not given["even-if-active"]


def silent(it: Channel, ago: timedelta | None, given: Mapping[str, Any]) -> bool:
    """Whether the channel was so long out of use as the conditions ask for."""
    bound = given["idle-for"]
    if bound and (it.creation_time is None or NOW - it.creation_time < bound):
        return False
    if bound and ago is not None and ago < bound:
        return False
    return not (given["never-used"] and ago is not None)


def doomed(it: Channel, tags: dict[str, str], storage: str, given: Mapping[str, Any]) -> bool:
    """Whether a sweep deletes this channel, its use left aside."""
    if protected(it) or protected_by_tags(tags, given) or not meant(it, tags, given):
        return False
    if storage != "DISABLED" and not given["unlink-storage"]:
        return False
    bound = given["older-than"]
    if bound and (it.creation_time is None or NOW - it.creation_time <= bound):
        return False
    if given["expired"] and not expired(tags):
        return False
    return not (given["orphaned"] and given["owner-tag"] in tags)


@dataclass(frozen=True)
class Truth:
    """What would be read of a channel, and what a sweep was told."""

    channel: Channel
    tags: dict[str, str]
    storage: str
    given: dict[str, Any]
    last_used: timedelta | None  # ago
    witnessed: bool

    @property
    def doomed(self) -> bool:
        """Whether it would be deleted if all were known."""
        return self.doomed_if_heard and self.heard

    @property
    def doomed_if_heard(self) -> bool:
        """Whether it would be deleted if some channel's metrics had been heard."""
        if in_use(self.last_used, self.given):
            return False
        if not silent(self.channel, self.last_used, self.given):
            return False
        return doomed(self.channel, self.tags, self.storage, self.given)

    @property
    def heard(self) -> bool:
        """Whether silence proves anything, or nothing rests on it."""
        rests = self.given["idle-for"] or self.given["never-used"]
        return self.witnessed or self.given["trust-silence"] or not rests

    def read(self, facts: Facts, need: Need, *, hinted: bool = False) -> Facts:
        """Read one fact directly; of activity, where wanted, first what the index hints at."""
        if need is Need.TAGS:
            return replace(facts, tags=Fact(self.tags, Source.DIRECT, NOW))
        if need is Need.STORAGE:
            return replace(facts, storage=link(StorageLink(self.storage, None)))
        if hinted and facts.activity is None:
            recent = self.last_used is not None and self.last_used < 3 * HOUR
            return replace(facts, activity=HINTED if recent else NOT_HINTED)
        return replace(facts, activity=use(self.last_used, witnessed=self.witnessed))


MOMENTS = {
    "2026-11-22T09:55:00Z": NOW - 5 * MINUTE,
    "2026-11-22T09:55:01Z": NOW - 5 * MINUTE + SECOND,
    "2026-11-22T10:00:00Z": NOW,
    "2026-11-22T12:30:00+02:30": NOW,
    "2026-11-20T10:00:00Z": NOW - 2 * DAY,
    "2026-11-22T08:00:00-05:00": NOW + 3 * HOUR,
    "2026-12-24T18:00:00Z": NOW + 32 * DAY + 8 * HOUR,
}
AGES = [90 * DAY] * 4 + [HOUR, HOUR + SECOND, 2 * DAY, 2 * DAY + SECOND, timedelta(), -SECOND, None]
NAMES = ["ci-1"] * 4 + ["ci-", "ci-22", "cam-1", "c", "CI-1"]
STATUSES = ["ACTIVE"] * 12 + ["CREATING", "UPDATING", "DELETING", "PAUSED", None]
KEYS = ["env", "env", "owner", "kvsops:owner", "kvsops:keep", "aws:cloudformation:stack-name"]

tag_dicts = st.builds(
    lambda plain, moments: plain | moments,
    st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["ci", "", "prod"]), max_size=2),
    st.dictionaries(
        st.just("kvsops:expires-at"),
        st.sampled_from(
            [*["2026-11-20T10:00:00Z"] * 6, *MOMENTS, "", "tomorrow", "2026-11-20T10:00:00"]
        ),
    ),
)
filters = st.lists(
    st.builds(TagFilter, st.sampled_from(["env", "owner"]), st.sampled_from([None, "", "ci"])),
    max_size=1,
).map(tuple)
givens = st.fixed_dictionaries(
    {
        "older-than": st.sampled_from([None, HOUR, 2 * DAY]),
        "expired": st.sampled_from([False, False, True]),
        "orphaned": st.sampled_from([False, False, True]),
        "owner-tag": st.sampled_from(["kvsops:owner", "owner"]),
        "prefix": st.sampled_from([None, None, "ci-", "c", "x"]),
        "match": st.sampled_from([None, None, "*", "ci-?", "[!c]*"]),
        "tag": filters,
        "without-tag": filters,
        "protect-tag": st.sampled_from([(), (), ("env",), ("owner", "x")]),
        "unlink-storage": st.booleans(),
        "even-if-active": st.sampled_from([False, False, True]),
        "idle-for": st.sampled_from([None, None, HOUR + 15 * MINUTE, 2 * HOUR, 7 * DAY]),
        "never-used": st.sampled_from([False, False, True]),
        "trust-silence": st.sampled_from([False, False, True]),
    }
)
agos = st.sampled_from(
    [
        *[None, None, 7 * DAY, 7 * DAY - SECOND, 2 * HOUR, 2 * HOUR - SECOND, 3 * HOUR, HOUR],
        *[HOUR + 15 * MINUTE, HOUR + 15 * MINUTE - SECOND, timedelta()],
    ]
)
witnesses = st.sampled_from([True, True, False])
channels = st.builds(
    channel,
    st.sampled_from(NAMES),
    st.sampled_from(STATUSES),
    st.sampled_from(AGES),
)
storages = st.sampled_from(["DISABLED", "DISABLED", "ENABLED", "A_STATUS_YET_TO_COME"])
harmless_tags = st.sampled_from(
    [{}, {"env": "ci"}, {"owner": ""}, {"kvsops:expires-at": "2026-11-20T10:00:00Z"}]
)
old_channels = st.builds(channel, st.sampled_from(["ci-1", "ci-2"]), age=st.just(90 * DAY))
truths = st.builds(Truth, channels, tag_dicts, storages, givens, agos, witnesses) | st.builds(
    Truth, old_channels, harmless_tags, st.just("DISABLED"), givens, agos, witnesses
)
# What may be known beforehand: nothing, a refusal, the index (late, so of any tags), its silence.
cheap_tags = (
    st.none()
    | st.just(DENIED)
    | st.just(ABSENT)
    | tag_dicts.map(lambda tags: Fact(tags, Source.INDEX, NOW))
)
subsets = st.lists(st.sampled_from(RULES), unique_by=lambda rule: rule.name).map(tuple)


@st.composite
def partly_known(draw: st.DrawFn) -> tuple[Truth, Facts]:
    """Draw a channel, and what happens to be known of it: from any source, or not at all."""
    truth = draw(truths)
    direct = Fact(truth.tags, Source.DIRECT, NOW)
    tags: Tags = draw(st.just(direct) | st.just(direct) | cheap_tags)
    storage = link(StorageLink(truth.storage, None))
    told = draw(st.sampled_from([storage, storage, None, DENIED]))
    used = use(truth.last_used, witnessed=truth.witnessed)
    seen: Use = draw(st.sampled_from([used, used, None, DENIED, HINTED, NOT_HINTED, UNHEARD]))
    return truth, Facts(truth.channel, tags, told, seen)


def is_direct(fact: Any) -> bool:
    """Whether the fact was read directly."""
    return isinstance(fact, Fact) and fact.source is Source.DIRECT


def looks_at_use(given: Mapping[str, Any]) -> bool:
    """Whether a sweep must know a channel's activity."""
    return not given["even-if-active"] or bool(given["idle-for"] or given["never-used"])


@drawn(partly_known())
def test_only_direct_reads_condemn(known: tuple[Truth, Facts]) -> None:
    """Whatever is missing, denied or late: what is condemned was read directly, and is doomed."""
    truth, facts = known
    decision = judge(facts, sweep_rules(truth.given), NOW, direct=True)
    if decision.verdict is Verdict.DELETE:
        assert is_direct(facts.tags)
        assert is_direct(facts.storage)
        assert is_direct(facts.activity) or not looks_at_use(truth.given)
        assert decision.unconfirmed == ()
        assert truth.doomed


@drawn(known=partly_known(), rules=subsets, direct=st.booleans())
def test_any_rules(known: tuple[Truth, Facts], rules: tuple[Rule, ...], *, direct: bool) -> None:
    """Of whichever rules: a deletion lists what it presumes, and directly it presumes nothing."""
    truth, facts = known
    given = truth.given | {"status": ("ACTIVE",), "younger-than": DAY, "active": True}
    in_force = Rules.of(given, rules)
    decision = judge(facts, in_force, NOW, direct=direct)
    needed = {rule.need for rule, _ in in_force.policies[0].rules if rule.need}
    if decision.verdict is Verdict.DELETE:
        presumed = {need for need in needed if not is_direct(facts.get(need))}
        assert set(decision.unconfirmed) == presumed
        assert not (direct and presumed)
        assert not any(isinstance(facts.get(need), Unknown) for need in needed)
    else:
        assert decision.unconfirmed == ()
    assert (decision.verdict is Verdict.NEEDS) == (decision.need is not None)
    if decision.need:
        assert decision.need in needed
        assert not is_direct(facts.get(decision.need))
        assert not isinstance(facts.get(decision.need), Unknown)


@drawn(known=partly_known(), direct=st.booleans())
def test_a_known_protection_spares(known: tuple[Truth, Facts], *, direct: bool) -> None:
    """A protection that holds on a fact that is known, cheaply or not, keeps the channel."""
    truth, facts = known
    by_tags = isinstance(facts.tags, Fact) and protected_by_tags(facts.tags.value, truth.given)
    by_storage = (
        isinstance(facts.storage, Fact)
        and facts.storage.value.status != "DISABLED"
        and not truth.given["unlink-storage"]
    )
    decision = judge(facts, sweep_rules(truth.given), NOW, direct=direct)
    if protected(truth.channel) or by_tags:
        assert decision.verdict is Verdict.KEEP
    by_use = is_direct(facts.activity) and in_use(truth.last_used, truth.given)
    if by_storage or by_use:
        assert decision.verdict is not Verdict.DELETE


@drawn(known=partly_known(), direct=st.booleans())
def test_unknown_keeps(known: tuple[Truth, Facts], *, direct: bool) -> None:
    """No channel is deleted, nor shown as such, of which a fact could not be read or is missing."""
    truth, facts = known
    decision = judge(facts, sweep_rules(truth.given), NOW, direct=direct)
    if DENIED in (facts.tags, facts.storage) or truth.channel.creation_time is None:
        assert decision.verdict is not Verdict.DELETE
    if facts.activity == DENIED and looks_at_use(truth.given):
        assert decision.verdict is not Verdict.DELETE
    if decision.unknown:
        assert decision.verdict is Verdict.KEEP


def settled(
    truth: Truth, tags: Tags, refused: set[Need], *, direct: bool
) -> tuple[Decision, list[Need]]:
    """Judge and read in turn until nothing more is needed; return the end and what was read."""
    facts, rules, asked = Facts(truth.channel, tags), sweep_rules(truth.given), []
    while (decision := judge(facts, rules, NOW, direct=direct)).need:
        asked.append(decision.need)
        assert len(asked) <= len(Need) + (not direct)  # activity is hinted at first
        if decision.need in refused:
            facts = facts.having(decision.need, DENIED)
        else:
            facts = truth.read(facts, decision.need, hinted=not direct)
    return decision, asked


@drawn(truths)
def test_reading_on_ends_as_the_oracle_says(truth: Truth) -> None:
    """From nothing, three reads at most lead to the oracle's verdict, and none is read twice."""
    decision, asked = settled(truth, None, set(), direct=True)
    assert (decision.verdict is Verdict.DELETE) == truth.doomed
    assert decision.unknown == (truth.doomed_if_heard and not truth.heard)
    assert len(asked) == len(set(asked))


@drawn(truths, cheap_tags)
def test_reading_on_from_a_late_index(truth: Truth, tags: Tags) -> None:
    """Whatever the index told: nothing is condemned that the oracle would keep."""
    decision, _ = settled(truth, tags, set(), direct=True)
    assert truth.doomed or decision.verdict is Verdict.KEEP


@drawn(
    truth=truths,
    refused=st.sets(st.sampled_from(list(Need)), min_size=1),
    direct=st.booleans(),
)
def test_reading_on_against_refusals(truth: Truth, refused: set[Need], *, direct: bool) -> None:
    """Where a read is refused, the end is never a deletion on that fact."""
    decision, asked = settled(truth, None, refused, direct=direct)
    if refused & set(asked):
        assert decision.verdict is Verdict.KEEP
    if decision.verdict is Verdict.DELETE:
        waived = set() if looks_at_use(truth.given) else {Need.ACTIVITY}
        assert refused - waived <= set(decision.unconfirmed)


@drawn(truths)
def test_what_is_shown_is_what_is_done(truth: Truth) -> None:
    """With a faithful index and unlinked storage, the display agrees with the deed."""
    told = Fact(truth.tags, Source.INDEX, NOW)
    shown, _ = settled(replace(truth, storage="DISABLED"), told, set(), direct=False)
    done, _ = settled(replace(truth, storage="DISABLED"), None, set(), direct=True)
    assert shown.verdict is done.verdict
