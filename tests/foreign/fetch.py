"""Other people's clients, had from npm when they are tested: pinned, unmodified, never committed.

`python -m tests.foreign.fetch` has them in `.ci/foreign`, which Git ignores.
"""

import fcntl
import json
import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
FOLDER: Final = HERE.parents[1] / ".ci" / "foreign"
"""Where npm puts them: `node_modules` is there, and a link to the client programs."""
NODE: Final = 20
"""The oldest major version of Node that the packages run on."""
_SECONDS: Final = 600
_COMMAND: Final = (
    *("npm", "ci", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"),
    "--fetch-retries=1",
)
"""Without the optional ones: React Native's shims, and builds for other machines."""


class UnavailableError(Exception):
    """A client that cannot be had here; the message says why."""


def fetched() -> Path:
    """Return the folder, once it holds what the lock file names; raises `UnavailableError`."""
    if (why := _why_not()) is not None:
        raise UnavailableError(why)
    return FOLDER


@cache
def _why_not() -> str | None:
    """Fetch, once in each process; return why it could not be done."""
    try:
        _require_node()
        FOLDER.mkdir(parents=True, exist_ok=True)
        with (FOLDER / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _there():
                _fetch()
    except UnavailableError as error:
        return str(error)
    return None


def version(package: str) -> str:
    """Return the version that the lock file has of an npm package."""
    locked = json.loads((HERE / "package-lock.json").read_text())
    return str(locked["packages"][f"node_modules/{package}"]["version"])


def _require_node() -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise UnavailableError("the builds that the lock file names are for Linux on x86-64")
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise UnavailableError("node and npm are not installed")
    asked = subprocess.run(["node", "--version"], capture_output=True, check=True, text=True)
    if int(asked.stdout.strip().lstrip("v").split(".")[0]) < NODE:
        raise UnavailableError(f"node {asked.stdout.strip()} is older than {NODE}")


def _there() -> bool:
    """Whether npm ended well the last time, and with this lock file."""
    done = FOLDER / "done"
    return done.exists() and done.read_text() == (HERE / "package-lock.json").read_text()


def _fetch() -> None:
    (FOLDER / "done").unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, FOLDER / name)
    clients = FOLDER / "clients"
    clients.unlink(missing_ok=True)
    clients.symlink_to(os.path.relpath(HERE / "clients", FOLDER))
    try:
        subprocess.run(
            _COMMAND, cwd=FOLDER, check=True, capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.CalledProcessError as error:
        raise UnavailableError(f"npm ci failed: {' '.join(error.stderr.split())}") from None
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"npm ci did not end in {_SECONDS} s") from None
    shutil.copyfile(HERE / "package-lock.json", FOLDER / "done")


if __name__ == "__main__":
    try:
        print(fetched())  # noqa: T201 - what this command is for
    except UnavailableError as error:
        sys.exit(f"error: {error}")
