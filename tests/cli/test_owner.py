"""The owner tag's default value: the CI job, or the person."""

import re
import socket

import pytest

from kvsops.cli.owner import default_owner
from kvsops.core.channel import checked_tag

GITHUB = {"GITHUB_REPOSITORY": "org/repo", "GITHUB_RUN_ID": "42"}
BUILDKITE = {"BUILDKITE_PIPELINE_SLUG": "deploy", "BUILDKITE_BUILD_NUMBER": "7"}
AZURE = {
    "TF_BUILD": "True",
    "SYSTEM_TEAMPROJECT": "Fabrikam",
    "BUILD_DEFINITIONNAME": "nightly (eu)",
    "BUILD_BUILDID": "1205",
}
CODEBUILD = {"CODEBUILD_BUILD_ID": "demo-project:b1e6661e-e4f2-4156-9ab9-82a19EXAMPLE"}
CODEBUILD_OWNER = "codebuild:demo-project:b1e6661e-e4f2-4156-9ab9-82a19EXAMPLE"


@pytest.mark.parametrize(
    ("environ", "owner"),
    [
        (GITHUB, "github:org/repo/42"),
        ({"CI_PROJECT_PATH": "group/sub/repo", "CI_JOB_ID": "7"}, "gitlab:group/sub/repo/7"),
        ({"CIRCLE_PROJECT_REPONAME": "repo", "CIRCLE_BUILD_NUM": "7"}, "circleci:repo/7"),
        (BUILDKITE, "buildkite:deploy/7"),
        (AZURE, "azure:Fabrikam/nightly -eu-/1205"),
        (CODEBUILD, CODEBUILD_OWNER),
        (CODEBUILD | BUILDKITE, "buildkite:deploy/7"),
        (CODEBUILD | GITHUB, "github:org/repo/42"),
        (CODEBUILD | {"JOB_NAME": "x", "BUILD_NUMBER": "7"}, CODEBUILD_OWNER),
        ({"JOB_NAME": "folder/job", "BUILD_NUMBER": "7"}, "jenkins:folder/job/7"),
        (GITHUB | {"JOB_NAME": "x", "BUILD_NUMBER": "7"}, "github:org/repo/42"),
        (
            {"GITHUB_REPOSITORY": "org/repo", "JOB_NAME": "x", "BUILD_NUMBER": "7"},
            "jenkins:x/7",
        ),
    ],
)
def test_ci(environ: dict[str, str], owner: str) -> None:
    """In a CI's job it names the CI, the project and the run."""
    assert default_owner(environ) == owner


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"CI": "true"},
        {"GITHUB_RUN_ID": "42"},
        {"JOB_NAME": "x", "BUILD_NUMBER": ""},
        {"TF_BUILD": "True"},
    ],
)
def test_person(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere, and where a CI's variables are not all there, it is USER@HOST."""
    monkeypatch.setenv("LOGNAME", "ana")
    host = re.sub(r"[^\w.:/=+@ -]", "-", socket.gethostname())
    assert default_owner(environ) == f"ana@{host}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a,b;c(d)", "a-b-c-d-"),
        ("feature/größe", "feature/größe"),
        ("a b.c:d=e+f@g_h-i", "a b.c:d=e+f@g_h-i"),
        ("tab\tnew\nline", "tab-new-line"),
        ("\x1b[31m✓", "--31m-"),
        ("[bold]*", "-bold--"),
    ],
)
def test_illegal_characters(name: str, said: str) -> None:
    """What may not stand in a tag becomes a hyphen."""
    owner = default_owner({"JOB_NAME": name, "BUILD_NUMBER": "7"})
    assert owner == f"jenkins:{said}/7"
    assert checked_tag(f"kvsops:owner={owner}") == ("kvsops:owner", owner)


def test_length() -> None:
    """It is cut to what the service takes."""
    owner = default_owner({"JOB_NAME": "x" * 300, "BUILD_NUMBER": "7"})
    assert owner == f"jenkins:{'x' * 248}"
    assert len(owner) == 256
