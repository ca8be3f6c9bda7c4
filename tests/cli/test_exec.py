"""`kvsops exec`: a channel for one command, leased while it runs, and gone when it ends."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.e2e.conftest import KVSOPS
from tests.fleet import DAY, HOUR, From, names, put, writes

CREATE, DELETE, TAG = "CreateSignalingChannel", "DeleteSignalingChannel", "TagResource"
DENIED = "AccessDeniedException"
EXPIRES, OWNER = "kvsops:expires-at", "kvsops:owner"
PATIENCE = 30.0

SHOW = """
import json, os, sys
found = {key: os.environ.get(key) for key in ("KVS_CHANNEL_NAME", "KVS_CHANNEL_ARN", "AWS_REGION")}
open(sys.argv[1], "w").write(json.dumps([found, sys.argv[2:]]))
sys.exit(int(os.environ.get("STATUS", "0")))
"""
WAIT = """
import signal, sys, time
def end(number, frame):
    print("got", number, flush=True)
    sys.exit(40 + number)
for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
    signal.signal(getattr(signal, name), end)
print("ready", flush=True)
time.sleep(60)
"""


def python(code: str, *argv: str) -> tuple[str, ...]:
    """Return the command that runs this code."""
    return ("--", sys.executable, "-c", code, *argv)


def moved(emulator: LocalServer, by: timedelta) -> None:
    """Let so much time pass for the service."""
    before = emulator.settings.clock
    emulator.settings.clock = lambda: before() + by


@pytest.mark.parametrize("status", ["0", "7"])
def test_a_channel_for_the_command(
    kvsops: Kvsops,
    emulator: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    status: str,
) -> None:
    """The command finds its channel in the environment; its status is ours; the channel goes."""
    monkeypatch.setenv("STATUS", status)
    told = tmp_path / "told"
    ended = kvsops("exec", *python(SHOW, str(told), "--tag", "-x"))
    found, argv = json.loads(told.read_text())
    assert ended.code == int(status)
    assert re.fullmatch(r"kvsops-exec-[0-9a-f]{10}", found["KVS_CHANNEL_NAME"])
    assert f":channel/{found['KVS_CHANNEL_NAME']}/" in found["KVS_CHANNEL_ARN"]
    assert found["AWS_REGION"] == "us-east-1"
    assert argv == ["--tag", "-x"]
    assert ended.err == f"channel: {found['KVS_CHANNEL_ARN']}\n"
    assert names(emulator) == set()
    assert writes(emulator) == {CREATE: 1, DELETE: 1}


def test_boto3_finds_the_channel(kvsops: Kvsops) -> None:
    """It does not heed AWS_REGION, and would look in another region."""
    code = "import boto3, sys; sys.exit(boto3.Session().region_name != 'eu-west-1')"
    assert kvsops("exec", "--region", "eu-west-1", *python(code)).code == 0


LIST = """
import json, os, subprocess, sys
out = subprocess.check_output([sys.executable, "-m", "kvsops", "describe",
    os.environ["KVS_CHANNEL_ARN"], "-o", "json"])
open(sys.argv[1], "wb").write(out)
"""


def test_tags_and_lease_are_set_in_the_create_call(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path
) -> None:
    """The channel is leased from its first moment: no call comes between create and lease."""
    told = tmp_path / "told"
    argv = ("exec", "--ttl", "30m", "--tag", "suite=ice", *python(LIST, str(told)))
    assert kvsops(*argv).code == 0
    (found,) = json.loads(told.read_text())
    assert found["tags"].keys() == {EXPIRES, OWNER, "suite"}
    assert found["creation_time"] < found["tags"][EXPIRES]
    assert emulator.calls[TAG] == 0


def test_command_not_found(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A command that is not there ends as in a shell, before a channel is made."""
    ended = kvsops("exec", "--", "no-such-command-here")
    assert ended.code == 127
    assert ended.err == "error: no-such-command-here: command not found\n"
    assert emulator.calls == {}


def test_command_not_executable(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """Nor is one made for a command that may not be run."""
    (tmp_path / "script").write_text("#!/bin/sh\n")
    ended = kvsops("exec", "--", str(tmp_path / "script"))
    assert (ended.code, ended.err) == (126, f"error: {tmp_path}/script: Permission denied\n")
    assert emulator.calls == {}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--tag", "kvsops:expires-at=x", "--", "true"), "is the lease's own: give --ttl"),
        (("--reuse", "ci", "--tag", "a=b", "--", "true"), "leaves the channel's tags as they are"),
        (("--tag", "a=b", "--tag", "a=c", "--", "true"), "the tag a is given twice: drop one"),
        (("--ttl", "90", "--", "true"), "not a duration: '90'"),
        (("--reuse", "a b", "--", "true"), "not a channel name: 'a b'"),
        ((), "Missing argument"),
    ],
)
def test_wrong_usage(
    kvsops: Kvsops, emulator: LocalServer, *, argv: tuple[str, ...], said: str
) -> None:
    """What cannot be meant is refused before anything is called."""
    ended = kvsops("exec", *argv)
    assert ended.code == 2
    assert said in ended.err
    assert emulator.calls == {}


def test_create_denied(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """Without a channel the command is not run."""
    emulator.settings.faults = (Fault(CREATE, DENIED),)
    told = tmp_path / "told"
    ended = kvsops("exec", *python(SHOW, str(told)))
    assert (ended.code, told.exists()) == (1, False)
    assert ended.err.startswith(f"error: {CREATE} denied: ")


def test_delete_denied(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A channel that could not be deleted is said, how it goes, too; a success ends with 1."""
    emulator.settings.faults = (Fault(DELETE, DENIED),)
    ended = kvsops("exec", "--", "true")
    assert ended.code == 1
    (name,) = names(emulator)
    assert f":channel/{name}/" in ended.err
    assert " was not deleted: DeleteSignalingChannel denied: " in ended.err
    assert ended.err.endswith("; when its lease has lapsed: kvsops sweep --expired --yes\n")
    assert kvsops("exec", "--", "sh", "-c", "exit 7").code == 7


SWAP = """
import os, subprocess, sys
name, arn = os.environ["KVS_CHANNEL_NAME"], os.environ["KVS_CHANNEL_ARN"]
kvsops = [sys.executable, "-m", "kvsops"]
subprocess.run([*kvsops, "delete", arn, "--yes"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([*kvsops, "create", name], check=True, stdout=subprocess.DEVNULL)
"""


def test_another_of_its_name_is_left(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Only the very channel that was made is deleted, not one made meanwhile under its name."""
    ended = kvsops("exec", *python(SWAP))
    assert ended.code == 0
    (left,) = names(emulator)
    assert left.startswith("kvsops-exec-")
    assert f"/{left}/" in ended.err
    assert emulator.backend().channels[left].arn not in ended.err


def test_reuse_makes_once_and_never_deletes(kvsops: Kvsops, emulator: LocalServer) -> None:
    """The named channel is made if need be, without a lease, and stays."""
    for _ in range(2):
        ended = kvsops("exec", "--reuse", "ci-e2e", "--", "true")
        assert (ended.code, ended.err) == (0, "")
    assert names(emulator) == {"ci-e2e"}
    assert emulator.backend().channels["ci-e2e"].tags.keys() == {OWNER}
    assert writes(emulator) == {CREATE: 1}


@pytest.mark.parametrize(
    ("tags", "after"),
    [
        ({}, {}),
        ({"env": "ci", OWNER: "bob"}, {"env": "ci", OWNER: "bob"}),
    ],
)
def test_reuse_sets_no_expiry_where_none_was(
    kvsops: Kvsops, emulator: LocalServer, *, tags: dict[str, str], after: dict[str, str]
) -> None:
    """A channel without a lease is used as it is, however long the command takes."""
    channel = put(emulator, "cam", tags=tags)
    assert kvsops("exec", "--ttl", "0.1s", "--reuse", "cam", "--", "sleep", "0.3").code == 0
    assert channel.tags == after
    assert writes(emulator) == {}


def test_reuse_refuses_what_another_holds(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path
) -> None:
    """A live lease of another holder is said, and the command is not run."""
    put(emulator, "cam", tags={OWNER: "bob", EXPIRES: "2099-01-01T00:00:00Z"})
    told = tmp_path / "told"
    ended = kvsops("exec", "--reuse", "cam", *python(SHOW, str(told)))
    assert not told.exists()
    assert (ended.code, ended.err) == (
        1,
        "error: cam is in use: bob holds it until 2099-01-01T00:00:00Z; wait, or use another "
        "channel\n",
    )
    assert writes(emulator) == {}


@pytest.mark.parametrize(
    ("owner", "expiry", "after"),
    [
        ("bob", "2020-01-01T00:00:00Z", ""),
        ("github:acme/77", "2020-01-01T00:00:00Z", ""),
        ("github:acme/77", "2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z"),
    ],
)
def test_reuse_takes_a_lease(
    kvsops: Kvsops,
    emulator: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
    *,
    owner: str,
    expiry: str,
    after: str,
) -> None:
    """An own lease, or one that ended, is ours at once, and never cut short."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/x")
    monkeypatch.setenv("GITHUB_RUN_ID", "77")
    ours = kvsops("create", "probe", "-o", "json", "--query", f'[0].tags."{OWNER}"')
    holder = owner if owner == "bob" else json.loads(ours.out)
    channel = put(emulator, "cam", tags={OWNER: holder, EXPIRES: expiry})
    assert kvsops("exec", "--reuse", "cam", "--", "true").code == 0
    assert channel.tags[OWNER] == json.loads(ours.out)
    assert channel.tags[EXPIRES] == after if after else channel.tags[EXPIRES] > "2026"
    assert (emulator.calls[TAG], emulator.calls[DELETE]) == (1, 0)


def test_renewed_while_it_runs(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A command that outlives its TTL keeps its channel."""
    ended = kvsops("exec", "--ttl", "0.6s", "--", "sleep", "1.5")
    assert ended.code == 0
    assert emulator.calls[TAG] >= 3
    assert names(emulator) == set()


def test_a_renewal_that_fails_is_said(kvsops: Kvsops, emulator: LocalServer) -> None:
    """While the command runs on, the failure is on standard error; its status is kept."""
    emulator.settings.faults = (Fault(TAG, DENIED),)
    ended = kvsops("exec", "--ttl", "0.3s", "--", "sleep", "1")
    assert ended.code == 0
    warning = "warning: the lease could not be renewed, it may lapse: TagResource denied: "
    assert ended.err.count(warning) == 1


DELETED = """
import os, subprocess, sys, time
subprocess.run([sys.executable, "-m", "kvsops", "delete", os.environ["KVS_CHANNEL_ARN"], "--yes"],
    check=True, stdout=subprocess.DEVNULL)
time.sleep(1)
"""


def test_a_channel_that_somebody_deletes(kvsops: Kvsops) -> None:
    """That the channel is gone is said while the command runs; it is no failure of it."""
    ended = kvsops("exec", "--ttl", "1s", *python(DELETED))
    assert ended.code == 0
    assert ended.err.count("warning: the channel was deleted by somebody") == 1


def started(environment: dict[str, str], *argv: str) -> "subprocess.Popen[str]":
    """Start `kvsops` with these arguments in a process of its own."""
    return subprocess.Popen(
        [*KVSOPS, *argv],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
    ],
)
def test_signals_are_passed_on(
    environment: dict[str, str], emulator: LocalServer, number: signal.Signals
) -> None:
    """The command gets the signal, decides how it ends, and the channel goes."""
    with started(environment, "exec", *python(WAIT)) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (out, process.returncode) == (f"got {int(number)}\n", 40 + number)
    assert re.fullmatch(r"channel: arn:\S+\n", err)
    assert names(emulator) == set()


HEARD_ELSEWHERE = """
import os, signal, sys, threading
from kvsops.cli import child

ready, told = os.pipe()
os.dup2(told, 1)
threading.Thread(target=lambda: os.read(ready, 1) and os.kill(os.getpid(), signal.SIGUSR1)).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})  # of this thread, and of the child
command = '''
import signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(40))
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
print("ready", flush=True)
time.sleep(60)
'''
sys.exit(child.run((sys.executable, "-c", command), dict(os.environ)))
"""


def test_a_signal_that_interrupts_nothing() -> None:
    """One that came a moment before the wait, or to another thread, is passed on all the same."""
    ended = subprocess.run(python(HEARD_ELSEWHERE)[1:], timeout=PATIENCE, check=False)
    assert ended.returncode == 40


def test_killed_by_a_signal(environment: dict[str, str]) -> None:
    """A command that a signal ends has a shell's status for it."""
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with started(environment, "exec", *python(code)) as process:
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + 9


def test_a_hangup_that_is_ignored(environment: dict[str, str], emulator: LocalServer) -> None:
    """Under nohup a hangup ends neither the command nor its lease."""
    with subprocess.Popen(
        ["/usr/bin/nohup", *KVSOPS, "exec", *python(WAIT)],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE)
    assert (out, process.returncode) == (b"got 15\n", 40 + 15)
    assert names(emulator) == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("operation", [CREATE, DELETE])
def test_interrupted_while_a_call_is_on_its_way(
    environment: dict[str, str],
    emulator: LocalServer,
    operation: str,
    number: signal.Signals,
) -> None:
    """What is being made is not forgotten, and what is being deleted goes."""
    emulator.settings.late_by = timedelta(seconds=3)
    emulator.settings.faults = (From(operation, "late", last=1),)
    with started(environment, "exec", "--", "true") as process:
        end = time.monotonic() + PATIENCE
        while not emulator.calls[operation] and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert err.endswith("error: interrupted\n")
    assert names(emulator) == set()


STAGES = {
    # operation, and from which of its calls on `kvsops` waits for an answer until it is killed
    "while it creates": CREATE,
    "while it waits for ACTIVE": "DescribeSignalingChannel",
    "while it renews": TAG,
    "while it deletes": DELETE,
}


@pytest.mark.parametrize("operation", STAGES.values(), ids=STAGES)
def test_killed(
    kvsops: Kvsops, environment: dict[str, str], emulator: LocalServer, operation: str
) -> None:
    """Killed at whatever stage, it leaves nothing that the next sweep does not take."""
    emulator.settings.late_by = timedelta(seconds=PATIENCE)
    emulator.settings.faults = (From(operation, "late"),)
    wait = "1.5" if operation == TAG else "0"
    with started(environment, "exec", "--ttl", "0.9s", "--", "sleep", wait) as process:
        end = time.monotonic() + PATIENCE
        while not emulator.calls[operation] and time.monotonic() < end:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    emulator.settings.faults = ()
    assert emulator.calls[operation] >= 1
    assert len(names(emulator)) == (0 if operation == DELETE else 1)
    put(emulator, "cam", DAY)
    assert kvsops("sweep", "--expired", "--yes").code == 0
    moved(emulator, 2 * HOUR)
    assert kvsops("sweep", "--expired", "--yes").code == 0
    assert names(emulator) == {"cam"}
