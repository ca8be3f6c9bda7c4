"""The name that CloudTrail shows, which says what ran and who ran it."""

import re

import pytest

from kvsops.aws.roles import session_name


@pytest.mark.parametrize(
    ("command", "who", "name"),
    [
        ("sweep", "ana@build7", "kvsops-sweep-ana@build7"),
        ("list", "github:org/repo/123", "kvsops-list-github-org-repo-123"),
        ("cost", "José Ñ@host", "kvsops-cost-Jos-@host"),
        ("sweep", "gitlab:" + "g" * 80 + "/456", "kvsops-sweep-" + "g" * 47 + "-456"),
        ("list", "", "kvsops-list-"),
    ],
)
def test_session_name(command: str, who: str, name: str) -> None:
    """It keeps to STS's rules: of what is too long the end stays, where a CI's run is."""
    assert session_name(command, who) == name
    assert re.fullmatch(r"[a-zA-Z0-9_+=,.@-]{2,64}", name)
