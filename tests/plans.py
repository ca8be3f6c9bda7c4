"""Plans for tests."""

from typing import Any

from kvsops.aws import channels
from kvsops.aws.scope import Scope
from kvsops.core.facts import Fact, Source
from kvsops.core.policies import sweep_rules
from kvsops.sweep.plan import Plan, plan


def planned(scope: Scope, given: dict[str, Any], *, directly: bool = False) -> Plan:
    """Plan a sweep of all channels."""
    return plan(scope, channels.each_listed(scope), sweep_rules(given), directly=directly)


def is_direct(fact: object) -> bool:
    """Whether the fact was read directly."""
    return isinstance(fact, Fact) and fact.source is Source.DIRECT
