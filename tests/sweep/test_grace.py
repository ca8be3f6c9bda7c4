"""A grace to the second: when it ends, and for how long another's mark is left alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kvsops.core.channel import Channel, StorageLink
from kvsops.core.facts import Activity, Fact, Facts, Need, Source
from kvsops.core.judge import Decision, judge
from kvsops.core.mark import DOOMED_TAG, Mark
from kvsops.sweep import policy

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
CREATED = NOW - timedelta(days=9)
ARN = "arn:aws:kinesisvideo:us-east-1:123456789012:channel/ci-1/1"


def judged(tmp_path: Path, mark: Mark | None, now: datetime) -> Decision:
    """Judge, by a policy of 24 hours' grace, a channel that bears the mark."""
    file = tmp_path / "kvsops.toml"
    file.write_text('[policies.ci]\nprefix = "ci-"\nolder-than = "2h"\ngrace = "24h"\n')
    tags = {} if mark is None else {DOOMED_TAG: mark.value("old")}
    values = {
        Need.TAGS: tags,
        Need.STORAGE: StorageLink("DISABLED", None),
        Need.ACTIVITY: Activity(None, CREATED, witnessed=True),
    }
    facts = Facts(Channel("ci-1", ARN, "ACTIVE", CREATED, "v1"))
    for need, value in values.items():
        facts = facts.having(need, Fact(value, Source.DIRECT, now))
    return judge(facts, policy.load(file).rules, now, direct=True)


@pytest.mark.parametrize(
    ("passed", "verdict"),
    [(24 * HOUR - SECOND, "mark"), (24 * HOUR, "delete"), (24 * HOUR + SECOND, "delete")],
)
def test_the_grace_is_over_once_it_has_passed(
    tmp_path: Path, passed: timedelta, verdict: str
) -> None:
    """A channel marked 24 hours ago to the second is deleted, one marked a second later is not."""
    mark = judged(tmp_path, None, NOW).mark
    assert mark is not None
    assert judged(tmp_path, mark, NOW + passed).verdict == verdict


@pytest.mark.parametrize(
    ("passed", "begins"),
    [
        (48 * HOUR - SECOND, False),
        (48 * HOUR, True),
        (-48 * HOUR + SECOND, False),
        (-48 * HOUR, True),
    ],
)
def test_anothers_mark_is_left_alone_for_two_graces(
    tmp_path: Path, passed: timedelta, *, begins: bool
) -> None:
    """From then on this policy's own grace begins; so too where a clock was far ahead."""
    own = judged(tmp_path, None, NOW).mark
    assert own is not None
    other = Mark(NOW, "elsewhere", own.rules, own.arn)
    decision = judged(tmp_path, other, NOW + passed)
    assert decision.verdict == "mark"
    assert (decision.mark != other) is begins
