"""Listings that the service answers in pages of rows, each of which may be wrong by itself."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from kvsops.aws.answers import DOUBTS
from kvsops.aws.quotas import ROWS
from kvsops.aws.scope import Scope

Listed = TypeVar("Listed")
PAGE: Final = 10_000  # asked for; the service gives as many as it likes


def pages(
    scope: Scope,
    operation: str,
    prefix: str | None,
    make: Callable[[Scope, Mapping[str, Any], str], Listed],
    *,
    rows: str,
    kind: str,
) -> Iterator[list[Listed]]:
    """Yield what is made of the rows page by page, the prefix being the service's to apply.

    Each comes once. `make` is given a row, and what of it cannot be; a row that names nothing of
    this `kind` is told alone, as one of these `rows`.
    """
    members, (name, arn) = ROWS[operation]
    condition = {"ComparisonOperator": "BEGINS_WITH", "ComparisonValue": prefix}
    narrowed: dict[str, Any] = {f"{name}Condition": condition} if prefix else {}
    seen: set[str] = set()
    for answer in scope.answers(operation, MaxResults=PAGE, **narrowed):
        doubts = answer.get(DOUBTS, {})
        page: list[Listed] = []
        for at, info in enumerate(answer[members]):
            if not info.get(name) or not info.get(arn):
                scope.doubt(f"a row of the {rows}: {doubts.get(at) or f'it names no {kind}'}")
            elif info[arn] not in seen:
                seen.add(info[arn])
                page.append(make(scope, info, doubts.get(at, "")))
        yield page
