"""The recipes for schedulers: parsed, held together, and run against the emulator."""

import re
import shlex
from datetime import timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from kvsops.core.text import moment
from kvsops.local.server import LocalServer
from kvsops.reports.sweep_files import LAST_SUCCESS
from tests.e2e import recipes
from tests.e2e.conftest import Start
from tests.e2e.recipes import (
    Line,
    container,
    manifest,
    pipeline,
    section,
    unit,
    workflow,
)
from tests.fleet import DAY, names, put


def rows() -> list[Any]:
    """Return each command line of the recipes."""
    return [pytest.param(line, id=str(line)) for line in recipes.lines()]


@pytest.fixture
def folder(emulator: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty directory; the emulator has what the sweeps shall take, and shall not."""
    monkeypatch.chdir(tmp_path)
    now = emulator.settings.clock()
    put(emulator, "ci-expired", 2 * DAY, tags={"kvsops:expires-at": moment(now - DAY)})
    put(emulator, "ci-held", 2 * DAY, tags={"kvsops:expires-at": moment(now + DAY)})
    put(emulator, "ci-new", timedelta(hours=1))
    put(emulator, "ci-old", 2 * DAY)
    put(emulator, "cam-door", 90 * DAY, tags={"kvsops:keep": "on site"})
    return tmp_path


@pytest.mark.parametrize("line", rows())
def test_every_command_runs(
    line: Line,
    emulator: LocalServer,
    environment: dict[str, str],
    start: Start,
    folder: Path,
) -> None:
    """Each sweep deletes what it says, journals it, and writes the reports; no secret is in any."""
    ci = {
        "GitHub": {
            "GITHUB_WORKSPACE": str(folder),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        },
        "GitLab": {"CI_PROJECT_DIR": str(folder)},
    }
    argv = [_inside(folder, word) for word in line.argv[1:]]
    environ = {name: _inside(folder, value) for name, value in line.environ.items()}
    process = start(*argv, **environ, **ci.get(line.recipe, {}))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    gone = {"ci-expired", "ci-held", "ci-new", "ci-old", "cam-door"} - names(emulator)
    journals = [*folder.rglob("*.jsonl")]
    if line.argv[1] == "sweep":
        assert gone == ({"ci-expired"} if "--expired" in line.argv else {"ci-expired", "ci-old"})
        assert len(journals) == 1
    else:
        assert (gone, journals) == (set(), [])
    reports = [Path(_inside(folder, word)) for word in _given(line, "--report")]
    assert [path for path in reports if not path.is_file()] == []
    if line.recipe == "GitHub":
        kept = workflow()["jobs"]["sweep"]["steps"][-1]["with"]["path"]
        assert all(fnmatch(path.name, kept) for path in (*journals, *reports))
        assert (folder / "summary.md").is_file()
    if line.recipe == "GitLab":
        (kept,) = pipeline()["artifacts"]["paths"]
        assert all(fnmatch(path.name, kept) for path in (*journals, *reports))
    texts = [path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()]
    assert not any(environment["AWS_SECRET_ACCESS_KEY"] in text for text in (*texts, out, err))


def _inside(folder: Path, word: str) -> str:
    """Put an absolute path into the folder, and make its directory."""
    if not word.startswith("/"):
        return word
    moved = folder / word.lstrip("/")
    moved.parent.mkdir(parents=True, exist_ok=True)
    return str(moved)


def _given(line: Line, option: str) -> list[str]:
    """Return the values given for an option."""
    pairs = zip(line.argv, line.argv[1:], strict=False)
    return [value for name, value in pairs if name == option]


def test_there_are_recipes() -> None:
    """No recipe is lost by how it is looked for."""
    assert [line.recipe for line in recipes.lines()] == [
        *("shell", "GitHub", "GitHub", "GitLab", "GitLab", "Kubernetes", "systemd")
    ]


def test_the_policy_is_of_these_sweeps() -> None:
    """The role is given what the recipes' sweeps need: each narrowing is in the policy's line."""
    (shell, *sweeps) = recipes.lines()
    asked = {tuple(shlex.split(word)) for word in shell.argv if word.startswith("sweep")}
    narrowing = {
        line.argv[1 : line.argv.index("--yes") + 1] for line in sweeps if "--yes" in line.argv
    }
    assert asked == narrowing


def test_github() -> None:
    """A schedule, a token for AWS and nothing else, and artefacts also of what failed."""
    found = workflow()
    assert found["permissions"] == {"id-token": "write"}
    assert found["concurrency"] == "kvsops-sweep"
    assert re.fullmatch(r"\d+ \* \* \* \*", found[True]["schedule"][0]["cron"])
    steps = found["jobs"]["sweep"]["steps"]
    used = [step["uses"] for step in steps if "uses" in step]
    assert [each.partition("@")[0] for each in used] == [
        "actions/checkout",
        "actions/setup-python",
        "aws-actions/configure-aws-credentials",
        "actions/upload-artifact",
    ]
    assert steps[-1]["if"] == "${{ always() }}"
    assert [step["if"] for step in steps if step.get("name") == "What tests left behind"] == [
        "${{ !cancelled() }}"
    ]


def test_gitlab() -> None:
    """On a schedule alone, one at a time, with a token that no artifact can hold."""
    found = pipeline()
    assert found["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}]
    assert found["resource_group"] == "kvsops-sweep"
    assert found["artifacts"]["when"] == "always"
    assert found["artifacts"]["reports"]["junit"] == "kvsops-*.xml"
    assert found["variables"]["AWS_ROLE_ARN"] == "arn:aws:iam::123456789012:role/kvsops-sweep"
    assert found["variables"]["AWS_WEB_IDENTITY_TOKEN_FILE"].startswith("/tmp/")  # noqa: S108
    (token,) = found["id_tokens"]
    assert f'"${token}" > "$AWS_WEB_IDENTITY_TOKEN_FILE"' in found["before_script"][0]


def test_kubernetes() -> None:
    """The parts name one another; one run at a time; the journal is on the volume."""
    job = manifest("CronJob")["spec"]
    pod = job["jobTemplate"]["spec"]["template"]["spec"]
    assert (job["concurrencyPolicy"], pod["restartPolicy"]) == ("Forbid", "Never")
    account = manifest("ServiceAccount")["metadata"]
    assert pod["serviceAccountName"] == account["name"]
    assert account["annotations"] == {
        "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/kvsops-sweep"
    }
    (volume,), (mount,) = pod["volumes"], container()["volumeMounts"]
    claim = volume["persistentVolumeClaim"]["claimName"]
    assert claim == manifest("PersistentVolumeClaim")["metadata"]["name"]
    assert mount["name"] == volume["name"]
    assert {"name": "XDG_STATE_HOME", "value": mount["mountPath"]} in container()["env"]
    assert {*container()["resources"]} == {"requests", "limits"}
    image = (Path(__file__).parents[2] / "Dockerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["kvsops"]\n' in image
    assert f"USER {pod['securityContext']['runAsUser']}:" in image


def test_systemd() -> None:
    """The service may write where it does; what the alert asks for is what a report holds."""
    service, timer = unit("service")["Service"], unit("timer")
    assert (service["Type"], service["StateDirectory"]) == ("oneshot", "kvsops")
    (report,) = re.findall(r"--report (\S+\.prom)", service["ExecStart"])
    assert service["ReadWritePaths"] == str(Path(report).parent)
    assert timer["Timer"]["OnCalendar"] == "hourly"
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert LAST_SUCCESS in recipes.alerts()["SignalingChannelsNotSwept"]


def test_what_is_installed_is_pinned() -> None:
    """Every recipe installs what is pinned by its hashes, which has the reports' extra, no more."""
    installed = re.findall(r"pip install (?:--no-cache-dir )?(.*)", section())
    pinned, ours = installed[::2], installed[1::2]
    assert len(pinned) == len(ours) == 2
    assert all(re.fullmatch(r"--require-hashes -r \S*constraints\.txt", each) for each in pinned)
    assert all(each.startswith("--no-deps --no-build-isolation ") for each in ours)


def test_the_placeholders_are_told() -> None:
    """What must be replaced is said above the recipes, each of which leads there."""
    told, *_ = section().partition("```")
    assert all("(schedule.md): the role" in text.read_text("utf-8") for text in recipes.PAGES[1:5])
    for placeholder in ("123456789012", "us-east-1", "kvsops-sweep", "CAPITALS"):
        assert placeholder in told
    accounts = {*re.findall(r"\b\d{12}\b", section())}
    assert accounts == {"123456789012"}
