"""How a month's bill is told: totals, groups, the dearest, and what could be spared."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import click

from kvsops.aws.activity import CLOUDWATCH_CALLS, own_cost
from kvsops.aws.quotas import channel_quota
from kvsops.aws.scope import Scope
from kvsops.bill.bill import Bill, Line, by_tag, groupings
from kvsops.bill.usage import Metered
from kvsops.cli.money import usd
from kvsops.errors import KvsopsError
from kvsops.output.console import Console
from kvsops.output.rows import Column, Output, csv, dumps, markdown, records, table
from kvsops.output.summary import append_step_summary
from kvsops.output.text import count, markdown_safe
from kvsops.output.values import json_ready
from kvsops.reports.bill_columns import bill_columns, known_count, known_sum, sum_text, totals
from kvsops.reports.columns import UNKNOWN

DEAREST: Final = 10
GROUPS: Final = 20  # shown of them; JSON has all
Group = tuple[str | None, Sequence[Line]]
Form = Callable[[Sequence[Any], Sequence[Column[Any]]], str]


@dataclass(frozen=True, slots=True)
class BillReport:
    """A bill and how it is to be grouped; `listed` is how many channels there are in the quota.

    `narrowing` says which of them are meant.
    """

    bill: Bill
    metered: Metered
    scope: Scope
    group_by: str
    listed: int
    narrowing: Mapping[str, str | None]

    def as_json(self) -> dict[str, Any]:
        """Return the JSON of `kvsops cost`; its keys are an interface."""
        bill, columns = self.bill, bill_columns(self.bill)
        ready: Any = json_ready(
            {
                "month": str(bill.month),
                "region": self.scope.region,
                "as_of": bill.now,
                "narrowing": self.narrowing,
                "prices": {name: getattr(bill.prices, name) for name in bill.prices.__slots__},
                "total": self._total(),
                "quota": {"channels": self.listed, "limit": self._limit, "share": self._share},
                "groups": {"by": self.group_by, "rows": records(self._groups(), group_columns())},
                "days": self._days(),
                "dearest": records(bill.dearest_first[:DEAREST], columns),
                "channels": records(bill.dearest_first, columns),
                "ghosts": {
                    "channels": known_count([line.cost.active for line in self._ghosts]),
                    "month_to_date_usd": _spent(self._ghosts),
                },
                "churn": self._churn(),
                "sweep": {"unused": self._unused, "saving_usd": 0},
                "own_cost": {
                    "metrics": self.metered.metrics,
                    "calls": {name: self.scope.calls[name] for name in CLOUDWATCH_CALLS},
                    "usd": own_cost(self.scope),
                },
                "problems": self.metered.problems,
            }
        )
        return dict(ready)

    def render(self, output: Output, query: str | None) -> str:
        """Make the text for standard output; CSV has a line for each channel."""
        if output == "json":
            return dumps(self.as_json(), query)
        if output == "csv":
            return csv(self.bill.dearest_first, bill_columns(self.bill))
        return self.text(markdown if output == "markdown" else table)

    def text(self, form: Form) -> str:
        """Make the page that a person reads, its tables in this form."""
        columns = bill_columns(self.bill)
        said = markdown_safe if form is markdown else str
        whole = f"{self.scope.region}: {totals(self.bill)}."
        parts = [said(whole) + "\n", said(self._parts()) + "\n"]
        if self.bill.used or self.bill.unknown:
            parts.append(form(self._groups()[:GROUPS], group_columns(self.group_by)))
            parts.append(form(self.bill.dearest_first[:DEAREST], columns))
        parts.append("".join(f"- {said(line)}\n" for line in self._insights()))
        return "\n".join(parts)

    def _parts(self) -> str:
        fee, messages, turn = (sum_text(part) for part in self._spent_on())
        return f"To date: fees {fee}, messages {messages}, TURN {turn}."

    def _insights(self) -> list[str]:
        churn, ghosts = self.bill.churn(), [line for line in self._ghosts if line.cost.active]
        said = [
            f"Quota: {self.listed:,} of {self._limit:,} channels ({self._share:.0%}), unless AWS "
            "raised it."
        ]
        if self._unused is not None:
            unused = count(self._unused, "channel")
            deed = (
                f"The {unused} not used in {self.bill.month} took quota and cost $0.00"
                if self.bill.over
                else f"Sweeping the {unused} not used this month would free quota and save $0.00"
            )
            said.append(f"{deed}: a channel that nobody connects to costs nothing.")
        if ghosts:
            spent = usd(_spent(ghosts))
            said.append(
                f"Ghosts: {count(len(ghosts), 'deleted channel')} cost {spent} all the same."
            )
        if untold := len(self._ghosts) - len(ghosts):
            said.append(f"Ghosts: what {count(untold, 'deleted channel')} cost is not known.")
        if churn.used_on_one_day:
            said.append(
                f"Churn: {churn.used_on_one_day:,} of {churn.used:,} channels were used on one day "
                f"only, at most {churn.busiest_day:,} of them on the same; reusing so many for all "
                f"would save {usd(churn.saving)}."
            )
        if self.bill.lower_bound:
            said.append(
                "A lower bound: channels deleted more than two weeks ago are seen only in journals "
                "(--journal) and in an earlier output of this month (--baseline)."
            )
        return said

    def _total(self) -> dict[str, Any]:
        bill = self.bill
        fee, messages, turn = (known_sum(part) for part in self._spent_on())
        return {
            "channels": len(bill.lines),
            "used": self._used,
            "unknown": len(bill.unknown),
            "fee_usd": fee,
            "messages_usd": messages,
            "turn_usd": turn,
            "month_to_date_usd": _spent(bill.lines),
            "estimated_monthly_usd": _expected(bill.lines),
            "basis": bill.basis.value,
            "projection": bill.projection and bill.projection.value,
            "lower_bound": bill.lower_bound,
        }

    def _spent_on(self) -> tuple[list[Decimal | None], ...]:
        costs = [line.cost for line in self.bill.lines]
        return (
            [cost.fee for cost in costs],
            [cost.messages for cost in costs],
            [cost.turn for cost in costs],
        )

    def _groups(self) -> list[Group]:
        chosen = groupings(self.scope.region).get(self.group_by)
        by = chosen or by_tag(self.group_by.removeprefix("tag:"))
        return list(self.bill.groups(by).items())

    def _days(self) -> list[dict[str, Any]]:
        rows = []
        for day, (used, spent) in self.bill.days().items():
            told = {
                "connections": used.connections,
                "messages": used.messages,
                "turn_minutes": used.turn_minutes,
                "usd": spent,
            }
            known = dict.fromkeys(told) if self._used is None else told
            rows.append({"day": day.isoformat(), **known})
        return rows

    def _churn(self) -> dict[str, Any]:
        churn = self.bill.churn()
        told = {
            "used": churn.used,
            "used_on_one_day": churn.used_on_one_day,
            "busiest_day": churn.busiest_day,
            "saving_usd": churn.saving,
        }
        return dict.fromkeys(told) if self._used is None else told

    @property
    def _used(self) -> int | None:
        """How many were used; not known where of none of them it is."""
        return known_count([line.cost.active for line in self.bill.lines])

    @property
    def _limit(self) -> int:
        return channel_quota(self.scope.region)

    @property
    def _share(self) -> float:
        return round(self.listed / self._limit, 4)

    @property
    def _ghosts(self) -> list[Line]:
        return [line for line in self.bill.lines if line.ghost]

    @property
    def _unused(self) -> int | None:
        active = [line.cost.active for line in self.bill.lines]
        return known_count([None if each is None else not each for each in active])


def group_columns(by: str = "group") -> list[Column[Group]]:
    """Return the columns of groups; a null group is of the channels without one."""
    return [
        Column[Group]("group", by.upper(), lambda row: row[0], lambda row: row[0] or "(none)"),
        Column[Group]("channels", "CHANNELS", lambda row: len(row[1]), align="right"),
        Column[Group]("used", "USED", _used, _used_text, align="right"),
        Column[Group](
            "month_to_date_usd",
            "TO DATE",
            lambda row: _spent(row[1]),
            lambda row: usd(_spent(row[1])),
            align="right",
        ),
        Column[Group](
            "estimated_monthly_usd",
            "MONTH",
            lambda row: _expected(row[1]),
            lambda row: usd(_expected(row[1])),
            align="right",
        ),
    ]


def _used(group: Group) -> int | None:
    return known_count([line.cost.active for line in group[1]])


def _used_text(group: Group) -> str:
    used = _used(group)
    return UNKNOWN if used is None else str(used)


def tell(report: BillReport, console: Console, output: Output, query: str | None) -> None:
    """Print the bill, append it to a CI's step summary, and say what there is to say of it."""
    click.echo(report.render(output, query), nl=False)
    try:
        append_step_summary("### kvsops cost\n\n" + report.text(markdown), os.environ)
    except KvsopsError as error:
        console.warn(str(error))
    for problem in report.metered.problems:
        console.warn(problem)


def _spent(lines: Sequence[Line]) -> Decimal | None:
    return known_sum([line.cost.month_to_date for line in lines])


def _expected(lines: Sequence[Line]) -> Decimal | None:
    return known_sum([line.cost.estimated_month for line in lines])
