"""What a sweep or a deletion came to, as a CI shows it."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from kvsops.output.digest import Digest, Section
from kvsops.output.rows import markdown
from kvsops.output.screen import Outcome as Colour
from kvsops.output.text import count
from kvsops.reports.place import place_line
from kvsops.reports.sweep import Report
from kvsops.reports.sweep_columns import Shown
from kvsops.sweep.item import Item, Outcome


def digest_of(report: Report, code: int) -> Digest:
    """Tell the run that ended with this exit code."""
    why = [*_why(report), *_failures(report.plan.items)]
    doubtful = [*report.plan.problems, *report.plan.mistaken, *report.warnings]
    return Digest(
        Colour.BAD if code else Colour.DOUBTFUL if doubtful else Colour.GOOD,
        report.typed,
        f"{_where(report)}: {_nothing(report)}{report.totals()}",
        list(dict.fromkeys([*why, *doubtful])),
        report.plan.presumed,
        list(_commands(report)),
        list(_sections(report)),
    )


def _where(report: Report) -> str:
    first = next((item.channel.channel_arn for item in report.plan.items), None)
    return place_line(report.scope, first)


def _nothing(report: Report) -> str:
    blown = report.sweep.blown and not report.scope.read_only
    return "nothing was deleted; " if blown else ""


def _why(report: Report) -> Iterator[str]:
    if report.ended:
        yield report.ended
    yield from (*report.plan.undecided, *report.plan.uncertain)


def _failures(items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        if item.outcome is Outcome.FAILED:
            yield f"{item.channel.channel_name} failed: {item.reason}"


def failed(report: Report) -> str:
    """Say in a line which deletions failed, and why the first did; nothing where none did."""
    failures = list(_failures(report.plan.items))
    more = f" (and {len(failures) - 1:,} more)" if failures[1:] else ""
    return f"{failures[0]}{more}" if failures else ""


def _commands(report: Report) -> Iterator[tuple[str, str]]:
    """Yield the journal's name, and how to undo what was done."""
    if report.sweep.journal:
        yield "Journal", str(report.sweep.journal)
    if words := undoing(report):
        yield "To undo it", shlex.join(words)


def may_be_gone(item: Item) -> bool:
    """Whether it was deleted, as far as is known."""
    return item.outcome is Outcome.DELETED or item.lost


def undoing(report: Report) -> list[str]:
    """Return the command that makes again what was deleted, in words; none where nothing was."""
    journal = report.sweep.journal
    if not journal or not any(map(may_be_gone, report.plan.items)):
        return []
    path = f"./{journal}" if str(journal).startswith("-") else str(journal)
    return ["kvsops", "restore", path, "--yes", *report.options]


def _sections(report: Report) -> Iterator[Section]:
    """Yield what is or would be done, then what is kept, folded away."""
    rules, now = report.sweep.rules, report.scope.now()
    items = sorted(report.plan.items, key=_order)
    kept = [item for item in items if item.outcome is Outcome.KEPT]
    others = [item for item in items if item.outcome is not Outcome.KEPT]
    if others:
        columns = Shown(others, rules, now).columns()
        yield Section(count(len(others), "channel"), markdown(others, columns))
    if kept:
        reasons = Counter(item.decision.rule.counted if item.decision.rule else "" for item in kept)
        said = [f"{number:,} {why}" for why, number in reasons.most_common() if why]
        title = f"{count(len(kept), 'channel')} kept{': ' if said else ''}{', '.join(said)}"
        yield Section(title, markdown(kept, Shown(kept, rules, now).kept_columns()), folded=True)


def _order(item: Item) -> tuple[int, str, str]:
    """Put those of one outcome together, what failed first, and the oldest of them first."""
    order = [Outcome.FAILED, *(each for each in Outcome if each is not Outcome.FAILED)]
    return order.index(item.outcome), str(item.channel.creation_time), item.channel.channel_name
