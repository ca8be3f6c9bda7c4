"""Where `kvsops local` listens: its options, and what their user must be told."""

import errno
import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from kvsops.errors import UsageError

if TYPE_CHECKING:
    from kvsops.local.server import LocalServer
    from kvsops.local.settings import Settings

Function = TypeVar("Function", bound=Callable[..., Any])

HOSTS_FILE: Final = Path("/etc/hosts")
HIGHEST_PORT: Final = 65_535
_HIGHEST_BASE: Final = HIGHEST_PORT - 5
_WHY: Final = {errno.EADDRINUSE: "is in use", errno.EACCES: "needs privileges"}


def whole_number(lowest: int, highest: int | None = None) -> Callable[..., int | None]:
    """Return what reads a whole number from `lowest` to `highest`."""

    def read(_ctx: click.Context, param: click.Parameter, text: str | None) -> int | None:
        if text is None:
            return None
        number = int(text) if re.fullmatch(r"-?\d{1,9}", text) else None
        if number is None or number < lowest or (highest is not None and number > highest):
            upwards = f"{lowest} or more" if highest is None else f"{lowest} to {highest}"
            raise UsageError(f"{param.opts[0]} {text!r}: give a whole number, {upwards}")
        return number

    return read


def _host(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    try:
        address = IPv4Address(text)
    except ValueError:
        said = f"--host {text!r}: give an IPv4 address of this machine, as in 127.0.0.2"
        raise UsageError(said) from None
    if address.is_unspecified or address.is_multicast:
        raise UsageError(f"--host {text}: give one address, for the endpoints will name it")
    return text


def listening_options(command: Function) -> Function:
    """Add the options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS: Final = (
    click.option(
        "--host",
        callback=_host,
        default="127.0.0.1",
        show_default=True,
        metavar="ADDRESS",
        help="Listen on this address of the machine, for everything.",
    ),
    click.option(
        "--port",
        callback=whole_number(0, HIGHEST_PORT),
        default="0",
        metavar="N",
        help="Port of the API.  [default: any free port]",
    ),
    click.option(
        "--base-port",
        callback=whole_number(1, _HIGHEST_BASE),
        metavar="N",
        help="Use port N for the API, N+1 for masters' WebSockets, N+2 for viewers', N+3 for "
        "HTTPS, N+4 for STUN and TURN, N+5 for TURN over TLS.  [default: any free ports]",
    ),
    click.option(
        "--aws-names",
        is_flag=True,
        help="Answer at port 443, over TLS, to AWS's own host names, for clients whose endpoint "
        "cannot be set; /etc/hosts must lead them here.",
    ),
    click.option(
        "--ca-dir",
        type=click.Path(path_type=Path),
        metavar="DIRECTORY",
        help="Keep the certificate authority here, as ca.pem and ca.key, and reuse it.  "
        "[default: a new one each time]",
    ),
)


def check_listening(settings: "Settings") -> None:
    """Raise `UsageError` for options that contradict each other."""
    if settings.aws_names and settings.base_port is not None:
        raise UsageError("--base-port: with --aws-names all is at port 443; give one of the two")


def refusal(error: OSError, settings: "Settings", port: int) -> UsageError | None:
    """Return what to tell where an address could not be had; None for any other trouble."""
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(f"--host {settings.host}: this machine has no such address")
    why, taken = _WHY.get(error.errno or 0), str(error.filename).rpartition(":")[2]
    if why is None:
        return None
    if port and taken == str(port):
        return UsageError(f"--port {port}: it {why}; choose another, or none for any")
    if settings.aws_names:
        first = "another --host" if error.errno == errno.EADDRINUSE else "root"
        ways = f"use {first}, a network namespace, or a container"
        return UsageError(f"--aws-names: port {taken} of {settings.host} {why}; {ways}")
    option = f"--base-port {settings.base_port}"
    return UsageError(f"{option}: port {taken} {why}; choose another, or none for any")


def notes(server: "LocalServer", hosts_file: Path = HOSTS_FILE) -> Iterator[str]:
    """Yield what the user must know of where it listens, by paragraphs."""
    settings = server.settings
    if not IPv4Address(settings.host).is_loopback:
        yield (
            f"warning: whoever reaches {settings.host} can use this, for its keys are known to "
            "all: keep it off networks that you do not trust."
        )
    if settings.ca_dir is not None:
        ends = server.authority_expiry
        yield f"its authority {settings.ca_dir / 'ca.pem'} is good until {ends:%Y-%m-%d}."
    if settings.aws_names and (lines := _missing(settings.host, server.region, hosts_file)):
        yield "\n".join(["add to /etc/hosts, for AWS's names to lead here:", *lines])


def _missing(host: str, region: str, hosts_file: Path) -> list[str]:
    """Return the lines for AWS's names that the file does not lead to the host."""
    from kvsops.local import aws_names

    try:
        text = hosts_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found: dict[str, str] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            found.setdefault(name.lower(), address)
    names = aws_names.names(host, region)
    return [f"{host} {name}" for name in names if found.get(name) != host]
