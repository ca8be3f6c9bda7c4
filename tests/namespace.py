"""A network of its own, in which a test may have any address, port 443 and any /etc/hosts."""

import functools
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest

_UNSHARE = ("unshare", "--net", "--mount")
_SECONDS = 120
KVSOPS = str(Path(sysconfig.get_path("scripts"), "kvsops"))

_START = """
set -eu
ip link set lo up
ip link add wire type dummy 2> /dev/null || ip link add wire type bridge
ip addr add 10.9.8.7/24 dev wire
ip link set wire up
mount --bind "$HOSTS" /etc/hosts
exec "$@"
"""
"""10.9.8.7 is an address beside loopback; nothing leads out."""

_BY_NAME = """
set -eu
"$KVSOPS" local --aws-names "$@" > "$HOSTS.exports" 2> "$HOSTS.said" &
trap 'kill $!; wait $! || :' EXIT
until [ -e "$HOSTS.said" ]; do sleep 0.05; done
until grep -q Ctrl-C "$HOSTS.said"; do kill -0 $!; sleep 0.05; done
grep '^[0-9]' "$HOSTS.said" >> /etc/hosts
. "$HOSTS.exports"
unset AWS_ENDPOINT_URL AWS_ENDPOINT_URL_KINESIS_VIDEO
eval "$CLIENT"
"""
"""Have the hosts file say what the emulator printed, and nothing more; then run the client."""


@functools.cache
def _how() -> tuple[str, ...] | None:
    """Return the command that makes namespaces, as root or as a user; None if neither may."""
    for command in (_UNSHARE, (*_UNSHARE, "--map-root-user")):
        if shutil.which("unshare") is None or shutil.which("ip") is None:
            return None
        tried = [*command, "sh", "-c", "ip link set lo up && ip link add wire type bridge"]
        if subprocess.run(tried, capture_output=True, check=False).returncode == 0:
            return command
    return None


def in_namespace(
    directory: Path, *command: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command there to its end; skip the test where this machine has no namespaces for us."""
    unshare = _how()
    if unshare is None:
        pytest.skip("no network namespace can be made here: that takes root, unshare and ip")
    hosts = directory / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    return subprocess.run(
        [*unshare, "sh", "-c", _START, "sh", *command],
        env=dict(os.environ) | {"HOSTS": str(hosts)} | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )


def at_aws_names(
    directory: Path, client: str, *options: str, **environment: str
) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run a shell script whose programs find the emulator by AWS's own names alone.

    Answers how it went, and what the emulator said.
    """
    given = {"KVSOPS": KVSOPS, "CLIENT": client}
    done = in_namespace(
        directory, "sh", "-c", _BY_NAME, "sh", *options, environment=given | environment
    )
    return done, (directory / "hosts.said").read_text()
