"""Why a sweep does what it does with one channel: each fact, and what each rule says of it."""

from typing import TYPE_CHECKING, Any

import click

from kvsops.aws import channels
from kvsops.core.facts import Fact, Facts, Need, Unknown
from kvsops.core.judge import Rules, findings_of, judge
from kvsops.core.likeness import shown
from kvsops.core.rule import Finding, Role, Rule
from kvsops.core.text import moment
from kvsops.facts import gather
from kvsops.output.rows import DOCUMENTS, Column, dumps, markdown, table
from kvsops.output.text import safe
from kvsops.reports.columns import link_text

if TYPE_CHECKING:
    from kvsops.aws.scope import Scope
    from kvsops.output.rows import Output

Row = tuple[str, ...]

_FACT_KEYS = ("fact", "value", "source", "read_at")
_RULE_KEYS = ("policy", "rule", "says", "why")


def tell_why(
    scope: "Scope", target: str, rules: Rules, output: "Output", query: str | None
) -> bool:
    """Read all facts of the channel directly, and print what every policy makes of them.

    Returns whether everything could be read and judged.
    """
    facts = Facts(channels.named(scope, target))
    for need in Need:
        facts = gather.direct(scope, facts, need, span=rules.span)
    decision = judge(facts, rules, scope.now(), direct=True)
    known, said = _facts(facts), _said(scope, facts, rules)
    policy = f" ({decision.policy})" if decision.policy else ""
    verdict = f"{facts.channel.channel_name}: {decision.verdict.value}{policy}: {decision.reason}"
    if output in DOCUMENTS:
        whole: dict[str, Any] = {
            "channel_name": facts.channel.channel_name,
            "channel_arn": facts.channel.channel_arn,
            "decision": decision.verdict.value,
            "policy": decision.policy or None,
            "reason": decision.reason,
            "facts": [dict(zip(_FACT_KEYS, row, strict=True)) for row in known],
            "rules": [dict(zip(_RULE_KEYS, row, strict=True)) for row in said],
        }
        click.echo(dumps(whole, query, output), nl=False)
    else:
        form = markdown if output == "markdown" else table
        facts_table = form(known, _columns("FACT", "VALUE", "READ FROM", "AT"))
        rules_table = form(said, _columns("POLICY", "RULE", "SAYS", "WHY"))
        click.echo(f"{safe(verdict)}\n\n{facts_table}\n{rules_table}", nl=False)
    unread = any(isinstance(facts.get(need), Unknown) for need in Need)
    return not (unread or decision.unknown)


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
    return [
        (each.name or "-", rule.name, *_says(rule, finding))
        for each in rules.policies
        for rule, finding in findings_of(facts, each, scope.now())
    ]


def _says(rule: Rule, finding: Finding | Unknown | None) -> tuple[str, str]:
    """Say what a rule makes of the channel, and why where that says something."""
    if finding is None:
        return "cannot tell", "nobody looked"
    if isinstance(finding, Unknown) or finding.spares is None:
        return "cannot tell", finding.why
    if finding.spares:
        return "keep", finding.why
    return ("delete", finding.why) if rule.role is Role.CONDITION else ("-", "")
