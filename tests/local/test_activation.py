"""The file by which a shell uses the emulator, and what undoes it, in every shell there is."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kvsops.local.activation import fish_script, posix_script
from kvsops.local.environment import exported, stray

URL = "http://127.0.0.1:4600"
BEFORE = {
    "AWS_PROFILE": 'it\'s $HOME "quoted" \\ `here`',
    "AWS_REGION": "eu-west-1",
    "AWS_SESSION_TOKEN": "",
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
}
SHELLS = ["bash", "dash", "zsh", "fish"]


def ran(shell: str, script: str, tmp_path: Path) -> list[dict[str, str]]:
    """Source the file where the script says FILE; return each environment it shows."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    write = fish_script if shell == "fish" else posix_script
    file = tmp_path / "it's a file"
    bundle = "/tmp/ca.pem"  # noqa: S108 - never opened
    file.write_text(write(URL, exported(URL, "us-east-1", BEFORE, bundle), stray(bundle)))
    quoted = '"' + str(file) + '"'
    text = script.replace("FILE", quoted).replace("SHOW", "env -0; printf '%s\\0' END")
    config = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    ended = subprocess.run(
        [found, "-c", text],
        env=BEFORE | config,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    shown = ended.stdout.split("\0END\0")[:-1]
    pairs = ([line.partition("=") for line in each.split("\0") if line] for each in shown)
    return [{name: value for name, _, value in each if name != "_"} for each in pairs]


@pytest.mark.parametrize("shell", SHELLS)
def test_there_and_back(shell: str, tmp_path: Path) -> None:
    """A shell uses the emulator, and has all that it had before when it leaves."""
    before, within, after = ran(shell, "SHOW; . FILE; SHOW; kvsops_leave; SHOW", tmp_path)
    assert within["AWS_ENDPOINT_URL"] == URL
    assert within["AWS_REGION"] == "us-east-1"
    assert within["SSL_CERT_FILE"] == "/tmp/ca.pem"  # noqa: S108 - never opened
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(within)
    assert within["PATH"].endswith(before["PATH"])
    assert within["PATH"] != before["PATH"]
    assert after == before


@pytest.mark.parametrize("shell", SHELLS)
def test_twice(shell: str, tmp_path: Path) -> None:
    """Who sources it twice comes back to the beginning all the same."""
    before, within, after = ran(shell, "SHOW; . FILE; . FILE; SHOW; kvsops_leave; SHOW", tmp_path)
    assert within["AWS_ENDPOINT_URL"] == URL
    assert after == before


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh"])
def test_strict_shells(shell: str, tmp_path: Path) -> None:
    """A shell that ends at the first failure, or at an unset variable, does not."""
    script = "set -eu; PS1='$ '; . FILE; SHOW; kvsops_leave; test \"$PS1\" = '$ '; SHOW"
    within, after = ran(shell, script, tmp_path)
    assert within["AWS_REGION"] == "us-east-1"
    assert after["AWS_REGION"] == "eu-west-1"


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh"])
def test_the_prompt(shell: str, tmp_path: Path) -> None:
    """The prompt is marked once, and then no longer."""
    script = (
        "PS1='$ '; . FILE; . FILE; test \"$PS1\" = '(kvsops) $ ' || exit 3; kvsops_leave; "
        "test \"$PS1\" = '$ ' || exit 4; if command -v kvsops_leave; then exit 5; fi; SHOW"
    )
    assert len(ran(shell, script, tmp_path)) == 1
