"""`kvsops cost`: the files that it writes."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.cli.costs import (
    OWN,
)


class Links(HTMLParser):
    """Collects what a page would load, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note each address."""
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]
        self.loaded += [tag] if tag in ("script", "link", "iframe") else []

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.text += data


@pytest.mark.usefixtures("last_months_fleet")
def test_html(last: Kvsops, tmp_path: Path) -> None:
    """One page that loads nothing, with the totals and the channels."""
    page = tmp_path / "bill.html"
    ended = last("--html", str(page))
    assert (ended.code, ended.err) == (0, f"page written: {page}\n{OWN}")
    links = Links()
    links.feed(page.read_text(encoding="utf-8"))
    assert not [each for each in links.loaded if not each.startswith(("#", "data:"))]
    for text in ("$2.46", "cam-door", "old-1", "$2.40"):
        assert text in links.text


@pytest.mark.usefixtures("last_months_fleet")
def test_open_metrics(last: Kvsops, tmp_path: Path) -> None:
    """A file that Prometheus reads, with the totals."""
    file = tmp_path / "kvsops.prom"
    assert last("--open-metrics", str(file)).code == 0
    text = re.sub(r"# EOF\n$", "", file.read_text())
    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["kvsops_cost_month_to_date_dollars"] == 2.46
    assert samples["kvsops_cost_lower_bound"] == 1
    assert samples["kvsops_ghosts"] == 1


@pytest.mark.usefixtures("last_months_fleet")
def test_files_when_nothing_is_known(last: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """A page and metrics are written all the same, and no zero in them."""
    emulator.settings.faults = (Fault("GetMetricData", "AccessDenied"),)
    page, file = tmp_path / "bill.html", tmp_path / "kvsops.prom"
    assert last("--html", str(page), "--open-metrics", str(file)).code == 1
    text = page.read_text(encoding="utf-8")
    assert "How many channels are unused could not be told." in text
    assert "No deleted channel was found" not in text
    for name in ("cost_month_to_date_dollars", "channels_used", "ghosts"):
        assert f"kvsops_{name}" not in file.read_text()


@pytest.mark.parametrize("option", ["--html", "--open-metrics"])
def test_a_file_that_cannot_be_there(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, option: str
) -> None:
    """It is refused before anything is asked, which may cost."""
    path = tmp_path / "no" / "directory"
    ended = kvsops("cost", option, str(path))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"error: {option} {path} cannot be written: no such directory, or it is one\n"
    )
    assert emulator.calls == {}


@pytest.mark.usefixtures("last_months_fleet")
@pytest.mark.parametrize("option", ["--html", "--open-metrics"])
def test_a_file_that_cannot_be_written(last: Kvsops, tmp_path: Path, option: str) -> None:
    """The report is told, then the failure, and all else that could be."""
    metrics = tmp_path / "kvsops.prom"
    ended = last(option, "/dev/full")
    assert ended.code == 1
    assert ended.out.startswith("us-east-1: ")
    assert f"cannot be written to /dev/full ({option}): No space left on device\n" in ended.err
    assert ended.err.endswith(OWN)
    ended = last("--html", "/dev/full", "--open-metrics", str(metrics), "--fail-over", "0.01")
    assert ended.code == 3
    assert metrics.exists()
