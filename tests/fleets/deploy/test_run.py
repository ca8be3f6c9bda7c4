"""A deployed sweep from end to end: from the template to the journals, and back."""

import json
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kvsops.aws.denial import iam_action
from kvsops.cli.main import cli
from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.local.settings import Settings
from kvsops.sweep import entries
from tests.fleets.deploy.engine import PACKAGE, REGION, Engine, deployed

HUB, SECOND, THIRD = "123456789012", "200000000002", "200000000003"
BUSY, BLOWING = "eu-west-1", "ap-southeast-2"
REGIONS = (REGION, BUSY, BLOWING)
POLICY = """
[policies.ci]
prefix = "ci-"
older-than = "2h"
even-if-active = true
"""

pytestmark = [
    # What moto says of what it does not do, or makes without.
    pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning"),
    pytest.mark.timeout(900),
]


@pytest.fixture
def local() -> Iterator[LocalServer]:
    """Yield an emulator with three accounts."""
    with LocalServer(Settings(quotas=False, accounts=3, state_delay=timedelta())) as server:
        yield server


def template(tmp_path: Path, *argv: str) -> str:
    """Return what `kvsops deploy` writes, by the policy above."""
    policy = tmp_path / "kvsops.toml"
    policy.write_text(POLICY)
    bucket, key = PACKAGE
    given = ["--policy", str(policy)]
    given += [] if "--member-role" in argv else ["--code-bucket", bucket, "--code-key", key]
    came = CliRunner().invoke(cli, ["deploy", *given, *argv], prog_name="kvsops")
    assert came.return_value in (0, None), came.stderr
    return came.stdout


def fill(local: LocalServer) -> None:
    """Put channels everywhere: two to delete, one too young, one of another name.

    One scope has more to delete than its fuse lets pass.
    """
    now = local.settings.clock().replace(microsecond=0)
    day, minute = timedelta(days=1), timedelta(minutes=1)
    for account in (HUB, SECOND, THIRD):
        for region in REGIONS:
            backend = local.backend(region, account)
            many = 5 if (account, region) == (SECOND, BLOWING) else 2
            for number in range(many):
                backend.put_channel(f"ci-{number}", now - day, now - day, tags={"n": str(number)})
            backend.put_channel("ci-young", now - minute, now - minute)
            backend.put_channel("cam", now - day, now - day)


def names(local: LocalServer, account: str, region: str) -> list[str]:
    """Return the names of the channels that are there."""
    return sorted(local.backend(region, account).channels)


def test_the_whole_way(tmp_path: Path, local: LocalServer) -> None:
    """Exactly what the plans have is deleted, and what failed is told; a journal brings it back."""
    local.settings.faults = (Fault("*", "ClientLimitExceededException", 0.3, region=BUSY),)
    where = [word for region in REGIONS for word in ("--region", region)]
    hub = template(tmp_path, *where, "--yes", "--max-deletes", "3", "--email", "ops@example.com")
    member = template(tmp_path, "--member-role", "--hub-account", HUB, "--yes")
    with deployed(local, hub, {HUB: member, SECOND: member}) as engine:  # the third has no role
        fill(local)
        told = engine.run()
        swept = [(a, r) for a in (HUB, SECOND) for r in REGIONS if (a, r) != (SECOND, BLOWING)]
        for account in (HUB, SECOND, THIRD):
            for region in REGIONS:
                kept = ["cam", "ci-young"]
                if (account, region) == (SECOND, BLOWING):
                    kept = ["cam", "ci-0", "ci-1", "ci-2", "ci-3", "ci-4", "ci-young"]
                elif account == THIRD:
                    kept = ["cam", "ci-0", "ci-1", "ci-young"]
                assert names(local, account, region) == kept, (account, region)
        assert (told["places"], told["deleted"], told["exit_code"]) == (9, 10, 1)
        assert [each.split(":")[0] for each in told["failures"]] == [
            f"{THIRD} {region}" for region in REGIONS
        ]
        assert told["blown"] == [
            f"{SECOND} {BLOWING}: 5 of 7 channels are more than --max-deletes 3"
        ]
        assert local.throttled["ListSignalingChannels"] > 0
        journals = engine.keys("journals/")
        assert [tuple(key.split("/")[2:4]) for key in journals] == sorted(swept)
        lines = [key for key in engine.keys("lines/") if BUSY not in key]  # there some came twice
        assert len(lines) == 6
        _told_of(engine)
        _allowed(engine, json.loads(hub))
        _allowed_there(local, member, "DeleteRole")
        _restored(tmp_path, local, engine, journals[0])


def _told_of(engine: Engine) -> None:
    """Check the one message: what failed is in it."""
    (message,) = engine.messages()
    assert message["subject"] == ("kvsops sweep: 3 failed: deleted 10 channels in 9 places")
    assert f"fuse: {SECOND} {BLOWING}: 5 of 7 channels" in message["text"]
    assert f"failed: {THIRD} {REGION}: " in message["text"]


def _allowed(engine: Engine, hub: dict[str, Any]) -> None:
    """Check that each function's role allows what it did in the bucket, and is used up by it."""
    roles = {
        (step, action, resource["Fn::Sub"].removeprefix("${Bucket.Arn}/"))
        for step in ("list", "plan", "fuse", "delete", "total")
        for policy in hub["Resources"][f"{step.title()}Role"]["Properties"]["Policies"]
        for each in policy["PolicyDocument"]["Statement"]
        for resource in (
            each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]]
        )
        for action in each["Action"]
        if action in {"s3:GetObject", "s3:PutObject"}
    }
    used = {
        next((r for r in roles if r[:2] == (step, action) and fnmatchcase(key, r[2])), key)
        for step, action, key in engine.used
    }
    killed = {
        ("total", "s3:GetObject", "lines/*"),
        ("total", "s3:PutObject", "journals/*/recovered.jsonl"),
    }
    assert used == roles - killed  # these are for a function that was killed


def _allowed_there(local: LocalServer, member: str, role: str) -> None:
    """Check that the role in the members' accounts allows all that was called there."""
    of_hub = {"sts:AssumeRole", "sts:GetCallerIdentity", "organizations:ListAccounts"}
    allowed = {
        action
        for policy in json.loads(member)["Resources"][role]["Properties"]["Policies"]
        for each in policy["PolicyDocument"]["Statement"]
        for action in each["Action"]
    }
    called = {iam_action(operation) for operation in local.calls} - of_hub
    assert "kinesisvideo:ListTagsForResource" in called
    assert called <= allowed


def _restored(
    tmp_path: Path, local: LocalServer, engine: Engine, key: str, last_event: str = "deleted"
) -> None:
    """Bring back what was deleted in the hub's own account, by its journal."""
    account, region = key.split("/")[2:4]
    assert account == HUB
    path = tmp_path / "journal.jsonl"
    path.write_bytes(engine.get(key))
    assert {entry.last_event for entry in entries.read(path).entries} == {last_event}
    came = CliRunner().invoke(
        cli,
        ["restore", str(path), "--yes", "--region", region, "-o", "json"],
        prog_name="kvsops",
        env=local.environment(),
    )
    assert came.return_value in (0, None), came.stderr
    assert {each["channel_name"] for each in json.loads(came.stdout)} == {"ci-0", "ci-1"}
    assert names(local, account, region) == ["cam", "ci-0", "ci-1", "ci-young"]
    assert local.backend(region, account).channels["ci-1"].tags == {"n": "1"}


def test_a_dry_run(tmp_path: Path, local: LocalServer) -> None:
    """Without --yes no role may delete, and no state does; what would be deleted is told."""
    hub = template(tmp_path, "--region", REGION)
    member = template(tmp_path, "--member-role", "--hub-account", HUB)
    assert "DeleteSignalingChannel" not in hub + member
    with deployed(local, hub, dict.fromkeys((HUB, SECOND, THIRD), member)) as engine:
        fill(local)
        told = engine.run()
        assert (told["doomed"], told["exit_code"], told["dry_run"]) == (6, 0, True)
        assert names(local, SECOND, REGION) == ["cam", "ci-0", "ci-1", "ci-young"]
        assert (engine.keys("journals/"), engine.messages()) == ([], [])
        _allowed_there(local, member, "PlanRole")


def test_an_organization_that_cannot_be_listed(tmp_path: Path, local: LocalServer) -> None:
    """The run breaks off before anything is planned; who is told reads why, and no stack trace."""
    local.settings.faults = (Fault("ListAccounts", "AccessDeniedException", 1.0),)
    hub = template(tmp_path, "--region", REGION, "--yes")
    member = template(tmp_path, "--member-role", "--hub-account", HUB, "--yes")
    with deployed(local, hub, dict.fromkeys((HUB, SECOND, THIRD), member)) as engine:
        fill(local)
        engine.run("FAILED")
        assert names(local, SECOND, REGION) == ["cam", "ci-0", "ci-1", "ci-young"]
        (message,) = engine.messages()
        assert message["subject"] == "kvsops sweep: 1 failed: deleted 0 channels in 0 places"
        said = "ListAccounts denied: the credentials need organizations:ListAccounts on "
        assert f"failed: the run broke off: {said}" in message["text"]
        assert "errorType" not in message["text"]


def test_a_function_that_is_killed(tmp_path: Path, local: LocalServer) -> None:
    """What it had begun is told, with a journal of it; the journal brings the channels back."""
    hub = template(tmp_path, "--region", REGION, "--yes", "--account", HUB)
    member = template(tmp_path, "--member-role", "--hub-account", HUB, "--yes")
    with deployed(local, hub, {HUB: member}, killed=("delete", "journals/")) as engine:
        fill(local)
        told = engine.run()
        assert names(local, HUB, REGION) == ["cam", "ci-young"]
        (key,) = engine.keys("journals/")
        assert key == f"journals/run-1/{HUB}/{REGION}/recovered.jsonl"
        assert (told["exit_code"], told["deleted"], told["uncertain"]) == (1, 0, 1)
        assert [each["subject"] for each in engine.messages()] == [
            "kvsops sweep: 1 failed: deleted at least 0 channels in 1 place"
        ]
        assert told["failures"] == [
            f"{HUB} {REGION}: its function gave no answer: it failed, or ran out of time; see its "
            f"log; its journal: s3://{engine.stack['Bucket']}/{key}"
        ]
        _restored(tmp_path, local, engine, key, "deleting")


@pytest.mark.parametrize(
    ("killed", "said"),
    [
        (("plan", "runs/"), f"{HUB} {REGION}: its function gave no answer: it failed, or ran out"),
        (("fuse", "runs/"), "the run broke off: Runtime exited with error: signal: killed"),
    ],
)
def test_a_step_that_fails(
    tmp_path: Path, local: LocalServer, killed: tuple[str, str], said: str
) -> None:
    """Nothing is deleted of what was not planned and weighed, and that is told."""
    hub = template(tmp_path, "--region", REGION, "--yes", "--account", HUB)
    member = template(tmp_path, "--member-role", "--hub-account", HUB, "--yes")
    with deployed(local, hub, {HUB: member}, killed) as engine:
        fill(local)
        engine.run("FAILED" if killed[0] == "fuse" else "SUCCEEDED")
        assert names(local, HUB, REGION) == ["cam", "ci-0", "ci-1", "ci-young"]
        (message,) = engine.messages()
        assert message["subject"].startswith("kvsops sweep: 1 failed: deleted 0 channels in ")
        assert f"failed: {said}" in message["text"]


def test_the_fuse_of_all(tmp_path: Path, local: LocalServer) -> None:
    """Where all scopes together have more to delete than it lets pass, nothing is, anywhere."""
    hub = template(tmp_path, "--region", REGION, "--yes", "--max-deletes-total", "5")
    member = template(tmp_path, "--member-role", "--hub-account", HUB, "--yes")
    with deployed(local, hub, dict.fromkeys((HUB, SECOND, THIRD), member)) as engine:
        fill(local)
        told = engine.run()
        assert told["blown"] == ["6 of 12 channels are more than --max-deletes-total 5"]
        assert (told["deleted"], told["exit_code"]) == (0, 3)
        assert names(local, SECOND, REGION) == ["cam", "ci-0", "ci-1", "ci-young"]
        assert [each["subject"] for each in engine.messages()] == [
            "kvsops sweep: 1 fuse blew: deleted 0 channels in 3 places"
        ]
