"""The command as a whole: help, errors, exit codes, and which commands write."""

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

import kvsops as package
from kvsops.cli.main import COMMANDS, cli
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import put, writes

WITHOUT_CONSENT = [
    ("list", "--tags"),
    ("describe", "ci-1", "cam-1"),
    ("delete", "ci-1", "cam-1"),
    ("delete", "ci-1", "cam-1", "--unlink-storage"),
    ("sweep", "--older-than", "1h"),
    ("sweep", "--older-than", "1h", "--dry-run"),
    ("sweep", "--older-than", "1h", "--direct", "--unlink-storage"),
    ("sweep", "--older-than", "1h", "--check"),
    ("sweep", "--expired"),
    ("sweep", "--orphaned", "--older-than", "1h", "--limit", "1", "--max-deletes", "1"),
]


@pytest.mark.parametrize("argv", WITHOUT_CONSENT, ids=" ".join)
def test_nothing_is_written_without_consent(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path, *, argv: tuple[str, ...]
) -> None:
    """No command that reads, or lacks --yes, calls an operation that writes, nor journals."""
    put(emulator, "ci-1", tags={"kvsops:expires-at": "2026-01-01T00:00:00Z"})
    put(emulator, "cam-1", stored=True)
    assert kvsops(*argv).code in (0, 1, 3)
    assert emulator.calls.total() > 0
    assert writes(emulator) == {}
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_help(kvsops: Kvsops, *, command: str) -> None:
    """Each command's help opens with what it does, then examples, one a line."""
    ended = kvsops(command, "--help")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0].startswith(f"Usage: kvsops {command} [OPTIONS]")
    examples = lines.index("  Examples:")
    assert lines[examples + 1].startswith("    kvsops ")
    assert examples < 8


HELP_IMPORTS = """
import contextlib, io, sys
import click
before = set(sys.modules)
with contextlib.redirect_stdout(io.StringIO()) as shown:
    from kvsops.cli.main import cli
    cli.main(["--help"])
assert shown.getvalue().startswith("Usage: ")
added = set(sys.modules) - before
print(*sorted(each for each in added if each.startswith("kvsops.")))
print(*sorted(added & {"pathlib", "signal", "unicodedata", "urllib.parse"}))
"""


def test_help_imports_next_to_nothing() -> None:
    """The help of all commands imports, beside click, what writes it and no more."""
    ran = subprocess.run(
        [sys.executable, "-c", HELP_IMPORTS], check=True, capture_output=True, text=True
    )
    names = ["cli", "cli.help", "cli.main", "errors", "output", "output.streams", "output.text"]
    assert ran.stdout == " ".join(f"kvsops.{each}" for each in names) + "\n\n"


def test_version(kvsops: Kvsops) -> None:
    """The version goes to standard output, however it is asked for."""
    for asked in ("--version", "version"):
        ended = kvsops(asked)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out == f"kvsops, version {package.__version__}\n"


def test_no_command(kvsops: Kvsops) -> None:
    """Without a command the help is on standard error, and it is wrong usage."""
    ended = kvsops()
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Usage: kvsops [OPTIONS] COMMAND [ARGS]...\n")


def test_no_variable_gives_consent() -> None:
    """No option of any command is read from the environment: least of all --yes."""
    assert "auto_envvar_prefix" not in cli.context_settings
    for name in COMMANDS:
        module = importlib.import_module(f"kvsops.cli.{name}")
        command = getattr(module, f"{name}_", None) or getattr(module, name)
        assert isinstance(command, click.Command)
        assert [option.envvar for option in command.params if option.envvar] == []


def test_debug(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A traceback is shown with --debug only; the line is the same, and comes last."""
    emulator.settings.faults = (Fault("ListSignalingChannels", "AccessDeniedException"),)
    plain, debug = kvsops("list"), kvsops("list", "--debug")
    assert plain.err.count("\n") == 1
    assert debug.err.startswith("Traceback (most recent call last):\n")
    assert debug.err.endswith("\n" + plain.err)
    assert (plain.code, debug.code) == (1, 1)


def test_a_defect_of_ours(
    kvsops: Kvsops, emulator: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error nobody foresaw is one line too, and says how to see more."""
    put(emulator, "ci-1")
    backend = emulator.backend()
    with monkeypatch.context() as broken:
        broken.setattr(backend, "list_signaling_channels", lambda *_: ([{}], None))
        ended = kvsops("list")
    assert ended.code == 1
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1


def test_credentials(kvsops: Kvsops, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials it is wrong usage, and the way to try it without AWS is said."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    ended = kvsops("list")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: no AWS credentials: sign in, or give --profile or AWS_PROFILE; "
        "to try kvsops without AWS: kvsops local --fleet 20 -- kvsops list\n"
    )


def test_expired_credentials(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Credentials that have expired end a sweep at once, with exit code 2."""
    put(emulator, "ci-1")
    emulator.settings.faults = (Fault("*", "ExpiredTokenException"),)
    ended = kvsops("sweep", "--older-than", "1h")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "error: the credentials have expired: sign in again (ExpiredTokenException)\n"
    )


def test_an_endpoint_that_does_not_answer(kvsops: Kvsops) -> None:
    """An endpoint where nothing listens is one line that names it, and is not waited for."""
    ended = kvsops("list", "--endpoint-url", "http://127.0.0.1:9")
    assert (ended.code, ended.out) == (1, "")
    assert "127.0.0.1:9" in ended.err
    assert ended.err.count("\n") == 1


def test_another_region(kvsops: Kvsops, emulator: LocalServer) -> None:
    """--region overrules the environment; each region has its own channels."""
    put(emulator, "here")
    assert kvsops("create", "there", "--region", "eu-west-1").out.startswith(
        "arn:aws:kinesisvideo:eu-west-1:123456789012:channel/there/"
    )
    query = ("-o", "json", "--query", "[].channel_name")
    assert kvsops("list", *query).out == '[\n  "here"\n]\n'
    assert kvsops("list", *query, "--region", "eu-west-1").out == '[\n  "there"\n]\n'


def test_as_a_module(environment: dict[str, str]) -> None:
    """`python -m kvsops` is the same command, and a closed pipe is no traceback."""
    command = [sys.executable, "-m", "kvsops"]
    ended = subprocess.run(
        [*command, "--version"], env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout == f"kvsops, version {package.__version__}\n"
    piped = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m kvsops list --help | head -1"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert piped.stdout == "Usage: python -m kvsops list [OPTIONS]\n"
    assert piped.stderr == ""
