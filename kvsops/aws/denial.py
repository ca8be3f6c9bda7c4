"""What is told of a call that was denied: who misses what, or which policy forbids it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from kvsops.aws.quotas import IAM_PREFIXES, OPERATIONS

AWS_SAYS: Final = "; AWS says: "
"""What comes before AWS's own words, where it says more than what failed."""
_NOT_AUTHORIZED: Final = re.compile(
    r"User: (?P<who>\S+) is not authorized to perform: \S+(?: on resource: \S+)?"
    r"(?: because (?P<why>.+)| with an explicit deny.*)?"
)
"""Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
_FORBIDDEN: Final = re.compile(r"explicit deny(?: in an? ([a-z -]+policy|[a-z -]+boundary))?")
_SUBJECTS: Final = (
    *("ChannelName", "ChannelARN", "ResourceARN", "StreamARN", "TopicArn", "RoleArn"),
    *("ParentId", "Key"),
)


def denial(operation: str, parameters: Mapping[str, Any], words: str) -> str:
    """Say what was denied and why, as far as AWS's own words tell."""
    actions = iam_action(operation)
    if operation == "CreateSignalingChannel" and "Tags" in parameters:
        actions += f" and {iam_action('TagResource')}"
    on = f"{actions} on {_resource(parameters)}"
    told = _NOT_AUTHORIZED.fullmatch(words)
    who, why = (told["who"], told["why"]) if told else (None, None)
    if forbidden := _FORBIDDEN.search(words):
        by = f"a {forbidden[1]}" if forbidden[1] else "a policy"
        text = f"{operation} denied{f' to {who}' if who else ''}: {by} explicitly denies {on}"
    else:
        text = f"{operation} denied: {f'{who} needs' if who else 'the credentials need'} {on}"
    if why:
        text += f": {why}"
    if "authorized" in words and not told:  # where it says no more than "denied", neither do we
        text += f"{AWS_SAYS}{words}"
    return text


def iam_action(operation: str) -> str:
    """Return the IAM action that allows the operation."""
    return f"{IAM_PREFIXES[OPERATIONS[operation].service]}:{operation}"


def subject(parameters: Mapping[str, Any]) -> str:
    """Return what a call is about."""
    return next((str(parameters[key]) for key in _SUBJECTS if key in parameters), "the account")


def _resource(parameters: Mapping[str, Any]) -> str:
    if "ChannelName" in parameters:
        return f"channel/{parameters['ChannelName']}/*"
    about = subject(parameters)
    return '"*"' if about == "the account" else about
