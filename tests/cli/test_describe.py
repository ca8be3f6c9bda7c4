"""`kvsops describe`: all there is to say of a channel, read directly."""

import csv
import io
import json

from kvsops.core.text import moment
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, HOUR, put
from tests.goldens import Golden

DENIED = "AccessDeniedException"


def test_table(kvsops: Kvsops, emulator: LocalServer, golden: Golden) -> None:
    """Each channel from top to bottom, an empty line between two."""
    one = put(emulator, "ci-1", 3 * HOUR, tags={"env": "ci", "a": "b"})
    two = put(emulator, "cam", 90 * DAY, stored=True, message_ttl_seconds=5)
    ended = kvsops("describe", "ci-1", two.arn)
    golden(
        ended.out,
        created_of_one=moment(one.creation_time),
        created_of_two=moment(two.creation_time),
        arn_of_one=one.arn,
        arn_of_two=two.arn,
        stream_of_two=two.stream_arn,
        version_of_one=one.version,
        version_of_two=two.version,
    )
    assert (ended.code, ended.err) == (0, "")
    assert emulator.calls == {
        "DescribeSignalingChannel": 2,
        "ListTagsForResource": 2,
        "DescribeMediaStorageConfiguration": 2,
    }


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
    assert "\ntags                 ?\nstorage              DISABLED\n" in ended.out
    assert ended.err == (
        "error: ListTagsForResource denied: the credentials need "
        f"kinesisvideo:ListTagsForResource on {arn}\n"
    )
    assert ended.code == 1
