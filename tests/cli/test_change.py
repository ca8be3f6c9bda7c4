"""`kvsops update`, `tag` and `untag`."""

import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import put, writes


@pytest.mark.parametrize("by_arn", [False, True])
def test_update(kvsops: Kvsops, emulator: LocalServer, *, by_arn: bool) -> None:
    """The message TTL is set, of a channel named or by its ARN."""
    channel = put(emulator, "cam")
    ended = kvsops("update", channel.arn if by_arn else "cam", "--message-ttl", "30")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "cam updated: messages are kept 30 s\n"
    assert channel.message_ttl_seconds == 30


def test_tag(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Tags are set or changed, the others stay."""
    channel = put(emulator, "cam", tags={"env": "ci", "site": "x"})
    ended = kvsops("tag", "cam", "env=prod", "kvsops:keep=")
    assert (ended.code, ended.out, ended.err) == (0, "", "cam tagged\n")
    assert channel.tags == {"env": "prod", "site": "x", "kvsops:keep": ""}


def test_untag(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Tags are taken off; of one that is not there it is said."""
    channel = put(emulator, "cam", tags={"env": "ci", "site": "x"})
    ended = kvsops("untag", channel.arn, "env", "none")
    assert (ended.code, ended.out, ended.err) == (0, "", "cam untagged\ncam has no tag none\n")
    assert channel.tags == {"site": "x"}
    ended = kvsops("untag", "cam", "env", "none", "env")
    assert (ended.code, ended.out, ended.err) == (0, "", "cam has no tag env, none\n")
    assert writes(emulator) == {"UntagResource": 1}


@pytest.mark.parametrize(
    "argv",
    [("update", "nope", "--message-ttl", "30"), ("tag", "nope", "a=b"), ("untag", "nope", "a")],
)
def test_missing(kvsops: Kvsops, emulator: LocalServer, *, argv: tuple[str, ...]) -> None:
    """A channel that is not there is an error."""
    ended = kvsops(*argv)
    assert (ended.code, ended.out, ended.err) == (
        1,
        "",
        "error: no such channel: nope (us-east-1, account 123456789012)\n",
    )
    assert writes(emulator) == {}


@pytest.mark.parametrize(
    ("argv", "operation"),
    [
        (("update", "cam", "--message-ttl", "30"), "UpdateSignalingChannel"),
        (("tag", "cam", "a=b"), "TagResource"),
        (("untag", "cam", "a"), "UntagResource"),
    ],
)
def test_denied(
    kvsops: Kvsops, emulator: LocalServer, *, argv: tuple[str, ...], operation: str
) -> None:
    """A denied change names the permission and the channel."""
    arn = put(emulator, "cam", tags={"a": "1"}).arn
    emulator.settings.faults = (Fault(operation, "AccessDeniedException"),)
    ended = kvsops(*argv)
    needs = f"the credentials need kinesisvideo:{operation} on {arn}"
    assert (ended.code, ended.err) == (1, f"error: {operation} denied: {needs}\n")


def test_too_many_tags(kvsops: Kvsops, emulator: LocalServer) -> None:
    """The fifty-first tag is refused in AWS's words."""
    put(emulator, "cam", tags={f"k{n}": "v" for n in range(50)})
    ended = kvsops("tag", "cam", "one=more")
    assert (ended.code, ended.out) == (1, "")
    assert (
        "TagsPerResourceExceededLimitException: A resource can have at most 50 tags." in ended.err
    )
    assert ended.err.count("\n") == 1
