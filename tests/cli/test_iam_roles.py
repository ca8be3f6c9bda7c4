"""`kvsops iam` of command lines that assume roles: the caller, the role, and whom that trusts."""

import json
from typing import Any

import pytest

from tests.cli.conftest import Kvsops
from tests.cli.iam import ACCOUNT, actions_of, resources_of

LINE = "list --organization-role kvsops --region us-east-1 --region eu-west-1"
ARN = "arn:aws:iam::200000000002:role/kvsops"
CHANNELS = [f"arn:aws:kinesisvideo:{region}:*:channel/*/*" for region in ("eu-west-1", "us-east-1")]
FINDING = {"organizations:ListAccounts", "sts:AssumeRole"}


def policy(kvsops: Kvsops, *argv: str) -> Any:
    """Return what is printed."""
    ended = kvsops("iam", *argv)
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def statement_of(told: Any, action: str) -> Any:
    """Return the statement that allows the action."""
    return next(each for each in told["Statement"] if action in each["Action"])


def test_the_role_of_an_organization(kvsops: Kvsops) -> None:
    """It may do what is done in its account, in the regions named, and nothing of finding them."""
    told = policy(kvsops, LINE, "--for", "role")
    assert actions_of(told) == {"kinesisvideo:ListSignalingChannels"}


def test_its_resources(kvsops: Kvsops) -> None:
    """Regions narrow them."""
    told = policy(kvsops, f"{LINE} -o json", "--for", "role")
    assert resources_of(statement_of(told, "kinesisvideo:ListTagsForResource")) == CHANNELS


def test_the_caller_of_an_organization(kvsops: Kvsops) -> None:
    """It lists the accounts, assumes the role in them, and looks in its own by itself."""
    ended = kvsops("iam", LINE)
    told = json.loads(ended.out)
    assert actions_of(told) == FINDING | {"kinesisvideo:ListSignalingChannels"}
    assume = statement_of(told, "sts:AssumeRole")
    assert resources_of(assume) == ["arn:aws:iam::*:role/kvsops"]
    assert ended.err == "this is the policy of the caller: --for role prints that of the role\n"


def test_the_caller_of_roles(kvsops: Kvsops) -> None:
    """Whoever does all by roles needs to assume them, and no more."""
    told = policy(kvsops, f"list --role-arn {ARN}")
    assert actions_of(told) == {"sts:AssumeRole"}
    assert resources_of(statement_of(told, "sts:AssumeRole")) == [ARN]


def test_notices_are_the_callers(kvsops: Kvsops) -> None:
    """The role publishes nothing."""
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:on-call"
    line = f"sweep --older-than 1d --role-arn {ARN} --notify-sns {topic}"
    assert actions_of(policy(kvsops, line)) == {"sns:Publish", "sts:AssumeRole"}
    assert "sns:Publish" not in actions_of(policy(kvsops, line, "--for", "role"))


@pytest.mark.parametrize(
    ("caller", "principal"),
    [
        (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root"),
        (f"arn:aws:iam::{ACCOUNT}:role/ci/sweeper", f"arn:aws:iam::{ACCOUNT}:role/ci/sweeper"),
    ],
)
def test_whom_the_role_trusts(kvsops: Kvsops, caller: str, principal: str) -> None:
    """The caller, and only by the external ID where the command line gives one."""
    told = policy(kvsops, LINE, "--for", "trust", "--caller", caller)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "sts:AssumeRole",
    }
    assert told == {"Version": "2012-10-17", "Statement": [statement]}
    line = f"{LINE} --external-id s3sam3"
    told = policy(kvsops, line, "--for", "trust", "--caller", caller)
    condition = {"StringEquals": {"sts:ExternalId": "s3sam3"}}
    assert told["Statement"] == [statement | {"Condition": condition}]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("list", "--for", "role"), "--for role: no command line assumes a role: add --organ"),
        (("--for", "trust", "--caller", ACCOUNT), "--for trust: no command line assumes a role: "),
        ((LINE, "--for", "trust"), "--for trust: say who may assume the role: --caller ID"),
        ((LINE, "--caller", ACCOUNT), "--caller says whom the role trusts: add --for trust"),
        ((LINE, "--for", "trust", "--caller", "me"), "not an account, nor the ARN of a user or"),
        (
            (LINE, f"{LINE} --external-id ab", "--for", "trust", "--caller", ACCOUNT),
            "the command lines give more than one --external-id",
        ),
    ],
)
def test_bad_input(kvsops: Kvsops, argv: tuple[str, ...], told: str) -> None:
    """One line, and no policy."""
    ended = kvsops("iam", *argv)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert told in ended.err


def test_a_profile_that_is_not_there(kvsops: Kvsops, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is somebody's mistake, and no defect: one clear line."""
    monkeypatch.setenv("AWS_PROFILE", "nosuch")
    ended = kvsops("iam", "--region", "eu-west-1", "sweep --older-than 2h")
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert ended.err.startswith("error: no such profile: nosuch: ")


def test_all_commands(kvsops: Kvsops) -> None:
    """Roles, organizations and topics are named by a command line, or not allowed at all."""
    actions = actions_of(policy(kvsops))
    assert not {each for each in actions if each.split(":")[0] in ("sts", "sns", "organizations")}
