"""`kvsops policy`, and `kvsops sweep` by the policies of a file."""

import json
import os
import re
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest

from kvsops.local.faults import Fault
from kvsops.local.server import LocalServer
from kvsops.sweep.schema import schema
from tests.cli.conftest import Kvsops
from tests.fleet import DAY, HOUR, names, put, put_many, writes
from tests.usage import use

POLICIES = """
protect-tag = ["team:keep"]
[policies.ci]
prefix = "ci-"
older-than = "2h"
[policies.old]
match = "*-*"
older-than = "5d"
protect-tag = ["site"]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory; return it."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.fixture
def file(here: Path) -> Path:
    """Write the policies where they are looked for."""
    path = here / "kvsops.toml"
    path.write_text(POLICIES)
    return path


def test_check(kvsops: Kvsops, file: Path) -> None:
    """All that was understood is told: the file's bounds, then each policy's keys and values.

    A flag that would put a protection out of force, and does not, is told so.
    """
    more = 'grace = "1d"\nany-channel = true\neven-if-active = true\nunlink-storage = false\n'
    file.write_text(f'max-deletes = "10%"\n{POLICIES}{more}')
    ended = kvsops("policy", "check")
    assert ended.out == (
        "kvsops.toml: 2 policies; the first that condemns a channel decides\n"
        "  max-deletes  10% of the channels listed: if a run would delete more, it deletes none\n"
        "  protect-tag  kvsops:keep, team:keep, site: no policy deletes a channel with one of "
        "these tags\n"
        "\n"
        "[policies.ci]\n"
        "  prefix      ci-\n"
        "  older-than  2h\n"
        "\n"
        "[policies.old]\n"
        "  match           *-*\n"
        "  older-than      5d\n"
        "  protect-tag     site\n"
        "  grace           1d\n"
        "  any-channel     true\n"
        "  even-if-active  true, but not in force: every policy must have it\n"
        "  unlink-storage  false\n"
    )
    said = "To see what they would delete (a dry run):\n  kvsops sweep\n"
    assert (ended.code, ended.err) == (0, said)


def test_check_of_one_policy(kvsops: Kvsops, here: Path) -> None:
    """The default fuse is told; the command that is proposed names the file."""
    (here / "mine.toml").write_text("[policies.a]\nexpired = true\neven-if-active = true\n")
    ended = kvsops("policy", "check", "mine.toml")
    assert ended.out.splitlines()[:2] == [
        "mine.toml: 1 policy",
        "  max-deletes  100 channels (the default): if a run would delete more, it deletes none",
    ]
    assert ended.out.endswith("\n  even-if-active  true\n")
    assert ended.err.endswith("\n  kvsops sweep --policy mine.toml\n")
    assert kvsops("sweep", "--policy", "mine.toml").code == 0


@pytest.mark.parametrize(
    ("argv", "text", "said"),
    [
        ((), "[policies.a]\nwhen = '1d'", "kvsops.toml:2: [policies.a] when: unknown: see"),
        (("x.toml",), "", "error: the policy file x.toml cannot be read: No such file or direct"),
    ],
)
def test_check_says_what_is_wrong(
    kvsops: Kvsops, here: Path, *, argv: tuple[str, ...], text: str, said: str
) -> None:
    """A file that is wrong is one line, and exit 2."""
    (here / "kvsops.toml").write_text(text)
    ended = kvsops("policy", "check", *argv)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_schema(kvsops: Kvsops) -> None:
    """The schema printed is the one shipped, and valid."""
    ended = kvsops("policy", "schema")
    assert json.loads(ended.out) == schema()
    jsonschema.Draft7Validator.check_schema(json.loads(ended.out))


@pytest.fixture
def fleet(emulator: LocalServer) -> None:
    """Put channels there for each policy, and for none."""
    put(emulator, "ci-1", 3 * HOUR)
    put(emulator, "ci-2", 6 * DAY)
    put(emulator, "ci-new", HOUR)
    put(emulator, "ci-kept", 6 * DAY, tags={"team:keep": ""})
    put(emulator, "ci-site", 6 * DAY, tags={"site": "yard"})
    put(emulator, "cam-1", 6 * DAY + HOUR / 2)
    put(emulator, "cam-2", 4 * DAY)


@pytest.mark.usefixtures("fleet", "file")
def test_each_reason_names_its_policy(kvsops: Kvsops, emulator: LocalServer) -> None:
    """The first policy that condemns decides; what any protects, all protect."""
    ended = kvsops("sweep", "-o", "json", "--query", "channels[].[channel_name, policy, reason]")
    told = {name: (by, why) for name, by, why in json.loads(ended.out)}
    assert told == {
        "ci-1": ("ci", "3h old"),
        "ci-2": ("ci", "6d old"),
        "ci-new": ("ci", "1h old, not older than 2h"),
        "ci-kept": ("ci", "has team:keep"),
        "ci-site": ("ci", "protected: site=yard"),
        "cam-1": ("old", "6d old"),
        "cam-2": ("old", "4d old, not older than 5d"),
    }
    assert writes(emulator) == {}


@pytest.mark.usefixtures("fleet", "file")
def test_the_table_names_the_policy(kvsops: Kvsops) -> None:
    """The table has the policy that a channel goes by; with --all each reason names its policy."""
    ended = kvsops("sweep", "--all")
    assert "\n3 of 7 channels would be deleted\n" in ended.out
    assert re.search(r"\ncam-1 +6d +old\n", ended.out)
    assert re.search(r"\nci-kept +6d +ci: has team:keep\n", ended.out)


@pytest.mark.usefixtures("fleet")
def test_policy_option(kvsops: Kvsops, emulator: LocalServer, file: Path) -> None:
    """With --policy another file is run, with --yes for good."""
    elsewhere = file.parent / "nightly.toml"
    elsewhere.write_text('[policies.cams]\nprefix = "cam-"\nolder-than = "1d"\n')
    ended = kvsops("sweep", "--policy", str(elsewhere), "--yes")
    assert ended.code == 0
    assert names(emulator) == {"ci-1", "ci-2", "ci-new", "ci-kept", "ci-site"}


@pytest.mark.parametrize(
    ("argv", "doomed"),
    [
        ((), {"ci-1", "ci-2", "cam-1"}),
        (("--prefix", "cam-"), {"cam-1"}),
        (("--match", "*-2"), {"ci-2"}),
        (("--tag", "env"), set()),
        (("--without-tag", "env"), {"ci-1", "ci-2", "cam-1"}),
        (("--limit", "1"), {"cam-1"}),
        # Conditions given run alone, with the file's protection: ci-kept and ci-site stay.
        (("--older-than", "1d"), {"ci-2", "cam-1", "cam-2"}),
        (("--older-than", "1d", "--protect-tag", "x"), {"ci-2", "cam-1", "cam-2"}),
    ],
)
@pytest.mark.usefixtures("fleet", "file")
def test_options_narrow(kvsops: Kvsops, *, argv: tuple[str, ...], doomed: set[str]) -> None:
    """What is given beside the policies leaves more channels alone, never fewer."""
    query = "channels[?outcome=='would-delete'].channel_name"
    ended = kvsops("sweep", *argv, "-o", "json", "--query", query)
    assert set(json.loads(ended.out)) == doomed


def test_protect_tag_narrows(kvsops: Kvsops, emulator: LocalServer, file: Path) -> None:
    """A protection given on the command line adds to the file's."""
    assert file.exists()
    put(emulator, "ci-1", 3 * HOUR, tags={"mine": "1"})
    put(emulator, "ci-2", 3 * HOUR, tags={"team:keep": "1"})
    ended = kvsops("sweep", "--protect-tag", "mine", "-o", "json", "--query", "channels[].reason")
    assert json.loads(ended.out) == ["protected: mine=1", "protected: team:keep=1"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--unlink-storage",), "--unlink-storage is a policy's own to say"),
        (("--even-if-active",), "--even-if-active is a policy's own to say"),
        (("--trust-silence",), "--trust-silence is a policy's own to say"),
        (("--grace", "1h"), "--grace is a policy's own to say"),
        (("--owner-tag", "x"), "--owner-tag says which tag --orphaned looks for"),
        (("--policy", "kvsops.toml", "--older-than", "1h"), "--policy runs the file's own cond"),
        (("--policy", "none.toml"), "the policy file none.toml cannot be read: No such file"),
    ],
)
@pytest.mark.usefixtures("fleet", "file")
def test_widening_is_refused(
    kvsops: Kvsops, emulator: LocalServer, *, argv: tuple[str, ...], said: str
) -> None:
    """An option that would let the policies take more is refused; nothing is called."""
    ended = kvsops("sweep", *argv, "--yes")
    assert ended.code == 2
    assert said in ended.err
    assert emulator.calls == {}


def test_no_file_no_condition(kvsops: Kvsops, here: Path) -> None:
    """Without a file a sweep needs a condition, as ever."""
    assert list(here.iterdir()) == []
    ended = kvsops("sweep", "--yes")
    assert ended.code == 2
    assert "no condition: give at least one of --older-than" in ended.err


@pytest.mark.parametrize(
    ("in_file", "argv", "blown"),
    [
        ('max-deletes = "20%"\n', (), "3 of 12 channels are more than --max-deletes 20%"),
        ('max-deletes = "20%"\n', ("--max-deletes", "50"), "--max-deletes 20%"),
        ('max-deletes = "90%"\n', ("--max-deletes", "2"), "--max-deletes 2"),
        ('max-deletes = "90%"\n', ("--max-deletes", "3"), None),
        ("max-deletes = 2\n", ("--older-than", "1h", "--prefix", "ci-"), "--max-deletes 2"),
        ("", (), None),
    ],
)
def test_the_smallest_fuse_holds(
    kvsops: Kvsops,
    emulator: LocalServer,
    file: Path,
    *,
    in_file: str,
    argv: tuple[str, ...],
    blown: str | None,
) -> None:
    """Whichever of the file's fuse and the option's allows fewer deletions."""
    file.write_text(in_file + POLICIES)
    put_many(emulator, ["ci-1", "ci-2", "ci-3"])
    put_many(emulator, [f"cam{n}" for n in range(9)])
    ended = kvsops("sweep", "--yes", *argv)
    assert ended.code == (3 if blown else 0)
    assert len(names(emulator)) == (12 if blown else 9)
    assert (blown or "") in ended.err


def test_unknown_to_one_policy(kvsops: Kvsops, emulator: LocalServer, file: Path) -> None:
    """What one policy cannot judge another may; what none can is unknown, and exit 1."""
    file.write_text(
        '[policies.idle]\nidle-for = "2d"\nprefix = "c"\n'
        '[policies.old]\nolder-than = "3d"\nprefix = "ca"\n'
    )
    put(emulator, "cam", 5 * DAY)
    put(emulator, "ci", 5 * DAY)
    ended = kvsops("sweep", "--yes", "-o", "json", "--query", "channels[].[outcome, policy]")
    assert json.loads(ended.out) == [["deleted", "old"], ["unknown", "idle"]]
    assert ended.code == 1
    assert names(emulator) == {"ci"}


def test_metrics_denied(kvsops: Kvsops, emulator: LocalServer, file: Path) -> None:
    """Policies, too, delete nothing whose activity cannot be read."""
    assert file.exists()
    put(emulator, "ci-1", 3 * HOUR)
    emulator.settings.faults = (Fault("GetMetricData", "AccessDenied"),)
    ended = kvsops("sweep", "--yes")
    assert ended.code == 1
    assert names(emulator) == {"ci-1"}
    assert "activity unknown: GetMetricData denied" in ended.out


def test_in_use_is_spared(kvsops: Kvsops, emulator: LocalServer, file: Path) -> None:
    """A channel that was connected to a minute ago is spared by every policy."""
    assert file.exists()
    put(emulator, "ci-1", 3 * HOUR)
    put(emulator, "ci-2", 3 * HOUR)
    use(emulator, "ci-1", emulator.settings.clock() - timedelta(minutes=1), masters=1)
    assert kvsops("sweep", "--yes").code == 0
    assert names(emulator) == {"ci-1"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_directory_that_may_not_be_looked_into(
    kvsops: Kvsops, emulator: LocalServer, here: Path
) -> None:
    """Where it cannot be told whether there are policies, which may protect, nothing is done."""
    put(emulator, "ci-1")
    here.chmod(0o000)
    ended = kvsops("sweep", "--older-than", "1h", "--prefix", "ci-", "--yes")
    here.chmod(0o700)
    said = "kvsops.toml cannot be looked for: Permission denied: run it in another directory"
    assert (ended.code, ended.out, ended.err) == (2, "", f"error: {said}\n")
    assert writes(emulator) == {}
