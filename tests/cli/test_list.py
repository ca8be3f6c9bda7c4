"""`kvsops list`: what it shows, what it leaves out, and what it asks for that."""

import csv
import io
import json
from datetime import timedelta

import pytest

from kvsops.core.text import moment
from kvsops.local.faults import Fault
from kvsops.local.kinesisvideo.channels import SignalingChannel
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, HOUR, From, put, put_many, writes
from tests.goldens import Golden
from tests.usage import use

DENIED = "AccessDeniedException"
UNTAGGED = (
    "not in AWS's tag index, being never tagged or too recently: taken as untagged; "
    "--direct reads each"
)


@pytest.fixture
def fleet(emulator: LocalServer) -> dict[str, SignalingChannel]:
    """Make three channels; return them by name."""
    made = [
        put(emulator, "ci-1", 3 * HOUR, tags={"env": "ci", "kvsops:owner": "ana"}),
        put(emulator, "ci-2", 2 * DAY + 4 * HOUR),
        put(emulator, "cam-door", 400 * DAY, tags={"env": "prod"}, message_ttl_seconds=30),
    ]
    return {channel.channel_name: channel for channel in made}


def created(fleet: dict[str, SignalingChannel], name: str) -> str:
    """Say when the channel was made."""
    return moment(fleet[name].creation_time)


def masks(fleet: dict[str, SignalingChannel]) -> dict[str, str]:
    """Return what of the channels differs from run to run."""
    return {f"created of {name}": created(fleet, name) for name in fleet}


@pytest.mark.usefixtures("fleet")
def test_table(kvsops: Kvsops, emulator: LocalServer, golden: Golden) -> None:
    """By name, without tags; the listing is all that is asked for."""
    ended = kvsops("list")
    golden(ended.out)
    assert (ended.code, ended.err) == (0, "3 channels in us-east-1, account 123456789012.\n")
    assert emulator.calls == {"ListSignalingChannels": 1}


def test_tags(
    kvsops: Kvsops, fleet: dict[str, SignalingChannel], emulator: LocalServer, golden: Golden
) -> None:
    """With --tags they are shown; those absent from the index are few, and read directly."""
    ended = kvsops("list", "--tags", "-v", "-o", "markdown")
    golden(ended.out, **masks(fleet))
    called = {"GetResources": 1, "ListSignalingChannels": 1, "ListTagsForResource": 1}
    assert emulator.calls == called


def test_json(kvsops: Kvsops, fleet: dict[str, SignalingChannel], golden: Golden) -> None:
    """JSON is an array of objects; its keys are an interface."""
    told = json.loads(kvsops("list", "--prefix", "c", "-o", "json").out)
    ages = {row["channel_name"]: row["age_seconds"] for row in told}
    expected = [
        {
            "channel_name": name,
            "status": "ACTIVE",
            "creation_time": created(fleet, name),
            "message_ttl_seconds": 30 if name == "cam-door" else 60,
            "version": fleet[name].version,
            "channel_arn": fleet[name].arn,
            "doomed_at": None,
            "tags": fleet[name].tags,
        }
        for name in ("cam-door", "ci-1", "ci-2")
    ]
    assert [row | known for row, known in zip(told, expected, strict=True)] == told
    (keys,) = {"".join(f"{key}\n" for key in row) for row in told}
    golden(keys)
    assert 3 * 3600 <= ages["ci-1"] < 3 * 3600 + 60


def test_csv(kvsops: Kvsops, fleet: dict[str, SignalingChannel], golden: Golden) -> None:
    """CSV has the keys, and a record for each channel."""
    text = kvsops("list", "--prefix", "cam", "-o", "csv").out
    golden(text.partition("\n")[0])
    (row,) = csv.DictReader(io.StringIO(text))
    channel = fleet["cam-door"]
    assert (
        row.items()
        >= {
            "channel_name": "cam-door",
            "status": "ACTIVE",
            "creation_time": created(fleet, "cam-door"),
            "message_ttl_seconds": "30",
            "version": channel.version,
            "channel_arn": channel.arn,
            "doomed_at": "",
            "tags": '{"env": "prod"}',
        }.items()
    )


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        ((), ["cam-door", "ci-1", "ci-2"]),
        (("--prefix", "ci-"), ["ci-1", "ci-2"]),
        (("--match", "*-?"), ["ci-1", "ci-2"]),
        (("--match", "c[!i]*"), ["cam-door"]),
        (("--tag", "env"), ["cam-door", "ci-1"]),
        (("--tag", "env=ci"), ["ci-1"]),
        (("--tag", "env", "--tag", "kvsops:owner"), ["ci-1"]),
        (("--without-tag", "env"), ["ci-2"]),
        (("--without-tag", "env=ci"), ["cam-door", "ci-2"]),
        (("--older-than", "1d"), ["cam-door", "ci-2"]),
        (("--younger-than", "1d"), ["ci-1"]),
        (("--older-than", "1d", "--younger-than", "7d"), ["ci-2"]),
        (("--orphaned",), ["cam-door", "ci-2"]),
        (("--expired",), []),
        (("--status", "active"), ["cam-door", "ci-1", "ci-2"]),
        (("--status", "CREATING", "--status", "DELETING"), ["new"]),
        (("--sort", "age"), ["cam-door", "ci-2", "ci-1"]),
        (("--sort", "age", "--limit", "2"), ["cam-door", "ci-2"]),
        (("--reverse",), ["ci-2", "ci-1", "cam-door"]),
        (("--sort", "age", "--reverse", "--limit", "1"), ["ci-1"]),
        (("--sort", "status"), ["cam-door", "ci-1", "ci-2"]),
    ],
)
@pytest.mark.usefixtures("fleet")
def test_chooses(
    kvsops: Kvsops, emulator: LocalServer, *, argv: tuple[str, ...], names: list[str]
) -> None:
    """All that was given must hold; the order and the limit come last."""
    if "--status" in argv:
        put(emulator, "new", timedelta()).active_from = emulator.settings.clock() + HOUR
    ended = kvsops("list", *argv, "-o", "json", "--query", "[].channel_name")
    assert json.loads(ended.out) == names
    assert writes(emulator) == {}


def test_the_prefix_is_the_services(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A prefix is applied by the service: the pages hold nothing else."""
    put_many(emulator, [f"a-{n}" for n in range(6)] + ["b-1"])
    emulator.settings.page_limit = 2
    assert kvsops("list", "--prefix", "b-").code == 0
    assert emulator.calls == {"ListSignalingChannels": 1}


def test_pages(kvsops: Kvsops, emulator: LocalServer) -> None:
    """However small the service's pages, limits and queries see the whole."""
    put_many(emulator, [f"ci-{n:02}" for n in range(25)])
    emulator.settings.page_limit = 10
    ended = kvsops("list", "-o", "json", "--query", "[:12].channel_name")
    assert json.loads(ended.out) == [f"ci-{n:02}" for n in range(12)]
    assert emulator.calls["ListSignalingChannels"] == 3


def test_unknown_tags(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Of many channels absent from the index the tags are said to be unknown, not to be none."""
    put_many(emulator, [f"ci-{n:03}" for n in range(101)])
    put(emulator, "cam", tags={"env": "ci"})
    told = json.loads(kvsops("list", "-o", "json", "--query", "[:2].{tags: tags}").out)
    assert told == [{"tags": {"env": "ci"}}, {"tags": None}]
    assert emulator.calls["ListTagsForResource"] == 0
    ended = kvsops("list", "--tags")
    assert (ended.code, ended.out.splitlines()[2][-3:]) == (0, "  ?")
    assert ended.err == (
        "102 channels in us-east-1, account 123456789012.\n"
        "the tags of 101 channels are not known "
        "(never tagged, or too recently for AWS's tag index): --direct reads each\n"
    )


def test_taken_as_untagged(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Of channels left out for a tag that only the index denies them it is said how many."""
    emulator.settings.index_lag = HOUR
    for number in range(101):
        channel = put(emulator, f"ci-{number:03}", HOUR / 2, tags={"env": "ci"})
    ended = kvsops("list", "--tag", "env=ci")
    assert (ended.code, ended.out) == (0, "No channels in us-east-1, account 123456789012.\n")
    assert ended.err == f"101 channels are {UNTAGGED}\n"
    found = "101 channels in us-east-1, account 123456789012.\n"
    assert kvsops("list", "--tag", "env=ci", "--direct").err == found
    emulator.backend().remove_channel(channel, emulator.settings.clock())
    found = "100 channels in us-east-1, account 123456789012.\n"
    assert kvsops("list", "--tag", "env=ci").err == found  # so few are read one by one


def test_a_denied_index(kvsops: Kvsops, emulator: LocalServer) -> None:
    """Without the tag index the tags are read one by one, and that is said."""
    put(emulator, "ci-1", tags={"env": "ci"})
    emulator.settings.faults = (Fault("GetResources", DENIED),)
    ended = kvsops("list", "--tag", "env=ci", "-o", "json", "--query", "[].tags")
    assert json.loads(ended.out) == [{"env": "ci"}]
    assert ended.err.startswith("warning: GetResources denied: the credentials need tag:GetRes")
    assert ended.err.endswith("; tags are read channel by channel instead\n")
    assert ended.code == 0


def test_tags_that_cannot_be_read(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A filter that could not be judged leaves the channel out, says so, and exits 1."""
    arn = put(emulator, "ci-1").arn
    emulator.settings.faults = (Fault("ListTagsForResource", DENIED),)
    ended = kvsops("list", "--without-tag", "env")
    assert (ended.code, ended.out) == (1, "No channels in us-east-1, account 123456789012.\n")
    assert ended.err == (
        "warning: could not be judged, and left alone: ci-1: tags unknown: ListTagsForResource "
        f"denied: the credentials need kinesisvideo:ListTagsForResource on {arn}\n"
    )


def test_a_listing_that_fails(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A listing that fails on its second page is an error, never a short list."""
    put_many(emulator, ["ci-1", "ci-2", "ci-3"])
    emulator.settings.page_limit = 2

    emulator.settings.faults = (From("ListSignalingChannels", DENIED, first=2),)
    ended = kvsops("list", "-o", "json")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ListSignalingChannels denied: ")


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("table", "No channels in us-east-1, account 123456789012.\n"),
        ("markdown", "No channels in us-east-1, account 123456789012.\n"),
        ("json", "[]\n"),
    ],
)
def test_none(kvsops: Kvsops, *, output: str, text: str) -> None:
    """No channel at all is no failure."""
    ended = kvsops("list", "-o", output)
    assert (ended.code, ended.out, ended.err) == (0, text, "")


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (("--active",), ["cam-live"]),
        (("--idle-for", "7d"), ["cam-idle", "cam-never"]),
        (("--never-used", "--older-than", "1d"), ["cam-never"]),
        (("--never-used", "--older-than", "30d"), []),
    ],
)
def test_activity(
    kvsops: Kvsops, emulator: LocalServer, *, argv: tuple[str, ...], shown: list[str]
) -> None:
    """What is in use, what is not, what never was; the cost of asking is said."""
    now = emulator.settings.clock()
    for name in ("cam-idle", "cam-live", "cam-never"):
        put(emulator, name, 20 * DAY)
    use(emulator, "cam-live", now - HOUR, masters=1)
    use(emulator, "cam-idle", now - 9 * DAY, viewers=2)
    ended = kvsops("list", *argv, "-o", "json", "--query", "[].channel_name")
    assert (ended.code, json.loads(ended.out)) == (0, shown)


def test_what_was_filtered_by_is_shown(kvsops: Kvsops, emulator: LocalServer) -> None:
    """The last use where it was asked about, the lease's end where it was."""
    now = emulator.settings.clock().replace(microsecond=0)
    put(emulator, "cam", 20 * DAY, tags={"kvsops:expires-at": moment(now - HOUR)})
    use(emulator, "cam", now - HOUR, masters=1)
    (row,) = json.loads(kvsops("list", "--expired", "-o", "json").out)
    assert row["expires_at"] == moment(now - HOUR)
    assert "last_used" not in row
    assert kvsops("list", "--expired").out.splitlines()[1].split()[3:5] == ["1h", "ago"]
    (row,) = json.loads(kvsops("list", "--active", "-o", "json").out)
    assert row["last_used"]
    assert "expires_at" not in row
    heading = kvsops("list", "--active").out.splitlines()[0]
    assert heading.split() == ["CHANNEL", "STATUS", "AGE", "LAST", "USED", "MESSAGE", "TTL"]


def test_how_far_back_was_looked(kvsops: Kvsops, emulator: LocalServer) -> None:
    """A channel not used in the time asked about may have been used before."""
    now = emulator.settings.clock()
    for name, age in (("old", 20 * DAY), ("live", 20 * DAY)):
        put(emulator, name, age)
    use(emulator, "live", now - HOUR / 2, masters=1)
    use(emulator, "old", now - 9 * DAY, viewers=2)
    assert "not in 7d" in kvsops("list", "--idle-for", "7d").out
    assert "not in" not in kvsops("list", "--active").out


@pytest.mark.parametrize("output", ["table", "json", "csv", "markdown"])
def test_tags_that_could_not_be_read(kvsops: Kvsops, emulator: LocalServer, output: str) -> None:
    """A failed look is told, in every form, and the exit code is 1."""
    put_many(emulator, [f"cam-{number}" for number in range(5)])
    emulator.settings.faults = (
        Fault("GetResources", "AccessDeniedException"),
        Fault("ListTagsForResource", "AccessDeniedException"),
    )
    ended = kvsops("list", "--tags", "-o", output)
    assert ended.code == 1
    assert (
        "error: tags could not be read: cam-0, cam-1, cam-2 and 2 more: ListTagsForResource denied"
    ) in ended.err
