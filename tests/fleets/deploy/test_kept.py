"""Journals in a bucket: nothing is deleted before its line is there, and none is lost."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from kvsops.aws.objects import Bucket
from kvsops.aws.quotas import S3
from kvsops.aws.scope import Scope
from kvsops.errors import AwsError
from kvsops.fleet.deploy.kept import Kept, recovered
from kvsops.sweep import entries
from tests.sweep.journals import NOW, UNLINKED, arn_of, channel

PLACE = "run-1/123456789012/us-east-1"


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """Yield an empty bucket."""
    with mock_aws():
        boto3.client("s3", "us-east-1").create_bucket(Bucket="results")
        yield Bucket("results", Scope(region="us-east-1", environ={}, service=S3))


def read(bucket: Bucket, key: str, path: Path) -> dict[str, str]:
    """Return the last event of each channel that a journal in the bucket tells of."""
    path.write_bytes(bucket.get(key))
    return {entry.arn.channel_name: entry.last_event for entry in entries.read(path).entries}


def test_the_line_is_there_first(bucket: Bucket) -> None:
    """Where it cannot be kept, the announcement fails, so that the deletion is not begun."""
    with Kept.of(bucket, PLACE) as kept, kept.open("r") as journal:
        journal.deleting(NOW, channel("a"), {}, UNLINKED, "old")
        (key,) = bucket.keys("")
        assert key == f"lines/{PLACE}/r-000000.jsonl"
        assert bucket.get(key) == journal.path.read_bytes()
    nowhere = Bucket("nobody-s", bucket.scope)
    with Kept.of(nowhere, PLACE) as kept, kept.open("r") as journal:
        with pytest.raises(AwsError, match="NoSuchBucket"):
            journal.deleting(NOW, channel("a"), {}, UNLINKED, "old")
        assert not journal.written


def test_the_whole_journal(bucket: Bucket, tmp_path: Path) -> None:
    """When the place is done, one object tells all of it."""
    with Kept.of(bucket, PLACE) as kept:
        assert kept.finish() is None
        with kept.open("r") as journal:
            journal.deleting(NOW, channel("a"), {}, UNLINKED, "old")
            journal.write("deleted", NOW, arn_of("a"), reason="old")
        assert kept.finish() == f"s3://results/journals/{PLACE}/r.jsonl"
    assert read(bucket, f"journals/{PLACE}/r.jsonl", tmp_path / "j") == {"a": "deleted"}


def test_a_killed_function(bucket: Bucket, tmp_path: Path) -> None:
    """What it had begun is known, be it deleted or not, although its own disk is gone."""
    with Kept.of(bucket, PLACE) as kept, kept.open("r") as journal:
        for name in ("a", "b"):
            journal.deleting(NOW, channel(name), {}, UNLINKED, "old")
        journal.write("deleted", NOW, arn_of("a"), reason="old")
    assert recovered(bucket, PLACE) == f"s3://results/journals/{PLACE}/recovered.jsonl"
    found = read(bucket, f"journals/{PLACE}/recovered.jsonl", tmp_path / "j")
    assert found == {"a": "deleting", "b": "deleting"}
    assert recovered(bucket, "run-2/123456789012/us-east-1") is None
