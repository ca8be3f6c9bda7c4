"""The rules of choosing, each declared once, at the end of the file of its topic.

A declaration says the rule's name, its role, the fact it needs, its options with their help, how
it judges, and examples. The command line's options, their help, the order in which facts are asked
for and the rows of the tests all come from it: to add a rule, write its declaration in its file.
"""

from typing import Any, Final

from kvsops.core.rule import Given, Role, Rule
from kvsops.core.rules import activity, ages, holders, names, protections
from kvsops.core.rules.activity import IN_USE

__all__ = ["IN_USE", "RULES", "completed", "rules_of"]

RULES: Final[tuple[Rule, ...]] = (
    *names.RULES,
    *ages.RULES,
    *protections.RULES,
    *activity.RULES,
    *holders.RULES,
)


def rules_of(*roles: Role) -> tuple[Rule, ...]:
    """Return the declared rules of these roles, in the order of their declaration."""
    return tuple(rule for rule in RULES if rule.role in roles)


def completed(given: Given) -> dict[str, Any]:
    """Return the options' values with those not given at their defaults.

    Beside the rules' own: `yes` (the deed is meant), `any-channel`, and `listing` (there is no
    deed), which objections look at.
    """
    values: dict[str, Any] = {"any-channel": False, "yes": False, "listing": False}
    values |= {option.name: option.absent for rule in RULES for option in rule.options}
    return values | dict(given)
