"""A team's policies, written down in `kvsops.toml`: named sweeps in the words of the options.

    max-deletes = "10%"                 # of one run, whatever the policies condemn
    protect-tag = ["team:keep"]

    [policies.ci]
    prefix = "ci-"
    older-than = "2h"

    [policies.meetings]
    prefix = "meeting-"
    idle-for = "7d"
    grace = "24h"

The first policy that condemns a channel decides; what any of them protects, all protect. One that
names `accounts`, `organizational-units` or `regions` condemns nothing elsewhere.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from kvsops.core.likeness import suggestion
from kvsops.core.policies import Policy, Rules, no_condition, objection, sweep_rules
from kvsops.core.reach import Reach
from kvsops.core.rule import Option, Parameter, Role
from kvsops.core.rules import RULES
from kvsops.errors import UsageError
from kvsops.sweep.fuse import Fuse
from kvsops.sweep.parameters import READERS, duration

FILE_NAME: Final = "kvsops.toml"
TABLE: Final = "policies"
WAIVERS: Final = tuple(
    option.name
    for rule in RULES
    if rule.role is Role.PROTECTION
    for option in rule.options
    if option.parameter is Parameter.FLAG
)
"""Flags that put a protection out of force: they hold only where every policy has them."""

ANY_CHANNEL: Final = Option(
    "any-channel",
    Parameter.FLAG,
    "Age alone is enough, whatever the name.",
)
NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
REACH: Final = {
    "accounts": (r"\d{12}", "The accounts that the policy holds in: all, if none is named."),
    "organizational-units": (
        r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}",
        "The organizational units, with those in them, that the policy holds in.",
    ),
    "regions": (
        r"[a-z]{2,}(-[a-z]+)+-\d+",
        "The regions that the policy holds in: all, if none is named.",
    ),
}
"""Where a policy holds: what each key's values look like, and its help. Source:
https://docs.aws.amazon.com/organizations/latest/APIReference/API_OrganizationalUnit.html
"""
_REACHED: Final = dict(zip(REACH, ("123456789012", "ou-ab12-0123abcd", "us-east-1"), strict=True))
_TOP: Final = ("max-deletes", "protect-tag", TABLE)


def options() -> dict[str, Option]:
    """Return the options that a policy may use, by their name: those of the rules of a sweep."""
    return {
        option.name: option
        for rule in RULES
        if rule.role is not Role.FILTER
        for option in rule.options
    }


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a file: their rules, asked one after the other, and its own bounds.

    `written` is what each policy's own table says, by its name.
    """

    path: Path
    rules: Rules
    protect_tags: tuple[str, ...]
    fuse: Fuse | None
    written: Mapping[str, Mapping[str, Any]]


def found(path: Path | None) -> Policies | None:
    """Read the policy file that is named, or the one that is here; None where there is none.

    Raises `UsageError` also where it may not be looked for: it may protect something.
    """
    if path is None:
        path = Path(FILE_NAME)
        try:
            if not path.exists():
                return None
        except OSError as error:
            msg = f"{path} cannot be looked for: {error.strerror}: run it in another directory"
            raise UsageError(msg) from error
    return load(path)


def load(path: Path) -> Policies:
    """Read a policy file; raises `UsageError` naming the line that is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"the policy file {path} cannot be read: {why}") from error
    try:
        table = tomllib.loads(text + "\n")  # so that an error in the last line names it
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    return _Reader(path, text).policies(table)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the tables of one file, and knows on which line a key stands."""

    path: Path
    text: str

    def policies(self, table: Mapping[str, Any]) -> Policies:
        for key in table:
            if key not in _TOP:
                near = suggestion(key, _TOP, f"write one of {', '.join(_TOP)}")
                raise self.wrong("", key, f"unknown: {near}")
        named = table.get(TABLE)
        if not isinstance(named, dict) or not named:
            raise self.wrong("", TABLE, "no policy: write a table like [policies.ci]")
        protect = self._protect(table)
        given = {name: self._given(name, policy) for name, policy in named.items()}
        protect += tuple(key for values in given.values() for key in values.get("protect-tag", ()))
        waived = {flag: all(values.get(flag) for values in given.values()) for flag in WAIVERS}
        protect = tuple(dict.fromkeys(protect))
        shared = {"protect-tag": protect, **waived}
        rules = Rules(tuple(_named(name, values | shared) for name, values in given.items()))
        return Policies(self.path, rules, protect, self._fuse(table), _written(given))

    def wrong(self, table: str, key: str, why: str) -> UsageError:
        """Return the error for a key, with its line."""
        where = " ".join(filter(None, (f"[{table}]" if table else "", key)))
        return UsageError(f"{self.path}:{self._line(table, key)}: {where}: {why}")

    def _protect(self, table: Mapping[str, Any]) -> tuple[str, ...]:
        value = table.get("protect-tag", [])
        read: tuple[str, ...] = self._value("", options()["protect-tag"], value)
        return read

    def _fuse(self, table: Mapping[str, Any]) -> Fuse | None:
        value = table.get("max-deletes")
        try:
            return None if value is None else Fuse.parse(str(value))
        except UsageError as error:
            raise self.wrong("", "max-deletes", str(error)) from error

    def _given(self, name: str, policy: object) -> dict[str, Any]:
        table = f"{TABLE}.{name}"
        if not isinstance(policy, dict) or not NAME.fullmatch(name):
            raise self.wrong(table, "", "a policy is a table, its name of a-z A-Z 0-9 _ -")
        known = options()
        given: dict[str, Any] = {"yes": True}
        for key, value in policy.items():
            if key == "grace":
                given[key] = self._grace(table, value)
            elif key in REACH:
                given[key] = self._reached(table, key, value)
            elif key == ANY_CHANNEL.name:
                given[key] = self._value(table, ANY_CHANNEL, value)
            elif key in known:
                given[key] = self._value(table, known[key], value)
            else:
                known_keys = (*known, "grace", ANY_CHANNEL.name, *REACH)
                near = suggestion(key, known_keys, "see kvsops sweep --help for what there is")
                raise self.wrong(table, key, f"unknown: {near}")
        said = no_condition(given) or objection(given)
        if said:
            raise self.wrong(table, "", said.replace("with --yes ", ""))
        return given

    def _grace(self, table: str, value: object) -> timedelta:
        try:
            return duration(value if isinstance(value, str) else repr(value))
        except UsageError as error:
            raise self.wrong(table, "grace", str(error)) from error

    def _reached(self, table: str, key: str, value: object) -> tuple[str, ...]:
        """Read where a policy holds: an empty list, which would mean everywhere, is refused."""
        values: list[Any] = value if isinstance(value, list) else [value]
        wrong = [v for v in values if not (isinstance(v, str) and re.fullmatch(REACH[key][0], v))]
        if wrong or not values:
            said = repr(wrong[0]) if wrong else "an empty list"
            example = {"accounts": "123456789012", "regions": "us-east-1"}.get(
                key, "ou-ab12-0123abcd"
            )
            raise self.wrong(table, key, f'{said}: write it like ["{example}"]')
        if key == "regions":
            self._check_regions(table, values)
        return tuple(dict.fromkeys(values))

    def _check_regions(self, table: str, regions: Sequence[str]) -> None:
        """Refuse a misspelt one: the policy would hold nowhere, and nobody would be told."""
        from kvsops.aws.session import partitions_of

        try:
            partitions_of(regions)
        except UsageError as error:
            raise self.wrong(table, "regions", str(error)) from error

    def _value(self, table: str, option: Option, value: object) -> Any:
        """Read a value as the option of its name would be."""
        if option.parameter is Parameter.FLAG:
            if isinstance(value, bool):
                return value
            raise self.wrong(table, option.name, f"{value!r}: write true or false")
        values: list[Any] = value if option.many and isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in values):
            raise self.wrong(table, option.name, f"{value!r}: write a text in quotes")
        try:
            read = tuple(READERS[option.parameter](each) for each in values)
        except UsageError as error:
            raise self.wrong(table, option.name, str(error)) from error
        return read if option.many else read[0]

    def _line(self, table: str, key: str) -> int:
        """Return the line of a key in its table, or of the table where the key is not found."""
        at, found = "", 0
        for number, line in enumerate(self.text.splitlines(), 1):
            header = re.match(r"\s*\[([^\[\]]+)\]", line)
            if header:
                at = re.sub(r"[\s\"']", "", header[1])
                found = number if at == table or (not table and at.split(".")[0] == key) else found
            elif at == table and key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return number
        return found or self._line_of_words(table, key)

    def _line_of_words(self, table: str, key: str) -> int:
        """Return where a policy without a header of its own is written: inline, or with dots."""
        wanted = [each for each in (table.rpartition(".")[2], key) if each]
        found = 1
        for number, line in enumerate(self.text.splitlines(), 1):
            while wanted and re.search(rf"(?<![\w-]){re.escape(wanted[0])}(?![\w-])", line):
                wanted, found = wanted[1:], number
        return found


def _written(given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what the tables say: that deleting is meant is no key of theirs."""
    return {
        name: {key: value for key, value in values.items() if key != "yes"}
        for name, values in given.items()
    }


def _named(name: str, given: dict[str, Any]) -> Policy:
    grace = given.pop("grace", None)
    reach = Reach(*(given.pop(key, ()) for key in REACH))
    (policy,) = sweep_rules(given).policies
    return replace(policy, name=name, grace=grace, reach=reach)
