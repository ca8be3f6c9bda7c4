"""Rules of use: what is in use, what nobody used for long, or ever."""

from datetime import datetime, timedelta
from typing import Final

from kvsops.core.facts import Activity, Facts, Need
from kvsops.core.rule import Finding, Given, Option, Parameter, Role, Rule
from kvsops.core.rules.ages import age_of
from kvsops.core.text import age

# Source of both: https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/kvswebrtc-limits.html
# and https://docs.aws.amazon.com/kinesisvideostreams-webrtc-dg/latest/devguide/cloudwatch-metrics.html
CONNECTION_LIFE: Final = timedelta(hours=1)
"""The longest that a connection is held: only its beginning shows in the metrics."""
METRICS_DELAY: Final = timedelta(minutes=15)
"""Metrics may take up to this long to appear."""
LEAST_IDLE: Final = CONNECTION_LIFE + METRICS_DELAY
IN_USE: Final = timedelta(hours=2)
"""Every sweep spares what was used within this time."""
METRICS_REACH: Final = timedelta(days=455)
"""Older points are not kept, at any period."""


def _used_since(activity: Activity, start: datetime) -> datetime | None:
    """Return when it was last used, if that was after the start."""
    last = activity.last_used
    return last if last is not None and last > start else None


def _in_use(facts: Facts, given: Given, now: datetime) -> Finding:
    activity = facts.use
    if given["even-if-active"] or activity is None:
        return Finding(spares=False)
    last = _used_since(activity, now - IN_USE)
    return Finding(spares=False) if last is None else _used(last, now, "in use: ")


def _used(last: datetime, now: datetime, what: str = "") -> Finding:
    """Spare it by its last use: the last point's period may reach to the present."""
    ago = age(max(now - last, timedelta()))
    return Finding(spares=True, why=f"{what}last used at most {ago} ago")


def _idle_for(facts: Facts, given: Given, now: datetime) -> Finding:
    activity, bound, old = facts.use, given["idle-for"], age_of(facts, now)
    if old is None or old < bound:
        return Finding(spares=True, why=f"younger than {age(bound)}: too young to be idle so long")
    if activity is None:
        return Finding(None, "its activity is not known")
    if last := _used_since(activity, now - bound):
        return _used(last, now)
    return _silence(activity, given, f"not used for {age(bound)}")


def _never_used(facts: Facts, given: Given, now: datetime) -> Finding:
    activity, old = facts.use, age_of(facts, now)
    if activity is not None and activity.perhaps_anothers:
        return Finding(None, "used when it was made, perhaps by an earlier channel of its name")
    if activity is not None and activity.last_used is not None:
        return _used(activity.last_used, now)
    if activity is None or old is None or old > METRICS_REACH:
        return Finding(None, "its activity since it was made is not known")
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


def _unknowable(given: Given) -> str | None:
    bound = given["idle-for"]
    if bound and bound < LEAST_IDLE:
        return (
            f"--idle-for {age(bound)} is too short: a connection may be held for "
            f"{age(CONNECTION_LIFE)} and metrics come {age(METRICS_DELAY)} late: give "
            f"{age(LEAST_IDLE)} or more"
        )
    if bound and bound > METRICS_REACH:
        return (
            f"--idle-for {age(bound)} is too long: CloudWatch keeps metrics for "
            f"{age(METRICS_REACH)}: give that or less"
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
    return Finding(
        spares=_used_since(activity, now - IN_USE) is None, why="not used in the last 2h"
    )


def _contradicting_activity(given: Given) -> str | None:
    if given["active"] and (given["idle-for"] or given["never-used"]):
        return "--active contradicts --idle-for and --never-used: drop one"
    return None


RULES: Final = (
    Rule(
        "in-use",
        Role.PROTECTION,
        _in_use,
        Need.ACTIVITY,
        counted="in use",
        options=(
            Option(
                "even-if-active",
                Parameter.FLAG,
                "Also delete channels used in the last 2 hours, or whose metrics cannot be read.",
            ),
        ),
        waived_by="even-if-active",
    ),
    Rule(
        "active",
        Role.FILTER,
        _active,
        Need.ACTIVITY,
        options=(Option("active", Parameter.FLAG, "Only channels used in the last 2 hours."),),
        objection=_contradicting_activity,
    ),
    Rule(
        "idle-for",
        Role.CONDITION,
        _idle_for,
        Need.ACTIVITY,
        counted="not idle that long",
        options=(
            Option(
                "idle-for",
                Parameter.DURATION,
                "No connection, message or TURN minute for this long (1h15m to 455d).",
            ),
            Option(
                "trust-silence",
                Parameter.FLAG,
                "Believe the silence even if no channel has any metrics at all.",
            ),
        ),
        objection=_unknowable,
    ),
    Rule(
        "never-used",
        Role.CONDITION,
        _never_used,
        Need.ACTIVITY,
        counted="used",
        options=(Option("never-used", Parameter.FLAG, "No connection since it was created."),),
        objection=_never_used_needs_age,
    ),
)
