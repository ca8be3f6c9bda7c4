"""The cost report as a page."""

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kvsops.core.cost import Basis, Day, Month
from kvsops.errors import UsageError
from kvsops.output.figures import NOT_KNOWN, number, percent, usd
from kvsops.reports.bill import BillDay
from kvsops.reports.bill_page import HTML, page
from kvsops.reports.charts import short
from tests.reports.bills import REPORT, D, changed, group, line

HOSTILE = "<script>alert(1)</script>\"'&{{ 7 * 7 }}\x1b[2J\u202e\n\ud800\uffff"
HOSTILE_SHOWN = "<script>alert(1)</script>\"'&{{ 7 * 7 }}\\x1b[2J\\u202e\\n\\ud800\uffff"


class Parsed(HTMLParser):
    """What a page holds: its elements with their attributes, its style and its text."""

    VOID = frozenset({"meta"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.style = ""
        self.told: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element, and that it is open."""
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Hold each end to the element that is open."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text; that of the style apart."""
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.told.append(data)

    @property
    def text(self) -> str:
        """The text, with white space as a browser shows it."""
        return re.sub(r"\s+", " ", " ".join(self.told))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Give the attributes of each element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize(
    "told",
    [
        "Signaling channels: cost in November 2026",
        "us-east-1. As of 2026-11-22 10:00 UTC. In US dollars.",
        "To date $1,324.86 Month, estimated $1,806.63 Channels 9,321 3,012 used",
        "The estimate is projected from this month's use so far.",
        "Fees $0.03 a month for each channel that was used $90.36",
        "Messages $2.25 a million $1,234.50",
        "TURN minutes $0.12 a thousand <$0.01",
        "Together $1,324.86",
        "github:org/repo/1 12 7 $1,500.50 $1,500.50",
        "(none) 12 7 $0.25 $0.25",
        "The dearest day was 2026-11-01 with $1.23.",
        "2026-11-02 9 90 0 $0.31",
        "120 channels deleted since cost $3.60 all the same.",
        "3,012 channels used this month, 1,400 of them on one day only; on the busiest day, 70."
        " Each costs a month's fee: using so many again and again would save $39.90 a month.",
        "6,288 channels unused this month. Deleting them would save $0.00: a channel that nothing"
        " connects to has no fee. It would free quota.",
        "9,300 of 10,000 channels, 93% of the quota. When it is full no channel can be made.",
        "2 channels, dearest first",
        "ci-run-1 team=media 2026-11-03 2026-11-20 3 1,200 4 $0.0332 $0.0345 projected",
        "ci-run-2 deleted - 2026-11-20 3 1,200 4 $0.0332 $0.0345 projected",
        "Prices of us-east-1 (2026-09-14); source:"
        " https://aws.amazon.com/kinesis/video-streams/pricing/.",
        "This report itself cost $0.3002: 30,000 metrics read, GetMetricData called 60 times,"
        " ListMetrics called 18 times.",
    ],
)
def test_what_it_tells(told: str) -> None:
    """Whoever pays reads the totals, their parts, what is behind them and whence they are."""
    assert told in Parsed(page(REPORT)).text


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (
            {"total": {"lower_bound": True}},
            "To date $1,324.86 or more Month, estimated $1,806.63 or more",
        ),
        (
            {"total": {"lower_bound": True}},
            "A lower bound: channels deleted more than two weeks ago are known from journals and an"
            " earlier output (--baseline) only.",
        ),
        (
            {"total": {"unknown": 1}},
            "The cost of 1 channel could not be told and is not in the totals.",
        ),
        ({"total": {"unknown": 4}}, "3,012 used, 4 unknown"),
        (
            {"prices": {"region": "eu-central-1", "assumed_from": "us-east-1"}},
            "No prices are known for eu-central-1: those of us-east-1 were assumed,"
            " and its own may differ.",
        ),
        (
            {"total": {"basis": Basis.ASSUMED, "projection": None}},
            "The estimate is assumed, an upper bound of the fees: use was not read,",
        ),
        ({"total": {"basis": Basis.MEASURED}}, "Month $1,806.63"),
        (
            {"total": {"basis": Basis.MEASURED}},
            "Nothing is estimated: the figures are what was used.",
        ),
        ({"total": {"basis": Basis.UNKNOWN}}, "The estimate could not be told:"),
        ({"total": {"month_to_date": None}}, "To date not known"),
        ({"problems": ["ListMetrics was denied"]}, "What could not be told ListMetrics was denied"),
        ({"problems": ["x"] * 51}, "1 more problem"),
        ({"problems": ["x" * 90_000]}, "What could not be told 1 more problem"),
        ({"by": "tag:team"}, "By tag team"),
        ({"groups": []}, "There are no groups: no channel was found."),
        ({"groups": [group("a", 0)]}, "no group has a cost that is known and not zero"),
        ({"groups": [group("a", 1), group("b", None)]}, "1 group not drawn:"),
        (
            {"groups": [group("unknown", 1)]},
            "Under unknown are the channels whose tags are not known, the deleted ones among them.",
        ),
        (
            {"groups": [group(f"g{n}", 0.5) for n in range(503)]},
            "3 more groups not shown here: $1.50 to date, $1.50 for the month.",
        ),
        ({"days": []}, "No day of this month is known."),
        ({"days": [replace(REPORT.days[0], spent=None)]}, "no day has a cost that is known"),
        ({"ghosts": {"channels": 1}}, "1 channel deleted since cost"),
        ({"ghosts": {"channels": 0}}, "No deleted channel was found on this month's bill."),
        (
            {"ghosts": {"channels": 0}, "total": {"lower_bound": True}},
            "There may be some all the same: the totals are a lower bound.",
        ),
        ({"churn": {"saving": D(0)}}, "there is nothing to save by using the same ones again"),
        ({"churn": None}, "How many channels were used, and how often, could not be"),
        ({"unused": 1}, "1 channel unused this month. Deleting it would save"),
        ({"unused": 0}, "No channel is unused this month: there is nothing to sweep."),
        ({"unused": None}, "How many channels are unused could not be told."),
        ({"quota": {"limit": None}}, "9,300 channels; the quota is not known."),
        ({"lines": []}, "There is no channel."),
        ({"lines": [line("b"), line("c", tags=None)]}, "c tags not known 2026-11-03"),
        ({"lines": [line("c", tags=None)]}, "c 2026-11-03"),  # no tags were asked for
        (
            {"month": Month(2026, 10), "unused": 3},
            "3 channels unused in October 2026: a channel that nothing connects to has no fee,",
        ),
        (
            {"ghosts": {"channels": None, "month_to_date": None}},
            "Whether deleted channels still stand on this month's bill could not be told.",
        ),
        (
            {"lines": [line("c", used=None, estimated=None)]},
            "not known not known not known $0.0332 not known projected",
        ),
    ],
)
def test_what_is_not_plain_is_said(parts: dict[str, Any], told: str) -> None:
    """What is unknown, assumed, empty or left out is told in words."""
    assert told in Parsed(page(changed(**parts))).text


def test_it_needs_nothing_else() -> None:
    """No element, attribute or style loads or runs anything, and the policy forbids it."""
    parsed = Parsed(page(changed(problems=["see https://example.com/"])))
    assert {tag for tag, _ in parsed.elements}.isdisjoint(
        {"script", "link", "img", "image", "iframe", "object", "embed", "use", "a", "base", "form"}
    )
    named = {name for _, attributes in parsed.elements for name in attributes}
    assert not [name for name in named if name.startswith(("on", "xlink", "xmlns", "style"))]
    assert named.isdisjoint({"src", "href", "srcset", "action", "data", "poster"})
    assert "url(" not in parsed.style
    assert "@import" not in parsed.style
    assert {
        "http-equiv": "Content-Security-Policy",
        "content": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
        " form-action 'none'",
    } in parsed.all("meta")


def test_everything_is_shown_as_text() -> None:
    """Names, tags, groups and errors are shown as they are, with what acts or hides escaped."""
    report = changed(
        region=HOSTILE,
        problems=[HOSTILE],
        by=f"tag:{HOSTILE}",
        groups=[group(HOSTILE, 1)],
        lines=[line(HOSTILE, tags={HOSTILE: HOSTILE})],
        prices={"source": HOSTILE, "assumed_from": HOSTILE},
        own_cost={"calls": {HOSTILE: 1}},
    )
    parsed = Parsed(page(report))
    parsed_plain = Parsed(page(REPORT))
    assert {tag for tag, _ in parsed.elements} == {tag for tag, _ in parsed_plain.elements}
    assert {name for _, held in parsed.elements for name in held} == {
        name for _, held in parsed_plain.elements for name in held
    }
    assert not parsed.open
    shown = parsed.text.count(HOSTILE_SHOWN)
    # title, heading; problem; prices' region; heading of the groups, the group; the channel's
    # name, key, value; prices' source and region; the call.
    assert shown >= 11
    assert "\x1b" not in parsed.text
    page(report).encode()  # nothing in it that UTF-8 cannot hold


def test_it_is_accessible() -> None:
    """Headings go in order, tables have captions, charts a title and their data as text."""
    parsed = Parsed(page(REPORT))
    levels = [tag for tag, _ in parsed.elements if re.fullmatch("h[1-6]", tag)]
    assert levels == ["h1", *["h2"] * 4, *["h3"] * 4, *["h2"] * 2]
    assert len(parsed.all("caption")) == len(parsed.all("table")) == 4
    assert all(cell.get("scope") in {"col", "row"} for cell in parsed.all("th"))
    ids = [held["id"] for _, held in parsed.elements if "id" in held]
    assert len(ids) == len(set(ids))
    charts = parsed.all("svg")
    assert [chart["class"] for chart in charts] == ["groups", "days"]
    assert all(chart["role"] == "img" for chart in charts)
    for _, held in parsed.elements:
        assert set((held.get("aria-labelledby") or "").split()) <= set(ids)
    assert "github:org/repo/1: $1,500.50; (none): $0.25" in parsed.text
    assert "2026-11-01: $1.23; 2026-11-02: $0.31" in parsed.text
    assert parsed.all("html") == [{"lang": "en"}]


def test_all_channels_are_accounted_for() -> None:
    """The dearest are in the table; how many others there are, and what they sum to, is said."""
    cheap = [line(f"cheap-{n:04}") for n in range(9_501)]
    unknown = [line("odd", fee=None, estimated=None)] * 2
    dear = [line(f"dear-{n}", estimated=D(1 + n)) for n in range(498)]
    parsed = Parsed(page(changed(lines=[*cheap, *unknown, *dear])))
    assert "The 500 dearest of 10,001 channels" in parsed.text
    assert parsed.text.index("dear-497 ") < parsed.text.index("dear-0 ")
    assert "cheap-0001 " in parsed.text
    assert "cheap-0002 " not in parsed.text
    assert (
        "9,501 more channels not shown here: $315.37 to date, $327.72 for the month,"
        " 2 of them not known. kvsops cost --month 2026-11 -o json lists every one." in parsed.text
    )


def test_it_stays_light() -> None:
    """It is under 1 MB also where 10,000 channels have the longest names and the most tags."""
    long = '"' * 256
    report = changed(
        lines=[line(long, tags={f"{n}{long}": long for n in range(50)})] * 10_000,
        by=f"tag:{long[:128]}",
        groups=[group(long, 1) for _ in range(3_000)],
        days=[replace(REPORT.days[0], day=date(2026, 11, day)) for day in range(1, 31)],
        problems=[long * 4] * 1_000,
    )
    html = page(report)
    assert len(html.encode()) < 1_000_000
    plain = changed(lines=[line(f"ci-{n}") for n in range(10_000)])
    assert len(page(plain).encode()) < 300_000


def test_the_same_report_makes_the_same_page() -> None:
    """Two reports can be compared."""
    assert page(REPORT) == page(REPORT)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed what draws the page is told what to install."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UsageError) as caught:
        HTML.check(tmp_path / "bill.html")
    assert str(caught.value) == "--html needs pip install '.[report]' in a clone of kvsops"


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (lambda: usd(None, unknown=NOT_KNOWN), "not known"),
        (lambda: usd(D(0)), "$0.00"),
        (lambda: usd(D("0.004")), "<$0.01"),
        (lambda: usd(D("0.005")), "$0.01"),
        (lambda: usd(D("1234567.891")), "$1,234,567.89"),
        (lambda: usd(D("-0.5")), "-$0.50"),
        (lambda: usd(D("0.0332"), 4), "$0.0332"),
        (lambda: number(D("0.0473")), "0.0473"),
        (lambda: number(12345), "12,345"),
        (lambda: number(D("1e-05")), "0.00001"),
        (lambda: number(None), "not known"),
        (lambda: percent(0.93), "93%"),
        (lambda: percent(0.0001), "<0.1%"),
        (lambda: percent(0), "0%"),
        (lambda: percent(1.0), "100%"),
        (lambda: percent(0.1234), "12.3%"),
        (lambda: short("github:org/repo/123", 19), "github:org/repo/123"),
        (lambda: short("github:org/repository/123", 12), "githu…ry/123"),
        (lambda: short("\u6771" * 20, 9), "\u6771\u6771…\u6771\u6771"),
        (lambda: short("a\nb", 9), "a\\nb"),
    ],
)
def test_how_figures_are_told(told: Callable[[], str], text: str) -> None:
    """Nothing that is not nothing is shown as zero, and no digit is invented."""
    assert told() == text


def chart(html: str, name: str) -> str:
    """Return the only drawing of that name."""
    (found,) = re.findall(f'<svg class="{name}".*?</svg>', html, re.DOTALL)
    return str(found)


def test_groups_without_a_bar_share_one() -> None:
    """Beyond the dearest twelve there is one bar more, for all others."""
    groups = [group(f"g{n}", n) for n in range(300, 0, -1)]
    drawn = chart(page(changed(groups=groups)), "groups")
    assert len(re.findall('class="bar', drawn)) == 13
    assert "288 others: $41,616.00" in drawn
    assert re.findall('<text class="end"[^>]*>([^<]*)<', drawn)[:2] == ["$300.00", "$299.00"]


@pytest.mark.parametrize(
    ("month", "days"), [("2026-11", 30), ("2026-12", 31), ("2027-02", 28), ("2028-02", 29)]
)
def test_the_days_to_come_have_room(month: str, days: int) -> None:
    """A chart by day has the whole month on its axis, and bars for the days that are known."""
    first = Month.parse(month).start.date()
    known = [
        BillDay(first, Day(1), D("0.02")),
        BillDay(first.replace(day=2), Day(1), D(0)),
        BillDay(first.replace(day=3), None, None),
    ]
    drawn = chart(page(changed(month=Month.parse(month), days=known)), "days")
    assert len(re.findall('class="bar"', drawn)) == 2
    labels = re.findall(r">(\d+)</text>", drawn)
    assert labels == [str(day) for day in range(1, days + 1)]
    assert f"{month}-01: $0.0200; {month}-02: $0.0000</desc>" in drawn
    assert f"<title>{month}-01: $0.0200</title>" in drawn


@pytest.mark.parametrize(
    ("spent", "lines"),
    [
        ("0.02", ["$0.000", "$0.005", "$0.010", "$0.015", "$0.020"]),
        ("1", ["$0.00", "$0.50", "$1.00"]),
        ("1.23", ["$0.00", "$0.50", "$1.00", "$1.50"]),
        ("399", ["$0.00", "$100.00", "$200.00", "$300.00", "$400.00"]),
        ("9.99", ["$0.00", "$2.50", "$5.00", "$7.50", "$10.00"]),
        ("0.000225", ["$0.0000", "$0.0001", "$0.0002", "$0.0003"]),
    ],
)
def test_the_scale_is_round(spent: str, lines: list[str]) -> None:
    """Two to four steps, each a round number, lead to the highest bar."""
    known = [BillDay(date(2026, 11, 1), Day(1), D(spent))]
    drawn = chart(page(changed(days=known)), "days")
    assert re.findall(r'<text class="end"[^>]*>([^<]*)<', drawn) == lines
