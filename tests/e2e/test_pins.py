"""What is fetched by recipes, workflows and images is pinned."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PAGES = [
    path
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    if "uses: " in path.read_text(encoding="utf-8")
]
LOCKED = {
    ("report",): ROOT / "constraints.txt",
    ("report", "smoke"): ROOT / ".github" / "action" / "constraints-smoke.txt",
}


@pytest.mark.parametrize(
    "path", [*PAGES, ROOT / "action.yml", *WORKFLOWS], ids=lambda path: path.name
)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    """A tag can be moved to other code; which version it is stands beside the commit."""
    used = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    used = [each for each in used if each not in {"./", "YOUR-ORGANIZATION/kvsops@COMMIT"}]
    assert used
    assert [
        each for each in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", each)
    ] == []


@pytest.mark.parametrize("extras", LOCKED)
def test_constraints_hold_what_is_needed(extras: tuple[str, ...]) -> None:
    """Each dependency, the extras' and what builds it are there, in a version that will do."""
    found = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = found["project"]
    optional = [text for extra in extras for text in project["optional-dependencies"][extra]]
    pins = re.findall(
        r"^([\w-]+)==(\S+) ", LOCKED[extras].read_text(encoding="utf-8"), re.MULTILINE
    )
    for text in (*project["dependencies"], *optional, *found["build-system"]["requires"]):
        wanted = Requirement(text)
        versions = [version for name, version in pins if name == wanted.name]
        assert versions
        assert all(version in wanted.specifier for version in versions)


@pytest.mark.parametrize("extras", LOCKED)
def test_constraints_are_hashed(extras: tuple[str, ...]) -> None:
    """Nothing is taken that is not, byte for byte, what was looked at."""
    pins = re.split(r"^(?=\w)", LOCKED[extras].read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert pins
    assert [pin for pin in pins if "--hash=sha256:" not in pin] == []


def test_constraints_agree() -> None:
    """What two of the files pin, they pin alike."""
    small, large = (
        {*re.findall(r"^\S+==.*", path.read_text(encoding="utf-8"), re.MULTILINE)}
        for path in LOCKED.values()
    )
    assert small - large == set()


def test_an_image_has_no_history() -> None:
    """The Dockerfile copies what it names, and the build's context has nothing else."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert "!.git" not in ignored
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = [
        word
        for line in re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.MULTILINE)
        for word in line.split()
    ]
    assert {f"!{each}" for each in copied} == {each for each in ignored if each.startswith("!")}


def test_a_release_keeps_no_token() -> None:
    """The publishing job alone may sign and be known to PyPI, after the wheel was tested."""
    (path,) = (each for each in WORKFLOWS if each.name == "release.yml")
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    jobs = found["jobs"]
    assert found["permissions"] == {"contents": "read"}
    assert {name for name, job in jobs.items() if "permissions" in job} == {"publish"}
    assert (jobs["test"]["needs"], jobs["publish"]["needs"]) == ("build", "test")
    assert "secrets." not in path.read_text(encoding="utf-8")
