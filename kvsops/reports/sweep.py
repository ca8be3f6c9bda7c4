"""How a sweep or a deletion is told: its rows, its totals, the step summary, its exit code."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypedDict

from kvsops.aws.activity import own_cost
from kvsops.aws.scope import Scope
from kvsops.core.channel import EXPIRES_AT_TAG, KEEP_TAG, OWNER_TAG
from kvsops.core.judge import Verdict
from kvsops.core.rule import Role
from kvsops.output.rows import DOCUMENTS, Column, Output, csv, dumps_ready, markdown, records
from kvsops.output.text import count, markdown_safe
from kvsops.output.values import json_ready
from kvsops.reports.columns import age_text, tags_text
from kvsops.reports.sweep_columns import reason_text
from kvsops.reports.sweep_screen import AWAY, SweepScreen, View
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.plan import Plan
from kvsops.sweep.proposal import Proposal, proposed
from kvsops.sweep.run import Sweep

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


def how_on(blown: str) -> str:
    """Say what to do about a fuse that blew by this."""
    option = "--max-deletes-total" if "--max-deletes-total" in blown else "--max-deletes"
    return f"raise {option}, or take the oldest first with --limit N"


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
    """A run that has ended, at `now`; `markdown` makes what a CI's step summary shows of it.

    `answer` is why the answer to a check is no.
    """

    items: Sequence[Item]
    columns: Sequence[Column[Item]]
    summary: Summary
    markdown: Callable[[], str]
    now: datetime
    answer: str = ""

    def as_json(self) -> dict[str, object]:
        """Return what `kvsops sweep -o json` writes; its keys are an interface."""
        channels = records(self.items, self.columns)
        return {"channels": channels, "summary": json_ready(self.summary)}


@dataclass(slots=True)
class Report:
    """What came of a sweep, whether it was carried out or only shown.

    `view` is how a terminal shows it. `answer` is why the answer to a check is no, `proposal` what
    to do after a dry run, `typed` the command line in words; `options` are those of the scope, as
    they are to be typed again.
    """

    sweep: Sweep
    began: float  # on the scope's clock
    view: View = AWAY
    answer: str = ""
    proposal: Proposal | None = None
    typed: Sequence[str] = ()
    options: Sequence[str] = ()

    @property
    def plan(self) -> Plan:
        """Every channel listed, and what came of it."""
        return self.sweep.plan

    @property
    def scope(self) -> Scope:
        """Whose channels they are."""
        return self.sweep.scope

    def render(self, output: Output, query: str | None, code: int) -> str:
        """Make the text for standard output: JSON is an object, CSV has every channel.

        `code` is the exit code that the JSON tells.
        """
        columns = item_columns(self.scope.now(), self.sweep.rules.given)
        if output in DOCUMENTS:
            return dumps_ready(self.run(code).as_json(), query, output)
        if output == "csv":
            return csv(self.plan.items, columns)
        if output == "markdown":
            return self.markdown()
        return SweepScreen.of(self.sweep, self.view).text()

    def run(self, code: int) -> Run:
        """Return the run that ended with this exit code, as it is written to files."""
        now = self.scope.now()
        columns = item_columns(now, self.sweep.rules.given)
        summary = self.summary(code)
        return Run(self.plan.items, columns, summary, self.markdown, now, self.answer)

    def check_query(self, output: Output, query: str | None) -> None:
        """Raise `UsageError`, before anything is done, for a query that does not fit the report."""
        if query is not None:
            self.render(output, query, code=0)

    def markdown(self) -> str:
        """Make the Markdown that a CI's step summary shows too."""
        columns = item_columns(self.scope.now(), self.sweep.rules.given)
        shown = self._shown()
        rows = "\n" + markdown(shown, columns) if shown else ""
        said = " ".join(filter(None, (f"{self.totals()}.", self._unconfirmed())))
        ended = f"\n**{markdown_safe(self.ended)}**\n" if self.ended else ""
        return f"**kvsops in {self.scope.region}**: {said}\n{ended}{rows}"

    @property
    def ended(self) -> str:
        """Say what ended the run early, or why its answer is no; nothing where neither is so."""
        return f"stopped: {self.sweep.why_stopped}" if self.sweep.why_stopped else self.answer

    @property
    def stopped(self) -> str:
        """Say what stopped it: a blown fuse does so, too."""
        blown = "" if self.scope.read_only else self.sweep.blown
        return self.sweep.why_stopped or (f"the fuse blew: {blown}" if blown else "")

    def propose(self) -> None:
        """Find what to do next, where nothing was done."""
        if self.scope.read_only or self.sweep.blown:
            self.proposal = proposed(self.plan, self.sweep.rules, self.sweep.bounds)

    @property
    def warnings(self) -> list[str]:
        """A line where the fuse would blow, were this no dry run."""
        blown = self.sweep.blown if self.scope.read_only else ""
        return [f"the fuse would blow: {blown}; {how_on(blown)}"] if blown else []

    def _unconfirmed(self) -> str:
        """Say that candidates are shown which no direct read has confirmed, if any are."""
        doomed = self.plan.doomed
        number = sum(not item.confirmed for item in doomed)
        return f"Unconfirmed: {number:,} of {len(doomed):,} to delete." if number else ""

    def totals(self) -> str:
        """Say how many came to what, of how many."""
        return totals(self.plan.items)

    def summary(self, code: int) -> Summary:
        """Return the totals of the run that ended with this exit code."""
        outcomes = self._outcomes()
        return Summary(
            region=self.scope.region,
            listed=len(self.plan.items),
            outcomes={each.value: outcomes[each] for each in Outcome},
            dry_run=self.scope.read_only,
            journal=str(self.sweep.journal) if self.sweep.journal else None,
            stopped=self.stopped or None,
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
        bad = self._outcomes()[Outcome.FAILED] or self.plan.undecided or self.plan.uncertain
        return 1 if bad or self.sweep.why_stopped else 0

    def _outcomes(self) -> Counter[Outcome]:
        return Counter(item.outcome for item in self.plan.items)

    def _shown(self) -> Sequence[Item]:
        if self.view.everything:
            return sorted(self.plan.items, key=order)
        return sorted(filter(worth_showing, self.plan.items), key=order)


def totals(items: Sequence[Item]) -> str:
    """Say how many of the channels came to what."""
    outcomes = Counter(item.outcome for item in items)
    said = [f"{number:,} {_WORDS[each]}" for each in _WORDS if (number := outcomes[each])]
    return f"{', '.join(said) or 'nothing to do'}, of {count(len(items), 'channel')}"


def order(item: Item) -> tuple[int, str]:
    """Put first what is or would be deleted, oldest on top; last what is kept."""
    return list(_WORDS).index(item.outcome), str(item.channel.creation_time)


def worth_showing(item: Item) -> bool:
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
        Column[Item]("reason", "REASON", lambda item: item.reason, reason_text),
        Column[Item]("policy", "POLICY", lambda item: item.decision.policy or None, shown=False),
        Column[Item](
            "tags",
            "TAGS",
            lambda item: item.facts.known_tags,
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
