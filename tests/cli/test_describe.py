"""`kvsops describe`: all there is to say of a channel, read directly."""

import csv
import io
import json

import pytest

from kvsops.core.channel import EXPIRES_AT_TAG
from kvsops.core.text import moment
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, HOUR, NOON, put
from tests.goldens import Golden
from tests.usage import use

DENIED = "AccessDeniedException"


def test_table(kvsops: Kvsops, emulator: LocalServer, golden: Golden) -> None:
    """Each channel from top to bottom, an empty line between two."""
    emulator.settings.clock = lambda: NOON
    one = put(emulator, "ci-1", 3 * HOUR, tags={"env": "ci", "a": "b"})
    two = put(emulator, "cam", 90 * DAY, stored=True, message_ttl_seconds=5)
    ended = kvsops("describe", "ci-1", two.arn)
    golden(
        ended.out,
        arn_of_one=one.arn,
        arn_of_two=two.arn,
        version_of_one=one.version,
        version_of_two=two.version,
    )
    assert (ended.code, ended.err) == (0, "own cost: 14 metrics in 3 calls, $0.0001 at most\n")
    assert emulator.calls == {
        "DescribeSignalingChannel": 2,
        "ListTagsForResource": 2,
        "DescribeMediaStorageConfiguration": 2,
        "GetMetricData": 3,
    }


def test_use(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Its last day of use, who connected lately, what that costs, the lease that ran out."""
    emulator.settings.clock = lambda: NOON + 20 * DAY
    now = emulator.settings.clock()
    put(emulator, "cam", 90 * DAY, tags={EXPIRES_AT_TAG: moment(now - HOUR)})
    use(emulator, "cam", now - HOUR / 2, masters=2, viewers=1, failed=1, messages=1_500)
    put(emulator, "old", 400 * DAY)
    use(emulator, "old", now - 300 * DAY, viewers=1)
    out = kvsops("describe", "cam", "old").out
    for line in (
        "age          90 days, since 2026-02-20T12:00:00Z",
        "last used    today, 2026-05-21",
        "connected    2 masters and 1 viewer in the last 1h15m, perhaps still",
        "this month   $0.0334 to date, $0.0351 for the month (projected from this month's use so",
        "             3 connections, 1,500 messages, 0 TURN minutes",
        "expires      expired 1 hour ago",
        "last used    300 days ago, 2025-07-25",
        "connected    nobody, as far as metrics tell: no connection in the last 1h15m",
        "this month   $0.00: nobody connected in 2026-05",
    ):
        assert f"\n  {line}" in out, out


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--no-metrics",), "CloudWatch was not asked"),
        ((), "GetMetricData denied: the credentials need cloudwatch:GetMetricData"),
    ],
)
def test_use_that_is_not_known(
    kvsops: Kvsops, emulator: LocalServer, *, options: tuple[str, ...], why: str
) -> None:
    """What was not read is not known, and never nothing."""
    put(emulator, "cam")
    emulator.settings.faults = (Fault("GetMetricData", DENIED),)
    ended = kvsops("describe", "cam", *options)
    for label in ("last used", "connected", "this month"):
        assert f"\n  {label:13}not known: {why}" in ended.out
    assert ended.code == (0 if options else 1)
    assert ("error: GetMetricData denied" in ended.err) is not bool(options)


def test_its_own_cost_has_a_limit(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Nothing is asked of CloudWatch where it may cost more."""
    put(emulator, "cam")
    ended = kvsops("describe", "cam", "--max-own-cost", "0.00001")
    assert ended.code == 3
    assert emulator.calls["GetMetricData"] == 0


def test_json(kvsops: Kvsops, emulator: LocalServer, golden: Golden) -> None:
    """JSON is an array of objects, with the storage link beside what a listing has."""
    channel = put(emulator, "cam", tags={"env": "ci"}, stored=True)
    (told,) = json.loads(kvsops("describe", "cam", "-o", "json").out)
    golden("".join(f"{key}\n" for key in told))
    assert told["age_seconds"] >= 86_400
    assert told == told | {
        "channel_name": "cam",
        "status": "ACTIVE",
        "creation_time": moment(channel.creation_time),
        "message_ttl_seconds": 60,
        "version": channel.version,
        "channel_arn": channel.arn,
        "doomed_at": None,
        "tags": {"env": "ci"},
        "storage": {"status": "ENABLED", "stream_arn": channel.stream_arn},
    }


def test_csv(kvsops: Kvsops, emulator: LocalServer) -> None:
    """CSV has a record for each channel, named twice or not."""
    put(emulator, "cam")
    keys, row = csv.reader(io.StringIO(kvsops("describe", "cam", "cam", "-o", "csv").out))
    assert dict(zip(keys, row, strict=True))["storage"] == (
        '{"status": "DISABLED", "stream_arn": null}'
    )


def test_markdown(kvsops: Kvsops, emulator: LocalServer, golden: Golden) -> None:
    """Markdown has a row for each channel."""
    channel = put(emulator, "cam")
    shown = kvsops("describe", "cam", "-o", "markdown").out
    golden(shown, created=moment(channel.creation_time))


def test_missing(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What is not there is an error; what is there is described all the same."""
    put(emulator, "cam")
    ended = kvsops("describe", "nope", "cam", "-o", "json", "--query", "[].channel_name")
    assert (ended.code, json.loads(ended.out)) == (1, ["cam"])
    assert ended.err == "error: no such channel: nope (us-east-1, account 123456789012)\n"


def test_denied(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What may not be read is unknown, and an error says which permission is missing."""
    arn = put(emulator, "cam", tags={"env": "ci"}).arn
    emulator.settings.faults = (Fault("ListTagsForResource", DENIED),)
    ended = kvsops("describe", "cam")
    assert "\n  tags         not known: ListTagsForResource denied: " in ended.out
    assert "\n  storage      none\n" in ended.out
    assert ended.err == (
        "own cost: 7 metrics in 3 calls, $0.0001 at most\n"
        "error: ListTagsForResource denied: the credentials need "
        f"kinesisvideo:ListTagsForResource on {arn}\n"
    )
    assert ended.code == 1
