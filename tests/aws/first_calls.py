"""A fault that only an operation's first calls meet."""

from dataclasses import dataclass, field
from random import Random

from kvsops.local.faults import Fault


@dataclass(frozen=True)
class FirstCalls(Fault):
    """Strikes so many calls as its share says, the first of them, and no more."""

    met: list[str] = field(default_factory=list)

    def strikes(self, operation: str, random: Random) -> bool:
        """Whether this is one of the first."""
        del random
        if self.operation not in ("*", operation) or len(self.met) >= self.share:
            return False
        self.met.append(operation)
        return True
