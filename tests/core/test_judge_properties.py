"""The judgement, held against a plain oracle: properties of whatever may be known."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given as drawn
from hypothesis import strategies as st

from kvsops.core.channel import Channel, StorageLink, TagFilter
from kvsops.core.facts import Fact, Facts, Need, Source, Unknown
from kvsops.core.judge import Decision, Verdict, judge
from kvsops.core.policies import Rules, sweep_rules
from kvsops.core.rule import Rule
from kvsops.core.rules import RULES
from tests.core.known import (
    ABSENT,
    DAY,
    DENIED,
    HINTED,
    HOUR,
    MINUTE,
    NOT_HINTED,
    NOW,
    SECOND,
    UNHEARD,
    Tags,
    Use,
    channel,
    link,
    use,
)

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
