"""What `kvsops list` reads: the channels chosen, and what they were used for."""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kvsops.cli.options import screen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from kvsops.aws.scope import Scope
    from kvsops.bill.baseline import Baseline
    from kvsops.bill.bill import Bill
    from kvsops.bill.recordings import Recordings
    from kvsops.bill.usage import Metered
    from kvsops.core.cost import Prices
    from kvsops.core.facts import Facts
    from kvsops.output.console import Console, Counter
    from kvsops.output.rows import Column, Output
    from kvsops.sweep.plan import Plan

Row = TypeVar("Row")

ORDERS: Final[dict[str, "Callable[[Facts], Any]"]] = {
    "name": lambda facts: facts.channel.channel_name,
    "age": lambda facts: (str(facts.channel.creation_time), facts.channel.channel_name),
    "status": lambda facts: (str(facts.channel.status), facts.channel.channel_name),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed, in which order, and how it is shown."""

    given: dict[str, Any]
    direct: bool
    sort: str | None
    reverse: bool
    limit: int | None
    output: "Output"
    query: str | None
    shows_tags: bool
    verbose: bool
    brief: bool = False

    @property
    def about(self) -> set[str]:
        """The names of the options by which is chosen or sorted."""
        return {name for name, value in self.given.items() if value} | {self.sort or "name"}

    @property
    def reads_tags(self) -> bool:
        """Whether the tags are told: JSON, text and CSV always have them."""
        return self.shows_tags or self.output in ("json", "csv", "text")

    def render(
        self, rows: "Sequence[Row]", columns: "Sequence[Column[Row]]", place: "Callable[[], object]"
    ) -> str:
        """Make the text for standard output; `place` is where was looked."""
        from kvsops.output.rows import render

        nothing = "" if rows else f"No channels in {place()}."
        return render(
            rows,
            columns,
            self.output,
            self.query,
            nothing,
            screen=screen(),
            noun="channel",
        )


def read_chosen(
    scope: "Scope",
    listing: Listing,
    console: "Console | None",
    *,
    order: str | None,
    limit: int | None,
    found: "Metered | None" = None,
) -> "tuple[Plan, Sequence[Facts]]":
    """Read and judge the channels; return all, and those chosen: if in an order, the first.

    Where their use will be read, it is learnt meanwhile which names have any, and their tags are
    left for then. Without a console nobody looks: many places have one progress together.
    """
    from kvsops.aws import channels
    from kvsops.core.facts import Need
    from kvsops.core.policies import listing_rules
    from kvsops.facts import gather
    from kvsops.sweep.plan import plan

    given, direct = listing.given, listing.direct
    with (
        _progress("listing channels", None, console) as seen,
        nullcontext() if found is None else _seeing(scope, found),
    ):
        listed = channels.each_listed(scope, given["prefix"])
        planned = plan(scope, listed, listing_rules(given), directly=direct, counter=seen)
        chosen = planned.chosen
        if order:
            chosen = sorted(chosen, key=ORDERS[order], reverse=listing.reverse)[:limit]
        if listing.reads_tags and found is None:
            read = gather.fetch(scope, Need.TAGS, chosen, directly=direct, counter=seen)
            chosen, planned.problems = read.facts, planned.problems + read.problems
    return planned, chosen


def read_bill(
    scope: "Scope",
    listing: Listing,
    planned: "Plan",
    chosen: "Sequence[Facts]",
    *,
    console: "Console | None",
    prices: "Prices",
    found: "Metered | None",
    base: "Baseline | None",
) -> "tuple[Bill, Recordings | None]":
    """Price the channels and what they record to by their use, which is read beside their tags.

    Where use is not read, it is not known what channels record to.
    """
    from kvsops.bill import recordings
    from kvsops.bill.narrowing import Narrowing
    from kvsops.bill.reading import names_gone, priced, read_use, refuse_to_overspend
    from kvsops.core.cost import Month
    from kvsops.core.facts import Need
    from kvsops.facts import gather
    from kvsops.facts.meanwhile import meanwhile
    from kvsops.sweep.deleted import names_deleted

    month, ghosts, recorded = Month.of(scope.now()), None, None
    if found is not None:
        if Narrowing.suffices(listing.given) and len(chosen) == len(planned.chosen):
            listed = [item.facts for item in planned.items]
            told = partial(names_deleted, (), scope.region, month.start)
            ghosts = names_gone(listed, Narrowing.of(listing.given), found, told, base)
        tagged = chosen if listing.reads_tags else []
        tags = partial(gather.fetch, scope, Need.TAGS, tagged, directly=listing.direct)
        names = [*(each.channel.channel_name for each in chosen), *(ghosts or ())]
        with (
            meanwhile(scope, tags) as reading,
            _progress("metrics", len(names), console) as seen,
        ):
            recorded = recordings.look(scope, chosen, seen)
            refuse_to_overspend(scope, len(names), len(recorded.streams))
            read_use(scope, found, names, month, seen)
            recordings.read(scope, recorded, month, prices, seen)
            read = reading.result()
        chosen = read.facts or chosen
        more = (*read.problems, *found.problems, *recorded.problems)
        planned.problems = [*dict.fromkeys((*planned.problems, *more))]
    bill = priced(chosen, ghosts, found, base, prices=prices, now=scope.now())
    return bill, recorded


def _progress(
    what: str, total: int | None, console: "Console | None"
) -> "AbstractContextManager[Counter]":
    from kvsops.output.console import progress

    return progress(what, total, enabled=None if console else False, console=console)


def _seeing(scope: "Scope", found: "Metered") -> "AbstractContextManager[Future[None]]":
    """Learn while the block runs which names have points at all."""
    from kvsops.bill import usage
    from kvsops.facts.meanwhile import meanwhile

    return meanwhile(scope, partial(usage.see, scope, found))
