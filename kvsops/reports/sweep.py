"""How a sweep or a deletion is told: its rows, its totals, the step summary, its exit code."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypedDict

import click

from kvsops.aws.activity import own_cost
from kvsops.aws.scope import Scope
from kvsops.core.channel import EXPIRES_AT_TAG, KEEP_TAG, OWNER_TAG
from kvsops.core.facts import Need
from kvsops.core.judge import Verdict
from kvsops.core.rule import Role
from kvsops.errors import KvsopsError
from kvsops.facts.look import Advance
from kvsops.output.console import Console, progress
from kvsops.output.rows import Column, Output, csv, dumps, markdown, records, table
from kvsops.output.summary import append_step_summary
from kvsops.output.text import count
from kvsops.output.values import json_ready
from kvsops.reports.columns import age_text, known_tags, tags_text
from kvsops.reports.own_cost import tell_own_cost
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.plan import Plan
from kvsops.sweep.run import Shown, Sweep

_WORDS: Final = {
    Outcome.WOULD_DELETE: "would be deleted",
    Outcome.DELETED: "deleted",
    Outcome.GONE: "gone already",
    Outcome.CHANGED: "changed meanwhile",
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "unknown",
    Outcome.LEFT: "left",
    Outcome.WOULD_MARK: "would be marked",
    Outcome.MARKED: "marked",
    Outcome.WOULD_UNMARK: "would lose their mark",
    Outcome.UNMARKED: "lost their mark",
    Outcome.KEPT: "kept",
}


class Summary(TypedDict):
    """A run's totals. The keys are an interface: they are those of the JSON summary."""

    region: str
    listed: int
    outcomes: Mapping[str, int]
    dry_run: bool
    journal: str | None
    stopped: str | None
    api_calls: Mapping[str, int]
    throttled: int
    own_cost_usd: Decimal | None
    seconds: float
    exit_code: int


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has ended, at `now`; `markdown` makes what a CI's step summary shows of it."""

    items: Sequence[Item]
    columns: Sequence[Column[Item]]
    summary: Summary
    markdown: Callable[[], str]
    now: datetime

    def as_json(self) -> dict[str, object]:
        """Return the JSON object of `kvsops sweep`; its keys are an interface."""
        channels = records(self.items, self.columns)
        return {"channels": channels, "summary": json_ready(self.summary)}


@dataclass(slots=True)
class Report:
    """What came of a sweep, whether it was carried out or only shown.

    `everything` shows the channels, too, that no condition meets.
    """

    sweep: Sweep
    began: float  # on the scope's clock
    everything: bool = False

    @property
    def plan(self) -> Plan:
        """Every channel listed, and what came of it."""
        return self.sweep.plan

    @property
    def scope(self) -> Scope:
        """Whose channels they are."""
        return self.sweep.scope

    def render(self, output: Output, query: str | None) -> str:
        """Make the text for standard output: JSON is an object, CSV has every channel."""
        columns = item_columns(self.scope.now(), self.sweep.rules.given)
        if output == "json":
            return dumps(self.run().as_json(), query)
        if output == "csv":
            return csv(self.plan.items, columns)
        if output == "markdown":
            return self.markdown()
        shown = self._shown()
        rows = table(shown, columns) + "\n" if shown else ""
        return f"{rows}{self.totals()}.\n"

    def run(self, code: int | None = None) -> Run:
        """Return the run as it is written to files; `code` is its exit code."""
        now = self.scope.now()
        columns = item_columns(now, self.sweep.rules.given)
        summary = self._summary(self.exit_code if code is None else code)
        return Run(self.plan.items, columns, summary, self.markdown, now)

    def check_query(self, output: Output, query: str | None) -> None:
        """Raise `UsageError`, before anything is done, for a query that does not fit the report."""
        if query is not None:
            self.render(output, query)

    def markdown(self) -> str:
        """Make the Markdown that a CI's step summary shows too."""
        columns = item_columns(self.scope.now(), self.sweep.rules.given)
        shown = self._shown()
        rows = "\n" + markdown(shown, columns) if shown else ""
        return f"**kvsops in {self.scope.region}**: {self.totals()}.\n{rows}"

    def totals(self) -> str:
        """Say how many came to what, of how many."""
        outcomes = self._outcomes()
        said = [f"{number:,} {_WORDS[each]}" for each in _WORDS if (number := outcomes[each])]
        return f"{', '.join(said) or 'nothing to do'}, of {count(len(self.plan.items), 'channel')}"

    def _summary(self, code: int) -> Summary:
        outcomes = self._outcomes()
        return Summary(
            region=self.scope.region,
            listed=len(self.plan.items),
            outcomes={each.value: outcomes[each] for each in Outcome},
            dry_run=self.scope.read_only,
            journal=str(self.sweep.journal) if self.sweep.journal else None,
            stopped=self.sweep.why_stopped or None,
            api_calls=dict(sorted(self.scope.calls.items())),
            throttled=self.scope.throttled.total(),
            own_cost_usd=own_cost(self.scope),
            seconds=round(self.scope.clock() - self.began, 3),
            exit_code=code,
        )

    @property
    def exit_code(self) -> int:
        """130 interrupted; 1 where anything failed, could not be told, or was left undone."""
        if self.sweep.interrupted:
            return 130
        bad = self._outcomes()[Outcome.FAILED] or self.plan.undecided
        return 1 if bad or self.sweep.why_stopped else 0

    def _outcomes(self) -> Counter[Outcome]:
        return Counter(item.outcome for item in self.plan.items)

    def _shown(self) -> Sequence[Item]:
        if self.everything:
            return sorted(self.plan.items, key=_order)
        return sorted(filter(_worth_showing, self.plan.items), key=_order)


def _order(item: Item) -> tuple[int, str]:
    """Put first what is or would be deleted, oldest on top; last what is kept."""
    return list(_WORDS).index(item.outcome), str(item.channel.creation_time)


def _worth_showing(item: Item) -> bool:
    """Leave out what was never meant: out of the narrowing, or not met by a condition."""
    rule = item.decision.rule
    return item.outcome is not Outcome.KEPT or (rule is not None and rule.role is Role.PROTECTION)


def item_columns(now: datetime, given: Mapping[str, Any]) -> list[Column[Item]]:
    """Return a sweep's columns; the keys are an interface. TAGS shows those that mattered."""
    asked = {each.key for each in (*given["tag"], *given["without-tag"])}
    mattering = sorted({KEEP_TAG, EXPIRES_AT_TAG, given["owner-tag"], OWNER_TAG} | asked)
    return [
        Column[Item]("channel_name", "CHANNEL", lambda item: item.channel.channel_name),
        Column[Item](
            "creation_time",
            "AGE",
            lambda item: item.channel.creation_time,
            lambda item: age_text(item.channel, now),
            align="right",
        ),
        Column[Item]("outcome", "OUTCOME", lambda item: item.outcome.value),
        Column[Item]("reason", "REASON", lambda item: item.reason, _reason),
        Column[Item]("policy", "POLICY", lambda item: item.decision.policy or None, shown=False),
        Column[Item](
            "tags",
            "TAGS",
            lambda item: known_tags(item.facts),
            lambda item: tags_text(item.facts, mattering),
        ),
        Column[Item]("decision", "DECISION", _decision, shown=False),
        Column[Item](
            "unconfirmed",
            "UNCONFIRMED",
            lambda item: [need.value for need in item.decision.unconfirmed],
            shown=False,
        ),
        Column[Item]("channel_arn", "ARN", lambda item: item.channel.channel_arn, shown=False),
    ]


def _decision(item: Item) -> str:
    return "delete" if item.decision.verdict is Verdict.DELETE else "keep"


def _reason(item: Item) -> str:
    """Say the reason, and which policy's it is."""
    policy = item.decision.policy
    return f"{policy}: {item.reason}" if policy and item.reason else item.reason


def shown_on(console: Console) -> Shown:
    """Return what says where the journal is, and on a terminal how far the deletions are."""

    @contextmanager
    def shown(journal: Path, number: int) -> Iterator[Advance]:
        with progress("deleting", number, console=console) as counter:
            console.note(f"journal: {journal}")
            yield counter.advance

    return shown


def tell(report: Report, console: Console, output: Output, query: str | None) -> None:
    """Print the report, append it to a CI's step summary, and say what there is to say of it."""
    try:
        click.echo(report.render(output, query), nl=False)
    finally:  # also where standard output takes no more
        _tell_beside(report, console)


def _tell_beside(report: Report, console: Console) -> None:
    try:
        append_step_summary(report.markdown(), os.environ)
    except KvsopsError as error:
        console.warn(str(error))
    plan = report.plan
    for problem in (*plan.problems, *plan.undecided, *plan.mistaken):
        console.warn(problem)
    for presumption in report.plan.presumed:
        console.note(presumption)
    if report.scope.metric_budget.asked:
        tell_own_cost(report.scope, console)
    if report.sweep.why_stopped:
        console.error(f"stopped: {report.sweep.why_stopped}")
    if report.scope.read_only and report.plan.doomed:
        console.note(f"dry run: nothing was deleted; to delete, add --yes{_presumed(report.plan)}")


def _presumed(plan: Plan) -> str:
    """Say how many of the doomed rest on something that was not read directly."""
    unconfirmed = [item for item in plan.doomed if item.decision.unconfirmed]
    if not unconfirmed:
        return ""
    unread = {need for item in unconfirmed for need in item.decision.unconfirmed}
    *first, last = [need.value for need in Need if need in unread]
    needs = f"{', '.join(first)} and {last}" if first else last
    number = f"{len(unconfirmed):,} unconfirmed"
    return f" ({number}: the {needs} of each will be read directly before it is deleted)"
