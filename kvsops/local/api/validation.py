"""Parameters checked against the shapes of botocore's service model, as AWS does on its side.

botocore checks required members, types and lengths before it sends; patterns, enums and upper
bounds it leaves to the service.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from kvsops.local.api.exceptions import InvalidArgumentException

_LONGEST_ECHO = 300

# The service's patterns are Java's. Where they name \p{L} and \p{N} they also allow `_`, and
# Python's \w is exactly the three of them together; \p{Z} is these code points.
_JAVA_CLASSES = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\w",
    r"\p{Z}": "\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
}

# The data plane's model has ARNs of one partition alone, as the API's no longer has. Channels in
# China and GovCloud have others, so that those must be taken there: inferred, not seen.
_ONE_PARTITION, _ANY_PARTITION = "arn:aws:", r"arn:[a-z\d-]+:"

# Beyond 50 tags the service has an error of its own, TagsPerResourceExceededLimitException.
_SHAPES_COUNTED_ELSEWHERE = frozenset({"TagList", "TagOnCreateList"})

_SIZED = ("string", "list", "map")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "boolean": bool,
    "float": (int, float),
    "integer": int,
    "list": list,
    "long": int,
    "map": dict,
    "string": str,
    "structure": dict,
    "timestamp": (int, float, str),
}


def validate(shape: Shape, value: object) -> None:
    """Raise InvalidArgumentException, in the words AWS uses, unless the value fits the shape."""
    errors = list(_errors(shape, value, ""))
    if errors:
        count = "1 validation error" if len(errors) == 1 else f"{len(errors)} validation errors"
        raise InvalidArgumentException(f"{count} detected: {'; '.join(errors)}")


def _errors(shape: Shape, value: object, path: str) -> Iterator[str]:
    """Yield what is wrong with the value and all that is in it."""
    if not _is_of_type(shape.type_name, value):
        yield _error(value, path, f"Member must be of type {shape.type_name}")
        return
    yield from (_error(value, path, wanted) for wanted in _broken_constraints(shape, value))
    if isinstance(shape, StructureShape):
        yield from _structure_errors(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _list_errors(shape, value, path)


def _is_of_type(type_name: str, value: object) -> bool:
    if isinstance(value, bool):  # which Python counts among the integers
        return type_name == "boolean"
    return isinstance(value, _TYPES.get(type_name, object))


def _structure_errors(shape: StructureShape, value: Any, path: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield _error(None, _join(path, name), "Member must not be null")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _errors(member, value[name], _join(path, name))


def _list_errors(shape: ListShape, value: Any, path: str) -> Iterator[str]:
    for position, item in enumerate(value, start=1):
        yield from _errors(shape.member, item, f"{path}.{position}.member")


def _broken_constraints(shape: Shape, value: Any) -> Iterator[str]:
    """Yield the shape's own constraints that the value breaks."""
    limits = shape.metadata
    if shape.type_name in ("integer", "long", "float"):
        yield from _out_of_bounds(limits, value, "value")
    elif shape.type_name in _SIZED:
        own_error = shape.name in _SHAPES_COUNTED_ELSEWHERE
        lengths = {"min": limits.get("min", 0)} if own_error else limits
        yield from _out_of_bounds(lengths, len(value), "length")
    if "enum" in limits and value not in limits["enum"]:
        yield f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]"
    if "pattern" in limits and not _matcher(limits["pattern"])(value):
        yield f"Member must satisfy regular expression pattern: {limits['pattern']}"


def _out_of_bounds(limits: dict[str, Any], number: float, of_what: str) -> Iterator[str]:
    if "min" in limits and number < limits["min"]:
        yield f"Member must have {of_what} greater than or equal to {limits['min']}"
    if "max" in limits and number > limits["max"]:
        yield f"Member must have {of_what} less than or equal to {limits['max']}"


@cache
def _matcher(pattern: str) -> Callable[[str], object]:
    """Return the service's pattern for Python, matching whole strings as the service does."""
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern.replace(_ONE_PARTITION, _ANY_PARTITION)).fullmatch


def _join(path: str, name: str) -> str:
    member = name if name.isupper() else name[0].lower() + name[1:]
    return f"{path}.{member}" if path else member


def _error(value: object, path: str, wanted: str) -> str:
    shown = "null" if value is None else f"'{_shown(value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {wanted}"


def _shown(value: object) -> str:
    """Return the value for a message: on one line, cut if long."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = text[1:-1] if isinstance(value, str) else text
    return text if len(text) <= _LONGEST_ECHO else text[:_LONGEST_ECHO] + "…"
