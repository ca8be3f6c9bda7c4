"""What `list`, `list --cost`, `cost` and `describe` show on terminals of several sizes."""

from datetime import timedelta

import pytest

from kvsops.local.demo.fleet import sow
from kvsops.local.server import LocalServer
from kvsops.output.fit import cells_of
from tests.cli.conftest import Kvsops, Screens
from tests.fleet import DAY, NOON, put, put_many
from tests.goldens import Golden
from tests.terminal import SIZES, uncoloured
from tests.usage import use

SCREENS = {
    "list": ("list",),
    "list_tags": ("list", "--sort", "age", "--limit", "8", "--tags", "-v"),
    "list_expired": ("list", "--expired"),
    "list_idle": ("list", "--idle-for", "7d"),
    "list_cost": ("list", "--cost"),
    "list_cost_by_age": ("list", "--cost", "--sort", "age", "--limit", "5"),
    "list_assumed": ("list", "--cost", "--no-metrics", "--limit", "5"),
    "cost": ("cost", "--group-by", "tag:team"),
    "describe": ("describe", "cam-door", "x" * 256),
}


@pytest.fixture
def fleet(emulator: LocalServer) -> None:
    """Sow a fleet, the same each time, and a few channels of awkward names and states."""
    emulator.settings.clock = lambda: NOON + 20 * DAY
    emulator.settings.state_delay = timedelta()
    sow(emulator.backend(), 30, seed=7)
    tags = {"team": "\u30c9\u30a2", "note": "n" * 200, "kvsops:owner": "ops"}
    put(emulator, "cam-door", 100 * DAY, tags=tags, stored=True, message_ttl_seconds=30)
    use(emulator, "cam-door", NOON + 20 * DAY - timedelta(minutes=9), masters=1, messages=1_234_567)
    put(emulator, "x" * 256, 3 * DAY).active_from = NOON + 21 * DAY


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("screen", SCREENS)
def test_screen(
    on_screen: Screens, monkeypatch: pytest.MonkeyPatch, golden: Golden, screen: str
) -> None:
    """Each size has its own; colour adds nothing but itself; no line is wider than the terminal."""
    for width, _ in SIZES:
        coloured = on_screen(width, *SCREENS[screen])
        assert all(cells_of(line) <= width for line in shown(uncoloured(coloured)))
        golden(coloured, f"{screen}.{width}.colour")
        with monkeypatch.context() as patched:
            patched.setenv("NO_COLOR", "1")
            plain = on_screen(width, *SCREENS[screen])
        assert plain == uncoloured(coloured)
        golden(plain, f"{screen}.{width}")


def shown(text: str) -> list[str]:
    """Give the lines of standard output, and those of standard error that stand below a screen."""
    return [line for line in text.splitlines() if not line.endswith("--direct reads each")]


@pytest.mark.usefixtures("fleet")
def test_color(kvsops: Kvsops, on_screen: Screens) -> None:
    """--color always colours a file, too; never, no terminal."""
    assert "\x1b[33mCREATING" in kvsops("list", "--color", "always").out
    assert "\x1b" not in kvsops("list").out
    assert "\x1b[33mCREATING" in on_screen(80, "list")
    assert "\x1b" not in on_screen(80, "list", "--color", "never")


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("screen", SCREENS)
def test_off_a_terminal_names_are_whole(kvsops: Kvsops, screen: str) -> None:
    """In a file nothing is cut."""
    out = kvsops(*SCREENS[screen]).out
    assert "\u2026" not in out
    assert "Too narrow" not in out


@pytest.mark.parametrize("command", [("list",), ("list", "--cost"), ("cost",)])
def test_an_empty_account(on_screen: Screens, command: tuple[str, ...]) -> None:
    """There is nothing to show, which is said, and where."""
    text = on_screen(80, *command)
    assert "us-east-1" in text.splitlines()[0]
    assert all(len(line) <= 80 for line in text.splitlines())


def test_three_thousand_channels(on_screen: Screens, emulator: LocalServer) -> None:
    """The last line tells how many, with a separator; each has one line."""
    put_many(emulator, [f"cam-{number:04}" for number in range(3_000)])
    lines = on_screen(80, "list").splitlines()
    assert lines[0] == "Every channel: status ACTIVE, message TTL 60 s"
    assert lines[-1] == "3,000 channels in us-east-1, account 123456789012."
    assert len(lines) == 3_000 + 4
