"""Who makes a channel: the CI job or the person, as the value of the owner tag."""

import getpass
import re
import socket
from collections.abc import Mapping
from typing import Final

from kvsops.core.channel import TAG_VALUE_MAXIMUM

_JOBS: Final = (
    ("github", ("GITHUB_REPOSITORY", "GITHUB_RUN_ID")),
    ("gitlab", ("CI_PROJECT_PATH", "CI_JOB_ID")),
    ("circleci", ("CIRCLE_PROJECT_REPONAME", "CIRCLE_BUILD_NUM")),
    ("buildkite", ("BUILDKITE_PIPELINE_SLUG", "BUILDKITE_BUILD_NUMBER")),
    ("azure", ("SYSTEM_TEAMPROJECT", "BUILD_DEFINITIONNAME", "BUILD_BUILDID")),
    ("codebuild", ("CODEBUILD_BUILD_ID",)),
    ("jenkins", ("JOB_NAME", "BUILD_NUMBER")),
)
"""The variables by which each CI names a job.

CodeBuild comes after those whose jobs it can run for them; Jenkins' names, which anybody may use,
come last.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/variables,
https://docs.gitlab.com/ci/variables/predefined_variables/,
https://circleci.com/docs/reference/variables/,
https://buildkite.com/docs/pipelines/configure/environment-variables,
https://learn.microsoft.com/en-us/azure/devops/pipelines/build/variables,
https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html,
https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables
"""


def default_owner(environ: Mapping[str, str]) -> str:
    """Return `github:ORG/REPO/RUN` and the like in a CI's job, else `USER@HOST`."""
    for ci, variables in _JOBS:
        parts = [environ.get(variable, "") for variable in variables]
        if all(parts):
            return _legal(f"{ci}:{'/'.join(parts)}")
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name for this user, as in some containers
        user = "unknown"
    return _legal(f"{user}@{socket.gethostname()}")


def _legal(text: str) -> str:
    """Keep to the characters that the service takes in a tag's value, and to its length."""
    return re.sub(r"[^\w.:/=+@ -]", "-", text)[:TAG_VALUE_MAXIMUM]
