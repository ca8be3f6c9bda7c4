"""What a month may come to, and whether it stays within."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Literal

from kvsops.bill.baseline import Baseline, Growth
from kvsops.bill.bill import Bill, Line
from kvsops.bill.recordings import Recordings
from kvsops.bill.stream_reading import StreamReading
from kvsops.core.cost import ZERO, Basis
from kvsops.core.stream_caveats import Caveat
from kvsops.output.figures import usd

Level = Literal["note", "warning", "error"]
"""How much a line matters; an error is a question without an answer."""


@dataclass(slots=True)
class Verdict:
    """What a bill held against a budget tells.

    `passed` says which limit was passed, and by what; else it holds, unless a line is an error:
    what is not known never passes for cheap.
    """

    lines: list[tuple[Level, str]] = field(default_factory=list)
    passed: str | None = None

    @property
    def known(self) -> bool:
        """Whether every question has an answer."""
        return all(level != "error" for level, _ in self.lines)


@dataclass(frozen=True, slots=True)
class StreamsTotal:
    """What streams add to the month, in dollars; `unknown` says that some of it is not known.

    `recorded` says that it is of the streams that the channels record to, and of no others;
    `unpriced` that prices of what they were used for are not known.
    """

    estimated_month: Decimal = ZERO
    unknown: bool = False
    lower_bound: bool = False
    recorded: bool = False
    unpriced: bool = False

    @classmethod
    def of(cls, reading: StreamReading) -> "StreamsTotal":
        """Sum up all streams."""
        bill = reading.bill
        if bill is None:
            return cls(unknown=True, lower_bound=True)
        return cls(
            bill.estimated_month or ZERO,
            unknown=bool(bill.unknown or bill.problems),
            lower_bound=bool(bill.lines) and bill.lower_bound,
            unpriced=Caveat.PRICES in bill.caveats,
        )

    @classmethod
    def of_recorded(cls, recordings: Recordings, lines: Sequence[Line]) -> "StreamsTotal":
        """Sum up the streams that these channels record to."""
        bill, known = recordings.bill, recordings.all_known(lines)
        return cls(
            (bill.estimated_month if bill else None) or ZERO,
            unknown=not known or bool(recordings.problems),
            lower_bound=not known or bool(bill and bill.lower_bound),
            recorded=True,
            unpriced=bool(bill and Caveat.PRICES in bill.caveats),
        )

    def __add__(self, other: "StreamsTotal") -> "StreamsTotal":
        return StreamsTotal(
            self.estimated_month + other.estimated_month,
            self.unknown or other.unknown,
            self.lower_bound or other.lower_bound,
            self.recorded or other.recorded,
            self.unpriced or other.unpriced,
        )

    @property
    def any(self) -> bool:
        """Whether streams add anything, or may."""
        return bool(self.estimated_month) or self.unknown or self.lower_bound

    def beside(self, baseline: Baseline) -> bool:
        """Whether the earlier output is of the same streams; else channels alone are compared."""
        return baseline.streams_month is not None and self.recorded is (baseline.region is None)


CHANNELS_ALONE: Final = StreamsTotal()


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of a month, in dollars, and of its growth over a baseline."""

    fail_over: Decimal | None = None
    warn_over: Decimal | None = None
    max_growth: Growth | None = None

    def judge(
        self, bill: Bill, baseline: Baseline | None, streams: StreamsTotal = CHANNELS_ALONE
    ) -> Verdict:
        """Hold the bill against the limits; where one is passed, nothing more is said."""
        verdict = Verdict()
        estimated = bill.estimated_month + streams.estimated_month
        comes = _sum(estimated, bill.unknown or streams.lower_bound)
        if self.warn_over is not None and estimated > self.warn_over:
            said = f"the month will come to {comes}, over {_limit(self.warn_over)}"
            verdict.lines.append(("warning", said))
        if self.fail_over is not None and estimated > self.fail_over:
            over = f"over --fail-over {_limit(self.fail_over)}"
            verdict.passed = f"the month will come to {comes}, {over}"
            return verdict
        if baseline:
            self._compare(verdict, bill, baseline, streams)
        if not verdict.passed:
            verdict.lines += [("error", said) for said in self._unanswered(bill, streams)]
            if streams.unknown:
                said = "the cost of some streams is not known: the total is without it"
                verdict.lines.append(("error", said))
        return verdict

    def _compare(
        self, verdict: Verdict, bill: Bill, baseline: Baseline, streams: StreamsTotal
    ) -> None:
        """Say what the month had come to in the earlier output, and whether it grew too much.

        An output that tells nothing of streams, or of others, is compared with channels alone.
        """
        alike = streams.beside(baseline)
        alone = ", channels alone" if streams.any and not alike else ""
        streams = streams if alike else CHANNELS_ALONE
        # An earlier list has no deleted channels: like is compared with like.
        bill = replace(bill, lines=bill.living) if baseline.region is None else bill
        estimated, growth = bill.estimated_month + streams.estimated_month, self.max_growth
        was = baseline.month_with(streams=alike)
        before = _sum(was, baseline.unknown or (alike and baseline.at_least))
        now = _sum(estimated, bill.unknown or streams.lower_bound)
        said = f"{now}, where {baseline.path} had {before}{alone}"
        grown = growth is not None and growth.passed(was, estimated)
        if growth and grown and not baseline.unknown:
            verdict.passed = f"{said}: more than --max-growth {growth.text}"
            return
        verdict.lines.append(("note", f"the month will come to {said}"))
        if growth and grown:
            said = f"whether it grew by more than --max-growth {growth.text} is not known"
            verdict.lines.append(("error", said))

    def _unanswered(self, bill: Bill, streams: StreamsTotal) -> Iterator[str]:
        asked = self.fail_over is not None or self.max_growth is not None
        open_still = "whether the month stays within the budget is not known"
        if bill.basis is Basis.ASSUMED and asked:
            yield f"{open_still}: --no-metrics leaves messages and TURN minutes unread"
        if streams.unpriced and asked:
            yield f"{open_still}: prices of streams' data are not; --prices can name them"
        if number := len(bill.unknown):
            yield f"the cost of {number:,} channels is not known: the total is without them"


def _sum(amount: Decimal, unknown: object) -> str:
    """Say a sum, and where parts of it are not known, that it is at least that."""
    return f"{'at least ' if unknown else ''}{usd(amount)}"


def _limit(amount: Decimal) -> str:
    return usd(amount, 4, trimmed=True)
