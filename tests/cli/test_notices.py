"""`--notify-sns` and `--notify-webhook`: who is told of a sweep, when, and of what."""

from collections.abc import Iterator

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, names, put, put_many
from tests.webhooks import Inbox, inbox

OLD = ("sweep", "--older-than", "2h", "--prefix", "ci-")
HOOK = ("--notify-webhook", "env:HOOK")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:on-call"


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """Yield a webhook whose URL is in HOOK."""
    with inbox() as kept:
        monkeypatch.setenv("HOOK", kept.url)
        yield kept


def test_what_was_deleted(kvsops: Kvsops, emulator: LocalServer, hook: Inbox) -> None:
    """The summary says how it ended, what came of it, and how to undo it."""
    put_many(emulator, ["ci-1", "ci-2"])
    ended = kvsops(*OLD, "--yes", "--journal", "j.jsonl", *HOOK)
    assert ended.code == 0
    place = f"us-east-1, account 123456789012, emulator {emulator.endpoint_url}"
    assert hook.texts == [
        "kvsops sweep: done (exit code 0)\n"
        f"Carried out in {place}: 2 deleted, of 2 channels\n"
        "Journal: j.jsonl\n"
        "To undo it: kvsops restore j.jsonl --yes --region us-east-1\n"
        "Command line: kvsops sweep --older-than 2h --prefix ci- --yes --journal j.jsonl "
        "--notify-webhook env:HOOK\n"
    ]
    assert hook.url not in ended.out + ended.err


@pytest.mark.parametrize(
    ("fault", "more", "code", "lines"),
    [
        (None, (), 0, []),
        (None, ("--check",), 3, ["kvsops sweep: the answer is no (exit code 3)"]),
        (
            None,
            ("--yes", "--max-deletes", "1"),
            3,
            ["kvsops sweep: the answer is no (exit code 3)"],
        ),
        ("ListSignalingChannels", (), 1, ["kvsops sweep: failed (exit code 1)"]),
        ("DeleteSignalingChannel", ("--yes",), 1, ["kvsops sweep: failed (exit code 1)"]),
    ],
)
def test_failures_alone(  # noqa: PLR0917 - fixtures, and a row's four
    kvsops: Kvsops,
    emulator: LocalServer,
    hook: Inbox,
    fault: str | None,
    more: str,
    code: int,
    outcome: str | None,
) -> None:
    """What ends with another code than 0 is told, an error before there is a plan, too."""
    put_many(emulator, ["ci-1", "ci-2"])
    emulator.settings.faults = (Fault(fault, "AccessDeniedException"),) if fault else ()
    ended = kvsops(*OLD, *more.split(), "--journal", "j.jsonl", *HOOK, "--notify-on", "failure")
    assert ended.code == code
    told = [f"kvsops sweep: {outcome} (exit code {code})"] if outcome else []
    assert [text.splitlines()[0] for text in hook.texts] == told
    if fault:
        assert f"{fault} denied" in hook.texts[0]


def test_nobody_is_told_of_an_explanation(
    kvsops: Kvsops, emulator: LocalServer, hook: Inbox
) -> None:
    """It is of one channel, and for who asked."""
    put(emulator, "ci-1")
    assert kvsops("sweep", "--older-than", "2h", "--explain", "ci-1", *HOOK).code == 0
    assert hook.texts == []


@pytest.mark.parametrize("more", [(), ("--yes", "--journal", "j.jsonl"), ("--check",)])
def test_what_cannot_be_delivered(
    kvsops: Kvsops, emulator: LocalServer, hook: Inbox, more: tuple[str, ...]
) -> None:
    """It is a warning for each, and changes neither what is done nor the exit code."""
    put(emulator, "ci-1", 3 * DAY)
    hook.statuses = [404]
    ended = kvsops(*OLD, *more, "--notify-sns", f"{TOPIC}-gone", *HOOK)
    assert ended.code == (3 if "--check" in more else 0)
    sns, webhook = [line for line in ended.err.splitlines() if line.startswith("warning: ")]
    assert sns.startswith(f"warning: the notice was not delivered: Publish failed for {TOPIC}-gone")
    told = "the webhook of env:HOOK did not take the notice: it answered 404"
    assert webhook == f"warning: the notice was not delivered: {told}"
    assert names(emulator) == (set() if "--yes" in more else {"ci-1"})
    assert hook.url not in ended.err


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--notify-webhook", "https://example.com/s3cr3t", "write env:NAME, of a variable"),
        ("--notify-webhook", "env:NONE", "env:NONE: the variable is not set"),
        ("--notify-sns", "on-call", "not the ARN of an SNS topic: 'on-call'"),
        ("--notify-on", "never", "'never'"),
    ],
)
def test_bad_input(
    kvsops: Kvsops, emulator: LocalServer, option: str, value: str, told: str
) -> None:
    """One line, before anything is asked; a URL is not repeated."""
    ended = kvsops(*OLD, "--yes", option, value)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert told in ended.err
    assert "s3cr3t" not in ended.err
    assert emulator.calls == {}


def test_iam(kvsops: Kvsops) -> None:
    """Publishing is allowed on that topic alone, and only where it is asked for."""
    told = kvsops("iam", f"sweep --older-than 2h --notify-sns {TOPIC}").out
    assert f'"Action": [\n        "sns:Publish"\n      ],\n      "Resource": "{TOPIC}"' in told
    assert "sns:" not in kvsops("iam", "sweep --older-than 2h").out
