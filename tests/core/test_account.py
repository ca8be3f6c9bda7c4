"""What is an account, an organizational unit, a role or an external id, and what is none."""

from collections.abc import Callable

import pytest

from kvsops.core.account import (
    RoleArn,
    checked_account_id,
    checked_external_id,
    checked_ou,
    checked_role_name,
)
from kvsops.errors import UsageError


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (checked_account_id, "123456789012"),
        (checked_ou, "ou-ab12-cd34ef56"),
        (checked_ou, "r-ab12"),
        (checked_role_name, "kvsops-sweep"),
        (checked_role_name, "teams/media/kvsops-sweep"),
        (checked_external_id, "a:b/c=1"),
        (RoleArn.parse, "arn:aws:iam::123456789012:role/kvsops-sweep"),
        (RoleArn.parse, "arn:aws-us-gov:iam::123456789012:role/teams/media/kvsops-sweep"),
    ],
)
def test_legal(check: Callable[[str], object], text: str) -> None:
    """What is legal comes back as it is."""
    assert str(check(text)) == text


@pytest.mark.parametrize(
    ("check", "text", "said"),
    [
        (checked_account_id, "12345678901", "not an account: '12345678901': it has 12 digits"),
        (checked_account_id, "12345678901٣", "not an account"),
        (checked_ou, "Sandboxes", "not an organizational unit: 'Sandboxes': its ID is like ou-"),
        (checked_ou, "", "not an organizational unit"),
        (checked_role_name, "arn:aws:iam::123456789012:role/a", "not a role's name"),
        (checked_role_name, "", "not a role's name"),
        (checked_role_name, "a" * 65, "not a role's name"),
        (checked_external_id, "a", "not an external ID: it has 2 to 1,224 of"),
        (checked_external_id, "a b", "not an external ID"),
        (RoleArn.parse, "kvsops-sweep", "not a role's ARN: 'kvsops-sweep': write it like arn:"),
        (RoleArn.parse, "arn:aws:iam::123456789012:user/a", "not a role's ARN"),
        (RoleArn.parse, "arn:aws:iam::1234:role/a", "not a role's ARN"),
        (RoleArn.parse, "arn:aws:sts::123456789012:assumed-role/a/b", "not a role's ARN"),
        (RoleArn.parse, "arn:aws:iam::123456789012:role/a\n", "not a role's ARN"),
    ],
)
def test_illegal(check: Callable[[str], object], text: str, said: str) -> None:
    """What is not is refused in one line, before any call."""
    with pytest.raises(UsageError) as caught:
        check(text)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
