"""The options that say in which accounts and regions to look, as commands take them."""

from collections.abc import Iterator

import pytest

from kvsops.local.server import LocalServer
from tests.between import between
from tests.cli.conftest import Kvsops
from tests.fleet import put
from tests.organization import HOME, Organization, account

ROLE = "arn:aws:iam::222222222222:role/kvsops-sweep"
MANY = ("list", "cost", "sweep", "restore", "prices")


@pytest.fixture
def organization(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Organization]:
    """Put an organization before the emulator."""
    answers = Organization()
    with between(environment["AWS_ENDPOINT_URL"], answers.change) as url:
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS_VIDEO"):
            monkeypatch.setenv(name, url)
        yield answers


def test_one_region_takes_no_more_calls(kvsops: Kvsops, emulator: LocalServer) -> None:
    """With one place a command calls what it called before there were many."""
    put(emulator, "cam")
    assert kvsops("list", "--region", "us-east-1", "-o", "csv").code == 0
    assert emulator.calls == {
        "ListSignalingChannels": 1,
        "GetResources": 1,
        "ListTagsForResource": 1,
    }


def test_one_role(
    kvsops: Kvsops, organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One role is one place: the command looks in its account, and its session tells who looked."""
    monkeypatch.setenv("GITHUB_REPOSITORY", "org/repo")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    ended = kvsops("list", "--role-arn", ROLE, "--external-id", "abc")
    assert (ended.code, ended.out) == (0, "No channels in us-east-1, account 222222222222.\n")
    assert organization.sessions[0]["RoleSessionName"] == "kvsops-list-github-org-repo-7"
    assert organization.sessions[0]["ExternalId"] == "abc"
    assert organization.asked["GetCallerIdentity"] == 0


def test_a_role_that_cannot_be_assumed(kvsops: Kvsops, organization: Organization) -> None:
    """It is said in one line, and nothing is listed."""
    organization.denying = {"222222222222"}
    ended = kvsops("list", "--role-arn", ROLE)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"error: {ROLE} cannot be assumed: it is not there, or does not trust the caller, or "
        "sts:AssumeRole is not allowed\n"
    )
    assert organization.asked == {"AssumeRole": 1}


def test_a_page_that_fails_when_deletion_is_asked_for(
    kvsops: Kvsops, emulator: LocalServer, organization: Organization
) -> None:
    """The accounts of the first page were read by then: nothing is deleted, and that is said."""
    put(emulator, "ci-1")
    organization.pages = {None: [[account(HOME)], [account("222222222222")]]}
    organization.waits = {("ListAccounts", 2): ("ListSignalingChannels", 1)}
    organization.fails = {("ListAccounts", 2): "AccessDeniedException"}
    options = ("--organization-role", "kvsops-sweep", "--older-than", "2h", "--any-channel")
    ended = kvsops("sweep", *options, "--yes")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "Nothing was deleted: not all accounts could be found.\n"
        'error: ListAccounts denied: the credentials need organizations:ListAccounts on "*" '
        "(request ID 1)\n"
    )
    assert organization.asked["ListSignalingChannels"] >= 1
    assert emulator.calls["DeleteSignalingChannel"] == 0


@pytest.mark.parametrize("command", MANY)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--all-regions", "--region", "us-east-1"), "--all-regions or --region, not both"),
        (
            ("--exclude-region", "us-east-1"),
            "--exclude-region leaves some out of --all-regions: give both",
        ),
        (
            ("--role-arn", ROLE, "--organization-role", "a"),
            "--role-arn or --organization-role, not both",
        ),
        (
            ("--ou", "r-ab12"),
            "--account, --exclude-account and --ou choose of an organization's accounts: "
            "add --organization-role NAME",
        ),
        (("--external-id", "abc"), "--external-id is for roles: add --role-arn or"),
        (("--account", "12"), "Invalid value for '--account': not an account: '12': it has 12"),
        (("--role-arn", "a"), "Invalid value for '--role-arn': not a role's ARN: 'a': write it"),
        (("--organization-role", "a b"), "Invalid value for '--organization-role': not a role's"),
    ],
)
def test_refused(
    kvsops: Kvsops, emulator: LocalServer, command: str, given: tuple[str, ...], said: str
) -> None:
    """What contradicts itself is refused in one line before any call, by each command alike."""
    ended = kvsops(command, *given)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {said}")
    assert ended.err.count("\n") == 1
    assert emulator.calls == {}


@pytest.mark.parametrize("command", ["describe", "delete", "create"])
def test_one_place_alone(kvsops: Kvsops, command: str) -> None:
    """Commands that name channels take one region, the last that is given, as ever."""
    ended = kvsops(command, "--all-regions")
    assert ended.code == 2
    assert ended.err.startswith("error: no such option: --all-regions")
