"""What a printed IAM policy says, for the tests of `kvsops iam`."""

from typing import Any, Final

ACCOUNT: Final = "123456789012"


def actions_of(policy: dict[str, Any]) -> set[str]:
    """Return all actions that it allows, wherever."""
    return {action for each in policy["Statement"] for action in each["Action"]}


def resources_of(statement: dict[str, Any]) -> list[str]:
    """Return the resources of a statement, which may be a bare one."""
    found: str | list[str] = statement["Resource"]
    return [found] if isinstance(found, str) else found
