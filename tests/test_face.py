"""What the repository says of itself: no invented people, nothing that is not there."""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Final

import pytest
import yaml
from packaging.version import Version

import kvsops

ROOT: Final = Path(__file__).parents[1]
GITHUB: Final = ROOT / ".github"
PAGES: Final = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *GITHUB.rglob("*.md")]
FILES: Final = [
    *PAGES,
    *GITHUB.rglob("*.yml"),
    *(ROOT / name for name in ("action.yml", "Dockerfile", "pyproject.toml")),
]
CHANGELOG: Final = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def read(path: Path) -> str:
    """Return a file's text."""
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_owner_is_a_placeholder(path: Path) -> None:
    """Until the repository has an owner, none is made up; nor is anybody's address."""
    owners = re.findall(r"(?:github\.com|ghcr\.io|uses:) ?/?([\w.-]+)/kvsops\b", read(path))
    assert {*owners} <= {"YOUR-ORGANIZATION"}
    assert re.findall(r"[\w.+-]+@[\w-]+\.(?:com|org|net|io|dev)\b", read(path)) == []


def test_the_placeholders_are_told() -> None:
    """Whoever takes the repository over reads in CONTRIBUTING what to replace."""
    told = read(ROOT / "CONTRIBUTING.md")
    placeholders = {each for path in FILES for each in re.findall(r"\bYOUR-[A-Z]+", read(path))}
    assert "YOUR-ORGANIZATION" in placeholders
    assert [each for each in placeholders if f"`{each}`" not in told] == []


def test_addresses_of_the_package() -> None:
    """What PyPI shows beside it leads to the repository, and to files that are there."""
    urls = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]["urls"]
    assert {*urls} == {"Homepage", "Documentation", "Changelog", "Issues"}
    paths = [url.partition("/main/")[2] for url in urls.values() if "/main/" in url]
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_changelog_has_its_form() -> None:
    """Unreleased, then each version with its date, the newest first; the changes by their kind."""
    titles = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert titles[0].startswith("[Unreleased](https://")
    found = [
        re.fullmatch(r"\[(\d+\.\d+\.\d+)\]\(https://\S+\) - (\d{4}-\d\d-\d\d)", title)
        for title in titles[1:]
    ]
    released = [(Version(each[1]), date.fromisoformat(each[2])) for each in found if each]
    assert len(released) == len(found)
    assert released == sorted(released, reverse=True)
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert {*re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)} <= kinds
    before = CHANGELOG.partition("\n### ")[0]
    assert re.findall(r"^- ", before, re.MULTILINE) == []


def test_the_version_is_in_the_changelog() -> None:
    """What is installed says which version it is, and the changelog what is in that."""
    assert f"\n## [{kvsops.__version__}](" in CHANGELOG


def test_bugs_are_asked_for_with_debug() -> None:
    """The form asks for what --debug shows, says that it has no secrets, and what it does have."""
    form = yaml.safe_load(read(GITHUB / "ISSUE_TEMPLATE" / "bug.yml"))
    (asked,) = (each for each in form["body"] if each.get("id") == "command")
    told = asked["attributes"]["description"]
    assert "`kvsops … --debug`" in told
    assert "holds no secrets" in told
    assert "account" in told
    assert asked["validations"] == {"required": True}


def test_vulnerabilities_have_one_address() -> None:
    """Wherever it is said how to report one, it is GitHub's private form."""
    address = "https://github.com/YOUR-ORGANIZATION/kvsops/security/advisories/new"
    for path in (
        ROOT / "SECURITY.md",
        *(GITHUB / "ISSUE_TEMPLATE" / name for name in ("bug.yml", "config.yml")),
    ):
        assert address in read(path)
