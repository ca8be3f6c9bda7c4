"""Objects in a bucket, by moto's S3 in this process."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kvsops.aws.objects import Bucket
from kvsops.aws.quotas import S3
from kvsops.aws.scope import Scope
from kvsops.errors import AwsError, NotFoundError, WriteRefusedError

REGION = "us-east-1"


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    """Yield an empty bucket."""
    with mock_aws():
        boto3.client("s3", REGION).create_bucket(Bucket="results")
        yield Bucket("results", _scope())


def _scope(**more: Any) -> Scope:
    return Scope(region=REGION, environ={}, service=S3, **more)


def test_there_and_back(bucket: Bucket) -> None:
    """What was put is what is got, whatever it is."""
    bucket.put("runs/a/b.json", b"\x00<html>")
    assert bucket.get("runs/a/b.json") == b"\x00<html>"


def test_what_is_not_there(bucket: Bucket) -> None:
    """It is told from what cannot be read."""
    with pytest.raises(NotFoundError, match=r"^there is no runs/x in results$"):
        bucket.get("runs/x")
    with pytest.raises(AwsError, match="NoSuchBucket"):
        Bucket("nobody-s", bucket.scope).put("a", b"")


def test_keys(bucket: Bucket) -> None:
    """All are listed, of however many pages."""
    for number in range(1_001):
        bucket.put(f"lines/{number:04}", b"")
    bucket.put("other", b"")
    assert bucket.keys("lines/") == [f"lines/{number:04}" for number in range(1_001)]


def test_a_dry_run_writes_nothing(bucket: Bucket) -> None:
    """Nothing leaves a scope that may only read."""
    with pytest.raises(WriteRefusedError):
        Bucket("results", _scope(read_only=True)).put("a", b"")
    assert bucket.keys("") == []
