"""Values out of JSON, held against botocore's shapes; and the times among them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from botocore.model import Shape, StructureShape

    _Member = tuple[str, Shape, frozenset[type]]

_SCALARS: Final[dict[str, frozenset[type]]] = {
    "string": frozenset({str}),
    "blob": frozenset({str}),
    "boolean": frozenset({bool}),
    "integer": frozenset({int}),
    "long": frozenset({int}),
    "float": frozenset({int, float}),
    "double": frozenset({int, float}),
    "timestamp": frozenset({int, float}),
}
_BEFORE: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def misfit(shape: "Shape", value: Any) -> str:
    """Return which member is not as its shape says: its name, or nothing."""
    kind = shape.type_name
    if kind == "structure":
        return _structure_misfit(_members(shape), value)
    if kind == "list":
        return _list_misfit(shape.member, value)  # type: ignore[attr-defined]  # as its type says
    if kind == "map":
        wrong = not isinstance(value, dict) or _list_misfit(shape.value, [*value.values()])  # type: ignore[attr-defined]  # as its type says
        return "a value" if wrong else ""
    return "" if _all_are(_types(shape), (value,)) else "it"


def _structure_misfit(members: "Iterable[_Member]", value: Any) -> str:
    if not isinstance(value, dict):
        return "it"
    for name, shape, types in members:
        inner = value.get(name)
        if inner is None or (type(inner) in types and type(inner) is not float):
            continue
        if wrong := misfit(shape, inner):
            return name if wrong in ("it", "a value") else wrong
    return ""


def _list_misfit(shape: "Shape", values: Any) -> str:
    if not isinstance(values, list):
        return "it"
    if not values:
        return ""
    if types := _types(shape):
        return "" if _all_are(types, values) else "a value"
    return next((wrong for each in values if (wrong := misfit(shape, each))), "")


def _all_are(types: frozenset[type], values: Iterable[Any]) -> bool:
    found = set(map(type, values))
    return found <= types and (float not in found or all(map(isfinite, values)))


@cache
def _types(shape: "Shape") -> frozenset[type]:
    """Return what a scalar may be in JSON; nothing for what is none."""
    types = _SCALARS.get(shape.type_name, frozenset())
    dated = shape.type_name == "timestamp" and shape.serialization.get("timestampFormat")
    return types | {str} if dated else types


def without_misfits(shape: "Shape", row: Any) -> dict[str, Any]:
    """Return the members of a row that are as its shape says; none of what is no object."""
    if not isinstance(row, dict):
        return {}
    members = {name: member for name, member, _ in _members(shape)}
    return {
        name: value
        for name, value in row.items()
        if name in members and value is not None and not misfit(members[name], value)
    }


@cache
def _members(shape: "StructureShape") -> "tuple[_Member, ...]":
    """Return a structure's members by the names that they have in JSON."""
    return tuple(
        (member.serialization.get("name", name), member, _types(member))
        for name, member in shape.members.items()
    )


def moment(value: Any) -> datetime:
    """Read a time out of an answer: aware, in UTC where it is a number."""
    if isinstance(value, (int, float)):
        try:
            return _seconds(value)
        except (OverflowError, ValueError, OSError):  # milliseconds, say: a time that cannot be
            return _NEVER if value > 0 else _BEFORE
    from botocore.utils import parse_timestamp

    moment: datetime = parse_timestamp(value)
    return moment


@lru_cache(16_384)
def _seconds(value: float) -> datetime:
    """Read a time; those of metrics are mostly the same: midnights, or the hours of 455 days."""
    return datetime.fromtimestamp(value, UTC)
