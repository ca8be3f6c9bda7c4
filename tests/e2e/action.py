"""The action's steps, run as GitHub's runner runs them."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
ACTION: Final[dict[str, Any]] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
# How the runner starts a step's text with `shell: bash`.
# Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
BASH: Final = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
_EXPRESSION: Final = re.compile(r"\$\{\{ *(.*?) *\}\}")


@dataclass(frozen=True)
class Runner:
    """A machine that runs jobs: where it keeps what is only of one job, and the checkout."""

    temp: Path
    workspace: Path

    def run(
        self, environ: Mapping[str, str] = os.environ, **inputs: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run the step of the action that has a text; the ones before it are other actions'."""
        (step,) = (each for each in ACTION["runs"]["steps"] if "run" in each)
        script = self.temp / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        known = {f"inputs.{name}": each["default"] for name, each in ACTION["inputs"].items()}
        known |= {f"inputs.{name}": text for name, text in inputs.items()}
        known["steps.python.outputs.python-path"] = sys.executable
        given = {
            name: _EXPRESSION.sub(lambda found: known[found[1]], text)
            for name, text in step["env"].items()
        }
        return subprocess.run(
            [*BASH, str(script)],
            env={**environ, **self._own(), **given},
            cwd=self.workspace,
            check=False,
            capture_output=True,
            text=True,
            timeout=280,
        )

    def _own(self) -> dict[str, str]:
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_STEP_SUMMARY": str(self.workspace / "summary.md"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
        }
