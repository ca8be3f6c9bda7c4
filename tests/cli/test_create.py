"""`kvsops create`: names, tags, waiting, and channels that exist."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from kvsops.core.text import moment
from kvsops.local.faults import DROP_AFTER, Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import HOUR, From, names, put, writes
from tests.goldens import Golden

CREATE = "CreateSignalingChannel"


def tags(emulator: LocalServer, name: str) -> dict[str, str]:
    """Answer the channel's tags."""
    return emulator.backend().channels[name].tags


def test_one(kvsops: Kvsops, emulator: LocalServer) -> None:
    """The ARN is printed, and nothing else: it goes into a shell's variable."""
    ended = kvsops("create", "cam")
    assert ended.out == f"{emulator.backend().channels['cam'].arn}\n"
    assert (ended.code, ended.err) == (0, "")
    assert emulator.backend().channels["cam"].message_ttl_seconds == 60
    assert list(tags(emulator, "cam")) == ["kvsops:owner"]


def test_a_made_up_name(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Without a name one is made up, another each time."""
    first, second = kvsops("create"), kvsops("create")
    for ended in (first, second):
        assert re.fullmatch(
            r"arn:aws:kinesisvideo:us-east-1:123456789012:channel/kvsops-[0-9a-f]{10}/\d{13}\n",
            ended.out,
        )
    assert len(names(emulator)) == 2


def test_many(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Many are made at once; the ARNs come in the order of the names, a name given twice once."""
    asked = ["c", "a", "b", "a"]
    ended = kvsops("create", *asked, "--message-ttl", "120", "--tag", "env=ci", "--owner", "ana")
    made = emulator.backend().channels
    assert ended.out == "".join(f"{made[name].arn}\n" for name in ("c", "a", "b"))
    assert {made[name].message_ttl_seconds for name in made} == {120}
    assert tags(emulator, "b") == {"env": "ci", "kvsops:owner": "ana"}
    assert writes(emulator) == {CREATE: 3}


def test_outputs(kvsops: Kvsops, emulator: LocalServer, golden: Golden) -> None:
    """Rows as a listing has them, where they are asked for."""
    tagged = ("--owner", "ana", "--tag", "a=b=c", "--tag", "empty=")
    table = kvsops("create", "one", "-o", "table", *tagged).out
    made = moment(emulator.backend().channels["one"].creation_time)
    golden(table, "table", created=made)
    markdown = kvsops("create", "two", "-o", "markdown", *tagged).out
    made = moment(emulator.backend().channels["two"].creation_time)
    golden(markdown, "markdown", created=made)
    csv = kvsops("create", "three", "-o", "csv", *tagged).out
    assert csv.endswith(',"{""a"": ""b=c"", ""empty"": """", ""kvsops:owner"": ""ana""}"\n')
    (told,) = json.loads(kvsops("create", "four", "-o", "json", *tagged).out)
    assert told["tags"] == {"a": "b=c", "empty": "", "kvsops:owner": "ana"}
    assert told["channel_arn"] == emulator.backend().channels["four"].arn
    query = ("-o", "json", "--query", "[0].status")
    assert kvsops("create", "five", *query).out == '"ACTIVE"\n'


def test_ttl(kvsops: Kvsops, emulator: LocalServer) -> None:
    """--ttl writes when the channel may go, in UTC."""
    began = datetime.now(UTC).replace(microsecond=0)
    assert kvsops("create", "ci-1", "--ttl", "90m").code == 0
    written = datetime.fromisoformat(tags(emulator, "ci-1")["kvsops:expires-at"])
    assert began <= written - timedelta(minutes=90) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("environ", "owner"),
    [
        ({"GITHUB_REPOSITORY": "acme/cam", "GITHUB_RUN_ID": "77"}, "github:acme/cam/77"),
        ({"CI_PROJECT_PATH": "acme/cam", "CI_JOB_ID": "5"}, "gitlab:acme/cam/5"),
        ({"CIRCLE_PROJECT_REPONAME": "cam", "CIRCLE_BUILD_NUM": "9"}, "circleci:cam/9"),
        ({"BUILDKITE_PIPELINE_SLUG": "cam", "BUILDKITE_BUILD_NUMBER": "3"}, "buildkite:cam/3"),
        ({"JOB_NAME": "cam#1", "BUILD_NUMBER": "4"}, "jenkins:cam-1/4"),
    ],
)
def test_the_owner_in_a_ci(
    kvsops: Kvsops,
    emulator: LocalServer,
    monkeypatch: pytest.MonkeyPatch,
    *,
    environ: dict[str, str],
    owner: str,
) -> None:
    """In a CI's job the job is the owner, unless told."""
    for name in ("JOB_NAME", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert kvsops("create", "one").code == 0
    assert tags(emulator, "one") == {"kvsops:owner": owner}
    assert kvsops("create", "two", "--owner", "ana").code == 0
    assert tags(emulator, "two") == {"kvsops:owner": "ana"}
    assert kvsops("create", "three", "--tag", "kvsops:owner=bea").code == 0
    assert tags(emulator, "three") == {"kvsops:owner": "bea"}


def test_exists(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A name that is taken is an error that says what to do; the others are made."""
    put(emulator, "cam", tags={"env": "ci"})
    ended = kvsops("create", "cam", "new")
    assert ended.out == f"{emulator.backend().channels['new'].arn}\n"
    assert ended.err == "error: cam exists already: --exist-ok takes it as it is\n"
    assert ended.code == 1
    assert tags(emulator, "cam") == {"env": "ci"}


def test_exist_ok(kvsops: Kvsops, emulator: LocalServer) -> None:
    """With --exist-ok it is taken as it is, and that its tags are not those asked for is said."""
    channel = put(emulator, "cam", tags={"env": "ci"}, message_ttl_seconds=9)
    ended = kvsops("create", "cam", "--exist-ok", "--tag", "env=prod", "--message-ttl", "99")
    assert (ended.code, ended.out) == (0, f"{channel.arn}\n")
    assert ended.err == "cam existed: its tags and message TTL are left as they are\n"
    assert channel.tags == {"env": "ci"}
    assert channel.message_ttl_seconds == 9


def test_waits(kvsops: Kvsops, emulator: LocalServer) -> None:
    """It ends when the channel is ACTIVE; with --no-wait at once."""
    emulator.settings.state_delay = timedelta(seconds=0.3)
    query = ("-o", "json", "--query", "[].status")
    assert json.loads(kvsops("create", "one", *query).out) == ["ACTIVE"]
    emulator.settings.state_delay = HOUR
    assert json.loads(kvsops("create", "two", "--no-wait", *query).out) == ["CREATING"]


def test_fifty_tags(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Forty-nine tags and the owner's are as many as there may be; one more is refused."""
    argv = [part for n in range(49) for part in ("--tag", f"k{n}=v")]
    assert kvsops("create", "one", *argv).code == 0
    assert len(tags(emulator, "one")) == 50
    ended = kvsops("create", "two", *argv, "--tag", "k49=v")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "error: 51 tags with kvsops:owner: a channel has at most 50\n"
    assert writes(emulator) == {CREATE: 1}


def test_the_quota(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Beyond the quota of channels AWS's own words say so; those made before are printed."""
    emulator.settings.channel_quota = 1
    assert kvsops("create", "one").code == 0
    ended = kvsops("create", "two")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"error: {CREATE} failed for two: AccountChannelLimitExceededException: You have reached "
        "the maximum number of signaling channels (1) for this account in this region; channels "
        "there: 1; the quota is 10,000 unless AWS raised it (us-east-1, account 123456789012): "
        "see what could go with kvsops sweep --older-than 1d\n"
    )


def test_denied(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A denied create names the permission."""
    emulator.settings.faults = (Fault(CREATE, "AccessDeniedException"),)
    ended = kvsops("create", "cam")
    assert ended.err == (
        f"error: {CREATE} denied: the credentials need kinesisvideo:{CREATE} and "
        "kinesisvideo:TagResource on channel/cam/*\n"
    )
    assert (ended.code, ended.out) == (1, "")


def test_a_lost_answer(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A channel that was made though the answer was lost is ours: no error, and only one."""
    emulator.settings.faults = (From(CREATE, DROP_AFTER, last=1),)
    ended = kvsops("create", "cam")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"{emulator.backend().channels['cam'].arn}\n"


def test_credentials_that_expire_on_the_way(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What was made by then is told; where nothing was, it is the caller's to sign in."""
    emulator.settings.faults = (From(CREATE, "ExpiredTokenException", first=2),)
    ended = kvsops("create", "a", "b", "c")
    (made,) = emulator.backend().channels.values()
    said = "error: the credentials have expired: sign in again (ExpiredTokenException)\n"
    assert (ended.code, ended.out, ended.err) == (1, f"{made.arn}\n", said)
    ended = kvsops("create", "d", "e")
    assert (ended.code, ended.out, ended.err) == (2, "", said)


def test_made_and_not_looked_at(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Where a channel was made and cannot be waited for, the error says that it is there."""
    emulator.settings.faults = (Fault("DescribeSignalingChannel", "AccessDeniedException"),)
    ended = kvsops("create", "cam")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: cam was made, but: DescribeSignalingChannel denied: ")


def test_many_fail_alone(kvsops: Kvsops, emulator: LocalServer) -> None:
    """What fails for one name does not stop the others."""
    emulator.settings.channel_quota = 2
    ended = kvsops("create", "a", "b", "c")
    assert ended.code == 1
    assert len(ended.out.splitlines()) == 2
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("command", ["create", "tag"])
@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("kvsops:expires-at=1h", "kvsops:expires-at='1h' is not a time like 2026-11-22T10:00:00Z"),
        ("kvsops:expires-at=2026-11-22", "give kvsops create or exec --ttl, like 1h"),
        ("kvsops:expires-at=", "is not a time like"),
        ("Kvsops:Expires-At=2026-11-22T10:00:00Z", "only looks like kvsops:expires-at"),
    ],
)
def test_a_lease_that_no_sweep_could_read(
    kvsops: Kvsops, emulator: LocalServer, *, command: str, tag: str, said: str
) -> None:
    """It would keep the channel for ever, so it is refused, and what is meant is named."""
    argv = ("create", "cam", "--tag", tag) if command == "create" else ("tag", "cam", tag)
    ended = kvsops(*argv)
    assert ended.code == 2
    assert said in ended.err
    assert emulator.calls == {}
