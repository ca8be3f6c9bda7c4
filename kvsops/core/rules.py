"""The rules of choosing, each declared once, at the end of this file.

A declaration says the rule's name, its role, the fact it needs, its options with their help, how
it judges, and examples. The command line's options, their help, the order in which facts are asked
for and the rows of the tests all come from it: to add a rule, write its declaration here.
"""

from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Final

from kvsops.core.channel import EXPIRES_AT_TAG, KEEP_TAG, OWNER_TAG, TagFilter
from kvsops.core.facts import Activity, Facts, Need
from kvsops.core.rule import Example, Finding, Given, Option, Parameter, Role, Rule
from kvsops.core.text import age, parsed_moment

EXPIRY_MARGIN: Final = timedelta(minutes=5)
"""How long past its `kvsops:expires-at` a channel is still its holder's: clocks differ."""

# Source of both: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
# and https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/cloudwatch-metrics.html
CONNECTION_LIFE: Final = timedelta(hours=1)
"""A connection that is held gives no new point of connecting for so long."""
METRICS_DELAY: Final = timedelta(minutes=15)
"""Metrics may take so long to appear."""
LEAST_IDLE: Final = CONNECTION_LIFE + METRICS_DELAY
IN_USE: Final = timedelta(hours=2)
"""Every sweep spares what was used so recently."""
METRICS_REACH: Final = timedelta(days=455)
"""Older points are not kept, at any period."""


def _age(facts: Facts, now: datetime) -> timedelta | None:
    created = facts.channel.creation_time
    return None if created is None else now - created


def _older_than(facts: Facts, given: Given, now: datetime) -> Finding:
    old, bound = _age(facts, now), given["older-than"]
    if old is None:
        return Finding(None, "its creation time is missing")
    if old > bound:
        return Finding(spares=False, why=f"{age(old)} old")
    return Finding(spares=True, why=f"{age(old)} old, not older than {age(bound)}")


def _younger_than(facts: Facts, given: Given, now: datetime) -> Finding:
    old, bound = _age(facts, now), given["younger-than"]
    if old is None:
        return Finding(None, "its creation time is missing")
    return Finding(spares=old >= bound, why=f"{age(old)} old, not younger than {age(bound)}")


def _age_needs_more(given: Given) -> str | None:
    if not (given["older-than"] and given["yes"]) or given["any-channel"] or _narrowed(given):
        return None
    return (
        "age alone says nothing of use: with --yes add --prefix, --match, --tag or --without-tag, "
        "or --any-channel if every channel older than that is meant"
    )


def _narrowed(given: Given) -> bool:
    """Whether more was given than an age and a pattern that matches every name."""
    active = {rule.name for rule in rules_of(Role.CONDITION, Role.NARROWING) if rule.active(given)}
    pattern = given["match"] or ""
    matches_all = "*" in pattern and set(pattern) <= {"*", "?"}
    return bool(active - {"older-than"} - ({"match"} if matches_all else set()))


def _expired(facts: Facts, _: Given, now: datetime) -> Finding:
    text = facts.tag_values.get(EXPIRES_AT_TAG)
    if text is None:
        return Finding(spares=True, why=f"has no {EXPIRES_AT_TAG}")
    expires_at = parsed_moment(text)
    if expires_at is None or now - expires_at < EXPIRY_MARGIN:
        return Finding(spares=True, why="not expired")
    return Finding(spares=False, why=f"expired {age(now - expires_at)} ago")


def _orphaned(facts: Facts, given: Given, _: datetime) -> Finding:
    key = given["owner-tag"]
    if key in facts.tag_values:
        return Finding(spares=True, why=f"owned: {key}={facts.tag_values[key]}")
    return Finding(spares=False, why=f"has no {key}")


def _orphaned_needs_age(given: Given) -> str | None:
    if not (given["orphaned"] and given["yes"]):
        return None
    if given["older-than"] and given["older-than"] >= timedelta(hours=1):
        return None
    return (
        "--orphaned --yes needs --older-than 1h or more: a channel just made has no owner tag yet"
    )


def _owner_tag_alone(given: Given) -> str | None:
    if given["owner-tag"] != OWNER_TAG and not given["orphaned"]:
        return "--owner-tag says which tag --orphaned looks for: add --orphaned"
    return None


def _orphaned_objection(given: Given) -> str | None:
    return _owner_tag_alone(given) or _orphaned_needs_age(given)


def _prefix(facts: Facts, given: Given, _: datetime) -> Finding:
    inside = facts.channel.channel_name.startswith(given["prefix"])
    return Finding(spares=not inside, why=f"name does not begin with {given['prefix']}")


def _match(facts: Facts, given: Given, _: datetime) -> Finding:
    inside = fnmatchcase(facts.channel.channel_name, given["match"])
    return Finding(spares=not inside, why=f"name does not match {given['match']}")


def _tag(facts: Facts, given: Given, _: datetime) -> Finding:
    for wanted in given["tag"]:
        if not wanted.matches(facts.tag_values):
            return Finding(spares=True, why=f"has no tag {wanted}")
    return Finding(spares=False)


def _without_tag(facts: Facts, given: Given, _: datetime) -> Finding:
    for unwanted in given["without-tag"]:
        if unwanted.matches(facts.tag_values):
            return Finding(spares=True, why=f"has the tag {unwanted}")
    return Finding(spares=False)


def _contradicting_tags(given: Given) -> str | None:
    wanted = {each.key: each for each in given["tag"] if each.value is not None}
    for each in given["tag"]:
        if each.value is not None and each != wanted[each.key]:
            return f"--tag {each} and --tag {wanted[each.key]} leave no channel: drop one"
    for unwanted in given["without-tag"]:
        for each in given["tag"]:
            if unwanted.key == each.key and unwanted.value in (None, each.value):
                return f"--tag {each} and --without-tag {unwanted} leave no channel: drop one"
    return None


def _status(facts: Facts, given: Given, _: datetime) -> Finding:
    inside = facts.channel.status in given["status"]
    return Finding(spares=not inside, why=f"status is {facts.channel.status}")


def _contradicting_ages(given: Given) -> str | None:
    older, younger = given["older-than"], given["younger-than"]
    if older and younger and younger <= older:
        return (
            f"--older-than {age(older)} and --younger-than {age(younger)} leave no channel: "
            "the first must be the shorter"
        )
    return None


def _not_active(facts: Facts, _: Given, __: datetime) -> Finding:
    status = facts.channel.status
    return Finding(spares=status != "ACTIVE", why=f"status is {status or 'missing'}")


def _no_creation_time(facts: Facts, _: Given, now: datetime) -> Finding:
    old = _age(facts, now)
    if old is None:
        return Finding(spares=True, why="its creation time is missing")
    return Finding(spares=old < timedelta(), why="its creation time is in the future")


def _kept(facts: Facts, given: Given, _: datetime) -> Finding:
    for key in (KEEP_TAG, *given["protect-tag"]):
        if key in facts.tag_values:
            value = facts.tag_values[key]
            return Finding(spares=True, why=f"protected: {key}={value}" if value else f"has {key}")
    return Finding(spares=False)


def _held(facts: Facts, _: Given, now: datetime) -> Finding:
    text = facts.tag_values.get(EXPIRES_AT_TAG)
    if text is None:
        return Finding(spares=False)
    expires_at = parsed_moment(text)
    if expires_at is None:
        return Finding(spares=True, why=f"{EXPIRES_AT_TAG} is unreadable: {text}")
    if expires_at > now:
        return Finding(spares=True, why=f"held: expires {age(now - expires_at)}")
    if now - expires_at < EXPIRY_MARGIN:
        return Finding(spares=True, why=f"held: expired only {age(now - expires_at)} ago")
    return Finding(spares=False)


def _of_a_stack(facts: Facts, _: Given, __: datetime) -> Finding:
    for key in facts.tag_values:
        if key.startswith("aws:cloudformation:"):
            stack = facts.tag_values.get("aws:cloudformation:stack-name", "unnamed")
            return Finding(spares=True, why=f"made by CloudFormation: stack {stack}")
    return Finding(spares=False)


def _storage_linked(facts: Facts, given: Given, _: datetime) -> Finding:
    link = facts.storage_link
    if link is None or not link.linked or given["unlink-storage"]:
        return Finding(spares=False)
    stream = (link.stream_arn or "a stream").rpartition(":")[2]
    return Finding(spares=True, why=f"linked to storage: {stream}")


def _used_since(activity: Activity, start: datetime) -> bool:
    return activity.last_used is not None and activity.last_used > start


def _in_use(facts: Facts, given: Given, now: datetime) -> Finding:
    activity = facts.use
    if given["even-if-active"] or activity is None or not _used_since(activity, now - IN_USE):
        return Finding(spares=False)
    return Finding(spares=True, why=f"in use: last used {_ago(activity, now)}")


def _ago(activity: Activity, now: datetime) -> str:
    """Say when it was last used: the last point's period may reach to the present."""
    last = activity.last_used
    return "never" if last is None else f"at most {age(max(now - last, timedelta()))} ago"


def _idle_for(facts: Facts, given: Given, now: datetime) -> Finding:
    activity, bound = facts.use, given["idle-for"]
    created = facts.channel.creation_time
    if created is None or now - created < bound:
        return Finding(spares=True, why=f"younger than {age(bound)}: too young to be idle so long")
    if activity is None:
        return Finding(None, "its activity is not known")
    if _used_since(activity, now - bound):
        return Finding(spares=True, why=f"last used {_ago(activity, now)}")
    return _silence(activity, given, f"not used for {age(bound)}")


def _never_used(facts: Facts, given: Given, now: datetime) -> Finding:
    activity, created = facts.use, facts.channel.creation_time
    if activity is None or created is None or now - created > METRICS_REACH:
        return Finding(None, "its activity since it was made is not known")
    if activity.last_used is not None:
        return Finding(spares=True, why=f"last used {_ago(activity, now)}")
    return _silence(activity, given, "never used")


def _silence(activity: Activity, given: Given, why: str) -> Finding:
    """Let silence condemn only where the same queries were heard to speak."""
    if activity.since is None or activity.witnessed or given["trust-silence"]:
        return Finding(spares=False, why=why)
    return Finding(
        None,
        "no channel has any metrics, which may be a mistake or a missing permission: "
        "--trust-silence if truly nothing runs",
    )


def _too_short(given: Given) -> str | None:
    if given["idle-for"] and given["idle-for"] < LEAST_IDLE:
        return (
            f"--idle-for {age(given['idle-for'])} is too short: a connection may be held for "
            f"{age(CONNECTION_LIFE)} and metrics come {age(METRICS_DELAY)} late: give "
            f"{age(LEAST_IDLE)} or more"
        )
    return None


def _never_used_needs_age(given: Given) -> str | None:
    if given["never-used"] and not (given["older-than"] or given["listing"]):
        return "--never-used needs --older-than beside it: a channel just made was never used"
    return None


def _active(facts: Facts, _: Given, now: datetime) -> Finding:
    activity = facts.use
    if activity is None:
        return Finding(None, "its activity is not known")
    if activity.since is None and activity.last_used:  # a hint: within 3 hours
        return Finding(spares=False)
    return Finding(spares=not _used_since(activity, now - IN_USE), why="not used in the last 2h")


def _contradicting_activity(given: Given) -> str | None:
    if given["active"] and (given["idle-for"] or given["never-used"]):
        return "--active contradicts --idle-for and --never-used: drop one"
    return None


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_NOW_PLUS = "{now+%d}"  # in an example's tag: that many seconds from the example's now
_STACK = {"aws:cloudformation:stack-name": "video"}

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "prefix",
        Role.NARROWING,
        _prefix,
        options=(
            Option("prefix", Parameter.PREFIX, "Only names that begin with this (cheapest)."),
        ),
        examples=(
            Example({"prefix": "ci-"}, spares=False),
            Example({"prefix": "cam-"}, spares=True),
        ),
    ),
    Rule(
        "match",
        Role.NARROWING,
        _match,
        options=(Option("match", Parameter.GLOB, "Only names that match this pattern (* ? [])."),),
        examples=(
            Example({"match": "ci-*"}, spares=False),
            Example({"match": "CI-*"}, spares=True),
            Example({"match": "ci"}, spares=True),
        ),
    ),
    Rule(
        "tag",
        Role.NARROWING,
        _tag,
        Need.TAGS,
        options=(
            Option("tag", Parameter.TAG, "Only with this tag (any value, or this one).", many=True),
        ),
        examples=(
            Example({"tag": (TagFilter("env", "ci"),)}, spares=False, tags={"env": "ci"}),
            Example({"tag": (TagFilter("env", None),)}, spares=False, tags={"env": ""}),
            Example({"tag": (TagFilter("env", "ci"),)}, spares=True, tags={"env": "prod"}),
            Example({"tag": (TagFilter("env", ""),)}, spares=True),
        ),
    ),
    Rule(
        "without-tag",
        Role.NARROWING,
        _without_tag,
        Need.TAGS,
        options=(
            Option(
                "without-tag",
                Parameter.TAG,
                "Only without this tag (with no value, or not with this one).",
                many=True,
            ),
        ),
        examples=(
            Example({"without-tag": (TagFilter("env", None),)}, spares=False),
            Example({"without-tag": (TagFilter("env", "prod"),)}, spares=False, tags={"env": "ci"}),
            Example({"without-tag": (TagFilter("env", None),)}, spares=True, tags={"env": "ci"}),
        ),
        objection=_contradicting_tags,
    ),
    Rule(
        "status",
        Role.FILTER,
        _status,
        options=(Option("status", Parameter.STATUS, "Only in this status.", many=True),),
        examples=(
            Example({"status": ("ACTIVE",)}, spares=False),
            Example({"status": ("CREATING", "DELETING")}, spares=True),
            Example({"status": ("ACTIVE",)}, spares=True, status=None),
        ),
    ),
    Rule(
        "younger-than",
        Role.FILTER,
        _younger_than,
        options=(Option("younger-than", Parameter.DURATION, "Only made less than this ago."),),
        examples=(
            Example({"younger-than": 2 * _DAY}, spares=False),
            Example({"younger-than": _DAY}, spares=True),
            Example({"younger-than": _DAY}, spares=None, age=None),
        ),
        objection=_contradicting_ages,
    ),
    Rule(
        "not-active",
        Role.PROTECTION,
        _not_active,
        named=True,
        examples=(
            Example({}, spares=False),
            Example({}, spares=True, status="CREATING"),
            Example({}, spares=True, status="UPDATING"),
            Example({}, spares=True, status=None),
        ),
    ),
    Rule(
        "no-creation-time",
        Role.PROTECTION,
        _no_creation_time,
        examples=(
            Example({}, spares=False),
            Example({}, spares=True, age=None),
            Example({}, spares=True, age=-timedelta(seconds=1)),
        ),
    ),
    Rule(
        "protected",
        Role.PROTECTION,
        _kept,
        Need.TAGS,
        options=(
            Option(
                "protect-tag",
                Parameter.KEY,
                f"Never delete a channel with this tag (beside {KEEP_TAG}).",
                many=True,
            ),
        ),
        named=True,
        examples=(
            Example({}, spares=False, tags={"env": "ci"}),
            Example({}, spares=True, tags={KEEP_TAG: ""}),
            Example({}, spares=True, tags={KEEP_TAG: "false"}),
            Example({"protect-tag": ("env",)}, spares=True, tags={"env": "ci"}),
        ),
    ),
    Rule(
        "held",
        Role.PROTECTION,
        _held,
        Need.TAGS,
        examples=(
            Example({}, spares=False),
            Example({}, spares=False, tags={EXPIRES_AT_TAG: _NOW_PLUS % -300}),
            Example({}, spares=True, tags={EXPIRES_AT_TAG: _NOW_PLUS % -299}),
            Example({}, spares=True, tags={EXPIRES_AT_TAG: _NOW_PLUS % 3600}),
            Example({}, spares=True, tags={EXPIRES_AT_TAG: "tomorrow"}),
            Example({}, spares=True, tags={EXPIRES_AT_TAG: "2020-01-01T00:00:00"}),
            Example({}, spares=True, tags={EXPIRES_AT_TAG: ""}),
        ),
    ),
    Rule(
        "cloudformation",
        Role.PROTECTION,
        _of_a_stack,
        Need.TAGS,
        named=True,
        examples=(
            Example({}, spares=False, tags={"cloudformation": "yes"}),
            Example({}, spares=True, tags=_STACK),
        ),
    ),
    Rule(
        "storage-linked",
        Role.PROTECTION,
        _storage_linked,
        Need.STORAGE,
        options=(
            Option(
                "unlink-storage",
                Parameter.FLAG,
                "Delete channels linked to a stream too: unlink them first. The stream stays.",
            ),
        ),
        named=True,
        examples=(
            Example({}, spares=False),
            Example({}, spares=True, storage="ENABLED"),
            Example({}, spares=True, storage="A_STATUS_YET_TO_COME"),
            Example({"unlink-storage": True}, spares=False, storage="ENABLED"),
        ),
    ),
    Rule(
        "in-use",
        Role.PROTECTION,
        _in_use,
        Need.ACTIVITY,
        options=(
            Option(
                "even-if-active",
                Parameter.FLAG,
                "Delete also what was used in the last 2 hours, or whose metrics cannot be read.",
            ),
        ),
        examples=(
            Example({}, spares=False, last_used=2 * _HOUR),
            Example({}, spares=False, last_used=None),
            Example({}, spares=True, last_used=2 * _HOUR - timedelta(seconds=1)),
            Example({"even-if-active": True}, spares=False, last_used=timedelta()),
        ),
        waived_by="even-if-active",
    ),
    Rule(
        "active",
        Role.FILTER,
        _active,
        Need.ACTIVITY,
        options=(Option("active", Parameter.FLAG, "Only used in the last 2 hours."),),
        examples=(
            Example({"active": True}, spares=False, last_used=_HOUR),
            Example({"active": True}, spares=True, last_used=3 * _HOUR),
            Example({"active": True}, spares=True, last_used=None),
        ),
        objection=_contradicting_activity,
    ),
    Rule(
        "older-than",
        Role.CONDITION,
        _older_than,
        options=(Option("older-than", Parameter.DURATION, "Made longer ago than this."),),
        examples=(
            Example({"older-than": 2 * _HOUR}, spares=False, age=2 * _HOUR + timedelta(seconds=1)),
            Example({"older-than": 2 * _HOUR}, spares=True, age=2 * _HOUR),
            Example({"older-than": 2 * _HOUR}, spares=None, age=None),
        ),
        objection=_age_needs_more,
    ),
    Rule(
        "idle-for",
        Role.CONDITION,
        _idle_for,
        Need.ACTIVITY,
        options=(
            Option(
                "idle-for",
                Parameter.DURATION,
                "No connection, message or TURN minute for so long (1h15m or more).",
            ),
            Option(
                "trust-silence",
                Parameter.FLAG,
                "Believe it even if no channel at all has metrics: truly nothing runs.",
            ),
        ),
        examples=(
            Example({"idle-for": _DAY}, spares=False, last_used=_DAY),
            Example({"idle-for": _DAY}, spares=False, last_used=None),
            Example({"idle-for": _DAY}, spares=True, last_used=_DAY - timedelta(seconds=1)),
            Example({"idle-for": 2 * _DAY}, spares=True, last_used=None),
            Example({"idle-for": _DAY}, spares=True, age=None),
            Example({"idle-for": _DAY}, spares=None, last_used=None, witnessed=False),
            Example(
                {"idle-for": _DAY, "trust-silence": True},
                spares=False,
                last_used=None,
                witnessed=False,
            ),
        ),
        objection=_too_short,
    ),
    Rule(
        "never-used",
        Role.CONDITION,
        _never_used,
        Need.ACTIVITY,
        options=(Option("never-used", Parameter.FLAG, "No connection since it was made."),),
        examples=(
            Example({"never-used": True}, spares=False, last_used=None),
            Example({"never-used": True}, spares=True, last_used=20 * _HOUR),
            Example({"never-used": True}, spares=None, last_used=None, witnessed=False),
            Example({"never-used": True}, spares=None, age=timedelta(days=456)),
            Example({"never-used": True}, spares=None, age=None),
        ),
        objection=_never_used_needs_age,
    ),
    Rule(
        "expired",
        Role.CONDITION,
        _expired,
        Need.TAGS,
        options=(
            Option(
                "expired", Parameter.FLAG, f"Its {EXPIRES_AT_TAG} passed 5 minutes ago or more."
            ),
        ),
        examples=(
            Example({"expired": True}, spares=False, tags={EXPIRES_AT_TAG: _NOW_PLUS % -300}),
            Example({"expired": True}, spares=True, tags={EXPIRES_AT_TAG: _NOW_PLUS % -299}),
            Example({"expired": True}, spares=True, tags={EXPIRES_AT_TAG: "soon"}),
            Example({"expired": True}, spares=True),
        ),
    ),
    Rule(
        "orphaned",
        Role.CONDITION,
        _orphaned,
        Need.TAGS,
        options=(
            Option("orphaned", Parameter.FLAG, "It lacks the owner tag."),
            Option("owner-tag", Parameter.KEY, "The tag --orphaned looks for.", default=OWNER_TAG),
        ),
        examples=(
            Example({"orphaned": True}, spares=False, tags={"owner": "ana"}),
            Example({"orphaned": True}, spares=True, tags={OWNER_TAG: ""}),
            Example({"orphaned": True, "owner-tag": "owner"}, spares=True, tags={"owner": "ana"}),
        ),
        objection=_orphaned_objection,
    ),
)


def rules_of(*roles: Role) -> tuple[Rule, ...]:
    """Return the declared rules of these roles, in the order of their declaration."""
    return tuple(rule for rule in RULES if rule.role in roles)


def completed(given: Given) -> dict[str, Any]:
    """Return the options' values with those not given at their defaults.

    Beside the rules' own: `yes` (the deed is meant), `any-channel`, and `listing` (there is no
    deed), which objections look at.
    """
    values: dict[str, Any] = {"any-channel": False, "yes": False, "listing": False}
    values |= {option.name: option.absent for rule in RULES for option in rule.options}
    return values | dict(given)
