"""Trust policies: principals, actions and conditions."""

from typing import Any

import pytest

from kvsops.local.sts.trust import Asking, trusts

USER = Asking("123456789012", "arn:aws:iam::123456789012:user/me", {"sts:ExternalId": "seven"})
SESSION = Asking(
    "123456789012",
    "arn:aws:sts::123456789012:assumed-role/guard/me",
    {"aws:PrincipalOrgID": "o-kvsopslocal"},
)
ROOT = "arn:aws:iam::123456789012:root"


def statement(principal: Any, condition: Any = None, **more: Any) -> dict[str, Any]:
    """Make one statement of a policy."""
    plain = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    return plain | ({"Condition": condition} if condition else {}) | more


@pytest.mark.parametrize(
    ("asking", "principal", "trusted"),
    [
        (USER, {"AWS": ROOT}, True),
        (USER, {"AWS": "123456789012"}, True),
        (USER, {"AWS": ["arn:aws:iam::1:root", ROOT]}, True),
        (USER, {"AWS": "*"}, True),
        (USER, "*", True),
        (USER, {"AWS": "arn:aws:iam::123456789012:user/me"}, True),
        (USER, {"AWS": "arn:aws:iam::123456789012:user/other"}, False),
        (USER, {"AWS": "arn:aws:iam::200000000002:root"}, False),
        (USER, {"Service": "lambda.amazonaws.com"}, False),
        (SESSION, {"AWS": "arn:aws:iam::123456789012:role/guard"}, True),
        (SESSION, {"AWS": "arn:aws:iam::123456789012:role/other"}, False),
    ],
)
def test_principals(asking: Asking, principal: Any, trusted: bool) -> None:  # noqa: FBT001 - a row
    """An account, a user, a role by its sessions, or all."""
    assert trusts({"Statement": [statement(principal)]}, asking) is trusted


@pytest.mark.parametrize(
    ("condition", "trusted"),
    [
        ({"StringEquals": {"sts:ExternalId": "seven"}}, True),
        ({"StringEquals": {"sts:ExternalId": ["six", "seven"]}}, True),
        ({"StringEquals": {"sts:ExternalId": "eight"}}, False),
        ({"StringLike": {"sts:ExternalId": "sev*"}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-kvsopslocal"}}, False),
        ({"StringLike": {"aws:PrincipalOrgID": "*"}}, False),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
    ],
)
def test_conditions(condition: Any, trusted: bool) -> None:  # noqa: FBT001 - a row
    """All must hold, and one of an unknown key or operator does not."""
    assert trusts({"Statement": statement({"AWS": ROOT}, condition)}, USER) is trusted


@pytest.mark.parametrize(
    ("statements", "trusted"),
    [
        ([], False),
        ([statement("*"), statement({"AWS": ROOT}, Effect="Deny")], False),
        ([statement("*", Action=["sts:TagSession", "sts:AssumeRole"])], True),
        ([statement("*", Action="sts:TagSession")], False),
    ],
)
def test_statements(statements: list[Any], trusted: bool) -> None:  # noqa: FBT001 - a row
    """One must allow, and none deny."""
    assert trusts({"Statement": statements}, USER) is trusted
