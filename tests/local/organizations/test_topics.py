"""Topics of an account: what is published stays there to be read, and goes nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto.sns.models import sns_backends

from tests.local.conftest import failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.organizations.conftest import Connect


def test_published(connect: Connect, assume: Callable[..., dict[str, str]]) -> None:
    """A message is kept by its topic, in the account and region that made it."""
    sns = connect("sns", assume("200000000002"), "eu-west-1")
    arn = sns.create_topic(Name="sweeps")["TopicArn"]
    assert arn == "arn:aws:sns:eu-west-1:200000000002:sweeps"
    sns.publish(TopicArn=arn, Subject="Done", Message="3 deleted")
    topic = sns_backends["200000000002"]["eu-west-1"].topics[arn]
    assert [(text, subject) for _, text, subject, *_ in topic.sent_notifications] == [
        ("3 deleted", "Done")
    ]
    assert connect("sns", region="eu-west-1").list_topics()["Topics"] == []


def test_no_such_topic(connect: Connect) -> None:
    """A topic that is not there takes nothing."""
    arn = "arn:aws:sns:us-east-1:123456789012:none"
    assert failure(connect("sns").publish, TopicArn=arn, Message="x")[:2] == ("NotFound", 404)


@pytest.mark.parametrize("protocol", ["http", "https", "email", "sqs"])
def test_nothing_is_delivered(connect: Connect, protocol: str) -> None:
    """Nobody can subscribe: nothing is sent to any address."""
    sns = connect("sns")
    arn = sns.create_topic(Name="sweeps")["TopicArn"]
    code, _, message = failure(
        sns.subscribe, TopicArn=arn, Protocol=protocol, Endpoint="http://127.0.0.1:9/"
    )
    assert code == "UnknownOperationException"
    assert message == "kvsops local does not have the operation Subscribe of sns."
