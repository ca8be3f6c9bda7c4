"""The mark of a channel that a policy condemned and that its grace still spares.

It is the value of the tag `kvsops:doomed-at`: the time, the policy, a digest of its rules, a digest
of the ARN, and the reason. It counts only for the very policy, rules and channel that it names: a
policy that was changed, or a tag that was copied to another channel, begins its grace anew.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from kvsops.core.channel import TAG_VALUE_MAXIMUM
from kvsops.core.text import moment, parsed_moment

DOOMED_TAG: Final = "kvsops:doomed-at"
UNNAMED: Final = "command-line"
"""The policy that marks speak of where the conditions were given on the command line."""

_MARK = re.compile(
    r"(?P<time>\S+) policy=(?P<policy>[\w.-]+) rules=(?P<rules>\w+) arn=(?P<arn>\w+)(?: .*)?"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """When which policy, with which rules, first condemned which channel."""

    time: datetime
    policy: str
    rules: str
    arn: str

    @classmethod
    def read(cls, tags: Mapping[str, str]) -> Self | None:
        """Return the mark among a channel's tags; None where there is none that can be read."""
        found = _MARK.fullmatch(tags.get(DOOMED_TAG, ""))
        time = found and parsed_moment(found["time"])
        return cls(time, found["policy"], found["rules"], found["arn"]) if found and time else None

    def value(self, why: str) -> str:
        """Return the tag's value, its reason in characters that a tag can hold."""
        text = f"{moment(self.time)} policy={self.policy} rules={self.rules} arn={self.arn} "
        return (text + re.sub(r"[^\w .:/=+@-]", "-", why))[:TAG_VALUE_MAXIMUM].rstrip()


def digest(value: object) -> str:
    """Return a short digest of an ARN, or of what a policy was given."""
    text = json.dumps(value, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
