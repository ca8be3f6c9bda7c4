"""What the action does: install kvsops from its own source, and run the command of its input.

What the workflow's author wrote comes by the environment and is split into words here: no shell
ever reads it. kvsops then takes this process's place, so that it gets the runner's signals.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

COMMANDS = ("sweep", "exec", "smoke", "cost")
WRONG_USAGE = 2


def words(environ: Mapping[str, str]) -> list[str]:
    """Return what to type after `kvsops`; exits where not exactly one command is given."""
    given = {name: environ.get(f"ACTION_{name.upper()}", "").strip() for name in COMMANDS}
    given = {name: text for name, text in given.items() if text not in {"", "false"}}
    if len(given) != 1:
        wrong(f"give one of the inputs {', '.join(COMMANDS)}, not {' and '.join(given) or 'none'}")
    ((command, text),) = given.items()
    try:
        return [command, *([] if text == "true" else shlex.split(text))]
    except ValueError as error:
        wrong(f"the input {command} cannot be split into words: {str(error).lower()}")


def wrong(why: str) -> NoReturn:
    """Say so as an annotation of the run, and end."""
    sys.stdout.write(f"::error title=kvsops::{why}\n")
    sys.exit(WRONG_USAGE)


def install(source: Path, folder: Path, locked: Path) -> Path:
    """Install kvsops beside what `locked` pins, unless it is there; return the program."""
    program = folder / "bin" / "kvsops"
    if not program.exists():
        sys.stdout.write("::group::Install kvsops\n")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)  # noqa: S603 - no input
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        for what in (
            ("--require-hashes", "--requirement", str(locked)),
            ("--no-deps", "--no-build-isolation", str(source)),
        ):
            subprocess.run([*pip, *what], check=True)  # noqa: S603 - no input
        sys.stdout.write("::endgroup::\n")
        sys.stdout.flush()
    return program


def main() -> None:
    """Run the action."""
    argv = words(os.environ)
    source = Path(__file__).resolve().parents[2]
    smoke = argv[0] == "smoke"
    locked = source / (".github/action/constraints-smoke.txt" if smoke else "constraints.txt")
    folder = Path(os.environ["RUNNER_TEMP"]) / ("kvsops-smoke" if smoke else "kvsops")
    program = install(source, folder, locked)
    for name in COMMANDS:
        os.environ.pop(f"ACTION_{name.upper()}", None)
    os.execv(program, ["kvsops", *argv])  # noqa: S606 - a shell is what must not read it


if __name__ == "__main__":
    main()
