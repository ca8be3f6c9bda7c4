"""The container image: built and run where Docker is, else built by its own lines without it."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from kvsops.local.server import LocalServer
from tests.e2e.conftest import Start
from tests.fleet import DAY, names, put

ROOT: Final = Path(__file__).parents[2]
BASE: Final = "python:3.13-slim"
LARGEST: Final = 260_000_000  # bytes, of which the base has some 120 million
_SECONDS: Final = 280


def instructions(stage: int) -> list[tuple[str, str]]:
    """Return the instructions of a stage of the Dockerfile, without what continues a line."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    body = re.split(r"^FROM .*\n", text, flags=re.MULTILINE)[stage]
    lines = [line for line in body.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def docker(*argv: str, seconds: int = _SECONDS) -> "subprocess.CompletedProcess[str]":
    """Run Docker."""
    return subprocess.run(
        ["docker", *argv], capture_output=True, text=True, timeout=seconds, check=False
    )


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """Build the image; skip, with the reason, where there is no Docker to do it."""
    if shutil.which("docker") is None:
        pytest.skip("Docker is not installed")
    if (asked := docker("info", seconds=30)).returncode:
        pytest.skip(f"Docker's daemon cannot be reached: {asked.stderr.strip()[-200:]}")
    known = docker("image", "inspect", BASE).returncode == 0
    if not known and (pulled := docker("pull", "--quiet", BASE)).returncode:
        pytest.skip(f"{BASE} cannot be pulled: {pulled.stderr.strip()[-200:]}")
    name = f"kvsops-test-{os.getpid()}"
    built = docker("build", "--quiet", "--tag", name, str(ROOT))
    assert built.returncode == 0, built.stderr
    yield name
    docker("image", "rm", "--force", name)


def test_it_runs(image: str, emulator: LocalServer, environment: dict[str, str]) -> None:
    """A sweep in the image, by a user who is nobody, on a root that is read-only, is journalled."""
    put(emulator, "ci-old", 2 * DAY)
    put(emulator, "ci-new", timedelta(hours=1))
    variables = [f"--env={name}={value}" for name, value in environment.items() if "://" in value]
    variables += [
        f"--env={name}={environment[name]}"
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    ]
    run = ("run", "--rm", "--network=host", "--read-only", "--tmpfs=/tmp", *variables)
    volume = f"{image}-state"
    try:
        sweep = ("sweep", "--older-than", "1d", "--prefix", "ci-", "--yes")
        ended = docker(*run, f"--volume={volume}:/state", image, *sweep)
        assert ended.returncode == 0, ended.stderr
        assert names(emulator) == {"ci-new"}
        ended = docker(*run, f"--volume={volume}:/state", image, "restore")
        assert ended.returncode == 0, ended.stderr
        assert " 1 " in ended.stdout
    finally:
        docker("volume", "rm", volume)


def test_what_is_in_it(image: str) -> None:
    """It is small, not root's, has no pip and none of the source, and shows its help by itself."""
    size = docker("image", "inspect", "--format={{.Size}}", image).stdout
    assert int(size) < LARGEST
    assert docker("image", "inspect", "--format={{.Config.User}}", image).stdout == "10001:10001\n"
    assert docker("run", "--rm", image).stdout.startswith("Usage: kvsops ")
    asked = docker("run", "--rm", "--entrypoint=ls", image, "/src", "/opt/kvsops/bin/pip")
    assert asked.stderr.count("No such file") == 2


def test_its_lines_build_without_docker(tmp_path: Path) -> None:
    """What the build's stage copies is what the context has, and enough for what it runs."""
    source, prefix = tmp_path / "src", tmp_path / "opt"
    source.mkdir()
    for name, rest in instructions(1):
        if name == "COPY":
            *copied, target = rest.split()
            for each in copied:
                _copy(ROOT / each, source / target)
        elif name == "RUN":
            ended = _run(rest.replace("/opt/kvsops", str(prefix)), source)
            if ended.returncode and "CI" not in os.environ and prefix.exists():
                pytest.skip(f"pip cannot install what is pinned: {ended.stderr[-300:]}")
            assert ended.returncode == 0, ended.stderr
    asked = _run(f"{prefix}/bin/kvsops prices -o json", tmp_path)
    assert (asked.returncode, asked.stdout[:1]) == (0, "["), asked.stderr
    assert not (prefix / "bin" / "pip").exists()


def _copy(path: Path, target: Path) -> None:
    if path.is_dir():
        shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(path, target)


def _run(text: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "-ec", text],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def test_it_is_not_root_s() -> None:
    """Its user is a number, by which Kubernetes sees that it is not root; no argument is kept."""
    last = instructions(2)
    assert dict(last)["USER"] == "10001:10001"
    assert [name for name, _ in last[-3:]] == ["WORKDIR", "ENTRYPOINT", "CMD"]
    assert not {"ARG", "ADD"} & {name for stage in (1, 2) for name, _ in instructions(stage)}


def lines() -> list[list[str]]:
    """Return what the document's `docker run` lines give kvsops."""
    text = (ROOT / "docs" / "how-to" / "container.md").read_text(encoding="utf-8")
    found = re.findall(
        r"^docker run .* kvsops ((?:--version|sweep|restore).*)$", text, re.MULTILINE
    )
    assert len(found) == text.count("docker run ")
    return [shlex.split(line) for line in found]


@pytest.mark.parametrize("argv", lines(), ids=" ".join)
@pytest.mark.usefixtures("environment")
def test_the_document_s_lines(emulator: LocalServer, start: Start, argv: list[str]) -> None:
    """What they run in the image can be run."""
    put(emulator, "ci-old", 2 * DAY)
    process = start(*argv)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
