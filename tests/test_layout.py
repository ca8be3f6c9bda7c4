"""The repository's layout: what lies at its root, and that the map of its rooms is true."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
MAP: Final = ROOT / "docs" / "architecture.md"
AT_THE_ROOT: Final = {
    ".ci",
    ".dockerignore",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "action.yml",
    "constraints.txt",
    "docs",
    "kvsops",
    "pyproject.toml",
    "tests",
}


def rooms() -> set[str]:
    """Return the rooms of kvsops/: its packages, and the modules beside them with work in them."""
    found = {path.parent.name for path in (ROOT / "kvsops").glob("*/__init__.py")}
    modules = {path.stem for path in (ROOT / "kvsops").glob("*.py")}
    return found | modules - {"__init__", "__main__"}


def picture() -> str:
    """Return the map's flowchart."""
    found = re.search(r"```mermaid\n(.*?)```", MAP.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


IN_HIDDEN_FOLDERS: Final = {
    ".ci/run",
    ".github/ISSUE_TEMPLATE",
    ".github/PULL_REQUEST_TEMPLATE.md",
    ".github/action",
    ".github/dependabot.yml",
    ".github/workflows",
}


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Return the paths that git keeps."""
    if not (ROOT / ".git").exists():
        pytest.skip("git tells what is tracked")
    argv = ["git", "ls-files"]
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return told.splitlines()


def test_nothing_else_lies_at_the_root(tracked: list[str]) -> None:
    """What is tracked there, hidden or not, is what the design names: no more, and no less."""
    assert {path.partition("/")[0] for path in tracked} == AT_THE_ROOT


def test_nothing_else_is_hidden(tracked: list[str]) -> None:
    """Nor does anything else lie in the folders that a listing does not show."""
    hidden = [path.split("/") for path in tracked if path.startswith((".ci/", ".github/"))]
    assert {"/".join(parts[:2]) for parts in hidden} == IN_HIDDEN_FOLDERS


def test_every_room_is_on_the_map() -> None:
    """The picture has each room, and none that is not there."""
    assert set(re.findall(r'^ +(\w+)\["', picture(), re.MULTILINE)) == rooms()


def floors() -> dict[str, int]:
    """Return each room's floor, counted from the top, as import-linter holds it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {
        room.strip().removeprefix("kvsops."): floor
        for floor, layer in enumerate(settings["tool"]["importlinter"]["contracts"][0]["layers"])
        for room in layer.split("|")
    }


def imports() -> set[tuple[str, str]]:
    """Return which room imports from which other."""
    return {
        (path.relative_to(ROOT / "kvsops").with_suffix("").parts[0], imported)
        for path in (ROOT / "kvsops").rglob("*.py")
        for imported in re.findall(
            r"^ *from kvsops\.(\w+)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }


def test_arrows_point_down() -> None:
    """Each arrow is between rooms of the picture, and to a lower floor."""
    arrows, floor = re.findall(r"(\w+) --> (\w+)", picture()), floors()
    assert [(a, b) for a, b in arrows if floor[a] >= floor[b]] == []
    assert {room for arrow in arrows for room in arrow} == rooms()


def test_arrows_lead_to_all_that_is_imported() -> None:
    """What a room imports from below it can be reached from it by the picture's arrows."""
    arrows, floor = set(re.findall(r"(\w+) --> (\w+)", picture())), floors()
    reached = set(arrows)
    for _ in rooms():
        reached |= {(a, d) for a, b in reached for c, d in arrows if b == c}
    downwards = {(a, b) for a, b in imports() if a in rooms() and floor[a] < floor.get(b, 0)}
    assert ("sweep", "aws") in downwards
    assert downwards - reached == set()


def test_what_the_map_names_is_there() -> None:
    """Each path in it leads to a file or a folder."""
    text = MAP.read_text(encoding="utf-8")
    paths = re.findall(r"`((?:kvsops|tests|docs)/[\w./-]*)`", text)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert text.count("\n") <= 150
