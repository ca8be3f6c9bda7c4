"""`kvsops iam` for sweeps that go by a policy file, and for those that only explain."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kvsops.aws.iam import action_of
from kvsops.aws.scope import Scope
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.cli.iam import resources_of
from tests.fleet import DAY, From, put

POLICIES = """
[policies.ci]
prefix = "ci-"
tag = "env=ci"
older-than = "1d"
grace = "1h"
unlink-storage = true
[policies.meetings]
prefix = "meeting-"
older-than = "1d"
unlink-storage = true
"""
ANYWHERE = "arn:aws:kinesisvideo:*:*:channel/"


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a policy file where the command runs."""
    monkeypatch.chdir(tmp_path)
    Path("kvsops.toml").write_text(POLICIES)


def granted(kvsops: Kvsops, line: str) -> dict[str, set[str]]:
    """Return what the printed policy allows on which resources, and under which tags."""
    found: dict[str, set[str]] = {}
    statements: list[dict[str, Any]] = json.loads(kvsops("iam", line).out)["Statement"]
    for each in statements:
        tags = each.get("Condition", {}).get("StringEquals", {})
        for action in each["Action"]:
            where = found.setdefault(action.partition(":")[2], set())
            where |= {
                place.removeprefix(ANYWHERE) + "".join(tags.values())
                for place in resources_of(each)
            }
    return found


def test_what_policies_need(kvsops: Kvsops, emulator: LocalServer, scope: Scope) -> None:
    """A sweep by policies calls what the policy for it allows, and nothing else."""
    emulator.settings.state_delay = timedelta()
    for name, tags in (("ci-1", {"env": "ci"}), ("ci-2", {"env": "ci"}), ("meeting-1", {})):
        put(emulator, name, 2 * DAY, tags=tags, stored=name != "ci-1")
    emulator.metrics().connect("meeting-1", "MASTER", scope.now() - timedelta(hours=2.5))
    emulator.settings.faults = (From("DeleteSignalingChannel", "InternalFailure", 1, last=1),)
    allowed = granted(kvsops, "sweep --yes")
    assert kvsops("sweep", "--yes").code == 0
    kept = emulator.backend().channels["ci-2"]
    emulator.backend().put_tags(kept, kept.tags | {"kvsops:keep": ""})
    emulator.settings.clock = lambda: scope.now() + timedelta(hours=1)
    assert kvsops("sweep", "--yes").code == 0
    assert {action_of(each).partition(":")[2] for each in emulator.calls} == allowed.keys()


def test_each_policy_narrows_its_own(kvsops: Kvsops) -> None:
    """What a policy does is allowed where it may do it, and no policy widens another."""
    allowed = granted(kvsops, "sweep --policy kvsops.toml --yes")
    assert allowed["DeleteSignalingChannel"] == {"ci-*/*ci", "meeting-*/*"}
    assert allowed["TagResource"] == {"ci-*/*ci"}
    assert allowed["UntagResource"] == {"ci-*/*"}
    assert allowed["ListTagsForResource"] == {"ci-*/*", "meeting-*/*"}
    narrowed = granted(kvsops, "sweep --yes --prefix ci-a --tag team=red")
    assert narrowed["DeleteSignalingChannel"] == {"ci-a*/*cired"}


def test_a_condition_leaves_the_file_out(kvsops: Kvsops) -> None:
    """With a condition the file's policies do not run, so nothing is allowed for them."""
    allowed = granted(kvsops, "sweep --expired --yes")
    assert allowed["DeleteSignalingChannel"] == {"*/*"}
    assert allowed.keys().isdisjoint({"TagResource", "UpdateMediaStorageConfiguration"})


@pytest.mark.parametrize("options", ["", " --expired --prefix ci- --tag env=ci --grace 1h"])
def test_explain(kvsops: Kvsops, emulator: LocalServer, options: str) -> None:
    """A channel is explained whether it is meant or not; that one alone is read."""
    put(emulator, "cam", DAY)
    allowed = granted(kvsops, f"sweep --explain cam{options}")
    assert kvsops(*f"sweep --explain cam{options}".split()).code == 0
    assert {action_of(each).partition(":")[2] for each in emulator.calls} == allowed.keys()
    assert set().union(*allowed.values()) == {"*", "cam/*"}


def test_a_file_that_is_wrong(kvsops: Kvsops) -> None:
    """A policy file that cannot be read is as wrong here as for the sweep."""
    Path("kvsops.toml").write_text("[policies.ci]\nolder-than = 2\n")
    ended = kvsops("iam", "sweep --yes")
    assert (ended.code, ended.out) == (2, "")
    assert "kvsops.toml:2: [policies.ci] older-than: 2: write a text in quotes" in ended.err
