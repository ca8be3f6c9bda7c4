"""How a sweep of many places is told: one summary for all, its rows, its JSON, its exit code."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import TypedDict

from kvsops.fleet.sweep import FleetSweep, Swept
from kvsops.output.rows import DOCUMENTS, Column, Output, csv, dumps_ready, markdown, records
from kvsops.output.text import markdown_safe
from kvsops.output.values import json_ready
from kvsops.reports.fleet_columns import ITEM_PLACE
from kvsops.reports.fleet_sweep_screen import FleetScreen, failures, unlisted
from kvsops.reports.located import extent, told_once
from kvsops.reports.sweep import (
    Report,
    Summary,
    how_on,
    item_columns,
    order,
    totals,
    worth_showing,
)
from kvsops.reports.sweep_screen import AWAY, View
from kvsops.sweep.fuse import Bounds, Fuse
from kvsops.sweep.item import Item, Outcome
from kvsops.sweep.plan import Plan
from kvsops.sweep.proposal import Proposal, proposed


class FleetSummary(TypedDict):
    """The totals of a run in many places. The keys are an interface: those of the JSON summary."""

    scopes: int
    missed: int
    listed: int
    outcomes: dict[str, int]
    dry_run: bool
    journals: list[str]
    stopped: str | None
    api_calls: dict[str, int]
    throttled: int
    own_cost_usd: Decimal
    seconds: float
    exit_code: int


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where the time is read: `clock` in seconds, `now` of day."""

    clock: Callable[[], float]
    now: Callable[[], datetime]


@dataclass
class FleetReport:
    """What came of a sweep of many places; the fields are those of the `Report` of one scope."""

    fleet: FleetSweep
    began: float
    clocks: Clocks
    view: View = AWAY
    answer: str = ""
    proposal: Proposal | None = None
    typed: Sequence[str] = ()
    options: Sequence[str] = ()

    @property
    def read_only(self) -> bool:
        """Whether it was a dry run."""
        return self.fleet.terms.read_only

    @cached_property
    def plan(self) -> Plan:
        """Every channel listed, wherever it is."""
        return Plan([item for each in self.fleet.swept for item in each.sweep.plan.items])

    @property
    def parts(self) -> Iterator[tuple[Swept, Report]]:
        """Each scope's sweep, and how it would be told by itself."""
        for each in self.fleet.swept:
            yield each, Report(each.sweep, self.began)

    def render(self, output: Output, query: str | None, code: int) -> str:
        """Make the text for standard output: JSON is an object, CSV has every channel.

        `code` is the exit code that the JSON tells.
        """
        if output in DOCUMENTS:
            return dumps_ready(self.as_json(code), query, output)
        if output == "csv":
            return csv(self.plan.items, self._columns())
        return self.markdown() if output == "markdown" else self._screen().text()

    def check_query(self, output: Output, query: str | None) -> None:
        """Raise `UsageError`, before anything is done, for a query that does not fit the report."""
        if query is not None:
            self.render(output, query, code=0)

    def summaries(self) -> Iterator[tuple[Swept, Summary]]:
        """Return each scope's totals; its exit code is what a run of it alone would have had."""
        check = self.fleet.terms.check
        for each, report in self.parts:
            blown = each.sweep.blown and not self.read_only
            found = check and any(item.confirmed for item in each.sweep.plan.doomed)
            code = report.exit_code or int(each.failure is not None)
            yield each, report.summary(3 if blown or found else code)

    def as_json(self, code: int) -> dict[str, object]:
        """Return the JSON object, ready to be written; its keys are an interface."""
        summaries = list(self.summaries())
        return {
            "channels": records(self.plan.items, self._columns()),
            "scopes": [json_ready(_scope(*each)) for each in summaries],
            "missed": [asdict(each) for each in self.fleet.missed],
            "summary": json_ready(self._summary([each for _, each in summaries], code)),
        }

    def markdown(self) -> str:
        """Make the Markdown that a CI's step summary shows too."""
        rows = sorted(filter(worth_showing, self.plan.items), key=order)
        if self.view.everything:
            rows = sorted(self.plan.items, key=order)
        wrong = [f"- **{markdown_safe(line)}**\n" for line in told_once(self.wrong)]
        ended = f"\n**{markdown_safe(self.ended)}**\n" if self.ended else ""
        head = f"**kvsops in {self.extent()}**: {self.totals()}.\n{ended}"
        told = "\n" + "".join(wrong) if wrong else ""
        return head + told + ("\n" + markdown(rows, self._columns()) if rows else "")

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """Where nothing could be looked at, or not all be done, and why."""
        return list(failures(self.fleet))

    @property
    def ended(self) -> str:
        """Say what ended the run early, or why its answer is no; nothing where neither is so."""
        return "stopped: interrupted" if self.interrupted else self.answer

    @property
    def blown(self) -> list[str]:
        """Say by what fuses blow: that of all, else those of scopes, by name."""
        if self.fleet.total.blown:
            return [self.fleet.total.blown]
        return [f"{each.place}: {each.held_back}" for each in self.fleet.swept if each.held_back]

    @property
    def warnings(self) -> list[str]:
        """A line for each fuse that would blow, were this no dry run."""
        blown = self.blown if self.read_only else []
        return [f"the fuse would blow: {each}; {how_on(each)}" for each in blown]

    def said(self, what: Callable[[Plan], list[str]]) -> list[str]:
        """Return what plans say, each line once, with the place of the first that says it."""
        places: dict[str, list[str]] = {}
        for each in self.fleet.swept:
            for line in dict.fromkeys(what(each.sweep.plan)):
                places.setdefault(line, []).append(str(each.place))
        return [
            f"{where[0]}{f' and {len(where) - 1:,} more' if where[1:] else ''}: {line}"
            for line, where in places.items()
        ]

    def propose(self) -> None:
        """Find what to do next, where nothing was done, with what no fuse of a scope holds back."""
        if not self.read_only and not self.fleet.total.blown:
            return
        plans = [each.sweep.plan for each in self.fleet.swept if not each.held_back]
        most = self.fleet.terms.bounds.total or Fuse("100%", 100, percent=True)
        going = Plan([item for plan in plans for item in plan.items])
        self.proposal = proposed(going, self.fleet.terms.rules, Bounds(most))

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.fleet.interrupted or any(e.sweep.interrupted for e in self.fleet.swept)

    @property
    def exit_code(self) -> int:
        """130 interrupted; 1 where anything failed, could not be told, or was left undone."""
        if self.interrupted:
            return 130
        return 1 if self.wrong or any(report.exit_code for _, report in self.parts) else 0

    def totals(self) -> str:
        """Say how many came to what, of how many; or why none were asked for."""
        return unlisted(self.fleet) or totals(self.plan.items)

    @property
    def journals(self) -> list[str]:
        """The journals that were written, each once."""
        paths = (each.sweep.journal for each in self.fleet.swept)
        return list(dict.fromkeys(str(path) for path in paths if path))

    def _columns(self) -> list[Column[Item]]:
        given = self.fleet.terms.rules.given
        return [*ITEM_PLACE, *item_columns(self.clocks.now(), given)]

    def _summary(self, summaries: Sequence[Summary], code: int) -> FleetSummary:
        calls: Counter[str] = Counter()
        for each in summaries:
            calls.update(each["api_calls"])
        outcomes = Counter(item.outcome for item in self.plan.items)
        return FleetSummary(
            scopes=len(summaries),
            missed=sum(not each.excused for each in self.fleet.missed),
            listed=len(self.plan.items),
            outcomes={each.value: outcomes[each] for each in Outcome},
            dry_run=self.read_only,
            journals=self.journals,
            stopped=self.stopped or None,
            api_calls=dict(sorted(calls.items())),
            throttled=sum(each["throttled"] for each in summaries),
            own_cost_usd=sum((each["own_cost_usd"] or Decimal() for each in summaries), Decimal()),
            seconds=round(self.clocks.clock() - self.began, 3),
            exit_code=code,
        )

    @property
    def stopped(self) -> str:
        """Say what stopped it: the fuse of all does so, too."""
        blown = "" if self.read_only else self.fleet.total.blown
        return "interrupted" if self.interrupted else blown and f"the fuse blew: {blown}"

    def _screen(self) -> FleetScreen:
        return FleetScreen(
            plan=self.plan,
            rules=self.fleet.terms.rules,
            place=self.place(),
            now=self.clocks.now(),
            read_only=self.read_only,
            blown=self.fleet.total.blown,
            view=self.view,
            fleet=self.fleet,
        )

    def place(self) -> str:
        """Say whether it was a dry run, and in how many accounts and regions."""
        done = "Dry run in" if self.read_only else "Carried out in"
        emulators = {each.sweep.scope.emulator for each in self.fleet.swept} - {""}
        emulated = "".join(f", emulator {each}" for each in sorted(emulators))
        return f"{done} {self.extent()}{emulated}"

    def extent(self) -> str:
        """Say how many accounts and regions were looked at."""
        places = [each.place for each in self.fleet.swept]
        return extent((place.account_id, place.region) for place in places)


def _scope(each: Swept, summary: Summary) -> dict[str, object]:
    """Return a scope's object: its place, and the totals that a run of it alone would have."""
    failure = str(each.failure) if each.failure else None
    place = {"account_id": each.place.account_id, "region": each.place.region}
    totals = {key: value for key, value in summary.items() if key != "region"}
    return {**place, "policies": _policies(each), **totals, "failure": failure}


def _policies(each: Swept) -> list[str]:
    """Name the policies that held there; none is named where the options were one."""
    return sorted(name for name in each.sweep.rules.names if name)
