"""The GitHub Action: its metadata, and its shell, run against the emulator."""

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kvsops.local.server import LocalServer
from tests.e2e.action import ACTION, ROOT, Runner
from tests.e2e.conftest import Start
from tests.fleet import DAY, names, put

DOCUMENT = (ROOT / "docs" / "how-to" / "github-action.md").read_text(encoding="utf-8")
COMMANDS = ("sweep", "exec", "smoke", "cost")
Inputs = Mapping[str, str]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Return a machine on which the action has run once, with its own Python."""
    folder = tmp_path_factory.mktemp("runner")
    machine = Runner(folder, folder)
    ended = machine.run(cost="--help")
    if ended.returncode and "CI" not in os.environ:
        pytest.skip(f"pip cannot install what the action pins: {ended.stderr[-300:]}")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "::group::Install kvsops\n" in ended.stdout
    assert "\nUsage: kvsops cost " in ended.stdout
    return machine


@pytest.fixture
def runner(machine: Runner, emulator: LocalServer, tmp_path: Path) -> Runner:
    """Return the machine with a job's own directory; there are channels to sweep and to keep."""
    put(emulator, "ci-old", 2 * DAY)
    put(emulator, "ci-new", timedelta(hours=1))
    put(emulator, "cam-door", 90 * DAY)
    return replace(machine, workspace=tmp_path)


def test_a_sweep_is_a_dry_run(
    runner: Runner, emulator: LocalServer, environment: dict[str, str]
) -> None:
    """Without --yes nothing goes; the summary tells what would, and nothing is installed again."""
    ended = runner.run(os.environ | environment, sweep="--older-than 1d --prefix ci-")
    assert (ended.returncode, ended.stdout.count("ci-old")) == (0, 1), ended.stderr
    assert "::group::" not in ended.stdout
    assert names(emulator) == {"ci-old", "ci-new", "cam-door"}
    assert "ci-old" in (runner.workspace / "summary.md").read_text(encoding="utf-8")


def test_a_sweep(runner: Runner, emulator: LocalServer, environment: dict[str, str]) -> None:
    """With --yes the old ones go, and the journal is in the job's directory."""
    ended = runner.run(os.environ | environment, sweep="--older-than 1d\n--prefix 'ci-' --yes")
    assert ended.returncode == 0, ended.stderr
    assert names(emulator) == {"ci-new", "cam-door"}
    assert len([*runner.workspace.glob("kvsops-journal-*.jsonl")]) == 1


def test_the_policies_of_a_file(
    runner: Runner, emulator: LocalServer, environment: dict[str, str]
) -> None:
    """With no options but true, what kvsops.toml says."""
    policies = '[policies.ci]\nprefix = "ci-"\nolder-than = "30m"\n'
    (runner.workspace / "kvsops.toml").write_text(policies)
    ended = runner.run(os.environ | environment, sweep="true")
    assert ended.returncode == 0, ended.stderr
    assert {name for name in names(emulator) if name in ended.stdout} >= {"ci-old", "ci-new"}


def test_exec(runner: Runner, emulator: LocalServer, environment: dict[str, str]) -> None:
    """The command has a channel, its own variables and no others of ours; its exit code is ours."""
    command = """--ttl 30m -- sh -c 'echo "in $KVS_CHANNEL_NAME"; env | grep ^ACTION_; exit 7'"""
    ended = runner.run(os.environ | environment, exec=command)
    assert ended.returncode == 7, ended.stderr
    assert re.fullmatch(r"in [\w.-]+\n", ended.stdout)
    assert names(emulator) == {"ci-old", "ci-new", "cam-door"}


def test_cost(runner: Runner, environment: dict[str, str]) -> None:
    """A budget that is passed fails the step with its exit code."""
    assert runner.run(os.environ | environment, cost="true").returncode == 0
    ended = runner.run(os.environ | environment, cost="-o json --fail-over 0")
    assert ended.returncode in {0, 3}, ended.stderr
    assert ended.stdout.startswith("{")


def test_smoke(machine: Runner, tmp_path: Path, environment: dict[str, str]) -> None:
    """Media's dependencies are had as pinned ones, too, and a channel is proved to work."""
    runner = replace(machine, workspace=tmp_path)
    assert runner.run(smoke="--help").returncode == 0
    ended = runner.run(os.environ | environment, smoke="--no-steady -o json")
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "text",
    [
        "--older-than 1d --prefix $(touch pwned)",
        "--older-than 1d --prefix `touch pwned`",
        "--older-than 1d; touch pwned",
        "--older-than 1d\ntouch pwned",
        "--older-than 1d && touch pwned",
        "--older-than 1d | touch pwned",
        "--older-than 1d > pwned",
        '"; touch pwned; "',
        "${{ touch pwned }}",
        "--older-than 1d --prefix ''$IFS",
        "--older-than 1d --match *",
    ],
)
def test_no_shell_reads_an_input(
    runner: Runner, emulator: LocalServer, environment: dict[str, str], text: str
) -> None:
    """Nothing is expanded: each word is kvsops's to judge, and nothing else runs."""
    (runner.workspace / "a-file").touch()
    runner.run(os.environ | environment, sweep=text)
    assert {path.name for path in runner.workspace.iterdir()} <= {"a-file", "summary.md"}
    assert names(emulator) == {"ci-old", "ci-new", "cam-door"}


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "give one of the inputs sweep, exec, smoke, cost, not none"),
        ({"sweep": " ", "cost": "false"}, "give one of the inputs"),
        ({"sweep": "true", "cost": "true"}, "not sweep and cost"),
        ({"sweep": "--prefix 'ci-"}, "the input sweep cannot be split into words: no closing quot"),
    ],
)
def test_wrong_inputs(
    runner: Runner,
    emulator: LocalServer,
    environment: dict[str, str],
    *,
    inputs: Inputs,
    said: str,
) -> None:
    """What is wrong is an annotation, and exit 2; nothing is called."""
    ended = runner.run(os.environ | environment, **inputs)
    assert (ended.returncode, ended.stdout.count("\n")) == (2, 1)
    assert ended.stdout.startswith("::error title=kvsops::")
    assert said in ended.stdout
    assert emulator.calls == {}


def test_inputs_reach_no_shell_text() -> None:
    """Expressions stand in environments alone; each input is described, optional, and used."""
    assert tuple(ACTION["inputs"]) == COMMANDS
    assert all(each["description"] and not each["default"] for each in ACTION["inputs"].values())
    steps = ACTION["runs"]["steps"]
    assert [step for step in steps if "${{" in step.get("run", "") + str(step.get("with"))] == []
    texts = [text for step in steps for text in step.get("env", {}).values()]
    assert [name for name in COMMANDS if f"${{{{ inputs.{name} }}}}" not in texts] == []


def examples() -> list[Any]:
    """Return what the document's workflow gives the action, step by step."""
    (text,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    steps = yaml.safe_load(text)["jobs"]["test"]["steps"]
    ours = [step for step in steps if step.get("uses") == "YOUR-ORGANIZATION/kvsops@COMMIT"]
    return [pytest.param(step["with"], id=next(iter(step["with"]))) for step in ours]


@pytest.mark.parametrize("inputs", examples())
def test_the_document_s_workflow(
    runner: Runner, emulator: LocalServer, environment: dict[str, str], inputs: Inputs
) -> None:
    """Each of its steps succeeds, and leaves the channels that are there."""
    ended = runner.run(os.environ | environment, **inputs)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert names(emulator) == {"ci-old", "ci-new", "cam-door"}


def test_the_document_has_every_input() -> None:
    """Its table and its workflow have each, and none that is not there."""
    assert tuple(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)) == COMMANDS
    assert {*examples()[0].values[0], *(key for each in examples() for key in each.values[0])} == {
        *COMMANDS
    }


@pytest.mark.usefixtures("environment")
def test_the_document_s_role(start: Start) -> None:
    """Its line for the role's policy prints one."""
    (line,) = re.findall(r"^(kvsops iam .*) > policy.json$", DOCUMENT, re.MULTILINE)
    process = start(*shlex.split(line)[1:])
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert '"kinesisvideo:CreateSignalingChannel"' in out
