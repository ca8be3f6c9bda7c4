"""What a sweep goes by: what was given to it, and what the policy file says, combined."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from kvsops.core.mark import UNNAMED
from kvsops.core.policies import Policy, Rules, no_condition, objection, sweep_rules
from kvsops.core.rule import Role
from kvsops.core.rules import RULES, rules_of
from kvsops.errors import UsageError
from kvsops.sweep.fuse import DEFAULT, Bounds, Fuse
from kvsops.sweep.policy import FILE_NAME, Policies, found

_WIDENING: Final = ("unlink-storage", "even-if-active", "trust-silence")
_NARROWING: Final = rules_of(Role.NARROWING) + tuple(r for r in RULES if r.name == "protected")


def combined(
    given: Mapping[str, Any],
    grace: timedelta | None,
    file: Path | None,
    fuse: Fuse | None,
    *,
    total: Fuse | None = None,
    limit: int | None = None,
    account_ids: tuple[str, ...] = (),
) -> tuple[Rules, Bounds]:
    """Return the rules to sweep by, and the bounds of the run.

    Without a condition the policy file's policies run, and what was given can only narrow them;
    with one, the file's protection and fuse hold all the same. Raises `UsageError` for what
    contradicts itself or would widen a policy.
    """
    loaded = found(file)
    rules = _rules(given, grace, loaded, chosen=file is not None)
    fuses = [each for each in (fuse, loaded and loaded.fuse) if each] or [DEFAULT]
    return rules, Bounds(fuses[0], tuple(fuses[1:]), limit, account_ids, total)


def _rules(
    given: Mapping[str, Any], grace: timedelta | None, loaded: Policies | None, *, chosen: bool
) -> Rules:
    missing = no_condition(given)
    if missing and not loaded:
        missing += f"; or keep policies in a {FILE_NAME}: see kvsops policy --help"
    if loaded and missing:
        wrong = _widening(given, grace) or objection(given)
    elif chosen:
        wrong = "--policy runs the file's own conditions: drop it, or the conditions given"
    else:
        wrong = missing or objection(given)
    if wrong:
        raise UsageError(wrong)
    if loaded and missing:
        return loaded.rules.within(Policy.of(given, _NARROWING))
    if loaded:
        given = {**given, "protect-tag": (*given["protect-tag"], *loaded.protect_tags)}
    rules = sweep_rules(given)
    if grace is None:
        return rules
    return Rules(tuple(replace(each, name=UNNAMED, grace=grace) for each in rules.policies))


def _widening(given: Mapping[str, Any], grace: timedelta | None) -> str | None:
    """Say which option would let the file's policies take more than they do."""
    wrong = next((f"--{name}" for name in _WIDENING if given[name]), "--grace" if grace else None)
    return f"{wrong} is a policy's own to say: options may only narrow policies" if wrong else None
