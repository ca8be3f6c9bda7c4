"""The recipes for schedulers, read out of their pages."""

import configparser
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

PAGES: Final = tuple(
    Path(__file__).parents[2] / "docs" / "how-to" / f"{name}.md"
    for name in ("schedule", "github-actions", "gitlab", "kubernetes", "systemd", "prometheus")
)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Line:
    """A command line of kvsops that a recipe runs, and the environment it gives it."""

    recipe: str
    argv: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.recipe}: {shlex.join(self.argv)}"


def section() -> str:
    """Return the text of the pages, in the order in which a reader meets them."""
    return "".join(page.read_text(encoding="utf-8") for page in PAGES)


def blocks(language: str) -> list[str]:
    """Return the code blocks in one language."""
    return [body for kind, body in _BLOCK.findall(section()) if kind == language]


def documents() -> list[dict[Any, Any]]:
    """Return every YAML document."""
    return [each for block in blocks("yaml") for each in yaml.safe_load_all(block)]


def workflow() -> dict[Any, Any]:
    """Return GitHub's workflow; YAML 1.1 reads its key `on` as True."""
    (found,) = (each for each in documents() if "jobs" in each)
    return found


def alerts() -> dict[str, str]:
    """Return each alert's expression."""
    text = (PAGES[0].parents[1] / "monitoring" / "rules.yml").read_text(encoding="utf-8")
    groups = yaml.safe_load(text)["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def pipeline() -> dict[str, Any]:
    """Return GitLab's job."""
    (found,) = (each["sweep"] for each in documents() if "sweep" in each)
    assert isinstance(found, dict)
    return found


def manifest(kind: str) -> dict[str, Any]:
    """Return Kubernetes's object of that kind."""
    (found,) = (each for each in documents() if each.get("kind") == kind)
    return found


def container() -> dict[str, Any]:
    """Return the only container of the CronJob."""
    (found,) = manifest("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def unit(kind: str) -> configparser.ConfigParser:
    """Return systemd's unit of that kind: service or timer."""
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    (text,) = (each for each in blocks("ini") if f".{kind}\n" in each.splitlines(keepends=True)[0])
    parser.read_string(text)
    return parser


def lines() -> Iterator[Line]:
    """Give the command lines, in the order in which a reader meets them."""
    for block in blocks("sh"):
        for line in filter(lambda text: text.startswith("kvsops iam "), block.splitlines()):
            yield Line("shell", tuple(shlex.split(line.partition(" > ")[0])))
    for step in workflow()["jobs"]["sweep"]["steps"]:
        if step.get("run", "").startswith("kvsops "):
            yield Line("GitHub", tuple(shlex.split(step["run"])), {"GITHUB_ACTIONS": "true"})
    for script in pipeline()["script"]:
        yield Line("GitLab", tuple(shlex.split(script)), {"GITLAB_CI": "true"})
    environ = {each["name"]: each["value"] for each in container()["env"]}
    yield Line("Kubernetes", ("kvsops", *container()["args"]), environ)
    service = unit("service")["Service"]
    environ = dict(each.split("=", 1) for each in specified(service["Environment"]).split())
    yield Line("systemd", tuple(shlex.split(specified(service["ExecStart"]))), environ)


def specified(text: str) -> str:
    """Replace systemd's specifiers, of which there is but the directory of all states."""
    return text.replace("%S", "/var/lib")
