"""Publishing to a topic, and what is none."""

from typing import Any

import pytest

from kvsops.aws.notice import Topic, publish
from kvsops.aws.quotas import SNS
from kvsops.aws.scope import Scope
from kvsops.errors import UsageError, WriteRefusedError

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "throw-away"}


TOPIC = Topic.parse("arn:aws:sns:us-west-1:123456789012:on-call")


def scope_of(topic: Topic, **more: Any) -> Scope:
    """Open the scope to publish with."""
    return Scope(region=topic.region, environ=KEYS, service=SNS, **more)


def test_a_dry_runs_own_scope_publishes_nothing() -> None:
    """It is a write: a scope that refuses writes refuses this, too."""
    with pytest.raises(WriteRefusedError):
        publish(scope_of(TOPIC, read_only=True), TOPIC, "a subject", "a text")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("on-call", "not the ARN of an SNS topic: 'on-call': write it like arn:aws:sns:"),
        ("arn:aws:sqs:us-east-1:123456789012:on-call", "not the ARN of an SNS topic"),
        ("arn:aws:sns:us-east-1:1:on-call", "not the ARN of an SNS topic"),
        ("arn:aws:sns:us-east-1:123456789012:a:b", "not the ARN of an SNS topic"),
        ("arn:aws:sns:us-east-1:123456789012:a.fifo", "is a FIFO topic, which mails nobody"),
    ],
)
def test_no_topic(text: str, told: str) -> None:
    """It is refused before anything is done."""
    with pytest.raises(UsageError, match=told):
        Topic.parse(text)
