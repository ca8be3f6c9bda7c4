"""Accounts, organizational units and roles: what makes a legal one."""

import re
from dataclasses import dataclass
from typing import Final, Self

from kvsops.errors import UsageError

_ACCOUNT_ID: Final = re.compile(r"[0-9]{12}")
# Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccountsForParent.html
_PARENT: Final = re.compile(r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}")
# Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_NAMED: Final = r"(?:[!-~]+/)?[a-zA-Z0-9_+=,.@-]{1,64}"
_ROLE_NAME: Final = re.compile(_NAMED)
_ROLE_ARN: Final = re.compile(rf"arn:(aws[a-z-]*):iam::([0-9]{{12}}):role/({_NAMED})")
# Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_EXTERNAL_ID: Final = re.compile(r"[a-zA-Z0-9_+=,.@:/-]{2,1224}")


@dataclass(frozen=True, slots=True)
class RoleArn:
    """`arn:PARTITION:iam::ACCOUNT:role/NAME`, the name with its path before it."""

    partition: str
    account_id: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one; raises `UsageError`."""
        found = _ROLE_ARN.fullmatch(text)
        if found is None:
            like = "arn:aws:iam::123456789012:role/NAME"
            raise UsageError(f"not a role's ARN: {text!r}: write it like {like}")
        return cls(*found.groups())

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account_id}:role/{self.name}"


def checked_account_id(text: str) -> str:
    """Return an account's number; raises `UsageError`."""
    if not is_account_id(text):
        raise UsageError(f"not an account: {text!r}: it has 12 digits")
    return text


def is_account_id(text: object) -> bool:
    """Whether it is an account's number."""
    return isinstance(text, str) and _ACCOUNT_ID.fullmatch(text) is not None


def checked_ou(text: str) -> str:
    """Return the id of an organizational unit, or of the root; raises `UsageError`."""
    if not is_ou(text):
        raise UsageError(f"not an organizational unit: {text!r}: its ID is like ou-ab12-cd34ef56")
    return text


def is_ou(text: object) -> bool:
    """Whether it is the id of an organizational unit, or of the root."""
    return isinstance(text, str) and _PARENT.fullmatch(text) is not None


def checked_role_name(text: str) -> str:
    """Return the name of a role, its path before it if it has one; raises `UsageError`."""
    if not _ROLE_NAME.fullmatch(text) or text.startswith("arn:"):
        raise UsageError(f"not a role's name: {text!r}: it is the same in all accounts, and no ARN")
    return text


def checked_external_id(text: str) -> str:
    """Return the external id; raises `UsageError`."""
    if not _EXTERNAL_ID.fullmatch(text):
        raise UsageError("not an external ID: it has 2 to 1,224 of a-z A-Z 0-9 _ + = , . @ : / -")
    return text
