"""The shell that `kvsops local` runs at a terminal: what it says, its prompt, how it is left."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KVSOPS = [sys.executable, "-m", "kvsops"]
OWN_TERMINAL = """\
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))  # now it is the session's: fish insists on one
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
RC = "export AWS_REGION=eu-west-1 AWS_PROFILE=theirs; PS1='mine> '\n"
RC_FILES = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish", "dash": ".rc"}


def at_a_terminal(*command: str, typed: str = "", **environment: str) -> str:
    """Run it with a terminal as all its streams; return what that shows, without colours."""
    screen, terminal = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", OWN_TERMINAL, *KVSOPS[1:], "local", "--fleet", "3", *command],
        env={**os.environ, "TERM": "dumb", **environment},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        os.write(screen, typed.encode())
        shown = b""
        try:
            while data := os.read(screen, 65_536):
                shown += data
        except OSError:  # the other end is closed
            pass
        os.close(screen)
        assert process.wait(60) == 0
    return shown.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("shell", RC_FILES)
def test_a_shell(shell: str) -> None:
    """It says what it is and how to leave; its prompt is marked; the user's file is heeded.

    What that sets of AWS leads nowhere else.
    """
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    rc = Path(os.environ["HOME"], RC_FILES[shell])
    rc.parent.mkdir(parents=True, exist_ok=True)
    fish = "set -gx AWS_REGION eu-west-1; set -gx AWS_PROFILE theirs\n"
    rc.write_text(fish + "function fish_prompt; echo 'mine> '; end\n" if shell == "fish" else RC)
    shown = at_a_terminal("--", shell, typed="env | sort\nexit\n")
    lines = shown.splitlines()
    welcome = next(at for at, line in enumerate(lines) if line.startswith("An emulator"))
    assert lines[welcome] == "An emulator, not your AWS account: 3 channels in us-east-1"
    assert lines[welcome + 1].startswith("  Endpoint:  http://127.0.0.1:")
    assert lines[welcome + 2] == "  To try:    kvsops sweep --older-than 2h"
    assert lines[welcome + 3] == "  To leave:  exit, which also stops the emulator"
    assert "(kvsops) " in shown
    assert "AWS_REGION=us-east-1\n" in shown
    assert "AWS_PROFILE=" not in shown
    if shell != "dash":  # which reads the file that ENV names, and that is ours
        assert "mine> " in shown


def test_no_shell() -> None:
    """A command, or a shell that runs one, is neither told nor marked."""
    assert at_a_terminal("--", "bash", "-c", "echo $PS1.") == ".\n"
    ended = subprocess.run(
        [*KVSOPS, "local", "--", "bash"],
        input="echo there $PS1.",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "there .\n", "")
