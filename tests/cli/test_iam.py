"""`kvsops iam`: the policies it prints, and the command lines it refuses."""

import json

import pytest

from kvsops.aws.iam import action_of
from kvsops.cli.permissions import CALLS
from tests.cli.conftest import Kvsops
from tests.cli.iam import ACCOUNT, actions_of, resources_of


def test_a_sweep(kvsops: Kvsops) -> None:
    """The prefix narrows the channels, and the tags what is done to those that have them."""
    ended = kvsops(
        *(
            "iam",
            "sweep --prefix ci- --tag env=ci --tag team --older-than 1d --unlink-storage --yes",
        ),
        *("--region", "eu-west-1", "--account", ACCOUNT),
    )
    assert (ended.code, ended.err) == (0, "")
    channels = f"arn:aws:kinesisvideo:eu-west-1:{ACCOUNT}:channel/ci-*/*"
    assert json.loads(ended.out) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": [
                    "cloudwatch:GetMetricData",
                    "cloudwatch:ListMetrics",
                    "kinesisvideo:ListSignalingChannels",
                    "tag:GetResources",
                ],
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Action": [
                    "kinesisvideo:DeleteSignalingChannel",
                    "kinesisvideo:DescribeMediaStorageConfiguration",
                    "kinesisvideo:DescribeSignalingChannel",
                    "kinesisvideo:UpdateMediaStorageConfiguration",
                ],
                "Resource": channels,
                "Condition": {
                    "StringEquals": {"aws:ResourceTag/env": "ci"},
                    "Null": {"aws:ResourceTag/team": "false"},
                },
            },
            {
                "Effect": "Allow",
                "Action": ["kinesisvideo:ListTagsForResource"],
                "Resource": channels,
            },
        ],
    }


def test_a_dry_run(kvsops: Kvsops) -> None:
    """What only shows is not allowed to write, and that is said."""
    ended = kvsops("iam", "sweep --older-than 1d --unlink-storage")
    assert actions_of(json.loads(ended.out)) == {
        "cloudwatch:GetMetricData",
        "cloudwatch:ListMetrics",
        "kinesisvideo:DescribeMediaStorageConfiguration",
        "kinesisvideo:ListSignalingChannels",
        "kinesisvideo:ListTagsForResource",
        "tag:GetResources",
    }
    assert ended.err == "sweep without --yes changes nothing: its writes are left out\n"


@pytest.mark.parametrize(
    ("line", "resources"),
    [
        ("describe cam-door --no-metrics", ["arn:aws:kinesisvideo:*:*:channel/cam-door/*"]),
        ("tag cam-door a=b", ["arn:aws:kinesisvideo:*:*:channel/cam-door/*"]),
        ("describe --no-metrics", ["arn:aws:kinesisvideo:*:*:channel/*/*"]),
        ("create", ["arn:aws:kinesisvideo:*:*:channel/kvsops-*/*"]),
        ("smoke", ["arn:aws:kinesisvideo:*:*:channel/kvsops-smoke/*"]),
        ("smoke --ephemeral", ["arn:aws:kinesisvideo:*:*:channel/kvsops-smoke-*/*"]),
        ("kvsops create a b", [f"arn:aws:kinesisvideo:*:*:channel/{name}/*" for name in "ab"]),
        (
            "describe a --region cn-north-1 --no-metrics",
            ["arn:aws-cn:kinesisvideo:cn-north-1:*:channel/a/*"],
        ),
        (
            f"sweep --prefix ci- --expect-account {ACCOUNT}",
            ["*", f"arn:aws:kinesisvideo:*:{ACCOUNT}:channel/ci-*/*"],
        ),
        (
            f"describe arn:aws:kinesisvideo:eu-west-1:{ACCOUNT}:channel/a/17 --no-metrics "
            "--region us-east-1",
            [f"arn:aws:kinesisvideo:eu-west-1:{ACCOUNT}:channel/a/17"],
        ),
    ],
)
def test_resources(kvsops: Kvsops, line: str, resources: list[str]) -> None:
    """Names, ARNs, a prefix, a region and an account narrow what the policy is for."""
    told = json.loads(kvsops("iam", line).out)
    found = [arn for each in told["Statement"] for arn in resources_of(each)]
    assert found == resources


def test_many_lines_make_one_policy(kvsops: Kvsops) -> None:
    """What one line is allowed is not repeated for another that needs less of it."""
    told = json.loads(kvsops("iam", "describe", "sweep --prefix ci- --yes", "tag ci-1 a=b").out)
    assert told["Statement"] == [
        {
            "Effect": "Allow",
            "Action": [
                "cloudwatch:GetMetricData",
                "cloudwatch:ListMetrics",
                "kinesisvideo:ListSignalingChannels",
                "tag:GetResources",
            ],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": [
                "kinesisvideo:DescribeMediaStorageConfiguration",
                "kinesisvideo:DescribeSignalingChannel",
                "kinesisvideo:ListTagsForResource",
            ],
            "Resource": "arn:aws:kinesisvideo:*:*:channel/*/*",
        },
        {
            "Effect": "Allow",
            "Action": ["kinesisvideo:DeleteSignalingChannel"],
            "Resource": "arn:aws:kinesisvideo:*:*:channel/ci-*/*",
        },
        {
            "Effect": "Allow",
            "Action": ["kinesisvideo:TagResource"],
            "Resource": "arn:aws:kinesisvideo:*:*:channel/ci-1/*",
        },
    ]


def test_all_commands(kvsops: Kvsops) -> None:
    """Without a command line it is all that any command may need."""
    ended = kvsops("iam", "--region", "us-gov-west-1")
    told = json.loads(ended.out)
    calls = {call.operation for each in CALLS.values() for call in each} - {"GetCallerIdentity"}
    assert (ended.code, ended.err) == (0, "")
    assert actions_of(told) == {action_of(operation) for operation in calls}
    assert told["Statement"][1]["Resource"] == (
        "arn:aws-us-gov:kinesisvideo:us-gov-west-1:*:channel/*/*"
    )


def test_a_policy_that_iam_would_refuse(kvsops: Kvsops) -> None:
    """More than a managed policy may hold is printed all the same, and said."""
    many = " ".join(f"{'x' * 200}-{number}" for number in range(30))
    ended = kvsops("iam", f"describe {many}")
    assert ended.code == 0
    assert ended.err == "warning: a managed policy may have 6,144 characters: this has more\n"


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["sweepy"], "no such command: 'sweepy': did you mean sweep?"),
        (["delete", "cam-door"], "no such command: 'cam-door': there are "),
        (["sweep", "--yes"], "--yes: write a command with its options as one argument, in quotes"),
        (["sweep --yess"], "no such option: --yess: did you mean --yes?"),
        (["sweep --older-than 2"], "Invalid value for '--older-than': not a duration: '2'"),
        (["sweep --prefix 'ci*'"], "Invalid value for '--prefix': not a channel name: 'ci*'"),
        (["sweep --help"], "no such option: --help"),
        (["sweep 'ci"], 'not a command line: "sweep \'ci": no closing quotation'),
        ([" "], "not a command line: ' ': it names no command"),
        (["kvsops"], "not a command line: 'kvsops': it names no command"),
        (["sweep --expect-account me"], "not an account: 'me': it has 12 digits"),
        (["--account", "12"], "Invalid value for '--account': not an account: '12'"),
        (["--region", "mars"], "not a region: 'mars': write it like eu-west-1"),
        (["list --region mars", "tag"], "not a region: 'mars': write it like eu-west-1"),
    ],
)
def test_bad_input(kvsops: Kvsops, argv: list[str], told: str) -> None:
    """One line says what is wrong, the exit code is 2, and no policy is printed."""
    ended = kvsops("iam", *argv)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {told}")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        (
            "list --role-arn arn:aws:iam::222222222222:role/a",
            {"sts:AssumeRole": ["arn:aws:iam::222222222222:role/a"]},
        ),
        (
            "list --organization-role a --all-regions",
            {"organizations:ListAccounts": ["*"], "sts:AssumeRole": ["arn:aws:iam::*:role/a"]},
        ),
        (
            "list --organization-role a --ou r-ab12 --account 222222222222",
            {
                "organizations:ListAccountsForParent": ["*"],
                "organizations:ListOrganizationalUnitsForParent": ["*"],
                "sts:AssumeRole": ["arn:aws:iam::222222222222:role/a"],
            },
        ),
    ],
)
def test_finding_many_places(kvsops: Kvsops, line: str, allowed: dict[str, list[str]]) -> None:
    """Listing an organization is allowed where it is listed, and only the roles that are given."""
    told = json.loads(kvsops("iam", line).out)
    found = {
        action: resources_of(each)
        for each in told["Statement"]
        for action in each["Action"]
        if action.startswith(("organizations:", "sts:"))
    }
    assert found == allowed


def test_several_regions_and_accounts(kvsops: Kvsops) -> None:
    """The channels are those of each region in each account."""
    roles = (
        "--role-arn arn:aws:iam::222222222222:role/a --role-arn arn:aws:iam::111111111111:role/a"
    )
    line = f"sweep --prefix ci- --expired --region us-east-1 --region eu-west-1 {roles}"
    told = json.loads(kvsops("iam", line).out)
    found = {arn for each in told["Statement"] for arn in resources_of(each)}
    assert {arn for arn in found if ":channel/" in arn} == {
        f"arn:aws:kinesisvideo:{region}:{account}:channel/ci-*/*"
        for region in ("us-east-1", "eu-west-1")
        for account in ("111111111111", "222222222222")
    }
