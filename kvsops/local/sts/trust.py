"""Whom a role trusts: what its trust policy says of one who asks to assume it.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from operator import eq
from typing import Any, Final

_ACTIONS: Final = frozenset({"sts:AssumeRole", "sts:*", "*"})
_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": eq,
    "StringLike": fnmatchcase,
    "ArnEquals": fnmatchcase,
    "ArnLike": fnmatchcase,
}


@dataclass(frozen=True)
class Asking:
    """Who asks to assume a role, and with which values of the keys that conditions may name."""

    account_id: str
    arn: str
    context: Mapping[str, str]

    @property
    def names(self) -> frozenset[str]:
        """What a policy's principal may call the one who asks: a session goes by its role, too."""
        partition = self.arn.split(":")[1]
        root = f"arn:{partition}:iam::{self.account_id}:root"
        return frozenset({"*", self.account_id, root, self.arn, principal_of(self.arn)})


def principal_of(arn: str) -> str:
    """Return the ARN that policies know a caller by: of a role's session the role's.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    return re.sub(r":sts::(\d+):assumed-role/([^/]+)/.*", r":iam::\1:role/\2", arn)


def trusts(policy: Mapping[str, Any], asking: Asking) -> bool:
    """Whether the trust policy lets this one in: a statement allows it, and none denies it."""
    effects = {each["Effect"] for each in _several(policy["Statement"]) if _applies(each, asking)}
    return effects == {"Allow"}


def _applies(statement: Mapping[str, Any], asking: Asking) -> bool:
    principal = statement.get("Principal") or {}
    names = principal if isinstance(principal, str) else principal.get("AWS", [])
    return (
        not _ACTIONS.isdisjoint(_several(statement.get("Action") or []))
        and not asking.names.isdisjoint(_several(names))
        and _holds(statement.get("Condition") or {}, asking.context)
    )


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Whether all conditions hold: not one with an operator, or of a key, that we do not know."""
    return all(
        operator in _OPERATORS
        and key in context
        and any(_OPERATORS[operator](context[key], each) for each in _several(wanted))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _several(value: Any) -> list[Any]:
    """Return a list, also where JSON has the one value without it."""
    return value if isinstance(value, list) else [value]
