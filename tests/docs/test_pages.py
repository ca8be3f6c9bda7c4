"""The documents: every link leads somewhere, and every command works when typed in its order."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.cli.main import cli
from kvsops.local.demo.fleet import sow
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from tests.docs.pages import (
    DOCS,
    README,
    anchors,
    blocks,
    commands,
    links,
    name,
    pages,
    script,
    typed,
)

TYPED = [page for page in pages() if typed(page)]


@pytest.fixture
def emulator() -> Iterator[LocalServer]:
    """Yield an emulator with the fleet that the pages begin with, and the two that they name."""
    with LocalServer(Settings(state_delay=timedelta(milliseconds=50))) as server:
        sow(server.backend(), 200)
        yield server


@pytest.mark.parametrize("page", TYPED, ids=name)
def test_what_is_typed_works(
    page: Path, emulator: LocalServer, environment: dict[str, str], tmp_path: Path
) -> None:
    """Line by line, with the virtual environment active; a line says if its exit code is not 0.

    What installs is left out: `.ci/run` does that with the front page's very lines.
    """
    for block in blocks(page):
        if block.file:
            path = tmp_path / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    if page not in (README, DOCS / "tutorial.md"):  # these make what they need
        now = emulator.settings.clock()
        for each in ("cam-door", "ci-e2e"):
            if f"create {each}" not in "".join(typed(page)):
                emulator.backend().put_channel(each, now - timedelta(days=9), now, 60, {})
    ended = subprocess.run(
        ["bash", "-c", script([installed(line) for line in typed(page)])],
        cwd=tmp_path,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        timeout=240,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert environment["AWS_SECRET_ACCESS_KEY"] not in ended.stdout


def installed(line: str) -> str:
    """Take the installing out of a line: the virtual environment is there, and active."""
    here = Path(sys.executable).parent
    kept = [
        part
        for part in line.split(" && ")
        if not re.search(r"-m venv|pip install|-m pytest -q -n auto", part)
    ]
    return " && ".join(kept).replace(".venv/bin", str(here))


@pytest.mark.parametrize("page", pages(), ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    """To a file of the repository, and to a heading that is in it."""
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", pages(), ids=name)
def test_commands_are_understood(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that are not run: their options exist, and take such values."""
    for words in commands(page):
        for word in words:
            if word.startswith("env:"):  # where a secret is found
                monkeypatch.setenv(word.removeprefix("env:"), "https://hooks.example/secret")
        argv = ["a-name" if word.startswith("$") else word for word in words[1:]]
        with cli.make_context("kvsops", ["list"]) as context:
            command = cli.get_command(context, argv[0])
        assert command is not None, words
        command.make_context(argv[0], argv[1:])


def test_the_metrics_are_all_told(
    emulator: LocalServer, environment: dict[str, str], tmp_path: Path
) -> None:
    """The page of metrics has those that reports hold, and no other."""
    del emulator
    for argv in (
        ("sweep", "--expired", "--report", "a.prom"),
        ("cost", "--open-metrics", "b.prom"),
        ("cost", "--region", "us-east-1", "--region", "ap-southeast-2", "--open-metrics", "d.prom"),
        ("smoke", "--duration", "1s", "--report", "c.prom"),
    ):
        subprocess.run(
            [sys.executable, "-m", "kvsops", *argv],
            cwd=tmp_path,
            env=os.environ | environment | {"PYTHONPATH": str(README.parent)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    written = "".join(path.read_text("utf-8") for path in tmp_path.glob("*.prom"))
    page = (DOCS / "how-to" / "prometheus.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^# TYPE (\w+)", written, re.MULTILINE)) == set(
        re.findall(r"\bkvsops_\w+", page)
    )


def test_every_page_is_in_the_list() -> None:
    """The list of documents leads to each of them."""
    listed = {(DOCS / link.partition("#")[0]).resolve() for link in links(DOCS / "README.md")}
    assert {*DOCS.rglob("*.md")} - {DOCS / "README.md"} - listed == set()
