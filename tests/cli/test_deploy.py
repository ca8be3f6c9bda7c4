"""`kvsops deploy`: the templates that it writes, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kvsops.aws.quotas import writes
from kvsops.cli.main import cli
from tests.cli.conftest import Ended

POLICY = '[policies.ci]\nprefix = "ci-"\nolder-than = "2h"\n'
HUB = "123456789012"
MEMBER = ("--member-role", "--hub-account", HUB)


def deploy(*argv: str) -> Ended:
    """Run it where no AWS is."""
    result = CliRunner().invoke(cli, ["deploy", *argv], prog_name="kvsops", catch_exceptions=False)
    return Ended(result.return_value or 0, result.stdout, result.stderr)


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a policy file, and go where it is."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "kvsops.toml"
    path.write_text(POLICY)
    return path


def template(*argv: str) -> Any:
    """Return the template that it writes."""
    ended = deploy(*argv)
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def actions(template: Any, role: str) -> list[str]:
    """Return what a role may do, of all resources."""
    (policy,) = template["Resources"][role]["Properties"]["Policies"]
    return sorted(
        action for each in policy["PolicyDocument"]["Statement"] for action in each["Action"]
    )


@pytest.mark.usefixtures("policy")
def test_roles() -> None:
    """Each step may do what it does; only the one that deletes may take on what can."""
    hub = template("--region", "us-east-1", "--yes")
    log = ["logs:CreateLogStream", "logs:PutLogEvents"]
    listing = [
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
    ]
    objects = ["s3:GetObject", "s3:ListBucket", "s3:PutObject"]
    assert actions(hub, "ListRole") == [*log, *listing, "s3:PutObject"]
    assert actions(hub, "PlanRole") == [*log, "s3:PutObject", "sts:AssumeRole"]
    assert actions(hub, "FuseRole") == [*log, *objects]
    assert set(actions(hub, "DeleteRole")) == {*log, *objects, "sts:AssumeRole"}
    assert set(actions(hub, "TotalRole")) == {*log, *objects, "sns:Publish"}
    text = json.dumps(hub["Resources"]["PlanRole"])
    assert ":role/kvsops-sweep-plan" in text
    assert ":role/kvsops-sweep-delete" not in text
    assert ":role/kvsops-sweep-delete" in json.dumps(hub["Resources"]["DeleteRole"])


@pytest.mark.usefixtures("policy")
def test_the_bucket() -> None:
    """It is encrypted, versioned, closed to the public, by TLS alone, and outlives the stack."""
    resources = template("--all-regions")["Resources"]
    bucket = resources["Bucket"]
    given = bucket["Properties"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert given["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(given["PublicAccessBlockConfiguration"].values()) == {True}
    assert "AES256" in json.dumps(given["BucketEncryption"])
    (rule,) = given["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", {"Ref": "KeepDays"})
    (statement,) = resources["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == (
        "Deny",
        "*",
        "s3:*",
    )
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.usefixtures("policy")
def test_members() -> None:
    """What plans may only read; each role trusts the one function that takes it on."""
    member = template(*MEMBER, "--yes")
    reading = actions(member, "PlanRole")
    assert [each for each in reading if writes(each.split(":")[1])] == []
    assert "kinesisvideo:DeleteSignalingChannel" in actions(member, "DeleteRole")
    trust = member["Resources"]["DeleteRole"]["Properties"]["AssumeRolePolicyDocument"]
    assert trust["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"AWS": {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::{HUB}:root"}},
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnEquals": {
                    "aws:PrincipalArn": {
                        "Fn::Sub": f"arn:${{AWS::Partition}}:iam::{HUB}:role/"
                        "kvsops-sweep-delete-function"
                    }
                }
            },
        }
    ]


@pytest.mark.usefixtures("policy")
def test_without_yes() -> None:
    """A stack that only tells has neither state, nor function, nor role that deletes."""
    ended = deploy("--all-regions")
    assert ended.err == (
        "without --yes: this stack tells what it would delete, and deletes nothing\n"
    )
    assert "Delete" not in {each[:6] for each in json.loads(ended.out)["Resources"]}
    assert set(template(*MEMBER)["Resources"]) == {"PlanRole"}


def test_the_policy_is_in_the_stack(policy: Path) -> None:
    """Its text stands in the definition, where nothing of it is taken for a name of the stack's."""
    policy.write_text(POLICY + "# ${Bucket}\n")
    hub = template("--region", "us-east-1", "--max-deletes-total", "7")
    text = hub["Resources"]["Machine"]["Properties"]["DefinitionString"]["Fn::Sub"]
    begin = json.loads(text)["States"]["Begin"]["Parameters"]
    assert begin["settings"]["policy"] == policy.read_text()
    assert "# ${Bucket}" not in text
    assert begin["settings"]["max_deletes_total"] == "7"


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "in which regions? give --region or --all-regions"),
        (("--region", "mars-1"), "no such region: 'mars-1'"),
        (("--all-regions", "--region", "us-east-1"), "--all-regions or --region, not both"),
        (("--member-role",), "--member-role: give --hub-account, the account it is to trust"),
        (("--hub-account", HUB), "--hub-account is for the other accounts: add --member-role"),
        (("--member-role", "--hub-account", "1"), "not an account: '1': it has 12 digits"),
        (("--all-regions", "--email", "ops"), "not an address to mail to: 'ops'"),
        (("--all-regions", "--schedule", "daily"), "not a schedule: 'daily': write rate(1 day)"),
        (("--all-regions", "--schedule", "rate(5 minutes)"), "runs would overlap"),
        (
            ("--all-regions", "--schedule", "cron(0 3 * * * *)"),
            "one of day-of-month and day-of-week is ?, and only one",
        ),
        (("--all-regions", "--alarm-after", "8d"), "--alarm-after: at most 7d"),
        (("--all-regions", "--policy", "no.toml"), "the policy file no.toml cannot be read"),
        (("--all-regions", "--organization-role", "a" * 49), "at most 48 characters"),
        (("--all-regions", "--max-deletes-total", "0"), "not a fuse: '0'"),
        (
            ("--region", "us-east-1", "--region", "cn-north-1"),
            "cn-north-1 is in the partition aws-cn, us-east-1 in aws: a stack each",
        ),
        (("--all-regions", "--exclude-region", "eu-wset-1"), "did you mean eu-west-1?"),
        (
            ("--all-regions", "--account", HUB, "--exclude-account", HUB),
            f"account {HUB} is both asked for and excluded",
        ),
    ],
)
def test_refusals(argv: tuple[str, ...], said: str) -> None:
    """One clear line, exit code 2, and no template."""
    ended = deploy(*argv)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


@pytest.mark.usefixtures("policy")
def test_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is somebody's mistake, and no defect: one clear line."""
    monkeypatch.setenv("AWS_PROFILE", "nosuch")
    ended = deploy("--region", "us-east-1")
    said = "error: no such profile: nosuch: see the profiles in ~/.aws/config\n"
    assert (ended.code, ended.err) == (2, said)


def test_a_policy_that_is_too_large(policy: Path) -> None:
    """CloudFormation would refuse the template: it is said how large it may be."""
    policy.write_text(POLICY + "# much\n" * 5000)
    ended = deploy("--all-regions")
    assert (ended.code, ended.out) == (2, "")
    assert "the template may have 51,200 bytes, and with kvsops.toml it has " in ended.err


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize(
    ("schedule", "hours"),
    [
        ("rate(1 day)", 25),
        ("rate(12 hours)", 13),
        ("cron(0 3 * * ? *)", 25),
        ("cron(0 3 ? * * *)", 25),
        ("cron(0 3 ? * MON-FRI *)", 73),
        ("cron(0 3 ? * fri-mon *)", 97),
        ("cron(0 3 ? * 2,4 *)", 121),
    ],
)
def test_the_alarm(schedule: str, hours: int) -> None:
    """It goes off when no run came to its end for as long as the schedule says, and an hour."""
    hub = template("--all-regions", "--schedule", schedule)
    alarm = hub["Resources"]["NotRun"]["Properties"]
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (3600, hours)
    assert (alarm["MetricName"], alarm["TreatMissingData"]) == ("ExecutionsSucceeded", "breaching")


@pytest.mark.usefixtures("policy")
def test_a_schedule_too_rare_for_an_alarm() -> None:
    """No alarm can look back so far: the stack has none, and it is said."""
    for schedule in ("rate(30 days)", "cron(0 3 ? * SUN *)"):
        ended = deploy("--all-regions", "--yes", "--schedule", schedule)
        assert "no alarm can wait that long for a run: the stack has none" in ended.err
        assert "NotRun" not in json.loads(ended.out)["Resources"]


@pytest.mark.usefixtures("policy")
@pytest.mark.parametrize(
    "schedule",
    ["cron(0 3 1 * ? *)", "cron(0 3 ? JAN MON *)", "cron(0 3 ? * 6L *)", "cron(0 3 ? * * 2030)"],
)
def test_a_schedule_that_does_not_say_when_a_run_is_missing(schedule: str) -> None:
    """The stack has an alarm only if it is told when: one that goes off falsely is soon unheard."""
    ended = deploy("--all-regions", "--yes", "--schedule", schedule)
    assert "give --alarm-after" in ended.err
    assert "NotRun" not in json.loads(ended.out)["Resources"]
    told = template("--all-regions", "--yes", "--schedule", schedule, "--alarm-after", "3d")
    assert told["Resources"]["NotRun"]["Properties"]["EvaluationPeriods"] == 72
