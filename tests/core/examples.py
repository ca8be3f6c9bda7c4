"""What each rule says of which channel: the rows of its tests, by the rule's name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from kvsops.core.channel import EXPIRES_AT_TAG, KEEP_TAG, OWNER_TAG, Channel, StorageLink, TagFilter
from kvsops.core.facts import Activity, Fact, Facts, Need, Source
from kvsops.core.text import moment

NOW: Final = datetime(2026, 11, 22, 10, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Example:
    """What is given, the channel, and whether the rule spares it; None where it cannot tell."""

    given: Mapping[str, object]
    spares: bool | None
    age: timedelta | None = DAY
    name: str = "ci-1"
    status: str | None = "ACTIVE"
    tags: Mapping[str, str] = field(default_factory=dict)
    storage: str = "DISABLED"
    last_used: timedelta | None = None  # ago; None is never
    witnessed: bool = True
    why: str = ""  # what it says, where that is looked at

    def facts(self, needs: Sequence[Need | None] = tuple(Need)) -> Facts:
        """Make the channel, with those facts read directly."""
        arn = f"arn:aws:kinesisvideo:us-east-1:123456789012:channel/{self.name}/1"
        created = None if self.age is None else NOW - self.age
        last_used = None if self.last_used is None else NOW - self.last_used
        values = {
            Need.TAGS: dict(self.tags),
            Need.STORAGE: StorageLink(self.storage, None),
            Need.ACTIVITY: Activity(last_used, NOW - 400 * DAY, self.witnessed),
        }
        facts = Facts(Channel(self.name, arn, self.status, created, "v1"))
        for need in filter(None, needs):
            facts = facts.having(need, Fact(values[need], Source.DIRECT, NOW))
        return facts


def seconds_from_now(seconds: int) -> str:
    """Write the moment that many seconds from now as a tag has it."""
    return moment(NOW + seconds * SECOND)


EXAMPLES: Final[Mapping[str, Sequence[Example]]] = {
    "prefix": (
        Example({"prefix": "ci-"}, spares=False),
        Example({"prefix": "cam-"}, spares=True),
    ),
    "match": (
        Example({"match": "ci-*"}, spares=False),
        Example({"match": "CI-*"}, spares=True),
        Example({"match": "ci"}, spares=True),
    ),
    "tag": (
        Example({"tag": (TagFilter("env", "ci"),)}, spares=False, tags={"env": "ci"}),
        Example({"tag": (TagFilter("env", None),)}, spares=False, tags={"env": ""}),
        Example({"tag": (TagFilter("env", "ci"),)}, spares=True, tags={"env": "prod"}),
        Example({"tag": (TagFilter("env", ""),)}, spares=True),
    ),
    "without-tag": (
        Example({"without-tag": (TagFilter("env", None),)}, spares=False),
        Example({"without-tag": (TagFilter("env", "prod"),)}, spares=False, tags={"env": "ci"}),
        Example({"without-tag": (TagFilter("env", None),)}, spares=True, tags={"env": "ci"}),
        Example({"without-tag": (TagFilter("env", None),)}, spares=True, tags={"Env": "ci"}),
        Example({"without-tag": (TagFilter("env", "prod"),)}, spares=False, tags={"Env": "ci"}),
    ),
    "status": (
        Example({"status": ("ACTIVE",)}, spares=False),
        Example({"status": ("CREATING", "DELETING")}, spares=True),
        Example({"status": ("ACTIVE",)}, spares=True, status=None),
    ),
    "younger-than": (
        Example({"younger-than": 2 * DAY}, spares=False),
        Example({"younger-than": DAY}, spares=True),
        Example({"younger-than": DAY}, spares=None, age=None),
    ),
    "older-than": (
        Example({"older-than": 2 * HOUR}, spares=False, age=2 * HOUR + timedelta(seconds=1)),
        Example({"older-than": 2 * HOUR}, spares=True, age=2 * HOUR),
        Example({"older-than": 2 * HOUR}, spares=None, age=None),
    ),
    "not-active": (
        Example({}, spares=False),
        Example({}, spares=True, status="CREATING"),
        Example({}, spares=True, status="UPDATING"),
        Example({}, spares=True, status=None, why="status is missing"),
    ),
    "no-creation-time": (
        Example({}, spares=False),
        Example({}, spares=True, age=None),
        Example({}, spares=False, age=timedelta()),
        Example({}, spares=True, age=-SECOND, why="its creation time is in the future"),
    ),
    "protected": (
        Example({}, spares=False, tags={"env": "ci"}),
        Example({}, spares=True, tags={KEEP_TAG: ""}),
        Example({}, spares=True, tags={KEEP_TAG: "false"}),
        Example({"protect-tag": ("env",)}, spares=True, tags={"env": "ci"}),
        Example({}, spares=True, tags={f"{KEEP_TAG}\u3164": "yes"}),
        Example({}, spares=True, tags={"KVSOPS:KEEP": "yes"}),
        Example({"protect-tag": ("env",)}, spares=True, tags={"\u2007Env\ufe0f": "ci"}),
    ),
    "held": (
        Example({}, spares=False),
        Example({}, spares=False, tags={EXPIRES_AT_TAG: seconds_from_now(-300)}),
        Example({}, spares=True, tags={EXPIRES_AT_TAG: seconds_from_now(-299)}),
        Example(
            {},
            spares=True,
            tags={EXPIRES_AT_TAG: seconds_from_now(0)},
            why="held: expired only 0s ago",
        ),
        Example({}, spares=True, tags={EXPIRES_AT_TAG: seconds_from_now(3600)}),
        Example({}, spares=True, tags={EXPIRES_AT_TAG: "tomorrow"}),
        Example({}, spares=True, tags={EXPIRES_AT_TAG: "2020-01-01T00:00:00"}),
        Example({}, spares=True, tags={EXPIRES_AT_TAG: ""}),
        Example({}, spares=True, tags={"Kvsops:Expires-At": seconds_from_now(-3600)}),
        Example(
            {},
            spares=True,
            tags={EXPIRES_AT_TAG: seconds_from_now(-300), f"{EXPIRES_AT_TAG}\u2800": "x"},
        ),
    ),
    "cloudformation": (
        Example({}, spares=False, tags={"cloudformation": "yes"}),
        Example(
            {},
            spares=True,
            tags={"aws:cloudformation:logical-id": "x", "aws:cloudformation:stack-name": "video"},
            why="made by CloudFormation: stack video",
        ),
        Example(
            {},
            spares=True,
            tags={"aws:cloudformation:logical-id": "x"},
            why="made by CloudFormation: stack unnamed",
        ),
        Example({}, spares=True, tags={"aws:cloudformation\u115f:stack-name": "video"}),
    ),
    "storage-linked": (
        Example({}, spares=False),
        Example({}, spares=True, storage="ENABLED", why="linked to storage: a stream"),
        Example({}, spares=True, storage="A_STATUS_YET_TO_COME"),
        Example({"unlink-storage": True}, spares=False, storage="ENABLED"),
    ),
    "in-use": (
        Example({}, spares=False, last_used=2 * HOUR),
        Example({}, spares=False, last_used=None),
        Example({}, spares=True, last_used=2 * HOUR - timedelta(seconds=1)),
        Example({"even-if-active": True}, spares=False, last_used=timedelta()),
    ),
    "active": (
        Example({"active": True}, spares=False, last_used=HOUR),
        Example({"active": True}, spares=True, last_used=3 * HOUR),
        Example({"active": True}, spares=True, last_used=None),
    ),
    "idle-for": (
        Example({"idle-for": DAY}, spares=False, last_used=DAY),
        Example({"idle-for": DAY}, spares=False, last_used=None),
        Example({"idle-for": DAY}, spares=True, last_used=DAY - timedelta(seconds=1)),
        Example({"idle-for": 2 * DAY}, spares=True, last_used=None),
        Example({"idle-for": DAY}, spares=True, age=None),
        Example({"idle-for": DAY}, spares=None, last_used=None, witnessed=False),
        Example(
            {"idle-for": DAY, "trust-silence": True},
            spares=False,
            last_used=None,
            witnessed=False,
        ),
    ),
    "never-used": (
        Example({"never-used": True}, spares=False, last_used=None),
        Example({"never-used": True}, spares=True, last_used=20 * HOUR),
        Example({"never-used": True}, spares=None, last_used=None, witnessed=False),
        Example({"never-used": True}, spares=False, age=455 * DAY),
        Example({"never-used": True}, spares=None, age=455 * DAY + SECOND),
        Example({"never-used": True}, spares=None, age=timedelta(days=456)),
        Example({"never-used": True}, spares=True, age=timedelta(days=456), last_used=DAY),
        Example({"never-used": True}, spares=None, age=None),
    ),
    "expired": (
        Example({"expired": True}, spares=False, tags={EXPIRES_AT_TAG: seconds_from_now(-300)}),
        Example({"expired": True}, spares=True, tags={EXPIRES_AT_TAG: seconds_from_now(-299)}),
        Example({"expired": True}, spares=True, tags={EXPIRES_AT_TAG: "soon"}, why="not expired"),
        Example({"expired": True}, spares=True),
    ),
    "orphaned": (
        Example({"orphaned": True}, spares=False, tags={"owner": "ana"}),
        Example({"orphaned": True}, spares=True, tags={OWNER_TAG: ""}),
        Example({"orphaned": True, "owner-tag": "owner"}, spares=True, tags={"owner": "ana"}),
        Example({"orphaned": True, "owner-tag": "owner"}, spares=True, tags={"Owner": "ana"}),
    ),
}
