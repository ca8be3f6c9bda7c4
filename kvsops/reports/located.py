"""Rows of many accounts and regions in one table, and what was said there, told once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic

from kvsops.aws.denial import AWS_SAYS
from kvsops.fleet.place import Missed
from kvsops.output.rows import Column, Row
from kvsops.output.screen import Outcome
from kvsops.output.text import count

NAMED = 3
"""At most this many accounts and regions are named in a message; the rest are counted."""


@dataclass(frozen=True)  # no slots: with them Python 3.11 fails on At[Row](...)
class At(Generic[Row]):
    """A row, where it is from, and the columns that read it there: its prices may be others."""

    account_id: str
    region: str
    row: Row
    columns: Mapping[str, Column[Row]]


def located(
    account_id: str, region: str, rows: Iterable[Row], columns: Sequence[Column[Row]]
) -> list[At[Row]]:
    """Say of each row where it is from."""
    by_key = {column.key: column for column in columns}
    return [At(account_id, region, row, by_key) for row in rows]


def located_columns(columns: Sequence[Column[Row]]) -> list[Column[At[Row]]]:
    """Return the columns with account and region before them; `columns` are any place's."""
    account = Column[At[Row]](
        "account_id",
        "ACCOUNT",
        lambda at: at.account_id,
        shared="account {}".format,
    )
    region = Column[At[Row]](
        "region",
        "REGION",
        lambda at: at.region,
        shared="region {}".format,
    )
    return [account, region, *map(_lifted, columns)]


def _lifted(column: Column[Row]) -> Column[At[Row]]:
    """Return a column that asks the row's own."""
    key = column.key

    def outcome(at: At[Row]) -> Outcome | None:
        mark = at.columns[key].outcome
        return mark(at.row) if mark else None

    return Column[At[Row]](
        key,
        column.header,
        lambda at: at.columns[key].value(at.row),
        lambda at: at.columns[key].cell(at.row),
        align=column.align,
        shown=column.shown,
        cut=column.cut,
        leaves=column.leaves,
        shared=column.shared,
        outcome=outcome,
    )


def told_once(said: Iterable[tuple[str, str]]) -> list[str]:
    """Return lines of what was said where: what is the same in many places is one line.

    Of a role the account is left out, and of a refusal AWS's own words and the request's ID: they
    differ by place.
    """
    places: dict[str, list[str]] = {}
    for where, text in said:
        own = re.sub(rf"\barn:[a-z-]+:(iam|sts)::{where[:12]}:(?=[a-z-]*role/)", "", text)
        own = re.sub(r" \(request ID [^)]*\)", "", own.partition(AWS_SAYS)[0])
        places.setdefault(own, []).append(where)
    return [f"{_named(where)}: {text}" for text, where in places.items()]


def on_missed(missed: Sequence[Missed]) -> tuple[list[str], list[str]]:
    """Return lines of what was not looked at and why: what failed, and what is excused."""
    failed, excused = (
        told_once((where(each), each.why) for each in missed if each.excused is wanted)
        for wanted in (False, True)
    )
    return [f"not looked at: {line}" for line in failed], [f"left out: {line}" for line in excused]


def where(missed: Missed) -> str:
    """Name an account, a region of one, or that it is all of them."""
    return " ".join(filter(None, (missed.account_id, missed.region))) or "all accounts"


def extent(places: Iterable[tuple[str, str]]) -> str:
    """Say of how many accounts and regions something is; each is named where it is one."""
    pairs = set(places)
    if not pairs:
        return "no account and region"
    accounts, regions = ({pair[at] for pair in pairs} for at in (0, 1))
    whole = min(len(accounts), len(regions)) > 1 and len(pairs) == len(accounts) * len(regions)
    by = " × " if whole else ", "
    return f"{_counted(accounts, 'account')}{by}{_counted(regions, 'region')}"


def _counted(names: set[str], noun: str) -> str:
    one = next(iter(names)) if len(names) == 1 else ""
    return (f"account {one}" if noun == "account" else one) if one else count(len(names), noun)


def _named(places: Sequence[str]) -> str:
    """Name the first of them; in one region of many accounts only these."""
    accounts, regions = zip(*(place.partition(" ")[::2] for place in places), strict=True)
    if places[1:] and regions[0] and len({*regions}) == 1:
        return f"{regions[0]} of {_first(accounts)}"
    return _first(places)


def _first(places: Sequence[str]) -> str:
    more = f" and {len(places) - NAMED:,} more" if places[NAMED:] else ""
    return f"{', '.join(places[:NAMED])}{more}"
