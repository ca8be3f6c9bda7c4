"""The rules and the dashboard's expressions, checked by Prometheus's own promtool."""

import re
from pathlib import Path

import yaml

from tests.lint.tools import run
from tests.monitoring import FOLDER, RULES, alerts, expressions


def test_rules() -> None:
    """Promtool finds nothing in them."""
    run("promtool", "check", "rules", "--lint-fatal", RULES)


def test_alerts() -> None:
    """Each goes off when it should, and not before, in the words that are wanted."""
    run("promtool", "test", "rules", Path(__file__).with_name("rules.test.yml"))


def test_the_page_has_every_alert() -> None:
    """Its table names each, and none that is not there."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == [each["alert"] for each in alerts()]


def test_the_dashboard_s_expressions(tmp_path: Path) -> None:
    """Promtool can read each, as a rule."""
    rules = [
        {"record": f"panel:{number}", "expr": expression}
        for number, (expression, _) in enumerate(expressions())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    run("promtool", "check", "rules", path)
