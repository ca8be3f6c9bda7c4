"""The Grafana dashboard and the Prometheus rules, read for the metrics that they ask for."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parents[1] / "docs" / "monitoring"
RULES: Final = FOLDER / "rules.yml"
DASHBOARD: Final[dict[str, Any]] = json.loads((FOLDER / "grafana.json").read_text("utf-8"))
_SELECTED: Final = re.compile(r"\b(kvsops_\w+)(?:\{([^}]*)\})?")
_GROUPED: Final = re.compile(r"\bby \(([^)]*)\)")
_LABELLED: Final = re.compile(r"\b(\w+)(?:=~|!~|!=|=)")
_SHOWN: Final = re.compile(r"\$labels\.(\w+)|\{\{(\w+)\}\}")


def alerts() -> list[dict[str, Any]]:
    """Return the alerts of all groups."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels, without the rows that only have titles."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str]]:
    """Give each expression, and what shows its labels: a legend, or an alert's texts."""
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]
    for alert in alerts():
        yield alert["expr"], " ".join(alert["annotations"].values())
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"])
            assert asked
            yield asked[1], f"{{{{{asked[2]}}}}}"


def asked() -> Iterator[tuple[str, set[str]]]:
    """Give each metric asked for, with the labels that it is asked, grouped or shown by."""
    for expression, shown in expressions():
        grouped = {
            label.strip() for found in _GROUPED.findall(expression) for label in found.split(",")
        }
        for name, selected in _SELECTED.findall(expression):
            yield name, {*_LABELLED.findall(selected), *grouped, *_shown(shown)}


def _shown(text: str) -> Iterator[str]:
    """Give the labels that an alert's text shows, or a legend."""
    for found in _SHOWN.findall(text):
        yield from filter(None, found)
