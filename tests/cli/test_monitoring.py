"""The dashboard and the alerts ask for what `kvsops` writes, under the names that it has there."""

from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, put
from tests.monitoring import DASHBOARD, alerts, asked, panels
from tests.reports.gauges import samples_in

Written = dict[str, set[str]]


@pytest.fixture
def written(kvsops: Kvsops, todays_fleet: LocalServer, tmp_path: Path) -> Written:
    """Return the labels of each metric that a sweep, a cost report and a smoke test write."""
    put(todays_fleet, "ci-old", 2 * DAY)
    put(todays_fleet, "ci-new", timedelta(hours=1))
    cost, sweep, smoke = (str(tmp_path / f"{name}.prom") for name in ("cost", "sweep", "smoke"))
    kvsops("cost", "--open-metrics", cost)
    kvsops("sweep", "--older-than", "1d", "--prefix", "ci-", "--yes", "--report", sweep)
    kvsops("smoke", "--duration", "2s", "--report", smoke)
    labels: Written = defaultdict(set)
    for path in (cost, sweep, smoke):
        for sample in samples_in(Path(path)):
            labels[sample.name] |= sample.labels.keys()
    return labels


def test_every_metric_is_written(written: Written) -> None:
    """No panel stays empty, and no alert silent, for want of a metric or a label of that name."""
    wanted = [*asked()]
    assert len(wanted) > 30
    assert {name for name, _ in wanted} - written.keys() == set()
    assert [(name, labels) for name, labels in wanted if labels - written[name]] == []


def test_panels_lie_side_by_side() -> None:
    """None overlaps another or leaves the grid; each has an id of its own, and says what it is."""
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        covered = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not covered & cells
        cells |= covered
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert [panel["title"] for panel in panels() if not panel["description"].endswith(".")] == []


def test_the_dashboard_is_nobody_s() -> None:
    """It asks for the data source when it is imported: it names none of anybody's."""
    sources = {
        each["datasource"]["uid"] for panel in panels() for each in (panel, *panel["targets"])
    }
    assert sources == {"${datasource}"}
    assert (DASHBOARD["uid"], DASHBOARD.get("id")) == ("kvsops", None)


def test_alerts_say_what_they_are() -> None:
    """Each has a severity and a line that can be read aloud; no two have one name."""
    assert len({alert["alert"] for alert in alerts()}) == len(alerts())
    assert {alert["labels"]["severity"] for alert in alerts()} == {"info", "warning", "critical"}
    assert [each for each in alerts() if len(each["annotations"]["summary"]) > 100] == []
