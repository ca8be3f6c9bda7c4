"""Publishing to an Amazon SNS topic.

Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from kvsops.aws.scope import Scope
from kvsops.errors import UsageError

SUBJECT_CHARACTERS: Final = 99
"""A subject has less than 100 characters, ASCII, on one line."""
ATTEMPTS: Final = 3

_ARN: Final = r"arn:aws[a-z-]*:sns:([a-z0-9-]+):[0-9]{12}:([A-Za-z0-9_-]+(?:\.fifo)?)"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, which is published to in its own region."""

    arn: str
    region: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an ARN; raises `UsageError`, also for a FIFO topic."""
        found = re.fullmatch(_ARN, text)
        if not found:
            like = "arn:aws:sns:us-east-1:123456789012:NAME"
            raise UsageError(f"not the ARN of an SNS topic: {text!r}: write it like {like}")
        if found[2].endswith(".fifo"):
            raise UsageError(f"{text} is a FIFO topic, which mails nobody: give a standard one")
        return cls(text, found[1])

    def __str__(self) -> str:
        return self.arn


def publish(scope: Scope, topic: Topic, subject: str, text: str) -> None:
    """Publish the text; the scope is one of the topic's region. Raises `KvsopsError`."""
    given = {"TopicArn": topic.arn, "Subject": subject, "Message": text}
    scope.call("Publish", attempts=ATTEMPTS, **given)
