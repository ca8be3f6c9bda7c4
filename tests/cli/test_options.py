"""What commands share: how texts become values, and options their rules'."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from kvsops.aws.scope import Scope
from kvsops.cli.options import (
    in_region,
    journal_option,
    output_options,
    refuse,
    rule_options,
    scope_options,
    target,
)
from kvsops.cli.where import Where
from kvsops.core.channel import TagFilter
from kvsops.core.rule import Option, Parameter
from kvsops.core.rules import RULES, completed
from kvsops.errors import UsageError
from kvsops.sweep.parameters import duration

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3_600, 86_400))
ARN = "arn:aws:kinesisvideo:eu-west-1:123456789012:channel/a/1700000000000"
OPTIONS = [option for rule in RULES for option in rule.options]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 90 * SECOND),
        ("30m", 30 * MINUTE),
        ("2h", 2 * HOUR),
        ("7d", 7 * DAY),
        ("1w", 7 * DAY),
        ("1d12h", 36 * HOUR),
        ("1d 2h 3m 4s", DAY + 2 * HOUR + 3 * MINUTE + 4 * SECOND),
        ("1.5h", 90 * MINUTE),
        (".5h", 30 * MINUTE),
        ("0.5s", SECOND / 2),
        ("2 hours", 2 * HOUR),
        ("2H", 2 * HOUR),
        ("100m", 100 * MINUTE),
        ("90d", 90 * DAY),
        ("2160h", 90 * DAY),
        ("36500d", 36_500 * DAY),
    ],
)
def test_duration(text: str, expected: timedelta) -> None:
    """A number and its unit, or several: the same whichever unit it is written in."""
    assert duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "h",
        "2",
        "0",
        "1.5",
        "0s",
        "0h0m",
        "0.0000001s",
        "-2h",
        " -2h",
        "- 2h",
        "+2h",
        "2h -30m",
        "2:30",
        "1:2:3",
        "1:02:03",
        "1d 2:03:04",
        "1:30h",
        "2h30",
        "2h garbage",
        "h2",
        "1h1h",
        "30m2h",
        "1e3s",
        "nan h",
        "inf s",
        "1.2.3h",
        "2mo",
        "3M",
        "1d3M",
        "1y",
        "10000000d",
        "36501d",
        "9" * 5_000 + "d",
        "forever",
    ],
)
def test_no_duration(text: str) -> None:
    """Without a unit, zero, negative, a clock's time, months, out of all reason: refused so."""
    with pytest.raises(UsageError) as caught:
        duration(text)
    assert str(caught.value) == (
        f"not a duration: {text!r}: write a number and its unit, like 90s, 30m, 2h or 7d"
    )
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["a", "arn", "a.b_c-d", "." * 256, ARN])
def test_target(text: str) -> None:
    """A channel is named by its name or its ARN."""
    assert target(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a b", "not a channel name: 'a b': use 1 to 256 of a-z A-Z 0-9 _ . -"),
        ("", "not a channel name: '': use 1 to 256 of a-z A-Z 0-9 _ . -"),
        ("ARN:aws", "not a channel name: 'ARN:aws': use 1 to 256 of a-z A-Z 0-9 _ . -"),
        (
            "arn:aws:s3:::bucket",
            "not a signaling channel's ARN: 'arn:aws:s3:::bucket': it has the form "
            "arn:aws:kinesisvideo:REGION:ACCOUNT:channel/NAME/CREATION_MS",
        ),
    ],
)
def test_no_target(text: str, said: str) -> None:
    """Whatever begins as an ARN must be one; all else must be a name."""
    with pytest.raises(UsageError) as caught:
        target(text)
    assert str(caught.value) == said


# The rules' options


def run(*argv: str) -> tuple[Result, dict[str, Any]]:
    """Run a command that has every rule's options; return what it was given, too."""
    got: dict[str, Any] = {}

    @click.command()
    @rule_options(*RULES)
    def command(given: dict[str, Any]) -> None:
        got.update(given)

    return CliRunner().invoke(command, argv), got


def test_nothing_given() -> None:
    """Each option has its default: with none given no rule but the protections is in force."""
    result, given = run()
    assert result.exit_code == 0
    assert given.keys() == {option.name for option in OPTIONS}
    assert completed(given) == completed({})
    assert {rule.role for rule in RULES if rule.active(given)} == {"protection"}


@pytest.mark.parametrize(
    ("argv", "given"),
    [
        (["--prefix", "ci-"], {"prefix": "ci-"}),
        (["--match", "ci-[0-9]*"], {"match": "ci-[0-9]*"}),
        (
            ["--tag", "a", "--tag", "b=", "--tag", "c=1=2"],
            {"tag": (TagFilter("a", None), TagFilter("b", ""), TagFilter("c", "1=2"))},
        ),
        (["--without-tag", "a=1"], {"without-tag": (TagFilter("a", "1"),)}),
        (["--status", "active", "--status", "DELETING"], {"status": ("ACTIVE", "DELETING")}),
        (["--younger-than", "2h"], {"younger-than": 2 * HOUR}),
        (["--older-than", "1d12h"], {"older-than": 36 * HOUR}),
        (["--protect-tag", "a", "--protect-tag", "b"], {"protect-tag": ("a", "b")}),
        (["--unlink-storage"], {"unlink-storage": True}),
        (["--expired", "--orphaned"], {"expired": True, "orphaned": True}),
        (["--owner-tag", "team"], {"owner-tag": "team"}),
    ],
)
def test_given(argv: list[str], given: dict[str, Any]) -> None:
    """Each option becomes the value that its rule takes."""
    result, got = run(*argv)
    assert result.exit_code == 0, result.output
    assert completed(got) == completed(given)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--prefix", ""], "not a channel name: ''"),
        (["--prefix", "ci*"], "not a channel name: 'ci*'"),
        (["--match", ""], "no channel name can match ''"),
        (["--match", "ci[0"], "the pattern 'ci[0' has a [ without its ]: close it"),
        (["--match", "a b"], "no channel name can match 'a b'"),
        (["--tag", "=1"], "not a tag key: ''"),
        (["--without-tag", ""], "not a tag key: ''"),
        (["--status", "DELETED"], "'DELETED' is not one of"),
        (["--older-than", "2"], "not a duration: '2': write a number and its unit"),
        (["--older-than", "-2h"], "not a duration: '-2h'"),
        (["--younger-than", "2:30"], "not a duration: '2:30'"),
        (["--protect-tag", ""], "not a tag key: ''"),
        (["--owner-tag", "k" * 129], "not a tag key: 'kkk"),
    ],
)
def test_given_wrong(argv: list[str], said: str) -> None:
    """What the option cannot take is refused with exit 2, naming the option."""
    result, got = run(*argv)
    assert (result.exit_code, got) == (2, {})
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("Error: "))
    assert said in line
    assert f"'{argv[0]}'" in line


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_declared_option(option: Option) -> None:
    """Each declared option is offered, with its help, what it takes, and its default."""
    result, _ = run("--help")
    said = " ".join(result.output.split())
    assert f"--{option.name}" in said
    assert option.help in said
    if option.default is not None:
        assert f"[default: {option.default}]" in said
    values = {
        Parameter.DURATION: "DURATION",
        Parameter.PREFIX: "PREFIX",
        Parameter.GLOB: "GLOB",
        Parameter.TAG: "KEY[=VALUE]",
        Parameter.KEY: "KEY",
        Parameter.STATUS: "[CREATING|ACTIVE|UPDATING|DELETING]",
    }
    takes = values.get(option.parameter)
    assert f"--{option.name} {takes or option.help}".lower() in said.lower()


# Where, and the rest


@pytest.mark.parametrize(
    ("argv", "where"),
    [
        ([], Where(None, None, None, None)),
        (
            ["--profile", "p", "--region", "r", "--endpoint-url", "u", "--quota-share", "0.5"],
            Where("p", "r", "u", 0.5),
        ),
    ],
)
def test_scope_options(argv: list[str], where: Where) -> None:
    """The scope's options come as one; nothing is opened yet."""
    got: list[Where] = []

    @click.command()
    @scope_options
    def command(where: Where) -> None:
        got.append(where)

    assert CliRunner().invoke(command, argv).exit_code == 0
    assert got == [where]


@pytest.mark.parametrize("share", ["0", "1.1", "-1", "half"])
def test_quota_share(share: str) -> None:
    """A share that is none, or more than all, is refused."""

    @click.command()
    @scope_options
    def command(where: Where) -> None:
        raise AssertionError(where)

    result = CliRunner().invoke(command, ["--quota-share", share])
    assert result.exit_code == 2
    assert "'--quota-share'" in result.stderr


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("read_only", [False, True])
def test_open(*, read_only: bool) -> None:
    """Where opens a scope: read-only where it shall refuse writes."""
    with click.Context(click.Command("list")):
        scope = Where(None, "us-west-2", None, None).open(read_only=read_only)
    assert (scope.region, scope.read_only) == ("us-west-2", read_only)


@pytest.mark.parametrize(
    ("argv", "exit_code"),
    [
        (["-o", "json", "--query", "[].a"], 0),
        (["-o", "csv"], 0),
        (["-o", "xml"], 2),
        (["-o", "json", "--query", "[.a"], 1),
        (["-o", "table", "--query", "a"], 1),
    ],
)
def test_output_options(argv: list[str], exit_code: int) -> None:
    """A query that cannot run ends it before the command begins."""
    begun: list[str] = []

    @click.command()
    @output_options()
    def command(output: str, query: str | None) -> None:
        del query
        begun.append(output)

    result = CliRunner().invoke(command, argv)
    assert result.exit_code == exit_code
    assert begun == ([argv[1]] if exit_code == 0 else [])
    if exit_code == 1:  # click leaves our own errors to the main command, which ends with 2
        assert isinstance(result.exception, UsageError)


def test_journal_option(tmp_path: Path) -> None:
    """The journal is a path, and no directory."""
    got: list[Path | None] = []

    @click.command()
    @journal_option
    def command(journal: Path | None) -> None:
        got.append(journal)

    runner = CliRunner()
    assert runner.invoke(command, []).exit_code == 0
    assert runner.invoke(command, ["--journal", "x.jsonl"]).exit_code == 0
    assert runner.invoke(command, ["--journal", str(tmp_path)]).exit_code == 2
    assert got == [None, Path("x.jsonl")]


def test_refuse() -> None:
    """An objection is wrong usage; none is none."""
    refuse(None)
    refuse("")
    with pytest.raises(UsageError, match=r"^drop one$"):
        refuse("drop one")


def test_in_region(environment: dict[str, str]) -> None:
    """An ARN of another region is refused, with what to give; names are in any."""
    in_region(Scope(environ=environment, region="eu-west-1"), ("a", ARN))
    here = Scope(environ=environment)
    in_region(here, ("a", "b"))
    with pytest.raises(UsageError) as caught:
        in_region(here, ("a", ARN))
    assert str(caught.value) == f"{ARN} is not in us-east-1: give its --region"
