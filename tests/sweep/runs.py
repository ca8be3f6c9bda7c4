"""A sweep, planned and carried out in a test; what came of it, and what is in its journal."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from kvsops.aws.scope import Scope
from kvsops.core.policies import sweep_rules
from kvsops.local.server import LocalServer
from kvsops.output.console import UNSEEN, Counter
from kvsops.sweep.fuse import Bounds, Fuse
from kvsops.sweep.item import Item
from kvsops.sweep.journal import Journal
from kvsops.sweep.run import Sweep
from tests.fleet import HOUR

OLD = {"older-than": HOUR}
THROTTLE, DENIED = "ClientLimitExceededException", "AccessDeniedException"
DELETE, TAGS = "DeleteSignalingChannel", "ListTagsForResource"
METRICS = "GetMetricData"
STORAGE, UNLINK = "DescribeMediaStorageConfiguration", "UpdateMediaStorageConfiguration"


@dataclass
class Run:
    """One sweep, planned and carried out; what came of it, and what is in its journal."""

    scope: Scope
    path: Path
    given: dict[str, Any] = field(default_factory=lambda: dict(OLD))
    meanwhile: Callable[[], object] = lambda: None  # between the plan and the deed
    counter: Counter = UNSEEN
    seconds: float | None = None
    items: list[Item] = field(default_factory=list)
    why_stopped: str = ""

    def __call__(self) -> "Run":
        """Plan, let something happen, and carry the plan out."""
        rules = sweep_rules(self.given)
        sweep = Sweep.of_all(self.scope, rules, Bounds(Fuse.parse("100%")))
        self.items = sweep.plan.doomed
        self.meanwhile()
        if self.seconds is not None:
            sweep.deadline = self.scope.clock() + self.seconds
        sweep.carry_out(lambda _: Journal(self.path, "run"), self.counter)
        self.why_stopped = sweep.why_stopped
        return self

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcomes by channel name."""
        return {item.channel.channel_name: item.outcome.value for item in self.items}

    @property
    def reasons(self) -> dict[str, str]:
        """The reasons by channel name."""
        return {item.channel.channel_name: item.reason for item in self.items}

    def named(self, outcome: str) -> set[str]:
        """Which channels came to this outcome."""
        return {name for name, each in self.outcomes.items() if each == outcome}

    @property
    def journal(self) -> list[dict[str, Any]]:
        """The journal's lines; none where nothing was to be written."""
        if not self.path.exists():
            return []
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def events(self, name: str) -> list[str]:
        """Return what the journal tells of one channel, in its order."""
        return [line["event"] for line in self.journal if f"/{name}/" in line["channel_arn"]]


def delete(emulator: LocalServer, name: str, delay: timedelta) -> None:
    """Let somebody else delete the channel, gone after the delay."""
    backend = emulator.backend()
    backend.remove_channel(backend.channels[name], emulator.settings.clock() + delay)
