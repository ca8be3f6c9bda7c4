"""Who makes a channel: the CI job or the person, as the value of the owner tag."""

import getpass
import re
import socket
from collections.abc import Mapping
from typing import Final

from kvsops.core.channel import TAG_VALUE_MAXIMUM

# The variables that each CI sets in its jobs, told in its documentation.
_JOBS: Final = (
    ("github", ("GITHUB_REPOSITORY", "GITHUB_RUN_ID")),
    ("gitlab", ("CI_PROJECT_PATH", "CI_JOB_ID")),
    ("circleci", ("CIRCLE_PROJECT_REPONAME", "CIRCLE_BUILD_NUM")),
    ("buildkite", ("BUILDKITE_PIPELINE_SLUG", "BUILDKITE_BUILD_NUMBER")),
    ("jenkins", ("JOB_NAME", "BUILD_NUMBER")),
)


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
