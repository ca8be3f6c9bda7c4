"""Bad input: one line that says what is wrong and how to mend it, exit code 2, nothing changed."""

import json
import shlex
from pathlib import Path

import pytest

from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import HOUR, names, put, writes

DURATION = "write a number and its unit, like 90s, 30m, 2h or 7d"
NAME = "use 1 to 256 of a-z A-Z 0-9 _ . -"
ARN = "it has the form arn:aws:kinesisvideo:REGION:ACCOUNT:channel/NAME/CREATION_MS"
ELSEWHERE = "arn:aws:kinesisvideo:eu-west-1:123456789012:channel/ci-1/1"
CONDITION = "no condition: give at least one of --older-than, "
AGE_ALONE = "age alone says nothing of use: with --yes add --prefix, --match, --tag or"
FUSE = "write a number like 250, or a percentage like 10%"
NO_FUNCTION = "--query 'nosuch(@)': Unknown function: nosuch()"
SWEEP = "sweep --older-than 1h --prefix ci- --yes"

ROWS = [
    # durations
    ("sweep --older-than 2", f"--older-than': not a duration: '2': {DURATION}"),
    ("sweep --older-than 0h", f"not a duration: '0h': {DURATION}"),
    ("sweep --older-than -2h", f"not a duration: '-2h': {DURATION}"),
    ("sweep --older-than=-2h", f"not a duration: '-2h': {DURATION}"),
    ("sweep --older-than 2:30", f"not a duration: '2:30': {DURATION}"),
    ("sweep --older-than soon", f"not a duration: 'soon': {DURATION}"),
    ("sweep --older-than ''", f"not a duration: '': {DURATION}"),
    ("sweep --older-than 999999999d", f"not a duration: '999999999d': {DURATION}"),
    ("sweep --older-than 2h --deadline 10", f"--deadline': not a duration: '10': {DURATION}"),
    ("list --older-than 5", f"not a duration: '5': {DURATION}"),
    ("list --younger-than 0s", f"not a duration: '0s': {DURATION}"),
    ("create --ttl 90", f"--ttl': not a duration: '90': {DURATION}"),
    ("sweep --idle-for 1h", "--idle-for 1h is too short: a connection may be held for 1h and"),
    ("list --idle-for 74m", "--idle-for 1h14m is too short"),
    ("sweep --expired --explain cam -o csv", "--explain tells two tables, which CSV cannot hold"),
    ("list --idle-for 456d", "--idle-for 456d is too long: CloudWatch keeps metrics for 455d"),
    ("sweep --never-used --yes", "--never-used needs --older-than beside it: a channel just made"),
    ("list --active --idle-for 7d", "--active contradicts --idle-for and --never-used: drop one"),
    ("sweep --older-than 1h --grace 24", f"--grace': not a duration: '24': {DURATION}"),
    # tags
    ("list --tag =x", "--tag': not a tag key: '': it has 1 to 128 characters"),
    ("list --without-tag ''", "--without-tag': not a tag key: '': it has 1 to 128 characters"),
    ("sweep --older-than 1h --protect-tag ''", "--protect-tag': not a tag key: ''"),
    ("create x --tag novalue", "not a tag: 'novalue': write KEY=VALUE (VALUE may be empty:"),
    ("create x --tag =v", "not a tag key: '': it has 1 to 128 characters"),
    ("create x --tag aws:x=y", "the tag 'aws:x' cannot be set: keys beginning with aws: are AWS"),
    (f"create x --tag {'k' * 129}=v", "it has 1 to 128 characters"),
    (f"create x --tag k={'v' * 257}", "the value of tag 'k' is too long: at most 256 characters"),
    (
        "create x --ttl 1h --tag kvsops:expires-at=2030-01-01T00:00:00Z",
        "both set kvsops:expires-at: drop one",
    ),
    ("tag ci-1 novalue", "not a tag: 'novalue': write KEY=VALUE"),
    ("untag ci-1 ''", "not a tag key: '': it has 1 to 128 characters"),
    # names, ARNs, regions
    ("create 'a b'", f"not a channel name: 'a b': {NAME}"),
    ("create ''", f"not a channel name: '': {NAME}"),
    ("create ok 'not ok'", f"not a channel name: 'not ok': {NAME}"),
    (f"create {'n' * 257}", f"nnn': {NAME}"),
    ("delete 'a/b' --yes", f"not a channel name: 'a/b': {NAME}"),
    ("describe arn:nonsense", f"not a signaling channel's ARN: 'arn:nonsense': {ARN}"),
    ("delete arn:aws:kinesisvideo:us-east-1:123456789012:stream/x/1 --yes", ARN),
    (f"delete {ELSEWHERE} --yes", f"{ELSEWHERE} is not in us-east-1: give its --region"),
    (f"describe {ELSEWHERE}", f"{ELSEWHERE} is not in us-east-1: give its --region"),
    (f"update {ELSEWHERE} --message-ttl 9", "is not in us-east-1: give its --region"),
    (f"tag {ELSEWHERE} a=b", f"{ELSEWHERE} is not in us-east-1: give its --region"),
    (f"untag {ELSEWHERE} a", f"{ELSEWHERE} is not in us-east-1: give its --region"),
    ("list --region nowhere", "no such region: 'nowhere': write it like us-east-1"),
    (f"{SWEEP} --region mars-north-1", "no such region: 'mars-north-1'"),
    # patterns, numbers, choices
    ("list --match 'ci-[0-9'", "the pattern 'ci-[0-9' has a [ without its ]: close it"),
    ("list --match 'ci 1'", "no channel name can match 'ci 1': ' ' never stands in a name"),
    ("list --match ''", "no channel name can match ''"),
    ("list --prefix 'ci 1'", f"not a channel name: 'ci 1': {NAME}"),
    ("list --limit 0", "--limit': 0 is not in the range x>=1"),
    ("list --limit few", "--limit': 'few' is not a valid integer"),
    ("sweep --older-than 1h --limit 0", "--limit': 0 is not in the range x>=1"),
    ("list --sort size", "--sort': 'size' is not one of 'name', 'age', 'status'"),
    ("list --status DONE", "--status': 'DONE' is not one of "),
    ("create x --message-ttl 4", "--message-ttl': 4 is not in the range 5<=x<=120"),
    ("update ci-1 --message-ttl 121", "--message-ttl': 121 is not in the range 5<=x<=120"),
    ("sweep --older-than 1h --max-deletes 0", f"not a fuse: '0': {FUSE}"),
    ("sweep --older-than 1h --max-deletes 101%", f"not a fuse: '101%': {FUSE}"),
    (f"sweep --older-than 1h --max-deletes {'9' * 5_000}", f"9': {FUSE}"),
    ("sweep --older-than 1h --max-deletes many", f"not a fuse: 'many': {FUSE}"),
    ("list --quota-share 0", "--quota-share': 0.0 is not in the range 0<x<=1"),
    ("list --quota-share 2", "--quota-share': 2.0 is not in the range 0<x<=1"),
    ("list --endpoint-url 127.0.0.1:46", "not an endpoint: '127.0.0.1:46': write it like http://"),
    ("list --profile nobody", "no such profile: nobody: see the profiles"),
    # what contradicts itself, or lacks what it needs
    ("list --older-than 2d --younger-than 1d", "leave no channel: the first must be the shorter"),
    ("list --tag a=1 --tag a=2", "--tag a=1 and --tag a=2 leave no channel: drop one"),
    ("list --tag a --without-tag a", "--tag a and --without-tag a leave no channel: drop one"),
    ("create x --tag a=1 --tag a=2", "the tag a is given twice: drop one"),
    ("tag ci-1 a=1 a=2", "the tag a is given twice: drop one"),
    ("create x --owner me --tag kvsops:owner=you", "--owner and --tag both set kvsops:owner: drop"),
    ("create x --owner ''", "--owner': it is empty: give its value, or leave it out"),
    ("create x --owner 'me (us)'", "not a tag: 'kvsops:owner=me (us)': '(' may not stand in one"),
    (f"create x --owner {'a' * 257}", "the value of tag 'kvsops:owner' is too long"),
    ("sweep", CONDITION),
    ("sweep --yes", CONDITION),
    ("sweep --match 'ci-*' --yes", CONDITION),
    ("sweep --older-than 1h --yes", AGE_ALONE),
    ("sweep --older-than 1h --yes --match '*'", AGE_ALONE),
    ("sweep --orphaned --yes", "--orphaned --yes needs --older-than 1h or more"),
    ("sweep --orphaned --older-than 59m --yes", "--orphaned --yes needs --older-than 1h or more"),
    ("sweep --expired --owner-tag team", "--owner-tag says which tag --orphaned looks for: add"),
    (f"{SWEEP} --dry-run", "--yes deletes and --dry-run does not: drop one"),
    (f"{SWEEP} --check", "--yes deletes and --check does not: drop one"),
    ("sweep --older-than 1h --yes --dry-run", "--yes deletes and --dry-run does not: drop one"),
    (f"{SWEEP} --expect-account 999", "not an account: '999': it has 12 digits"),
    (
        f"{SWEEP} --expect-account 999999999999 --expect-account 200000000002",
        "account 123456789012 is not --expect-account 999999999999 or 200000000002",
    ),
    (f"{SWEEP} --max-deletes-total 0", "not a fuse: '0': write a number like 250"),
    (
        "sweep --expired --explain cam --region us-east-1 --region eu-west-1",
        "--explain looks in one account and region: give one --region",
    ),
    # journals
    ("restore --yes", "--yes: which ones? give a JOURNAL, a RUN or --last"),
    ("restore missing --yes", "no such journal or run: 'missing': kvsops restore lists them"),
    ("restore ./missing --yes", "the journal missing cannot be read: No such file"),
    ("restore empty --yes", "the journal empty tells of no channel: it is empty"),
    ("restore cut --yes", "the journal cut tells of no channel: line 1: it is cut short"),
    ("restore other --yes", "line 1: it is not JSON: is this a kvsops journal?"),
    ("restore binary --yes", "the journal binary tells of no channel: line 1: it is not JSON: is"),
    ("restore / --yes", "no journal in /: they end in .jsonl"),
    (f"{SWEEP} --report {'a' * 300}.json", "cannot be written: no such directory, or it is one"),
    (f"{SWEEP} --journal binary", "the journal binary cannot be used: line 1: it is not JSON: is"),
    (f"{SWEEP} --journal other", "line 1: it is not JSON: is this a kvsops journal?"),
    (f"{SWEEP} --journal /proc/no", "the journal /proc/no cannot be written: No such file"),
    (f"{SWEEP} --journal /dev/full", "the journal /dev/full cannot be written: it is not a file"),
    ("delete ci-1 --yes --journal other", "is this a kvsops journal?"),
    # queries and outputs
    ("list -o json --query 'a['", "--query 'a[': it ends too early; https://jmespath.org"),
    ("list --query a", "--query works on JSON, not on table; add --output json"),
    ("create x --query '[0]'", "--query works on JSON, not on arn; add --output json"),
    ("list -o json --query 'nosuch(@)'", NO_FUNCTION),
    (f"{SWEEP} -o json --query 'nosuch(@)'", NO_FUNCTION),
    ("delete ci-1 --yes -o json --query 'nosuch(@)'", NO_FUNCTION),
    ("create x -o json --query 'nosuch(@)'", NO_FUNCTION),
    ("list -o xml", "'xml' is not one of 'table', 'json', 'csv', 'markdown'"),
    # words that do not exist, or are missing
    ("swep", "no such command: swep: did you mean sweep? (see kvsops --help)"),
    ("list --colour", "no such option: --colour"),
    ("--nonsense", "no such option: --nonsense"),
    ("list extra", "Got unexpected extra argument (extra) (see kvsops list --help)"),
    ("describe", "Missing argument 'NAME|ARN...'. (see kvsops describe --help)"),
    ("delete", "Missing argument 'NAME|ARN...'. (see kvsops delete --help)"),
    ("tag ci-1", "Missing argument 'KEY=VALUE...'. (see kvsops tag --help)"),
    ("untag ci-1", "Missing argument 'KEY...'. (see kvsops untag --help)"),
    ("update ci-1", "Missing option '--message-ttl'. (see kvsops update --help)"),
]


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make files that are no journals, or not whole ones."""
    path = tmp_path_factory.mktemp("journals")
    (path / "empty").touch()
    (path / "cut").write_text('{"journal": 1, "event": "dele')
    (path / "other").write_text("hello\n")
    (path / "binary").write_bytes(b"\xff\xfe\x00")
    return path


@pytest.mark.parametrize(("argv", "said"), ROWS, ids=[row[0][:60] for row in ROWS])
def test_bad_input(
    kvsops: Kvsops,
    emulator: LocalServer,
    journals: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    argv: str,
    said: str,
) -> None:
    """Exit code 2 and one line on standard error; nothing on standard output, no write call."""
    put(emulator, "ci-1", 3 * HOUR)
    monkeypatch.chdir(journals)
    before = {path: path.read_bytes() for path in journals.iterdir()}
    ended = kvsops(*shlex.split(argv))
    assert said in ended.err
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert ended.err.endswith("\n")
    assert writes(emulator) == {}
    assert {path: path.read_bytes() for path in journals.iterdir()} == before


def test_a_journal_cut_short_is_written_on(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path
) -> None:
    """What a kill left of a journal does not stand in the next run's way, nor in the way back."""
    put(emulator, "ci-1", 3 * HOUR)
    journal, torn = tmp_path / "cut", '{"journal": 1, "event": "dele'
    journal.write_text(torn)
    assert kvsops(*shlex.split(SWEEP), "--journal", str(journal)).code == 0
    first, *others = journal.read_text().splitlines()
    assert (first, [json.loads(each)["event"] for each in others]) == (
        torn,
        ["deleting", "deleted"],
    )
    ended = kvsops("restore", str(journal), "--yes")
    assert (ended.code, names(emulator)) == (0, {"ci-1"})
    assert f"the journal {journal}: line 1: it is cut short\n" in ended.err


def test_a_query_that_does_not_fit_restores_nothing(
    kvsops: Kvsops, emulator: LocalServer, tmp_path: Path
) -> None:
    """A restore refuses a query that cannot be run before it makes anything."""
    put(emulator, "ci-1", 3 * HOUR)
    journal = str(tmp_path / "journal")
    assert kvsops("delete", "ci-1", "--yes", "--journal", journal).code == 0
    before = writes(emulator)
    ended = kvsops("restore", journal, "--yes", "-o", "json", "--query", "nosuch(@)")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {NO_FUNCTION}; ")
    assert writes(emulator) == before


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AWS_REGION", "us-esat-1", "Kinesis Video Streams is not known in region 'us-esat-1'"),
        ("AWS_REGION", "nowhere", "no such region: 'nowhere': write it like us-east-1"),
        ("AWS_REGION", "", "no region: give --region or AWS_REGION"),
    ],
)
def test_a_region_that_is_not_there(
    kvsops: Kvsops, monkeypatch: pytest.MonkeyPatch, *, name: str, value: str, said: str
) -> None:
    """Without an emulator a region that the service is not in is refused before any call."""
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS_VIDEO", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv(name, value)
    ended = kvsops("list")
    assert said in ended.err
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
