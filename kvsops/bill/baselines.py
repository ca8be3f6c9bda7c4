"""An earlier output of many accounts and regions to compare with: one baseline for each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from kvsops.bill import baseline
from kvsops.bill.baseline import Baseline
from kvsops.bill.narrowing import Narrowing
from kvsops.errors import UsageError

Where = tuple[str, str]
"""An account and a region."""


@dataclass(frozen=True, slots=True)
class Baselines:
    """What was known of each account and region; `missed` is how many were not looked at."""

    path: Path
    parts: Mapping[Where, Baseline]
    missed: int = 0

    def of(self, account_id: str, region: str) -> Baseline | None:
        """Return what was known of that one; None where it was not there."""
        return self.parts.get((account_id, region))

    def check(self, narrowing: Narrowing) -> None:
        """Raise `UsageError` where it tells of other channels."""
        for (_, region), part in self.parts.items():
            part.check(region, narrowing)

    @property
    def whole(self) -> Baseline:
        """What all of them came to; what was not looked at then is not known."""
        parts = [*self.parts.values()]
        return replace(
            parts[0],
            estimated_month=sum((each.estimated_month for each in parts), Decimal(0)),
            names=frozenset(),
            unknown=sum(each.unknown for each in parts) + self.missed,
            complete=False,
            streams_month=_sum([each.streams_month for each in parts]),
            at_least=any(each.at_least for each in parts),
        )


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """Add up; what is not known of one is not known of all."""
    known = [each for each in amounts if each is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def read(path: Path) -> Baselines:
    """Read the JSON of `kvsops cost` or `list --cost` of many; raises `UsageError`."""
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
        documents, missed = _documents(found), _missed(found)
        parts = {where: baseline.parsed(path, each) for where, each in documents.items()}
    except (OSError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
        why = getattr(error, "strerror", None) or (
            "it is not the JSON of kvsops cost or list --cost over many accounts or regions"
        )
        raise UsageError(f"the baseline {path} cannot be used: {why}") from error
    if not parts:
        raise UsageError(f"the baseline {path} cannot be used: it tells of no account and region")
    return Baselines(path, parts, missed)


def _documents(found: Any) -> dict[Where, Any]:
    """Return what each account and region had in the output."""
    if isinstance(found, dict):
        return {_where(each): each for each in found["scopes"]}
    rows: dict[Where, list[Any]] = {}
    for row in found:
        rows.setdefault(_where(row), []).append(row)
    return {**rows}


def _where(found: Mapping[str, Any]) -> Where:
    return str(found["account_id"]), str(found["region"])


def _missed(found: Any) -> int:
    told: Sequence[Any] = found["missed"] if isinstance(found, dict) else ()
    return sum(not each["excused"] for each in told)
