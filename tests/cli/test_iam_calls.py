"""`kvsops iam`, held to the calls that the commands really make on the emulator."""

import json
import logging
import shlex
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, cast

import click
import pytest

from kvsops.aws.iam import action_of
from kvsops.aws.scope import Scope
from kvsops.cli.main import COMMANDS, cli
from kvsops.cli.permissions import CALLS
from kvsops.core.channel import Channel, StorageLink
from kvsops.core.policies import sweep_rules
from kvsops.core.rule import Parameter, Role, Rule
from kvsops.core.rules import rules_of
from kvsops.local.demo.streams import Moved
from kvsops.local.faults import ALLOCATE, SENDS
from kvsops.local.server import LocalServer
from kvsops.sweep.journal import Journal
from tests.bill.test_streams import stream as put_stream
from tests.cli.conftest import Kvsops
from tests.cli.iam import ACCOUNT, actions_of, resources_of
from tests.fleet import DAY, HOUR, From, put

SENT_THROUGH_A_CONNECTION = {*SENDS, ALLOCATE, "Disconnect"}
"""What the emulator counts beside calls; IAM knows none of it."""
EXPIRED = {"kvsops:expires-at": "2026-01-01T00:00:00Z"}
FLEET: Final[dict[str, dict[str, str]]] = {
    "ci-tagged": {"env": "ci", **EXPIRED},
    "ci-stored": {"env": "ci", **EXPIRED},
    "ci-bare": {},
    "ci-used": {"env": "ci", **EXPIRED},
    "ci-bare-used": {},
    "ci-marked": {
        "kvsops:keep": "",
        "kvsops:doomed-at": "2026-01-01T00:00:00Z policy=command-line rules="
        f"{sweep_rules({'older-than': timedelta(days=1)}).policies[0].digest} arn=0",
    },
    "ci-smoke": {"env": "prod", "kvsops:smoke": "yes", "kvsops:owner": "ana"},
}
SAMPLES = {
    Parameter.DURATION: "7d",
    Parameter.PREFIX: "ci-",
    Parameter.GLOB: "ci-*",
    Parameter.TAG: "env=ci",
    Parameter.KEY: "kvsops:owner",
    Parameter.STATUS: "active",
}
"""A value for each kind of parameter that a rule may declare: a new rule brings its own rows."""


def options_of(rule: Rule) -> str:
    """Write all options of a rule, each with a value that some channels of the fleet meet."""
    texts = [f"--{each.name} {SAMPLES.get(each.parameter, '')}".strip() for each in rule.options]
    return " ".join(texts)


def lines() -> Iterator[str]:
    """Give command lines that together use every option that a command has."""
    for rule in rules_of(Role.NARROWING, Role.PROTECTION, Role.CONDITION):
        if rule.options:
            line = f"sweep --older-than 1d --any-channel {options_of(rule)}"
            yield from (line, f"{line} --yes")
    yield from (
        "sweep --older-than 1d --direct --tags",
        "sweep --older-than 1d --tag env --direct --yes",
        f"sweep --older-than 1d --check --all --limit 1 --deadline 10m --expect-account {ACCOUNT}",
        "sweep --older-than 1d --tag env --yes --max-deletes 90% --max-deletes-total 90% "
        "--journal journal",
        "sweep --older-than 1d --prefix ci- --tag env=ci --unlink-storage --dry-run",
        "sweep --older-than 1d --prefix ci- --tag env=ci --unlink-storage --yes",
        "sweep --older-than 1d --explain ci-bare",
        "exec --ttl 1h --tag site=x -- true",
        "exec --reuse ci-new -- true",
    )
    for rule in rules_of(Role.NARROWING, Role.CONDITION, Role.FILTER):
        yield f"list {options_of(rule)}"
    yield from (
        "list",
        "list --sort age --reverse --limit 1",
        "list --tags",
        "list --tags --direct",
        "list --direct",
        "list -o json",
        "list -o csv",
        "list -o markdown",
        "list --cost",
        "list --cost --no-metrics",
        "list --cost --tags --prefix ci-",
    )
    money = "--assume-prices-of us-east-1 --max-own-cost 5 --fail-over 1000 --warn-over 1000"
    yield from (f"list --cost {money}", f"cost {money}")
    yield from (
        "cost",
        "cost --prefix ci- --match ci-* --group-by owner",
        "cost --group-by tag:env --max-retention 12h",
        "cost --group-by region --html cost.html --open-metrics cost.prom",
    )
    yield from (
        "streams",
        "streams --sort age --reverse --limit 1 --prefix ci- --max-own-cost 5",
        "streams -o json --match *media --older-than 1d --assume-prices-of us-east-1",
        "streams --tags",
        "streams --tag env",
        "streams --without-tag env --younger-than 90d --status active",
    )
    yield from ("prices", "prices --refresh", "prices --prices prices.toml")
    yield from (
        "create",
        "create cam-new --tag site=x --ttl 2h --owner ana --message-ttl 30",
        "create cam-new ci-new --no-wait",
        "create ci-tagged --exist-ok",
    )
    yield from (
        "describe ci-tagged ci-bare",
        "describe ci-tagged --no-metrics",
        "describe ci-tagged --max-own-cost 5 -o json",
        "update ci-bare --message-ttl 30",
        "tag ci-bare site=x",
        "untag ci-tagged env",
        "delete ci-tagged ci-bare --tags --protect-tag site",
        "delete ci-tagged ci-bare --yes --journal journal",
        "delete ci-stored --unlink-storage",
        "delete ci-stored --unlink-storage --yes",
    )
    yield from ("restore", "restore --last ci-bare", "restore --last --yes")
    yield from ("restore kvsops-journal-gone.jsonl", "restore run gone ci-bare --yes")
    yield from ("endpoint ci-bare --role viewer", "ice ci-bare --reveal")


# They send media, each in a process of its own.
MEDIA_LINES = (
    "smoke --no-steady --report smoke.json --snapshot smoke.png",
    "smoke --ephemeral --duration 1s --max-connect 1m --min-fps 0 --max-freeze 1m",
    "smoke ci-smoke --take-over --relay --transport udp --codec VP8 --viewers 1 --no-steady",
    "smoke ci-smoke --viewer-only --no-relay-probe --max-rtt 1s --max-latency 9s --max-loss 50%",
    "play ci-smoke --size 320x240 --fps 15 --codec VP8 --take-over --duration 1s",
    "play ci-bare --duration 1s",
    "record ci-bare door.mkv --duration 1s --wait 1s --segment 1m --size 320x240 --codec VP8 "
    "--force",
)


# They hold meetings, which tests/cli/test_meet.py compares with their policies.
MEET_LINES = (
    "meet --ttl 1h",
    "meet standup --keep",
    "meet ci-smoke --reuse",
    "meet ci-smoke --reuse --take-over",
)


NOTHING_CALLED = ("local", "deploy", "iam", "policy", "completion")
"""Commands that call nothing, whatever their options."""

OF_NO_MATTER: Final = frozenset(
    {"regions", "all_regions", "exclude_regions", "role_arns", "organization_role", "accounts"}
    | {"exclude_accounts", "ous", "external_id"}
    | {"profile", "region", "endpoint_url", "quota_share", "debug", "color", "verbose"}
    | {"brief", "output", "query", "help"}
    | {"month", "journals", "baseline", "max_growth", "prices"}
    | {"master_only", "policy", "grace", "reports", "loop"}
    | {"no_browser", "port", "host", "tls_cert", "tls_key", "public_url", "mirror"}
    | {"mesh", "expires"}
    | {"notify_sns", "notify_webhook", "notify_on"}
)
"""Parameters that say where to ask, how to show it, or what file to read beside; one that waits
a minute for somebody else's viewer; one that takes two runs, which a test of its own makes; and
those that say where a page is served, and what it sends; and those that tell of a run, of which
tests/cli/test_iam_roles.py has what they need."""


@pytest.fixture
def fleet(
    emulator: LocalServer, scope: Scope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put a channel of each kind there, and a journal that tells of one that is gone."""
    monkeypatch.chdir(tmp_path)
    emulator.settings.state_delay = timedelta()
    for name, tags in FLEET.items():
        put(emulator, name, 30 * DAY, tags=tags, stored=name == "ci-stored")
    for name in ("ci-used", "ci-bare-used"):  # an hour ago: only the metrics tell how long
        emulator.metrics().connect(name, "MASTER", scope.now() - timedelta(hours=1))
    for name in ("ci-film-media", "ci-bare-media"):
        put_stream(emulator, name, 24, age=30 * DAY, moved=[Moved(scope.now() - HOUR, 1)])
    emulator.backend().tag_stream("ci-film-media", "", {"env": "ci"})
    shipped = (Path(__file__).parents[2] / "kvsops" / "aws" / "prices.toml").read_text("utf-8")
    Path("prices.toml").write_text(shipped, "utf-8")
    channels = emulator.backend().channels
    gone = f"arn:aws:kinesisvideo:us-east-1:{ACCOUNT}:channel/gone/1700000000000"
    with Journal(Path("kvsops-journal-gone.jsonl"), "run") as journal:
        for name, arn in (("gone", gone), ("ci-bare", channels["ci-bare"].arn)):
            stream = channels["ci-stored"].stream_arn
            channel = Channel(name, arn, "ACTIVE", None, "1", "SINGLE_MASTER", 60)
            link = StorageLink("ENABLED", stream)
            journal.deleting(scope.now(), channel, {"env": "ci"}, link, "old")
    # A delete that is tried again, and a create whose answer is lost, look at the channel first.
    emulator.settings.faults = (
        From("DeleteSignalingChannel", "InternalFailure", 1, last=1),
        From("CreateSignalingChannel", "drop-after", 1, last=1),
    )


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("line", [*lines()])
def test_the_policy_is_what_the_calls_need(
    kvsops: Kvsops,
    emulator: LocalServer,
    line: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every call of the command is allowed by its policy, and every action allowed is called."""
    printed = kvsops("iam", line)
    assert printed.code == 0
    policy = json.loads(printed.out or '{"Statement": []}')
    before = emulator.calls
    with caplog.at_level(logging.DEBUG, "botocore.endpoint"):
        ended = kvsops(*shlex.split(line))
    assert ended.code in {0, 1, 3}, ended.err
    sent = [*_sent(caplog)]
    assert {operation for operation, _ in sent} == {*(emulator.calls - before)}
    needed = set[str]()
    for operation, body in sent:
        for each in _operations(operation, body):
            needed.add(action_of(each))
            assert _allowed(policy, action_of(each), *_subject(body)), (operation, body)
    allowed = actions_of(policy)
    perhaps = {
        action_of(each.operation) for each in CALLS[line.split(maxsplit=1)[0]] if each.perhaps
    }
    assert needed <= allowed
    assert allowed - needed <= perhaps


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("line", MEDIA_LINES)
def test_the_policy_of_media(
    kvsops: Kvsops, emulator: LocalServer, environment: dict[str, str], line: str
) -> None:
    """Connecting is an action too; a create sets tags."""
    before, argv = emulator.calls, [sys.executable, "-m", "kvsops", *shlex.split(line)]
    ended = subprocess.run(argv, env=environment, capture_output=True, check=False, timeout=60)
    nobody_comes = line.startswith("record")
    assert ended.returncode in ({1} if nobody_comes else {0, 3}), ended.stderr
    called = {*(emulator.calls - before)} - SENT_THROUGH_A_CONNECTION
    creates = {"TagResource"} if "CreateSignalingChannel" in called else set()
    policy = json.loads(kvsops("iam", line).out)
    assert {action_of(operation) for operation in called | creates} == actions_of(policy)


def _sent(caplog: pytest.LogCaptureFixture) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each request that botocore logs: its operation, and what it carries."""
    for record in caplog.records:
        if record.name == "botocore.endpoint" and record.msg.startswith("Making request"):
            model, request = cast("tuple[Any, dict[str, Any]]", record.args)
            body = request["body"]
            yield model.name, body if isinstance(body, dict) else json.loads(body or "{}")


def _operations(operation: str, body: dict[str, Any]) -> list[str]:
    """Return what must be allowed for a call; asking STS who one is needs no leave."""
    if operation == "GetCallerIdentity":
        return []
    tags = operation == "CreateSignalingChannel" and "Tags" in body
    return [operation, "TagResource"] if tags else [operation]


def _subject(body: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the ARN that a call is about, and the tags that its channel had at first."""
    if stream_arn := body.get("StreamARN"):
        return str(stream_arn), {}
    arn = body.get("ChannelARN") or body.get("ResourceARN") or ""
    if name := body.get("ChannelName"):
        arn = f"arn:aws:kinesisvideo:us-east-1:{ACCOUNT}:channel/{name}/1700000000000"
    return arn or "*", FLEET.get(arn.split("/")[1] if arn else "", {})


def _allowed(policy: dict[str, Any], action: str, arn: str, tags: dict[str, str]) -> bool:
    """Judge as IAM does, as far as these policies go."""
    return any(
        action in each["Action"]
        and any(fnmatchcase(arn, pattern) for pattern in resources_of(each))
        and _holds(each.get("Condition", {}), tags)
        for each in policy["Statement"]
    )


def _holds(condition: dict[str, dict[str, str]], tags: dict[str, str]) -> bool:
    prefix = "aws:ResourceTag/"
    equal = condition.get("StringEquals", {}).items()
    there = condition.get("Null", {}).items()
    return all(tags.get(key.removeprefix(prefix)) == value for key, value in equal) and all(
        value == "false" and key.removeprefix(prefix) in tags for key, value in there
    )


def test_every_command_and_option_is_run() -> None:
    """A new command or option must have a row above, or the policy may drift from it."""
    assert set(CALLS) == set(COMMANDS)
    used = [shlex.split(line) for line in (*lines(), *MEDIA_LINES, *MEET_LINES)]
    context = click.Context(cli)
    for name in set(COMMANDS) - {*NOTHING_CALLED}:
        command = cli.get_command(context, name)
        assert command is not None
        words = {word for line in used if line[0] == name for word in line}
        for option in command.params:
            if isinstance(option, click.Option) and option.name not in OF_NO_MATTER:
                assert words & {*option.opts}, (name, option.opts)


@pytest.mark.usefixtures("fleet")
def test_two_steps_need_no_more_than_is_allowed(
    kvsops: Kvsops, emulator: LocalServer, scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    """The first run marks and takes a mark off, the second deletes: all that the policy allows."""
    line = "sweep --older-than 1d --any-channel --grace 1h --yes --journal journal"
    policy = json.loads(kvsops("iam", line).out)
    with caplog.at_level(logging.DEBUG, "botocore.endpoint"):
        assert kvsops(*shlex.split(line)).code == 0
        emulator.settings.clock = lambda: scope.now() + timedelta(hours=1)
        assert kvsops(*shlex.split(line)).code == 0
    needed = {action_of(each) for sent, body in _sent(caplog) for each in _operations(sent, body)}
    assert needed == actions_of(policy)


@pytest.mark.parametrize("command", NOTHING_CALLED)
def test_nothing_to_allow(kvsops: Kvsops, command: str) -> None:
    """An empty policy is none that IAM takes: it is said instead."""
    ended = kvsops("iam", command)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "nothing needs to be allowed: this calls nothing that AWS asks leave for\n"
    assert CALLS[command] == ()
