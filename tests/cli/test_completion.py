"""What a shell may complete: commands, options, channel names; and never an error."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kvsops.cli.channel_names import channel_names, nearest
from kvsops.cli.completion import SHELLS
from kvsops.cli.main import ALIASES, COMMANDS
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import put

LISTS = "ListSignalingChannels"


def completed(*words: str) -> list[str]:
    """Return what bash is offered for the last word."""
    asked = {
        "_KVSOPS_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("kvsops", *words)),
        "COMP_CWORD": str(len(words)),
    }
    program = "import sys; sys.argv[0] = 'kvsops'; from kvsops.__main__ import main; main()"
    command = [sys.executable, "-c", program]
    ended = subprocess.run(
        command, env=os.environ | asked, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.stderr == ""
    return [line.partition(",")[2] for line in ended.stdout.splitlines() if line]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script(kvsops: Kvsops, shell: str) -> None:
    """Each shell gets a script that asks kvsops itself."""
    ended = kvsops("completion", shell)
    assert (ended.code, ended.err) == (0, "")
    assert f"_KVSOPS_COMPLETE={shell}_complete" in ended.out


def test_another_shell(kvsops: Kvsops) -> None:
    """For a shell there is no script for, those that there are are named."""
    ended = kvsops("completion", "fsh")
    assert (ended.code, ended.out) == (2, "")
    assert "'fsh' is not one of 'bash', 'zsh', 'fish': did you mean fish?" in ended.err


@pytest.mark.parametrize("name", ["list", "sweep"])
def test_commands_and_options(name: str) -> None:
    """Commands, also by their other names, and their options; no alias is offered."""
    assert completed(name[:2]) == [each for each in COMMANDS if each.startswith(name[:2])]
    assert completed("rm", "--unl") == ["--unlink-storage"]
    assert completed(name, "--older") == ["--older-than"]
    assert not set(ALIASES) & set(completed(""))


@pytest.mark.usefixtures("environment")
def test_names(emulator: LocalServer) -> None:
    """A channel's name is completed wherever a command takes one."""
    for name in ("cam-door", "cam-yard", "ci-1"):
        put(emulator, name)
    assert completed("describe", "cam") == ["cam-door", "cam-yard"]
    assert completed("sweep", "--explain", "ci") == ["ci-1"]
    assert completed("rm", "cam-door", "cam-y") == ["cam-yard"]


@pytest.mark.usefixtures("environment")
def test_names_are_remembered(emulator: LocalServer, tmp_path: Path) -> None:
    """The same place is asked once; what was read for a part of a name does for the rest of it."""
    put(emulator, "cam-door")
    assert channel_names({}, "cam") == ["cam-door"]
    put(emulator, "cam-yard")
    assert channel_names({}, "cam-") == ["cam-door"]
    assert channel_names({}, "cam-y") == []
    assert emulator.calls[LISTS] == 1
    assert channel_names({}, "c") == ["cam-door", "cam-yard"]
    (file,) = (tmp_path / "cache" / "kvsops").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    os.utime(file, (0, 0))
    assert channel_names({}, "cam") == ["cam-door", "cam-yard"]
    assert emulator.calls[LISTS] == 3


@pytest.mark.usefixtures("environment")
def test_each_place_has_its_own(emulator: LocalServer) -> None:
    """What is remembered of one region is not offered in another."""
    put(emulator, "cam-door")
    assert channel_names({"region": "us-east-1"}, "c") == ["cam-door"]
    assert channel_names({"region": "eu-west-1"}, "c") == []


@pytest.mark.usefixtures("environment")
def test_a_part_of_the_names(emulator: LocalServer) -> None:
    """Where a page has not all of them, more is asked as more is typed."""
    emulator.settings.page_limit = 2
    for name in ("cam-1", "cam-2", "cam-31", "cam-32"):
        put(emulator, name)
    assert len(channel_names({}, "cam")) == 2
    assert channel_names({}, "cam-3") == ["cam-31", "cam-32"]


@pytest.fixture(params=["no credentials", "no such profile", "no region", "nothing there"])
def hopeless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where no names can be had."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAKVSOPSLOCALTEST0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "throw-away")
    match request.param:
        case "no credentials":
            monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        case "no such profile":
            monkeypatch.setenv("AWS_PROFILE", "nobody")
        case "no region":
            monkeypatch.delenv("AWS_REGION")


@pytest.mark.usefixtures("hopeless")
def test_never_an_error() -> None:
    """Where there is nobody to ask, nothing is offered, and nothing said."""
    assert completed("describe", "cam") == []


def test_a_profile_that_asks_for_a_code(
    emulator: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever presses Tab is not asked for a code."""
    config = tmp_path / "config"
    config.write_text(
        "[profile mfa]\nregion = us-east-1\nrole_arn = arn:aws:iam::123456789012:role/r\n"
        "source_profile = mfa\nmfa_serial = arn:aws:iam::123456789012:mfa/m\n"
        "aws_access_key_id = AKIAKVSOPSLOCALTEST0\naws_secret_access_key = k\n"
        f"endpoint_url = {emulator.endpoint_url}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert channel_names({"profile": "mfa"}, "cam") == []
    assert emulator.calls.total() == 0


def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that says nothing is not waited for."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAKVSOPSLOCALTEST0")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "throw-away")
        options = {"endpoint_url": f"http://127.0.0.1:{server.getsockname()[1]}"}
        assert channel_names(options, "cam", os.environ, wait_seconds=0.2) == []


@pytest.mark.usefixtures("environment")
def test_the_nearest_name(emulator: LocalServer) -> None:
    """A person is told the name that was most likely meant; nobody else, for it takes a call."""
    put(emulator, "cam-door")
    assert nearest({}, "cam-dor", terminal=True) == "did you mean cam-door?"
    assert nearest({}, "garage", terminal=True) == ""
    assert emulator.calls[LISTS] == 1
    assert nearest({}, "cam-dor", terminal=False) == ""
    assert emulator.calls[LISTS] == 1


@pytest.mark.usefixtures("environment")
def test_a_name_that_none_has(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Off a terminal a name that none has takes no call but the command's own."""
    put(emulator, "cam-door")
    for command in ("describe", "endpoint", "rm"):
        ended = kvsops(command, "cam-dor")
        assert ended.code == 1
        assert ended.err.startswith("error: no such channel: cam-dor (us-east-1")
        assert "did you mean" not in ended.err
    assert emulator.calls[LISTS] == 0


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("command", ["describe", "endpoint", "delete", "sweep --expired --explain"])
def test_a_name_that_none_has_at_a_terminal(emulator: LocalServer, command: str) -> None:
    """At a terminal the error says which channel may be meant."""
    put(emulator, "cam-door")
    screen, terminal = os.openpty()
    argv = [sys.executable, "-m", "kvsops", *command.split(), "cam-dor"]
    subprocess.run(argv, stderr=terminal, stdout=subprocess.PIPE, check=False, timeout=60)
    os.close(terminal)
    shown = os.read(screen, 65_536).decode()
    os.close(screen)
    assert "no such channel: cam-dor (us-east-1, account 123456789012): did you mean" in shown
    assert "cam-door?" in shown
