"""Why a sweep does what it does with one channel: each fact, and what each rule says of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from kvsops.aws import channels
from kvsops.core.facts import Fact, Facts, Need, Unknown
from kvsops.core.judge import Decision, Verdict, findings_of, judge
from kvsops.core.likeness import shown
from kvsops.core.policies import Rules
from kvsops.core.rule import Finding, Role, Rule
from kvsops.core.text import moment
from kvsops.facts import gather
from kvsops.output.fit import wrapped
from kvsops.output.rows import DOCUMENTS, Column, Form, dumps, markdown, table
from kvsops.output.screen import NO_SCREEN, Outcome, Screen
from kvsops.output.text import safe
from kvsops.reports.columns import link_text

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.output.rows import Output

Row = tuple[str, ...]

_FACT_KEYS = ("fact", "value", "source", "read_at")
_RULE_KEYS = ("policy", "rule", "says", "why")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of one channel: what is known of it, and what each rule makes of that.

    `protections` are the reasons that spare it whatever the conditions, and whichever policy means
    it, or none.
    """

    facts: Facts
    decision: Decision
    protections: Sequence[str]
    known: Sequence[Row]
    said: Sequence[Row]

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object; its keys are an interface."""
        return {
            "channel_name": self.facts.channel.channel_name,
            "channel_arn": self.facts.channel.channel_arn,
            "decision": self.decision.verdict.value,
            "policy": self.decision.policy or None,
            "reason": self.decision.reason,
            "protections": list(self.protections),
            "facts": [dict(zip(_FACT_KEYS, row, strict=True)) for row in self.known],
            "rules": [dict(zip(_RULE_KEYS, row, strict=True)) for row in self.said],
        }

    def text(self, screen: Screen) -> str:
        """Make the verdict's lines, then the facts and the rules: tables, or on a terminal cards.

        A card's long values go on in the next line; in a table they would be cut.
        """
        if screen.width is None:
            return f"{self._verdict(screen)}\n{self._tables(table)}"
        facts = [(name, _where_read(row)) for name, *row in self.known]
        return f"{self._verdict(screen)}\n{_card(facts, screen)}\n{_card(self._rules(), screen)}"

    def _rules(self) -> list[tuple[str, str]]:
        """Return each rule with what it says, once where all policies have it say the same."""
        policies = {policy for policy, *_ in self.said}
        saying: dict[Row, list[str]] = {}
        for policy, *row in self.said:
            saying.setdefault(tuple(row), []).append(policy)
        silent = [rule for rule, says, _ in saying if says == "-"]
        told = [
            (
                rule if policies <= {*of} else f"{rule} ({', '.join(of)})",
                f"{says}: {why}" if why else says,
            )
            for (rule, says, why), of in saying.items()
            if says != "-"
        ]
        return [*told, ("no objection", ", ".join(dict.fromkeys(silent)))] if silent else told

    def markdown(self) -> str:
        """Make the same in Markdown."""
        return f"{self._verdict(NO_SCREEN)}\n{self._tables(markdown)}"

    def _verdict(self, screen: Screen) -> str:
        decision = self.decision
        policy = f" ({decision.policy})" if decision.policy else ""
        verdict = f"{self.facts.channel.channel_name}: {decision.verdict.value}{policy}"
        lines = wrapped(safe(f"{verdict}: {decision.reason}"), screen).splitlines()
        colour = Outcome.GOOD if decision.verdict is Verdict.KEEP else Outcome.DOUBTFUL
        told = "".join(f"{screen.mark(line, colour)}\n" for line in lines)
        also = [why for why in self.protections if why != decision.reason]
        if also:
            told += wrapped(safe(f"Spared whatever the conditions: {'; '.join(also)}"), screen)
        return told

    def _tables(self, form: Form) -> str:
        facts = form(self.known, _columns("FACT", "VALUE", "READ FROM", "AT"))
        return f"{facts}\n{form(self.said, _columns('POLICY', 'RULE', 'SAYS', 'WHY'))}"


def _where_read(row: Sequence[str]) -> str:
    value, source, read_at = row
    where = ", ".join(filter(None, (source, read_at)))
    return f"{value} ({where})" if where else value


def _card(rows: Sequence[tuple[str, str]], screen: Screen) -> str:
    """Make a line of each name and its value; what is too long goes on below the value."""
    width = max(len(name) for name, _ in rows) + 2
    return "".join(
        wrapped(f"{safe(name):{width}}{safe(value)}", screen, " " * width) for name, value in rows
    )


def explained(scope: "Scope", target: str, rules: Rules) -> Explanation:
    """Read all facts of the channel directly, and let every policy judge it."""
    facts = Facts(channels.named(scope, target))
    for need in Need:
        facts = gather.direct(scope, facts, need, span=rules.span)
    decision = judge(facts, rules, scope.now(), direct=True)
    findings = [pair for each in rules.policies for pair in findings_of(facts, each, scope.now())]
    holding = [
        found.why
        for rule, found in findings
        if rule.role is Role.PROTECTION and isinstance(found, Finding) and found.spares
    ]
    protections = list(dict.fromkeys(holding))
    return Explanation(facts, decision, protections, _facts(facts), _said(scope, facts, rules))


def tell_why(
    scope: "Scope",
    target: str,
    rules: Rules,
    output: "Output",
    query: str | None,
    *,
    screen: Screen = NO_SCREEN,
) -> bool:
    """Print what every policy makes of the channel.

    Returns whether everything could be read and judged.
    """
    told = explained(scope, target, rules)
    if output in DOCUMENTS:
        text = dumps(told.as_json(), query, output)
    else:
        text = told.markdown() if output == "markdown" else told.text(screen)
    click.echo(text, nl=False, color=screen.colour)
    unread = any(isinstance(told.facts.get(need), Unknown) for need in Need)
    return not (unread or told.decision.unknown)


def _columns(*headers: str) -> list[Column[Row]]:
    def column(at: int, header: str) -> Column[Row]:
        return Column[Row](header.lower(), header, lambda row: row[at])

    return [column(at, header) for at, header in enumerate(headers)]


def _facts(facts: Facts) -> list[Row]:
    channel = facts.channel
    created = moment(channel.creation_time) if channel.creation_time else "missing"
    rows: list[Row] = [
        ("status", channel.status or "missing", "description", ""),
        ("creation time", created, "description", ""),
    ]
    for need in Need:
        fact = facts.get(need)
        if isinstance(fact, Fact):
            rows.append((need.value, _value(need, facts), fact.source.value, moment(fact.read_at)))
        elif isinstance(fact, Unknown):
            rows.append((need.value, f"unknown: {fact.why}", "", moment(fact.read_at)))
    return rows


def _value(need: Need, facts: Facts) -> str:
    link, use = facts.storage_link, facts.use
    if need is Need.TAGS:
        return (
            " ".join(f"{shown(key)}={value}" for key, value in facts.tag_values.items()) or "none"
        )
    if need is Need.STORAGE:
        return "unknown" if link is None else link_text(link)
    if use is None or use.since is None:
        return "unknown"
    heard = "" if use.witnessed else "; no channel's metrics were heard in this run"
    last = f"last used by {moment(use.last_used)}" if use.last_used else "not used"
    last += ", perhaps as an earlier channel of its name" if use.perhaps_anothers else ""
    return f"{last}, looked back to {moment(use.since)}{heard}"


def _said(scope: "Scope", facts: Facts, rules: Rules) -> list[Row]:
    rows = [
        (each.name or "-", rule.name, *_says(rule, finding))
        for each in rules.policies
        for rule, finding in findings_of(facts, each, scope.now())
    ]
    return list(dict.fromkeys(rows))  # a narrowing's protections are each policy's, too


def _says(rule: Rule, finding: Finding | Unknown | None) -> tuple[str, str]:
    """Say what a rule makes of the channel, and why where that says something."""
    if finding is None:
        return "cannot tell", "nobody looked"
    if isinstance(finding, Unknown) or finding.spares is None:
        return "cannot tell", finding.why
    if finding.spares:
        return "keep", finding.why
    return ("delete", finding.why) if rule.role is Role.CONDITION else ("-", "")
