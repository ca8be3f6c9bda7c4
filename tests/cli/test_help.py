"""The help: one screen for all commands, headings for options, other names, what may be meant."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from kvsops.cli.main import ALIASES, COMMANDS, cli
from kvsops.cli.permissions import CALLS
from kvsops.local.server import LocalServer
from tests.cli.conftest import Kvsops
from tests.fleet import put, writes
from tests.goldens import Golden

SUBCOMMANDS = ("policy check", "policy schema")
SCREENS = ("", *COMMANDS, *SUBCOMMANDS)
WIDTHS = (80, 100, 160)
CONNECTED = [name for name, calls in CALLS.items() if calls]


def shown(*argv: str, width: int = 80) -> str:
    """Return what is shown on a terminal of this width."""
    result = CliRunner().invoke(cli, argv, prog_name="kvsops", terminal_width=width)
    assert result.return_value in (0, None), result.stderr
    return result.stdout


def headings(text: str) -> list[str]:
    """Return the headings of the options."""
    return re.findall(r"^(\S.*):$", text, re.MULTILINE)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("screen", SCREENS)
def test_no_line_is_wider_than_the_terminal(screen: str, width: int) -> None:
    """Also examples and lists, which are not wrapped, fit."""
    lines = shown(*screen.split(), "--help", width=width).splitlines()
    assert [line for line in lines if len(line) > width] == []


def test_one_screen(golden: Golden) -> None:
    """All commands are on a screen of 24 lines, the last of which is the next prompt's."""
    text = shown("--help")
    assert len(text.splitlines()) < 24
    for name in COMMANDS:
        assert re.search(rf"[ ,] {name}(,| {{2}})", text)
    golden(text)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("command", ["sweep", "list"])
def test_a_help(golden: Golden, command: str, width: int) -> None:
    """The longest helps, as they are read."""
    golden(shown(command, "--help", width=width), f"{command}-{width}")


@pytest.mark.parametrize("command", CONNECTED)
def test_headings(command: str) -> None:
    """Whatever is about the connection comes after all else, and the rest at the end."""
    found = headings(shown(command, "--help"))
    assert found[-2:] == ["Connection", "Other"]
    assert len(set(found)) == len(found)


def test_what_a_sweep_is_told() -> None:
    """A sweep's options come by what they are to it."""
    found = headings(shown("sweep", "--help"))
    assert found[:4] == ["What to delete", "What to spare", "Safety", "Output"]


@pytest.mark.parametrize("argv", [["help"], ["help", "list"], ["ls", "--help"], ["help", "ls"]])
def test_help_is_a_command_too(argv: list[str]) -> None:
    """It is asked for in any of the ways people are used to."""
    assert shown(*argv) == shown(*(["list"] if argv != ["help"] else []), "--help")


def test_other_names(kvsops: Kvsops, emulator: LocalServer) -> None:
    """`ls` and `rm` are `list` and `delete`, consent included, and are not shown."""
    put(emulator, "ci-1")
    assert kvsops("ls", "-o", "text", "--query", "[].channel_name").out == "ci-1\n"
    assert kvsops("rm", "ci-1").code == 0
    assert writes(emulator) == {}
    assert kvsops("rm", "ci-1", "--yes").code == 0
    assert kvsops("ls", "-o", "json").out == "[]\n"
    assert kvsops("iam", "ls").out == kvsops("iam", "list").out
    assert not re.search(rf"\b({'|'.join(ALIASES)})\b", shown("--help"))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("lst", "no such command: lst: did you mean list?"),
        ("LIST", "no such command: LIST: did you mean list?"),
        ("xyzzy", "no such command: xyzzy (see"),
        ("help swep", "no such command: swep: did you mean sweep?"),
        ("policy chek", "no such command: chek: did you mean check?"),
        ("list --older-tan 2h", "no such option: --older-tan: did you mean --older-than?"),
        ("list -o jsno", "did you mean json?"),
        ("list -o xyzzy", "'xyzzy' is not one of 'table', "),
        ("list --status activ", "did you mean ACTIVE?"),
        ("list --sort nmae", "did you mean name?"),
        ("endpoint a --role mastre", "did you mean master?"),
        ("cost --group-by ownr", "cannot group by 'ownr': did you mean owner?"),
        ("cost --group-by team", "cannot group by 'team': write tag:KEY, owner, prefix, region"),
        ("local --region us-esat-1", "did you mean us-east-1?"),
        ("list --region us-esat-1", "did you mean us-east-1?"),
    ],
)
def test_did_you_mean(kvsops: Kvsops, argv: str, said: str) -> None:
    """What is not there is refused in one line, with what was most likely meant, if anything."""
    ended = kvsops(*argv.split())
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("kvsops:keeep", "the tag kvsops:keeep means nothing to kvsops: did you mean kvsops:keep?"),
        ("kvsop:keep", "the tag kvsop:keep means nothing to kvsops: did you mean kvsops:keep?"),
        ("kvsops:onwer", "did you mean kvsops:owner?"),
        ("kvsops:expires_at", "did you mean kvsops:expires-at?"),
        ("Kvsops:Keep", "the tag Kvsops:Keep only looks like kvsops:keep: write it so"),
    ],
)
@pytest.mark.parametrize("command", ["tag ci-1", "create ci-2 --tag", "exec --tag"])
def test_a_tag_nearly_ours_is_not_set(
    kvsops: Kvsops, emulator: LocalServer, *, command: str, key: str, said: str
) -> None:
    """Who mistypes kvsops:keep would believe the channel safe: it is refused, nothing is done."""
    put(emulator, "ci-1")
    ended = kvsops(*command.split(), f"{key}=yes", *(["true"] if "exec" in command else []))
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert writes(emulator) == {}


@pytest.mark.parametrize("key", ["kvsops:keep", "kvsops:team", "ops:keep", "keep", "team:keep"])
def test_other_tags_are_set(kvsops: Kvsops, emulator: LocalServer, key: str) -> None:
    """What is ours, or like none of ours, is set as it is."""
    put(emulator, "ci-1")
    assert kvsops("tag", "ci-1", f"{key}=yes").code == 0


@pytest.mark.parametrize("option", ["--tag", "--without-tag"])
def test_a_tag_nearly_ours_is_looked_for(
    kvsops: Kvsops, emulator: LocalServer, option: str
) -> None:
    """Looking for one that was mistyped is how it is found; but it may be mistyped here."""
    put(emulator, "ci-1", tags={"kvsops:keeep": "yes"})
    ended = kvsops("list", option, "kvsops:keeep", "-o", "text", "--query", "[].channel_name")
    assert ended.code == 0
    assert ended.out == ("ci-1\n" if option == "--tag" else "")
    assert f"warning: {option} kvsops:keeep: did you mean kvsops:keep?\n" in ended.err


@pytest.mark.parametrize("key", ["older-then", "prefx", "protect_tag", "gracee", "any-chanel"])
def test_policy_keys(kvsops: Kvsops, tmp_path: Path, key: str) -> None:
    """A policy's key that is not there is told with the one that may be meant."""
    file = tmp_path / "kvsops.toml"
    file.write_text(f'[policies.ci]\n{key} = "2h"\n')
    ended = kvsops("policy", "check", str(file))
    assert ended.code == 2
    assert re.search(rf":2: \[policies.ci\] {key}: unknown: did you mean [a-z-]+\?\n", ended.err)
