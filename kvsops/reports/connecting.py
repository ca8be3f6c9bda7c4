"""What a channel is connected through, on a terminal: a line for each address, whole or shortened.

The tables of the commands are too wide for most terminals; where there is none, they are shown.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from kvsops.core.text import age
from kvsops.core.wire.ice import Endpoints, IceServer
from kvsops.output.command import command_lines
from kvsops.output.fit import cells_of, shortened, wrapped
from kvsops.output.rows import Column, screen_table
from kvsops.output.screen import Screen
from kvsops.output.text import count, safe


@dataclass(frozen=True, slots=True)
class _Address:
    """Where a role connects for one purpose."""

    role: str
    purpose: str
    url: str


def endpoints_text(found: Sequence[Endpoints], screen: Screen, test: Sequence[str]) -> str:
    """Show each role's two endpoints; `test` is the command that shows whether they work."""
    rows = [
        address
        for each in found
        for address in (
            _Address(each.role, "signaling", each.wss),
            _Address(each.role, "ICE servers", each.https),
        )
    ]
    columns = [
        Column[_Address]("role", "ROLE", lambda row: row.role),
        Column[_Address]("for", "FOR", lambda row: row.purpose),
        Column[_Address]("url", "ENDPOINT", lambda row: row.url, cut="middle"),
    ]
    return screen_table(rows, columns, screen) + "\n" + _next("To test them:", test, screen)


def ice_text(
    servers: Sequence[IceServer], screen: Screen, test: Sequence[str], *, reveal: bool
) -> str:
    """Show each URI and, to `reveal` them, each server's credentials; `test` as above."""
    parts = [wrapped(_summary(servers), screen)]
    for server in servers:
        lines = [shortened(safe(uri), screen.width or len(uri)) for uri in server.uris]
        if reveal and server.username is not None:  # whole, on any terminal: they are copied
            lines += [
                f"  username {safe(server.username)}",
                f"  password {safe(server.password or '-')}",
            ]
        parts.append("".join(f"{line}\n" for line in lines))
    secret = any(server.username is not None for server in servers) and not reveal
    hidden = wrapped("To show the credentials: --reveal", screen) if secret else ""
    parts.append(hidden + _next("To test each server:", test, screen))
    return "\n".join(parts)


def _next(purpose: str, command: Sequence[str], screen: Screen) -> str:
    """Say what to type next, on lines of its own where it has no room beside its purpose."""
    lines = [f"{purpose} {shlex.join(command)}"]
    if cells_of(lines[0]) > (screen.width or 0):
        lines = [purpose, *command_lines(command, screen.width, "  ")]
    return "".join(f"{line}\n" for line in lines)


def _summary(servers: Sequence[IceServer]) -> str:
    """Say how many there are, and for how long they may be used."""
    uris = sum(len(server.uris) for server in servers)
    lives = [server.ttl_seconds for server in servers if server.ttl_seconds is not None]
    valid = f"; credentials valid for {age(timedelta(seconds=min(lives)))}" if lives else ""
    return f"{count(uris, 'URI')} of {count(len(servers), 'server')}{valid}"
