"""The shells that use `kvsops local`: one that it runs, and others that source a file."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from kvsops.local.activation import LEAVE

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer

_POSIX_FILE, _FISH_FILE = "activate", "activate.fish"

_OWN: Final = """\
for rc in "$HOME/{rc}"; do if [ -f "$rc" ]; then . "$rc"; fi; done
. '{activate}'
unset -f {leave}
"""
"""What bash and zsh read first: the user's own file, which may have set what leads elsewhere."""


@dataclass(frozen=True, slots=True)
class Activation:
    """The files to source, for as long as the emulator runs."""

    directory: Path

    @property
    def posix(self) -> Path:
        """The one for bash, zsh, dash and the like."""
        return self.directory / _POSIX_FILE

    @property
    def fish(self) -> Path:
        """The one for fish."""
        return self.directory / _FISH_FILE


@contextmanager
def activation(server: "LocalServer") -> Iterator[Activation]:
    """Write the files into a directory of their own, gone when the block ends."""
    from kvsops.local.activation import fish_script, posix_script
    from kvsops.local.environment import exported, stray

    values = exported(
        server.endpoint_url,
        server.region,
        os.environ,
        server.ca_bundle,
        aws_names=server.settings.aws_names,
    )
    filled = server.endpoint_url, values, stray(server.ca_bundle)
    with TemporaryDirectory(prefix="kvsops-local-", ignore_cleanup_errors=True) as directory:
        files = Activation(Path(directory))
        files.posix.write_text(posix_script(*filled), encoding="utf-8")
        files.fish.write_text(fish_script(*filled), encoding="utf-8")
        yield files


def marked(
    command: tuple[str, ...], environment: Mapping[str, str], files: Activation
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the shell's command and environment by which its prompt is marked."""
    name = Path(command[0]).name
    more, variables = _SHELLS[name](files)
    return (*command, *more), {**environment, **variables}


def is_shell(command: tuple[str, ...]) -> bool:
    """Whether the command is a shell by itself, for a person at a terminal."""
    known = len(command) == 1 and Path(command[0]).name in _SHELLS
    return known and sys.stdin.isatty() and sys.stderr.isatty()


def welcome(server: "LocalServer", held: str) -> str:
    """Say what the shell is and holds, what to try, and how to leave."""
    return (
        f"An emulator, not your AWS account: {held}\n"
        f"  Endpoint:  {server.endpoint_url}\n"
        "  To try:    kvsops sweep --older-than 2h\n"
        "  To leave:  exit, which also stops the emulator"
    )


def directions(server: "LocalServer", held: str, files: Activation) -> str:
    """Say how another shell comes to use the emulator, and how it leaves it."""
    return (
        f"kvsops local: {held} at {server.endpoint_url}\n"
        f"  To use it in another shell:  . {files.posix}\n"
        f"  In fish:                     source {files.fish}\n"
        f"  To undo that there:          {LEAVE}\n"
        "  To stop it here:             Ctrl-C"
    )


def _bash(files: Activation) -> tuple[tuple[str, ...], dict[str, str]]:
    rc = files.directory / "bashrc"
    rc.write_text(_OWN.format(rc=".bashrc", activate=files.posix, leave=LEAVE), encoding="utf-8")
    return ("--rcfile", str(rc)), {}


def _zsh(files: Activation) -> tuple[tuple[str, ...], dict[str, str]]:
    """Let zsh read our files in place of the user's, which ours read first."""
    own = files.directory / ".zshrc"
    own.write_text(_OWN.format(rc=".zshrc", activate=files.posix, leave=LEAVE), encoding="utf-8")
    env = '[ -f "$HOME/.zshenv" ] && . "$HOME/.zshenv"\nZDOTDIR={directory}\n'
    own.with_name(".zshenv").write_text(env.format(directory=files.directory), encoding="utf-8")
    return (), {"ZDOTDIR": str(files.directory)}


def _fish(files: Activation) -> tuple[tuple[str, ...], dict[str, str]]:
    return ("-C", f"source '{files.fish}'; functions -e {LEAVE}"), {}


def _posix(files: Activation) -> tuple[tuple[str, ...], dict[str, str]]:
    return (), {"ENV": str(files.posix)}


_SHELLS: Final[dict[str, Callable[[Activation], tuple[tuple[str, ...], dict[str, str]]]]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
    **dict.fromkeys(("sh", "dash", "ksh"), _posix),
}
