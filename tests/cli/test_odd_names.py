"""Names and tags that try to break what shows them."""

import csv
import io
import json
import re
import unicodedata
from pathlib import Path

import pytest

from kvsops.local.kinesisvideo.channels import SignalingChannel
from kvsops.local.server import LocalServer
from tests.cli.conftest import Ended, Kvsops
from tests.fleet import DAY, names, put

EVIL = {
    "escape": "\x1b[2J\x1b]0;title\x07\x9b31m",
    "line": "one\ntwo\r\nthree\u2028four\x85five\x0b\x0c",
    "quotes": '"\'`,;|\\ ""\t',
    "formula": "=cmd|'/c calc'!A1",
    "bidirectional": "\u202eevil\u2066\u200b\ufeff",
    "markdown": "[x](http://evil.example) | **b** <script> @everyone #1",
    "unicode": "größe 東京 🎥 e\u0301",
    "null": "\x00",
    "surrogate": "\ud800",
    "longest": "v" * 256,
    'key\n\x1b[31m\u202e,"|': "value",
    "k" * 128: "",
    "": "",
}
ODD = {
    "." * 256: {},
    "n" * 256: {f"key-{n:02}": "é" * 256 for n in range(50)},
    "-": {"kvsops:owner": EVIL["escape"]},
    "--yes": {"kvsops:owner": EVIL["line"]},
    "..": {"kvsops:expires-at": "\x1b[31m2026\n"},
    "_": EVIL,
    "1e5": {"kvsops:keep": "\x1b[8m\nhidden"},
    "007": {"kvsops:owner": "=1+1"},
    "None": {"aws:cloudformation:stack-name": "\x1b[8mstack\n"},
    "true": {},
}
COMMANDS = [
    ("list",),
    ("list", "--tags"),
    ("describe", *(name for name in ODD if not name.startswith("-"))),
    ("describe", "--", "-", "--yes"),
    ("sweep", "--older-than", "1h"),
    ("sweep", "--older-than", "1h", "--all", "--direct"),
    ("delete", "--", *ODD),
]


@pytest.fixture
def fleet(emulator: LocalServer) -> dict[str, SignalingChannel]:
    """Put the odd ones there, unchecked."""
    return {name: put(emulator, name, DAY, tags=tags) for name, tags in ODD.items()}


def check_safe(ended: Ended) -> None:
    """Nothing that acts on a terminal, or hides there, is on either stream."""
    for text in (ended.out, ended.err):
        acting = {each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Cs")}
        assert acting | ({*text} & {"\u2028", "\u2029"}) <= {"\n"}


@pytest.mark.parametrize("argv", COMMANDS, ids=lambda argv: " ".join(argv)[:40])
@pytest.mark.usefixtures("fleet")
def test_every_output(kvsops: Kvsops, *, argv: tuple[str, ...]) -> None:
    """In no output does a tag act: tables keep a line a row, CSV its fields, Markdown its cells."""
    for output in ("table", "json", "csv", "markdown"):
        ended = kvsops(argv[0], "-o", output, *argv[1:])
        assert ended.code in (0, 1)
        check_safe(ended)
        lines = ended.out.splitlines()
        if output == "json":
            told = json.loads(ended.out)
            rows = told if isinstance(told, list) else told["channels"]
            for row in rows:
                assert row["tags"] in (None, ODD[row["channel_name"]])
        if output == "csv":
            records = [*csv.reader(io.StringIO(ended.out))]
            assert len({len(record) for record in records}) == 1
            assert len(records) == len(lines)
        if output == "markdown":
            table = [line for line in lines if line.startswith("|")]
            assert len({line.count("|") for line in table}) == 1
            assert not any(re.search(r"<script>|(?<!\\)\]\(", line) for line in table)


@pytest.mark.usefixtures("fleet")
def test_json_round_trips(kvsops: Kvsops) -> None:
    """JSON has names and tags exactly as they are."""
    told = json.loads(kvsops("list", "--direct", "-o", "json").out)
    assert {row["channel_name"]: row["tags"] for row in told} == ODD


@pytest.mark.usefixtures("fleet")
def test_names_are_no_numbers(kvsops: Kvsops) -> None:
    """Names stay as they are in a table, whole and in a column of their own."""
    shown = [line.split()[0] for line in kvsops("list").out.splitlines()[1:]]
    assert shown == sorted(ODD)


@pytest.mark.usefixtures("fleet")
def test_swept_and_restored(kvsops: Kvsops, emulator: LocalServer, tmp_path: Path) -> None:
    """Odd channels are deleted as others are, their journal read back, none of it acting."""
    journal = str(tmp_path / "journal")
    ended = kvsops("sweep", "--older-than", "1h", "--any-channel", "--yes", "--journal", journal)
    assert ended.code == 0
    check_safe(ended)
    assert names(emulator) == {"..", "1e5", "None"}
    shown = kvsops("restore", journal, "-o", "json")
    check_safe(shown)
    assert {row["channel_name"] for row in json.loads(shown.out)} == ODD.keys() - names(emulator)
    made = kvsops("restore", journal, "--yes", "-o", "json")
    check_safe(made)
    outcomes = {row["channel_name"]: row["outcome"] for row in json.loads(made.out)}
    # The service itself refuses to tag with characters that were put there behind its back.
    assert {name for name, outcome in outcomes.items() if outcome == "created"} == {
        "." * 256,
        "n" * 256,
        "007",
        "true",
    }


@pytest.mark.parametrize(
    "argv",
    [
        ("describe", "\x1b[31mred"),
        ("create", "a\nb"),
        ("list", "--tag", "\x1b[31m" + "k" * 200),
        ("list", "--match", "\x1b]0;t\x07"),
        ("list", "--region", "\x1b[31m"),
        ("list", "--profile", "\x1b[31m\n"),
        ("list", "--endpoint-url", "\x1b[31m\n"),
        ("list", "-o", "json", "--query", "\x1b[31m"),
        ("sweep", "--older-than", "\x1b[31m"),
        ("sweep", "--older-than", "1h", "--expect-account", "\x1b[31m\n"),
        ("restore", "\x1b[31m\n"),
        ("\x1b[31m\n",),
        ("list", "--\x1b[31m"),
    ],
)
def test_odd_arguments(kvsops: Kvsops, *, argv: tuple[str, ...]) -> None:
    """What is refused is shown in one line, and does not act there either."""
    ended = kvsops(*argv)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    check_safe(ended)


@pytest.mark.parametrize("output", ["table", "json", "csv", "markdown"])
def test_no_command_to_a_ci(kvsops: Kvsops, emulator: LocalServer, output: str) -> None:
    """What a stranger wrote into a tag is no command to the runner that prints it."""
    command = "::set-output name=approved::true"
    put(emulator, "cam", tags={"kvsops:owner": command, "##[error]": "##vso[task]", "a": "\r::b"})
    for argv in (
        ("cost", "--group-by", "owner"),
        ("cost", "--group-by", "tag:a"),
        ("list", "--tags"),
        ("describe", "cam"),
        ("sweep", "--older-than", "1h", "--all"),
        ("sweep", "--older-than", "1h", "--explain", "cam"),
    ):
        if output == "csv" and "--explain" in argv:
            continue
        ended = kvsops(*argv, "-o", output)
        assert ended.code == 0
        for line in re.split("[\r\n]", ended.out + ended.err):
            assert not line.lstrip().startswith("::")
            assert "##[" not in line
            assert "##vso[" not in line
