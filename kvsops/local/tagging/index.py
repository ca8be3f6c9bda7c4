"""What the Resource Groups Tagging API knows of the tags: the truth, some time later."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import count
from threading import Lock

Tags = dict[str, str]


class TagIndex:
    """Tags by ARN, as they were one lag ago. Resources that never had a tag are not in it."""

    def __init__(self) -> None:
        self._tags: dict[str, Tags] = {}
        self._coming: list[tuple[datetime, int, str, Tags | None]] = []
        self._order = count()
        self._lock = Lock()

    def change(self, at: datetime, arn: str, tags: Tags | None) -> None:
        """From this time on the resource has these tags; None: it is gone. `at` may be to come."""
        with self._lock:
            heapq.heappush(self._coming, (at, next(self._order), arn, tags))

    def __call__(
        self, now: datetime, lag: timedelta, arns: Iterable[str] | None = None
    ) -> Iterator[tuple[str, Tags]]:
        """Return the index as it is at this time, of all or of those of these ARNs it knows."""
        with self._lock:
            self._learn(now - lag)
            wanted = self._tags if arns is None else [arn for arn in arns if arn in self._tags]
            return iter([(arn, self._tags[arn]) for arn in wanted])

    def _learn(self, until: datetime) -> None:
        while self._coming and self._coming[0][0] <= until:
            _, _, arn, tags = heapq.heappop(self._coming)
            if tags is None:
                self._tags.pop(arn, None)
            else:
                self._tags[arn] = tags
