"""The rules of choosing, each declared once, at the end of the file of its topic.

A declaration says the rule's name, its role, the fact it needs, its options with their help, and
how it judges. The command line's options, their help, the policy file's keys and the order in
which facts are read all come from it: to add a rule, write its declaration in its topic's file.
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

    Objections also look at three that are no rule's: `yes` (channels will be deleted), `listing`
    (none can be), and `any-channel`.
    """
    values: dict[str, Any] = {"any-channel": False, "yes": False, "listing": False}
    values |= {option.name: option.absent for rule in RULES for option in rule.options}
    return values | dict(given)
