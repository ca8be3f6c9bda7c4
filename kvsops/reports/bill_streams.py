"""The streams' part of a bill's report: what they come to, by group and by day, and all in all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from kvsops.bill.bill import Line, tag_key
from kvsops.bill.streams import StreamBill, StreamLine
from kvsops.core.cost import ZERO, known_sum, total, unknown

StreamGroups = Mapping[str | None, Sequence[StreamLine]]


@dataclass(frozen=True, slots=True)
class StreamPart:
    """The streams' part of a report; `bill` None: they could not be listed.

    `partial`: of many accounts and regions, those of some could not.
    """

    bill: StreamBill | None = None
    groups: StreamGroups = field(default_factory=dict)
    days: Mapping[date, Decimal] = field(default_factory=dict)
    partial: bool = False

    @property
    def lines(self) -> Sequence[StreamLine]:
        """The streams' lines."""
        return self.bill.lines if self.bill else ()

    @property
    def told(self) -> bool:
        """Whether there is anything to tell: streams, or that they could not be listed."""
        return self.bill is None or bool(self.bill.lines) or self.partial

    @property
    def unknown(self) -> bool:
        """Whether nothing is known of them."""
        return self.month_to_date is None

    @property
    def lower_bound(self) -> bool:
        """Whether they may cost more than is told; none that there are cost nothing."""
        if self.bill is None or self.partial:
            return True
        return bool(self.bill.lines) and self.bill.lower_bound

    @property
    def month_to_date(self) -> Decimal | None:
        """What was spent so far, as far as it is known."""
        return self.bill.month_to_date if self.bill else None

    @property
    def estimated_month(self) -> Decimal | None:
        """What the month will come to, as far as it is known."""
        return self.bill.estimated_month if self.bill else None


@dataclass(frozen=True, slots=True)
class InAll:
    """What channels and streams come to together, as far as it is known."""

    month_to_date: Decimal | None
    estimated_month: Decimal | None
    lower_bound: bool


def stream_part(
    bill: StreamBill | None, lines: Sequence[Line], by: str, group_by: Callable[[Line], str | None]
) -> StreamPart:
    """Work out what there is to tell of streams; `lines` are the channels'."""
    if bill is None:
        return StreamPart()
    of_channels = {
        line.facts.channel.channel_arn: group_by(line) for line in lines if line.facts is not None
    }
    grouped: dict[str | None, list[StreamLine]] = {}
    for line in bill.lines:
        grouped.setdefault(_group(line, by, of_channels, group_by), []).append(line)
    days = {day: total(items.values()) for day, items in bill.days().items()}
    return StreamPart(bill, grouped, days)


def _group(
    line: StreamLine,
    by: str,
    of_channels: Mapping[str, str | None],
    group_by: Callable[[Line], str | None],
) -> str | None:
    """Return a stream's group: by its own tag, else that of the channel that records to it."""
    key = tag_key(by)
    if key is None:  # by its name or its region, as if it were a channel
        return group_by(Line(line.stream_name, None, unknown()))
    if line.tags is None:
        return "unknown"
    if key in line.tags:
        return line.tags[key]
    if line.link is None:
        return "unknown"
    if line.link.channel_arn is None:
        return None
    return of_channels.get(line.link.channel_arn, "unknown")


def known_costs(lines: Sequence[StreamLine]) -> tuple[Decimal | None, Decimal | None]:
    """Return what streams cost so far, and for the month; nothing where there are none."""
    if not lines:
        return ZERO, ZERO
    return (
        known_sum([line.cost.month_to_date for line in lines]),
        known_sum([line.cost.estimated_month for line in lines]),
    )
